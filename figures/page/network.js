// A record of `tsla train`, what it or `tsla measure` prints as JSON, or the rows of a monitor, read in the browser and laid beside the study.
// What a file says is only ever put in as text.

const EARLY = 3; // the last epoch that the study calls early
const LARGEST = 5e6; // characters; a measurement has some thousands, and a row of a monitor some hundreds

const MUST = "must be a record of `tsla train --out`, or what `tsla measure --json` or `tsla train --json` prints";

// A run as if it had been measured at its last row that has moments.
function ofTraining({ config, rows }) {
  const row = rows.findLast((one) => typeof one?.s2 === "number");
  if (!row) throw new Error(`no row has moments; ${MUST}, of a run with --measure-at`);
  return { moments: Object.fromEntries(PARTS.map((part) => [part, { value: row[part] }])), theta: config?.theta, batch_size: config?.batch_size };
}

function parsed(text) {
  try { return JSON.parse(text); } catch { throw new Error(`this is no JSON; ${MUST}`); }
}

// The moments, θ and B of what was measured. Throws an Error of one line for anything else.
function measured(found) {
  const moments = {};
  for (const part of PARTS) {
    const number = found?.moments?.[part]?.value;
    if (typeof number !== "number" || !Number.isFinite(number)) throw new Error(`moments.${part}.value is no number; ${MUST}`);
    moments[part] = number;
  }
  moments.beta2 = Math.max(moments.beta2, 0); // an estimate may be below
  if (!(moments.s2 > 0)) throw new Error(`moments.s2.value = ${moments.s2} must be above 0; there is no variance to lower`);
  const { theta, batch_size: B } = found;
  if (typeof theta !== "number" || !(theta > 0 && theta <= 1)) throw new Error(`theta is no number above 0 and at most 1; ${MUST}`);
  if (!Number.isInteger(B) || B < 1) throw new Error(`batch_size is no whole number above 0; ${MUST}`);
  return { label: "yours", moments, theta, B };
}

function beside({ label, moments, theta, B }) {
  const found = tsla.moments(moments, B, theta), plain = moments.s2 / B;
  const left = found.second_moment / plain, step = found.shrunk / plain, critical = criticalSize(found);
  return { label, theta, B, left, step, critical, apart: left - step, cells: [label, shown(B), shown(theta), shown(found.delta), sized(critical), percent(left), percent(step), percent(left - step)] };
}

function sentence({ theta, B, left, step, critical, apart }) {
  const size = `the critical batch size of ${shown(critical)}`;
  const where = critical === Infinity ? "Every batch is small enough for it." : critical <= 0 ? "No batch is small enough for it." : `That is ${critical > B ? "below" : "above"} ${size}.`;
  const beyond = Math.abs(apart) < 0.01 ? "A smaller step does as well, to within 1 % of the plain variance." : `A smaller step leaves ${percent(step)}, so that smoothing is ${apart < 0 ? "ahead of it" : "behind it"}.`;
  return `Smoothing at θ = ${shown(theta)} leaves ${percent(left)} of the variance of a batch of ${shown(B)}. ${where} ${beyond}`;
}

function showMeasured(found) {
  const yours = beside(measured(found));
  const study = numbers.moments.map(({ label, batch_size: B, epochs }) => {
    const { epoch, train_loss, ...moments } = epochs.findLast((one) => one.epoch <= EARLY); // later the clean settings have no noise left
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

function showRun(found) {
  run = found;
  if (!followed().found.length) throw new Error("the moments of every row are too large or too small; they must be within float64");
  drawn(ALONG);
}

async function take(file) {
  const [refusal, yours, along] = ["refusal", "yours", "along"].map((id) => document.getElementById(id));
  refusal.textContent = "";
  yours.hidden = along.hidden = true;
  run = null;
  try {
    if (file.size > LARGEST) throw new Error(`is too large; ${MUST}`);
    const csv = /\.csv$/i.test(file.name), record = /\.parquet$/i.test(file.name);
    const found = csv ? monitored(await file.text()) : record ? await recorded(new Uint8Array(await file.arrayBuffer())) : parsed(await file.text());
    const training = Array.isArray(found?.rows) && !csv;
    yours.hidden = csv; // before it is drawn, for a figure is as wide as its place
    along.hidden = !csv && !training;
    if (!csv) showMeasured(training ? ofTraining(found) : found);
    if (csv || training) showRun(training ? trained(found) : found);
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
