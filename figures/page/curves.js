// The figures whose curves the calculator computes: each says what it shows, in words and as a formula with its numbers.

const percent = (part, digits = 3) => `${shown(100 * part, digits)} %`;
const between = (low, high, count) => Array.from({ length: count + 1 }, (_, i) => low + ((high - low) * i) / count);

// What a calculation gives, or null where the theorem refuses what it is asked.
function answered(calculation) {
  try { return calculation(); } catch (error) {
    if (!(error instanceof Error)) throw error;
    return null;
  }
}

function known() {
  const { grad2, s2, shat2, c, beta2, nu2 } = moment();
  return { grad2, s2, shat2, c, beta2, nu2 };
}

// The smoothed direction whose gradients have no noise: what is left of its second moment is the bias.
function biasAlone(of) { return { ...of, s2: 0, c: 0, nu2: 0, shat2: of.beta2 }; }

// B_c(θ). Without a bias no batch is too large where smoothing lowers the variance, and none is small enough where it raises it.
const criticalSize = (found) => found.critical_batch_size ?? (found.excess < 0 ? Infinity : 0);
const sized = (critical) => (critical === Infinity ? "∞" : shown(critical));

const figures = {};

figures.noise = () => {
  const of = known(), B = value("B"), theta = value("theta"), plain = of.s2 / B;
  const at = (strength) => {
    const both = tsla.moments(of, B, strength), bias = tsla.moments(biasAlone(of), B, strength).second_moment;
    return { smoothed: both.second_moment / plain, step: both.shrunk / plain, bias: bias / plain };
  };
  const grid = between(0.01, 1, 33).map((strength) => [strength, at(strength)]);
  const line = (part) => [[0, part === "bias" ? 0 : 1], ...grid.map(([strength, found]) => [strength, found[part]])];
  const here = at(theta), apart = here.smoothed - here.step;
  const best = tsla.moments(of, B, theta).theta_star;
  return {
    spec: {
      title: "Variance left by smoothing and by a smaller step, against the smoothing strength",
      x: { label: "smoothing strength θ", short: "strength θ", domain: [0, 1] },
      y: { label: "variance over plain SGD's, lower is better", domain: [0, 1.6] },
      lines: [
        { name: "smoothing", look: "lsr", points: line("smoothed") },
        { name: "its bias", look: "shade0", points: line("bias") },
        { name: "smaller step", look: "shrink", points: line("step") },
      ],
      rules: [{ y: 1 }, { x: theta }],
      dots: [{ x: theta, y: here.smoothed, look: "lsr" }, { x: theta, y: here.step, look: "shrink" }],
    },
    says: `At θ = ${shown(theta)} smoothing leaves ${percent(here.smoothed)} of a batch's variance, and a step ${percent(theta)} smaller leaves ${percent(here.step)}. ` +
      (Math.abs(apart) < 0.01 ? "Smoothing does no more than that step, to within 1 %." : `Smoothing leaves ${percent(Math.abs(apart))} of the plain variance ${apart > 0 ? "more" : "less"}.`) +
      ` The variance is least at θ* = ${shown(best)}.`,
    formula: `E‖g_LS-∇F‖²/E‖g-∇F‖² = bias + noise = ${shown(here.bias)} + ${shown(here.smoothed - here.bias)} = ${shown(here.smoothed)}`,
  };
};

figures.batch = () => {
  const of = known(), B = value("B"), theta = value("theta");
  const sizes = [...new Set(between(0, 10, 30).map((power) => Math.round(2 ** power)))];
  const at = (size) => tsla.moments(of, size, theta), ratio = (size, part) => at(size)[part] / (of.s2 / size);
  const here = ratio(B, "second_moment"), critical = criticalSize(at(B));
  const none = critical === Infinity ? "no batch is too large" : critical <= 1 ? "no batch is small enough" : `the critical batch size is ${shown(critical)}`;
  return {
    spec: {
      title: "Variance left by smoothing and by a smaller step, against the batch size",
      x: { label: "batch size B", kind: "log", domain: [1, 1024], at: [1, 4, 16, 64, 256, 1024] },
      y: { label: "variance over plain SGD's, lower is better", domain: [0, 2.5] },
      lines: [
        { name: "smoothing", look: "lsr", points: sizes.map((size) => [size, ratio(size, "second_moment")]) },
        { name: "smaller step", look: "shrink", points: sizes.map((size) => [size, ratio(size, "shrunk")]) },
      ],
      rules: [{ y: 1 }, ...(critical > 1 && critical < Infinity ? [{ x: critical }] : [])],
      dots: [{ x: B, y: here, look: "lsr" }],
    },
    says: `At θ = ${shown(theta)} ${none}. In batches of ${shown(B)} smoothing ${here < 1 ? "lowers" : "raises"} the variance, to ${percent(here)} of plain SGD's.`,
    formula: `B_c(θ) = (s² - N(θ))/(θ²β²) = ${sized(critical)},  δ_B = ${shown(at(B).delta)}`,
  };
};

