// The rows of a run, of a MomentsMonitor from CSV or of `tsla train`, and what they say along it beside a setting of the study.

const PARTS = ["grad2", "s2", "shat2", "c", "beta2", "nu2"];
const ENDS = ["", "_low", "_high"];
const KEPT = 300; // rows that are drawn

const ROWS = "must be the rows of a MomentsMonitor, as `pandas.DataFrame(monitor.rows).to_csv(\"mine.csv\")` writes them";

function csvCells(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ",") rows.push([]);
  }
  return rows.filter((row) => row.some((cell) => cell !== ""));
}

// A number, or null where nothing was measured.
function csvNumber(cell, where) {
  if (/^\s*(nan)?\s*$/i.test(cell)) return null;
  if (!Number.isFinite(Number(cell))) throw new Error(`${where} = ${cell} is no number; ${ROWS}`);
  return Number(cell);
}

// Its rows with moments, each of its step and of every moment with its interval. Throws an Error of one line for anything else.
function monitored(text) {
  const [head = [], ...body] = csvCells(text.replace(/^\ufeff/, "")), time = head.includes("epoch") && !head.includes("step") ? "epoch" : "step";
  const names = [time, ...PARTS.flatMap((part) => ENDS.map((end) => part + end))], lacking = names.filter((name) => !head.includes(name));
  if (lacking.length) throw new Error(`lacks the columns ${lacking.slice(0, 3).join(", ")}${lacking.length > 3 ? ", …" : ""}; ${ROWS}`);
  const rows = body.map((cells, i) => {
    if (cells.length !== head.length) throw new Error(`row ${i + 1} has ${cells.length} cells, and the head has ${head.length}; ${ROWS}`);
    return Object.fromEntries(names.map((name) => [name === time ? "at" : name, csvNumber(cells[head.indexOf(name)], `${name} of row ${i + 1}`)]));
  });
  const there = rows.filter((row) => row.at !== null && row.s2 > 0 && PARTS.every((part) => row[part] !== null)).sort((a, b) => a.at - b.at);
  if (!there.length) throw new Error(`no row has moments; ${ROWS}`);
  return { time, rows: thinned(there) };
}

function thinned(rows) {
  const every = Math.ceil(rows.length / KEPT), last = rows.length - 1;
  return rows.filter((_, i) => (last - i) % every === 0);
}

// The same of a run of `tsla train`, which also has losses. Its moments are those of all examples that it measures, so that intervals are points.
function trained({ rows }) {
  const there = rows.filter((row) => row?.s2 > 0 && [...PARTS, "epoch"].every((name) => typeof row[name] === "number"));
  const points = there.map((row) => ({ at: row.epoch, ...Object.fromEntries(PARTS.flatMap((part) => ENDS.map((end) => [part + end, row[part]]))) }));
  return { time: "epoch", rows: thinned(points), losses: thinned(rows).map((row) => [row?.epoch, row?.train_loss]).filter((pair) => pair.every(Number.isFinite)) };
}

// δ_B, B_c(θ) and the variance beyond a smaller step, over the plain one; null where they overflow.
function deciding({ grad2, s2, c, beta2, nu2 }, B, theta) {
  const bias2 = Math.max(beta2, 0); // an estimate may be below
  return answered(() => {
    const found = tsla.moments({ grad2, s2, shat2: bias2 + nu2, c, beta2: bias2, nu2 }, B, theta);
    if (found.delta === null || found.beyond === null) return null;
    return { delta: found.delta, critical: criticalSize(found), beyond: found.beyond / (s2 / B) };
  });
}

// What the intervals of the moments allow together: each of the three moves one way with a moment, but for s².
function corners(row, B, theta) {
  const end = (part, low) => row[part + (low ? "_low" : "_high")];
  const all = [true, false].flatMap((good) => [true, false].map((low) => deciding(
    { grad2: end("grad2", !good), s2: end("s2", low), c: end("c", good), beta2: end("beta2", good), nu2: end("nu2", good) }, B, theta)));
  const known = ENDS.every((at) => PARTS.every((part) => row[part + at] !== null)) && row.s2_low > 0 && all.every(Boolean);
  return known ? (name) => [Math.min(...all.map((one) => one[name])), Math.max(...all.map((one) => one[name]))] : () => [null, null];
}

let run = null; // what was dropped on the page, and what follows from it for one B and θ
function followed() {
  const B = value("B"), theta = value("theta");
  if (run.B !== B || run.theta !== theta) {
    const found = run.rows.map((row) => ({ at: row.at, here: deciding(row, B, theta), range: corners(row, B, theta) })).filter(({ here }) => here);
    Object.assign(run, { B, theta, found });
  }
  return run;
}

