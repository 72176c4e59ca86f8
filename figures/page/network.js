// A file of `tsla measure --json` or of `tsla train --json`, or the rows of a monitor, read in the browser and laid beside the study. What it
// says is only ever put in as text.

const EARLY = 3; // the last epoch that the study calls early
const LARGEST = 5e6; // characters; a measurement has some thousands, and a row of a monitor some hundreds

const MUST = "must be what `tsla measure --json` or `tsla train --json` prints";

// A run as if it had been measured at its last row that has moments.
function ofTraining({ config, rows }) {
  const row = rows.findLast((one) => typeof one?.s2 === "number");
  if (!row) throw new Error(`no row has moments; ${MUST}, the latter with --measure-at`);
  return { moments: Object.fromEntries(PARTS.map((part) => [part, { value: row[part] }])), theta: config?.theta, batch_size: config?.batch_size };
}

// The moments, θ and B of a file's text. Throws an Error of one line for anything else.
function measured(text) {
  let found;
  try { found = JSON.parse(text); } catch { throw new Error(`this is no JSON; ${MUST}`); }
  if (Array.isArray(found?.rows)) found = ofTraining(found);
  const moments = {};
  for (const part of PARTS) {
    const number = found?.moments?.[part]?.value;
    if (typeof number !== "number" || !Number.isFinite(number)) throw new Error(`moments.${part}.value is no number; ${MUST}`);
    moments[part] = number;
  }
  if (!(moments.s2 > 0)) throw new Error(`moments.s2.value = ${moments.s2} must be above 0; there is no variance to lower`);
  const { theta, batch_size: B } = found;
  if (typeof theta !== "number" || !(theta > 0 && theta <= 1)) throw new Error(`theta is no number above 0 and at most 1; ${MUST}`);
  if (!Number.isInteger(B) || B < 1) throw new Error(`batch_size is no whole number above 0; ${MUST}`);
  return { label: "yours", moments, theta, B };
}

function beside({ label, moments, theta, B }) {
  const found = tsla.moments(moments, B, theta), plain = moments.s2 / B;
  const left = found.second_moment / plain, step = found.shrunk / plain, critical = found.critical_batch_size;
  return { label, theta, B, left, step, critical, apart: left - step, cells: [label, shown(B), shown(theta), shown(found.delta), critical === null ? "∞" : shown(critical), percent(left), percent(step), percent(left - step)] };
}

function sentence({ theta, B, left, step, critical, apart }) {
  const size = `the critical batch size of ${shown(critical ?? 0)}`;
  const where = critical === null ? "Every batch is small enough for it." : critical <= 0 ? "No batch is small enough for it." : `That is ${critical > B ? "below" : "above"} ${size}.`;
  const beyond = Math.abs(apart) < 0.01 ? "A smaller step does as well, to within 1 % of the plain variance." : `A smaller step leaves ${percent(step)}, so that smoothing is ${apart < 0 ? "ahead of it" : "behind it"}.`;
  return `Smoothing at θ = ${shown(theta)} leaves ${percent(left)} of the variance of a batch of ${shown(B)}. ${where} ${beyond}`;
}

function showMeasured(text) {
  const yours = beside(measured(text));
  const study = numbers.moments.map(({ label, batch_size: B, epochs }) => {
    const { epoch, ...moments } = epochs.findLast((one) => one.epoch <= EARLY); // later the clean settings have no noise left
    return beside({ label: `${label}, epoch ${epoch}`, moments, theta: yours.theta, B });
  });
  document.getElementById("yours-says").textContent = sentence(yours);
  document.getElementById("yours-rows").replaceChildren(...[yours, ...study].map(({ cells }) => {
    const row = document.createElement("tr");
    row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    return row;
  }));
}

const ALONG = Object.keys(figures).filter((name) => name.startsWith("along-"));

function showRun(text) {
  run = monitored(text);
  if (!followed().found.length) throw new Error(`the moments of every row are too large or too small; ${ROWS}`);
  drawn(ALONG);
}

async function take(file) {
  const [refusal, yours, along] = ["refusal", "yours", "along"].map((id) => document.getElementById(id));
  refusal.textContent = "";
  yours.hidden = along.hidden = true;
  run = null;
  try {
    if (/\.parquet$/i.test(file.name)) throw new Error("Parquet is not read here; `tsla train --json` prints the same rows as JSON, and `tsla measure --json` measures weights");
    if (file.size > LARGEST) throw new Error(`is too large; ${MUST}`);
    const rows = /\.csv$/i.test(file.name), text = await file.text();
    (rows ? along : yours).hidden = false; // before it is drawn, for a figure is as wide as its place
    (rows ? showRun : showMeasured)(text);
  } catch (error) {
    yours.hidden = along.hidden = true;
    run = null;
    refusal.textContent = `${file.name}: ${error.message}`;
  }
}

function receive() {
  const place = document.getElementById("drop"), input = document.getElementById("file");
  input.addEventListener("change", async () => {
    if (input.files.length) await take(input.files[0]);
    input.value = ""; // so that the same file can be chosen again, once it has been measured anew
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    place.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
    });
  }
}
