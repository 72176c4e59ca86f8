// The page put in motion: figures drawn and drawn anew, meanings of symbols, commands to copy, and links into what is folded.

const USES = {
  noise: ["setting", "epoch", "B", "theta"], batch: ["setting", "epoch", "B", "theta"], theorem: ["delta", "step", "theta"], rivals: ["delta", "eps", "kappa"],
  early: ["early"], late: ["late"], drop: ["dropped", "outcome", "drop"], never: ["ended"], counts: [],
  "along-loss": ["setting"], "along-delta": ["setting", "B", "theta"], "along-critical": ["setting", "B", "theta"], "along-beyond": ["setting", "B", "theta"],
};
const places = [...document.querySelectorAll("[data-figure]")];

function said(kind, name, text) {
  for (const place of document.querySelectorAll(`[data-${kind}="${name}"]`)) place.textContent = text ?? "";
}

function drawn(names) {
  for (const name of names) {
    const { spec, draw, says, formula } = figures[name]();
    for (const host of places.filter((place) => place.dataset.figure === name)) draw ? draw(host) : chart(host, spec);
    said("says", name, says);
    said("formula", name, formula);
  }
}

let waiting = new Set();
function turned(knob) {
  if (!waiting.size) requestAnimationFrame(() => { const names = waiting; waiting = new Set(); drawn(names); });
  for (const name of Object.keys(USES).filter((one) => USES[one].includes(knob))) waiting.add(name);
}

function redrawWhereWider() {
  const widths = new Map(places.map((place) => [place, place.clientWidth]));
  const watch = new ResizeObserver((entries) => {
    const changed = entries.map(({ target }) => target).filter((place) => Math.abs(place.clientWidth - widths.get(place)) > 1);
    for (const place of changed) widths.set(place, place.clientWidth);
    drawn(new Set(changed.map((place) => place.dataset.figure)));
  });
  places.forEach((place) => watch.observe(place));
}

function meanings() {
  const tip = document.getElementById("meaning");
  const hide = () => { tip.hidden = true; };
  const tell = ({ target }) => {
    const symbol = target.closest?.(".symbol");
    if (!symbol) return hide();
    tip.textContent = symbol.dataset.meaning;
    tip.hidden = false;
    const { left, bottom } = symbol.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(left, innerWidth - tip.offsetWidth - 8)) + scrollX}px`;
    tip.style.top = `${bottom + scrollY + 6}px`;
  };
  for (const kind of ["mouseover", "focusin"]) document.addEventListener(kind, tell);
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape") hide(); });
}

function copies() {
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.(".copy");
    if (!button) return;
    const status = document.getElementById("status");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      status.textContent = "copied";
    } catch { // a browser may not let a file have the clipboard: then the command is selected, to be copied by hand
      getSelection().selectAllChildren(button.previousElementSibling);
      status.textContent = "selected";
    }
    button.textContent = status.textContent;
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
}

function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const fold = target && target.closest("details");
  if (fold) fold.open = true;
}

begin(turned);
drawn(Object.keys(figures));
redrawWhereWider();
meanings();
copies();
receive();
unfold();
addEventListener("hashchange", unfold);
