// Knobs. Those of one name turn together; what they are set to stands in the address, and is read from there when the page is loaded.

const numbers = JSON.parse(document.getElementById("numbers").textContent);
for (const [of, name] of [[numbers, "drops"], [numbers, "tempered"], [numbers.forest, "rows"]]) of[name] = byRow(of[name]);
const knobs = [...document.querySelectorAll("[data-knob]")];
const state = {}, initial = {};
const READ = { log2: (x) => 2 ** x, log10: (x) => Number((10 ** x).toPrecision(3)), "": (x) => x };
const SHOWN = { epoch: () => String(moment().epoch), drop: (i) => (drops()[i] === undefined ? "" : String(drops()[i])) };

// A table as a list of its rows; it comes as its columns.
function byRow(columns) {
  const names = Object.keys(columns);
  return columns[names[0]].map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
}

function setting() { return numbers.moments[state.setting] ?? numbers.moments[0]; }
function moment() { return setting().epochs[Math.min(state.epoch, setting().epochs.length - 1)]; }
function drops() { return [...new Set(numbers.drops.filter((row) => row.setting === state.dropped).map((row) => row.drop))].filter((drop) => drop < LAST); }

const LAST = Math.max(...numbers.drops.map((row) => row.drop));

// The number that a knob stands for, such as 2^4 where it is set to 4.
function value(name) {
  const knob = knobs.find((one) => one.dataset.knob === name);
  return READ[knob.dataset.scale ?? ""](state[name]);
}

function options(name, pairs) {
  for (const knob of knobs.filter((one) => one.dataset.knob === name)) {
    knob.replaceChildren(...pairs.map(([key, text]) => new Option(text, key)));
  }
}

function limit(name, most) {
  for (const knob of knobs.filter((one) => one.dataset.knob === name)) knob.max = most;
  state[name] = Math.min(state[name], most);
}

// What a knob may be set to: anything else, as somebody may write in the address, leaves it as it is.
function set(name, text) {
  const knob = knobs.find((one) => one.dataset.knob === name);
  if (!knob) return;
  if (knob.type === "range") {
    const number = Number(text);
    if (text !== "" && number >= Number(knob.min) && number <= Number(knob.max)) state[name] = number;
  } else if ([...knob.options].some((option) => option.value === text)) state[name] = text;
}

function show() {
  limit("epoch", setting().epochs.length - 1);
  limit("drop", Math.max(drops().length - 1, 0));
  for (const knob of knobs) {
    const name = knob.dataset.knob;
    knob.value = state[name];
    if (knob.type !== "range") continue;
    const said = SHOWN[name]?.(state[name]) ?? shown(value(name));
    knob.setAttribute("aria-valuetext", said);
    knob.parentElement.querySelector("output").textContent = said;
  }
}

function keep() {
  const changed = Object.keys(state).filter((name) => String(state[name]) !== String(initial[name]));
  const query = new URLSearchParams(changed.map((name) => [name, state[name]])).toString();
  history.replaceState(null, "", `${query ? `?${query}` : location.pathname}${location.hash}`);
}

function begin(turned) {
  options("setting", numbers.moments.map(({ label }, i) => [i, label]));
  options("dropped", [...new Set(numbers.drops.map((row) => row.setting))].map((name) => [name, name]));
  for (const knob of knobs) state[knob.dataset.knob] = knob.type === "range" ? Number(knob.value) : knob.value;
  limit("epoch", setting().epochs.length - 1);
  state.epoch = setting().epochs.length - 1;
  Object.assign(initial, state);
  const asked = new URLSearchParams(location.search);
  for (const name of Object.keys(state).filter((one) => asked.has(one))) { // a setting stands before its epochs
    set(name, asked.get(name));
    limit("epoch", setting().epochs.length - 1);
  }
  for (const knob of knobs) {
    knob.addEventListener("input", () => {
      set(knob.dataset.knob, knob.value);
      show();
      keep();
      turned(knob.dataset.knob);
    });
    knob.form.addEventListener("submit", (event) => event.preventDefault());
  }
  show();
}