figures.theorem = () => {
  const delta = value("delta"), step = value("step"), theta = value("theta");
  const given = { L: 1, sigma2: 1, delta, F0: 1, eta: step, T: 1 };
  const floor = (strength) => { // all that more steps don't lower
    const { optimisation, ...rest } = tsla.bound("lsr-sharp", strength === null ? given : { ...given, theta: strength }).terms;
    return Object.values(rest).reduce((sum, term) => sum + term, 0);
  };
  const grid = between(0, 1, 40), lemma = (strength) => tsla.variance({ sigma2: 1, delta, theta: strength });
  const here = lemma(theta), best = floor(null), plain = floor(0);
  return {
    spec: {
      title: "The floors V, U and W of smoothing's bounds, against the smoothing strength",
      x: { label: "smoothing strength θ", domain: [0, 1] },
      y: { label: "floor over σ², lower is better", kind: "log", domain: [Math.min(1e-3, best / 2), 1.2] },
      lines: [
        { name: "V, the paper's", look: "grey", points: grid.map((one) => [one, lemma(one).lemma]) },
        { name: "U, one step", look: "shade2", points: grid.map((one) => [one, lemma(one).sharp]) },
        { name: "W, a run", look: "lsr", points: grid.map((one) => [one, floor(one)]) },
        { name: "plain SGD", look: "sgd", points: [[0, plain], [1, plain]] },
      ],
      rules: [{ x: theta }],
      dots: [{ x: theta, y: here.lemma, look: "grey" }, { x: theta, y: floor(theta), look: "lsr" }],
    },
    says: `At δ = ${shown(delta)} and ηL = ${shown(step)} the paper's V is ${shown(here.lemma / floor(theta))} times what smoothing really has at worst, W, at θ = ${shown(theta)}. ` +
      `With the best θ smoothing keeps ${percent(best / plain)} of plain SGD's floor.`,
    formula: `V(θ) = (1-θ)σ² + θδσ² = ${shown(here.lemma)} σ²,  U(θ) = ${shown(here.sharp)} σ²,  W(θ, ηL) = ${shown(floor(theta))} σ²,  W(θ°, ηL) = ${shown(best)} σ²`,
  };
};

const PLANS = { sgd: "SGD without A4", "sgd-pl": "SGD with A4", "lsr-pl": "never dropped", tsla: "TSLA" };

const RIVALS = { "sgd-pl": "plain SGD that uses A4", "lsr-pl": "smoothing that is never dropped" };

figures.rivals = () => {
  const delta = value("delta"), eps = value("eps"), kappa = value("kappa");
  const at = (one) => ({ L: kappa, mu: 1, sigma2: 1, F0: 1, delta: one, eps });
  const samples = (name, one) => answered(() => tsla.steps(name, at(one)).total);
  const grid = between(-4, 0, 40).map((power) => 10 ** power), here = Object.fromEntries(Object.keys(PLANS).map((name) => [name, samples(name, delta)]));
  const lines = Object.entries(PLANS).map(([name, label]) => ({ name: label, look: name, points: grid.map((one) => [one, samples(name, one)]) }));
  const all = lines.flatMap(({ points }) => points.map(([, y]) => y)).filter((y) => y);
  const rival = Object.keys(RIVALS).filter((name) => here[name] !== null).sort((a, b) => here[a] - here[b])[0];
  return {
    spec: {
      title: "Samples that each plan asks for, against the quality of the smoothing label",
      x: { label: "δ, the second moment of ĝ over σ²", short: "δ", kind: "log", domain: [1e-4, 1] },
      y: { label: "samples, lower is better", kind: "log", domain: [Math.max(Math.min(...all) / 2, 1), Math.max(...all) * 2] },
      lines,
      rules: [{ x: delta }],
      dots: Object.keys(PLANS).map((name) => ({ x: delta, y: here[name], look: name })),
    },
    says: `At δ = ${shown(delta)}, ε = ${shown(eps)} and κ = ${shown(kappa)} TSLA's plan takes ${shown(here.tsla)} samples, and ${RIVALS[rival]} takes ${shown(here[rival])}. ` +
      (here["lsr-pl"] === null ? "Smoothing that is never dropped does not get there. For that δ is too large." : ""),
    formula: answered(() => tsla.compare(at(delta)).why) ?? "",
  };
};

figures.drop = () => {
  const rows = numbers.drops.filter((row) => row.setting === state.dropped && row.outcome === state.outcome);
  const thetas = [...new Set(rows.map((row) => row.theta))], chosen = drops()[state.drop], scale = state.outcome === "accuracy" ? 100 : 1;
  const unit = state.outcome === "accuracy" ? "points of accuracy, higher is better" : "log of the loss, lower is better";
  const sets = thetas.map((theta, i) => ({ theta, look: `shade${1 - i}`, rows: rows.filter((row) => row.theta === theta).sort((a, b) => a.drop - b.drop) }));
  const reach = Math.max(...rows.flatMap((row) => [Math.abs(row.low), Math.abs(row.high)])) * scale * 1.05;
  const at = (set, drop) => set.rows.find((row) => row.drop === drop);
  const said = (row) => `${shown(row.mean * scale)} [${shown(row.low * scale)}, ${shown(row.high * scale)}]`;
  return {
    spec: {
      title: "Outcome of dropping smoothing, less plain training, against the epoch of the drop",
      x: { label: "epoch s of the drop", domain: [0, LAST + 1], at: [0, 5, 10, 15, LAST], names: { [LAST]: "never" } },
      y: { label: unit, domain: [-reach, reach] },
      lines: sets.map((set) => ({ name: `θ = ${set.theta}`, look: set.look, points: set.rows.filter((row) => row.drop < LAST).map((row) => [row.drop, row.mean * scale]) })),
      bands: sets.map((set) => ({ look: set.look, points: set.rows.filter((row) => row.drop < LAST).map((row) => [row.drop, row.low * scale, row.high * scale]) })),
      rules: [{ y: 0 }, { x: chosen }],
      dots: sets.map((set) => at(set, LAST)).filter(Boolean).map((row, i) => ({ x: LAST, y: row.mean * scale, low: row.low * scale, high: row.high * scale, look: sets[i].look })),
    },
    says: sets.map((set) => `θ = ${set.theta}: dropped before epoch ${chosen} ${said(at(set, chosen))}, never dropped ${said(at(set, LAST))}`).join(". ") + ".",
  };
};
