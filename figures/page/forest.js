// The figures of the study: each setting with its interval and the word that the plan has for it, and settings counted in squares.

const WORDS = { "supported": "▶", "refuted": "◀", "no benefit that matters": "■", "open": "◆", "can't tell": "○" };
const NAMED = { E1: "variance, in % of the plain one", E2: "training loss, in %", "E2 by accuracy": "accuracy, in points", E3: "accuracy, in points", E4: "test loss, in %", E5: "accuracy, in points" };

function cut(text, width) {
  const most = Math.floor(width / 6.6);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

// groups: [{name, rows: [{label, mean, low, high, kind, mark}]}]; matters: what is shaded
function forest(host, { title, label, groups, matters }) {
  const width = room(host), wide = width >= 620, id = `chart${++charts}`;
  const left = wide ? Math.min(330, width * 0.42) : 8, row = wide ? 20 : 34, there = groups.filter(({ rows }) => rows.length);
  const height = there.reduce((sum, { rows }) => sum + 28 + row * rows.length, 0) + 44;
  const ends = there.flatMap(({ rows }) => rows.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
  const reach = Math.max(...ends, 2 * matters) * 1.1;
  const marks = [0, ...[1, 2, 5, 10, 20, 50, 100].filter((mark) => mark < reach && mark >= matters).filter((mark, i, all) => all.length < 5 || i % 2 === 0)];
  const x = scaled({ kind: "asinh", domain: [-reach, reach], unit: matters }, [left + 8, width - 14]);
  const root = svgElement("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": `${id}-title`, class: "chart" });
  root.append(svgElement("title", { id: `${id}-title` }, title));
  root.append(svgElement("rect", { class: "shaded", x: x(-matters), y: 0, width: x(matters) - x(-matters), height: height - 40 }));
  const apart = (x(marks.at(-1)) - x(0)) / Math.max(marks.length - 1, 1) < 30 ? [0, marks.at(-1)] : marks;
  for (const mark of new Set([...apart, ...apart.map((one) => -one)])) {
    root.append(svgElement("line", { class: mark ? "grid" : "rule", x1: x(mark), x2: x(mark), y1: 0, y2: height - 40 }));
    root.append(svgElement("text", { x: x(mark), y: height - 24, "text-anchor": "middle" }, mark > 0 ? `+${mark}` : String(mark).replace("-", "−")));
  }
  root.append(svgElement("text", { x: width - 8, y: height - 6, "text-anchor": "end" }, `${label}, better →`));
  let y = 0;
  for (const { name, rows } of there) {
    root.append(svgElement("text", { class: "group", x: 4, y: y + 18 }, cut(name, width - 8)));
    y += 28;
    for (const one of rows) {
      const middle = y + row - 10;
      root.append(svgElement("text", { x: 8, y: wide ? middle + 4 : middle - 10 }, cut(one.label, wide ? left - 8 : width - 16)));
      root.append(svgElement("line", { class: `bar ${one.kind}`, x1: x(one.low), x2: x(one.high), y1: middle, y2: middle }));
      root.append(svgElement("text", { class: `sign ${one.kind}`, x: x(one.mean), y: middle + 4, "text-anchor": "middle", "aria-label": one.mark }, one.mark));
      y += row;
    }
  }
  host.replaceChildren(root);
}

function ofClaim(claim) {
  const { groups, rows, matters } = numbers.forest, own = rows.filter((row) => row.claim === claim);
  const counts = Object.keys(WORDS).map((word) => [word, own.filter((row) => row.word === word).length]).filter(([, count]) => count);
  return {
    draw: (host) => {
      forest(host, {
        title: `${claim}, setting by setting: ${counts.map(([word, count]) => `${count} ${word}`).join(", ")}`,
        label: NAMED[claim],
        matters: matters[claim],
        groups: groups.map(({ name, settings }) => ({
          name,
          rows: settings.flatMap(([setting, label]) => own.filter((row) => row.setting === setting).map((row) => ({ ...row, label, kind: row.word.replace(/\W+/g, "-"), mark: WORDS[row.word] }))),
        })),
      });
      host.append(key(counts.map(([word]) => word)));
    },
    says: `Of ${own.length} comparisons: ${counts.map(([word, count]) => `${count} ${word}`).join(", ")}.`,
  };
}

function key(words) {
  const list = document.createElement("ul");
  list.className = "keys";
  for (const word of words) {
    const item = document.createElement("li"), sign = document.createElement("span");
    sign.className = `sign ${word.replace(/\W+/g, "-")}`;
    sign.textContent = WORDS[word];
    item.append(sign, ` ${word}`);
    list.append(item);
  }
  return list;
}

figures.early = () => ofClaim(state.early);
figures.late = () => ofClaim(state.late);

const LABELS = (row) => (Math.max(...row.label_noise) > 0 ? `${row.label_noise.map((part) => 100 * part).join(" and ")} % wrong labels` : "no wrong labels");

// A range over settings is no interval: its ends are the least and the largest mean difference.
function ranges(outcome) {
  const sign = outcome === "accuracy" ? 100 : -100;
  const rows = numbers.never.filter((row) => row[outcome].compared);
  const group = (name, own) => ({
    name,
    rows: own.map((row) => {
      const { least, largest, better, worse, compared } = row[outcome], ends = [sign * least, sign * largest].sort((a, b) => a - b);
      const kind = better > worse ? "supported" : worse > better ? "refuted" : "open";
      return { label: `${row.data}: ${better} better, ${worse} worse of ${compared}`, low: ends[0], high: ends[1], mean: (ends[0] + ends[1]) / 2, kind, mark: WORDS[kind] };
    }),
  });
  return [...new Set(rows.map(LABELS))].map((name) => group(name, rows.filter((row) => LABELS(row) === name)));
}

function tempered(outcome) {
  const scale = outcome === "test_ece" ? -1 : -100, names = { lsr: "never dropped", tsla: "dropped" };
  return Object.entries(names).map(([method, name]) => ({
    name,
    rows: numbers.tempered.filter((row) => row.outcome === outcome && row.method === method).map((row) => {
      const [low, high] = [scale * row.low, scale * row.high].sort((a, b) => a - b), kind = low > 0 ? "supported" : high < 0 ? "refuted" : "open";
      return { label: row.setting, mean: scale * row.mean, low, high, kind, mark: WORDS[kind] };
    }),
  }));
}

figures.never = () => {
  const outcome = state.ended, ofStudy = outcome === "accuracy" || outcome === "test loss", groups = ofStudy ? ranges(outcome) : tempered(outcome);
  const label = { accuracy: "accuracy, in points", "test loss": "log test loss, in hundredths", test_ece: "calibration error, in points", tempered: "log test loss, in hundredths" }[outcome];
  const sum = (side) => numbers.never.reduce((total, row) => total + row[outcome][side], 0);
  const [better, worse] = ["supported", "refuted"].map((kind) => groups[0].rows.filter((row) => row.kind === kind).length);
  return {
    draw: (host) => forest(host, { title: `Smoothing less plain training: ${label}`, label, matters: ofStudy && outcome === "accuracy" ? 0.5 : 1, groups }),
    says: ofStudy
      ? `By ${outcome} smoothing to the end is better at ${sum("better")} of ${sum("compared")} settings and worse at ${sum("worse") || "none"}.`
      : `Without wrong labels and never dropped, smoothing is better on ${better} of ${groups[0].rows.length} data sets and worse on ${worse || "none"}.`,
  };
};

// A square a setting: better, worse, or neither.
figures.counts = () => {
  const sum = (outcome, side) => numbers.never.reduce((total, row) => total + row[outcome][side], 0);
  const dropping = numbers.forest.rows.filter((row) => row.claim === "E3"), won = (word) => dropping.filter((row) => row.word === word).length;
  const rows = [
    ["accuracy", sum("accuracy", "better"), sum("accuracy", "worse"), sum("accuracy", "compared")],
    ["test loss", sum("test loss", "better"), sum("test loss", "worse"), sum("test loss", "compared")],
    ["dropping", won("supported"), won("refuted"), dropping.length],
  ];
  return { draw: (host) => squares(host, rows) };
};

function squares(host, rows) {
  const width = room(host), across = 12, size = Math.min(14, (width - 4) / across), id = `chart${++charts}`;
  const heights = rows.map(([, , , all]) => 20 + Math.ceil(all / across) * size + 6), height = heights.reduce((a, b) => a + b);
  const root = svgElement("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": `${id}-title`, class: "chart" });
  root.append(svgElement("title", { id: `${id}-title` }, rows.map(([name, better, worse, all]) => `${name}: better at ${better} of ${all}, worse at ${worse}`).join("; ")));
  let top = 0;
  rows.forEach(([name, better, worse, all], i) => {
    root.append(svgElement("text", { x: 0, y: top + 14 }, cut(`${name}: ${better} of ${all}`, width)));
    for (let k = 0; k < all; k++) {
      const kind = k < better ? "supported" : k < better + worse ? "refuted" : "neither";
      const at = { x: (k % across) * size + 1, y: top + 20 + Math.floor(k / across) * size, width: size - 2, height: size - 2 };
      root.append(svgElement("rect", { class: `square ${kind}`, ...at }));
    }
    top += heights[i];
  });
  host.replaceChildren(root);
  const list = key(["supported", "refuted", "open"]);
  list.className = "keys small";
  [["■", "better"], ["▧", "worse"], ["□", "neither"]].forEach(([mark, word], i) => {
    list.children[i].firstChild.textContent = mark;
    list.children[i].lastChild.data = ` ${word}`;
  });
  host.append(list);
}
