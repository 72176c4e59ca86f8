// Charts as inline SVG, drawn as wide as their place is, so that text has the same size on every screen.

const SVG = "http://www.w3.org/2000/svg";
const LINE = 16;

function svgElement(name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "look") made.style.setProperty("--look", `var(--${value})`);
    else made.setAttribute(key, value);
  }
  if (text !== null) made.textContent = text;
  return made;
}

// A number as a reader writes it.
function shown(value, digits = 3) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-3) {
    const [front, exponent] = value.toExponential(Math.max(digits - 2, 0)).split("e");
    const power = `10${[...String(Number(exponent))].map((c) => ("-0123456789".includes(c) ? "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)] : c)).join("")}`;
    return Number(front) === 1 ? power : `${Number(front)}·${power}`;
  }
  if (size >= 1000) return Math.round(value).toLocaleString("en-GB");
  return String(Number(value.toPrecision(digits)));
}

const SCALES = {
  linear: { to: (x) => x, back: (x) => x },
  log: { to: Math.log10, back: (x) => 10 ** x },
  asinh: { to: Math.asinh, back: Math.sinh },
};

// A map of the numbers of `domain` on `range`; `unit` is where asinh turns from linear to logarithmic.
function scaled({ kind = "linear", domain, unit = 1 }, range) {
  const { to } = SCALES[kind];
  const [low, high] = domain.map((x) => to(x / unit));
  return (x) => range[0] + ((to(x / unit) - low) / (high - low)) * (range[1] - range[0]);
}

function ticks({ kind = "linear", domain, at }, most) {
  if (at) return at;
  const [low, high] = domain;
  if (kind === "log") {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    const step = Math.max(1, Math.ceil((last - first + 1) / most));
    return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => 10 ** (first + i * step));
  }
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough * 0.999);
  const count = Math.floor((high - Math.ceil(low / step - 1e-9) * step) / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => Number((Math.ceil(low / step - 1e-9) * step + i * step).toPrecision(12)));
}

// The heights nearest to these, in the same order, that are `gap` apart and end at `most`.
function apart(heights, gap, most) {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b]), placed = [...heights];
  order.forEach((i, k) => { if (k) placed[i] = Math.max(placed[i], placed[order[k - 1]] + gap); });
  [...order].reverse().forEach((i, k) => { placed[i] = Math.min(placed[i], k ? placed[order[order.length - k]] - gap : most); });
  return placed;
}

function path(points, x, y) {
  let pen = "M";
  return points.map(([a, b]) => {
    if (b === null || !Number.isFinite(b)) { pen = "M"; return ""; }
    const piece = `${pen}${x(a).toFixed(1)} ${y(b).toFixed(1)}`;
    pen = "L";
    return piece;
  }).join("");
}

// A line of a look is dashed as in every other figure; dashes are in widths of the line, which is 2.2 wide.
function dashed(look) {
  const dash = getComputedStyle(document.documentElement).getPropertyValue(`--${look}-dash`);
  return dash ? { "stroke-dasharray": dash.trim().split(/\s+/).map((part) => (2.2 * part).toFixed(1)).join(" ") } : {};
}

// The width of a place in pixels of a text of 12, which large screens enlarge.
function room(host) {
  return Math.max(host.clientWidth / (parseFloat(getComputedStyle(document.documentElement).fontSize) / 16), 160);
}

let charts = 0;