const share = (at, all) => (all.length > 1 ? (at - all[0]) / (all.at(-1) - all[0]) : 0);

// A small chart of one of the three; `axis` makes its axis from the largest that was measured.
function along(name, { title, label, level, axis, least = -Infinity }) {
  return () => {
    if (!run) return { draw: (host) => host.replaceChildren() };
    const { found, B, theta, time } = followed(), times = found.map(({ at }) => at), { epochs, label: studied } = setting();
    const y = axis(Math.max(level, ...found.map(({ here }) => Math.abs(here[name])).filter(Number.isFinite)));
    const within = (number) => (number === null ? null : Math.min(Math.max(number, least), 2 * y.domain[1])); // what is infinite leaves at the top
    const study = epochs.map((one) => [share(one.epoch, epochs.map(({ epoch }) => epoch)), within(deciding(one, B, theta)?.[name] ?? null)]);
    return {
      spec: {
        title: `${title} along the run, with what the intervals allow, beside ${studied}`,
        x: { label: `${time} of yours`, domain: [0, 1], at: [0, 1], names: { 0: shown(times[0]), 1: shown(times.at(-1)) } },
        y: { label, ...y },
        lines: [{ name: "yours", look: "shade0", points: found.map(({ at, here }) => [share(at, times), within(here[name])]) }, { name: "the study's", look: "study", points: study }],
        bands: [{ look: "shade0", points: found.filter(({ range }) => range(name)[0] !== null).map(({ at, range }) => [share(at, times), ...range(name).map(within)]) }],
        rules: [{ y: name === "critical" ? B : level }],
      },
      says: name === "beyond" ? ofRun(found, time, B, theta) : undefined,
    };
  };
}

function ofRun(found, time, B, theta) {
  const ahead = found.filter(({ range }) => range("beyond")[1] !== null && range("beyond")[1] < 0).length, behind = found.filter(({ range }) => range("beyond")[0] > 0).length;
  const { at, here } = found.at(-1), size = here.critical === Infinity ? "no B_c, for it has no bias" : here.critical <= 0 ? "no batch that is small enough" : `B_c = ${shown(here.critical)}`;
  return `Of ${found.length} measurements in batches of ${shown(B)}, smoothing at θ = ${shown(theta)} is ahead of a smaller step at ${ahead || "none"} and behind it at ${behind || "none"}, ` +
    `${run.losses ? "" : "as far as the intervals tell, "}and at ${time} ${shown(at)} it has δ_B = ${shown(here.delta)} and ${size}.`;
}

figures["along-loss"] = () => {
  const losses = run?.losses ?? [], { epochs, label } = setting(), place = document.querySelector("[data-figure=along-loss]");
  place.closest("figure").hidden = !losses.length;
  if (!losses.length) return { draw: (host) => host.replaceChildren(), says: "" };
  const line = (pairs) => pairs.map(([at, loss]) => [share(at, pairs.map(([one]) => one)), loss]), [[first, before], [last, after]] = [losses[0], losses.at(-1)];
  const study = epochs.map(({ epoch, train_loss }) => [epoch, train_loss]);
  return {
    spec: {
      title: `Training loss along the run, beside ${label}`,
      x: { label: "epoch of yours", domain: [0, 1], at: [0, 1], names: { 0: shown(first), 1: shown(last) } },
      y: { label: "training loss, lower is better", domain: [0, 1.1 * Math.max(...[...losses, ...study].map(([, loss]) => loss))] },
      lines: [{ name: "yours", look: "shade0", points: line(losses) }, { name: "the study's", look: "study", points: line(study) }],
    },
    says: `The training loss of yours goes from ${shown(before)} at epoch ${shown(first)} to ${shown(after)} at epoch ${shown(last)}.`,
  };
};

const LINEAR = (most) => ({ domain: [0, 1.3 * most] });
figures["along-delta"] = along("delta", { title: "δ_B", label: "δ_B, lower is better", level: 1, axis: LINEAR });
figures["along-critical"] = along("critical", {
  title: "B_c(θ)", label: "B_c, higher is better", level: 1, least: 1, axis: (most) => ({ kind: "log", domain: [1, 4 * Math.max(most, value("B"))] }),
});
figures["along-beyond"] = along("beyond", {
  title: "Variance of smoothing less that of a smaller step", label: "beyond a smaller step, lower is better", level: 0,
  axis: (most) => ({ domain: [-1.3 * (most || 1), 1.3 * (most || 1)] }),
});