// spec: title; x and y: {label, domain, kind, unit, at}; lines: [{name, look, points}]; bands: [{look, points: [[x, low, high]]}];
// rules: [{x or y}]; dots: [{x, y, look}]. A look is the name of a method, or of a shade.
function chart(host, spec) {
  const small = "small" in host.dataset;
  const width = room(host), height = small ? 240 : Math.min(Math.max(width * 0.5, 230), 400);
  const wide = width >= 560 && !small, id = `chart${++charts}`;
  const ys = ticks(spec.y, small ? 3 : 5).map((value) => [value, shown(value)]);
  const left = 10 + 7 * Math.max(...ys.map(([, text]) => text.length));
  const right = wide ? 20 + 6.9 * Math.max(...spec.lines.map((line) => line.name.length)) : 14;
  const top = small ? 10 : 26, bottom = small ? 34 : 40;
  const x = scaled(spec.x, [left, width - right]), y = scaled(spec.y, [height - bottom, top]);
  const root = svgElement("svg", { viewBox: `0 0 ${width} ${Math.round(height)}`, role: "img", "aria-labelledby": `${id}-title`, class: "chart" });
  root.append(svgElement("title", { id: `${id}-title` }, spec.title));
  const clip = svgElement("clipPath", { id: `${id}-clip` });
  clip.append(svgElement("rect", { x: left, y: top, width: width - left - right, height: height - top - bottom }));
  root.append(clip);
  for (const [value, text] of ys) {
    root.append(svgElement("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    root.append(svgElement("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  for (const value of ticks(spec.x, Math.max(2, Math.floor((width - left - right) / 70)))) {
    root.append(svgElement("line", { class: "grid", x1: x(value), x2: x(value), y1: top, y2: height - bottom }));
    root.append(svgElement("text", { x: x(value), y: height - bottom + LINE, "text-anchor": x(value) > width - 20 ? "end" : "middle" }, spec.x.names?.[value] ?? shown(value)));
  }
  if (!small) root.append(svgElement("text", { x: 2, y: 13 }, spec.y.label));
  root.append(svgElement("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, small ? spec.x.short ?? spec.x.label : spec.x.label));
  const inside = svgElement("g", { "clip-path": `url(#${id}-clip)` });
  root.append(inside);
  for (const { look, points } of spec.bands ?? []) {
    const there = [...points.map(([a, low]) => [a, low]), ...points.map(([a, , high]) => [a, high]).reverse()];
    inside.append(svgElement("path", { class: "band", look, d: `${path(there, x, y)}Z` }));
  }
  for (const rule of spec.rules ?? []) {
    const at = "x" in rule ? { x1: x(rule.x), x2: x(rule.x), y1: top, y2: height - bottom } : { x1: left, x2: width - right, y1: y(rule.y), y2: y(rule.y) };
    inside.append(svgElement("line", { class: "rule", ...at }));
  }
  for (const { look, points } of spec.lines) inside.append(svgElement("path", { class: "line", look, ...dashed(look), d: path(points, x, y) }));
  for (const dot of spec.dots ?? []) {
    if (dot.y === null || !Number.isFinite(dot.y)) continue;
    if (dot.low !== undefined) root.append(svgElement("line", { class: "bar", look: dot.look, x1: x(dot.x), x2: x(dot.x), y1: y(dot.low), y2: y(dot.high) }));
    inside.append(svgElement("circle", { class: "dot", look: dot.look, cx: x(dot.x), cy: y(dot.y), r: small ? 3.5 : 5 }));
  }
  if (wide) names(root, spec, x, y, width - right, [top, height - bottom]);
  host.replaceChildren(root);
  if (!wide) host.append(legend(spec.lines, small));
}

// The name of each line right of the axes, or above its end where that is far from there.
function names(root, { lines }, x, y, edge, [top, bottom]) {
  const ends = lines.flatMap(({ name, look, points }) => {
    const last = points.filter(([, b]) => b !== null && Number.isFinite(b)).at(-1);
    return last ? [{ name, look, x: x(last[0]), y: Math.min(Math.max(y(last[1]), top), bottom) }] : [];
  });
  const reaching = ends.filter((end) => end.x > edge - 60);
  apart(reaching.map((end) => end.y), LINE, bottom).forEach((place, i) => {
    const end = reaching[i];
    root.append(svgElement("line", { class: "leader", look: end.look, x1: end.x, y1: end.y, x2: edge + 10, y2: place }));
    root.append(svgElement("text", { x: edge + 13, y: place + 4 }, end.name));
  });
  for (const end of ends.filter((one) => !reaching.includes(one))) root.append(svgElement("text", { x: end.x, y: end.y - 8, "text-anchor": "middle" }, end.name));
}

function legend(lines, small) {
  const list = document.createElement("ul");
  list.className = small ? "keys small" : "keys";
  for (const { name, look } of lines) {
    const item = document.createElement("li"), swatch = svgElement("svg", { class: "swatch", width: 26, height: 4, "aria-hidden": true });
    swatch.append(svgElement("path", { class: "line", look, ...dashed(look), d: "M0 2H26" }));
    item.append(swatch, name);
    list.append(item);
  }
  return list;
}
