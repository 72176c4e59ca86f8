// What the translated functions stand on: the part of Python ($) and of NumPy ($np) that they use. The translator takes from this file
// which names there are: those that stand two blanks in, in the objects $, $np, $methods and $attributes.
//
// A number, and an array without dimensions, is a number; a boolean array without dimensions is a boolean. Tuples and lists are arrays of
// JavaScript, dictionaries are plain objects, None is null.

class ValueError extends Error {}
class KeyError extends Error {}
class FloatingPointError extends Error {}
for (const kind of [ValueError, KeyError, FloatingPointError]) Object.defineProperty(kind.prototype, "name", { value: kind.name });

// --- arrays with dimensions, in row-major order

class NDArray {
  constructor(shape, data) {
    this.shape = shape;
    this.data = data;
  }
}

const shapeOf = (x) => (x instanceof NDArray ? x.shape : []);
const elements = (x) => (x instanceof NDArray ? x.data : [x]);
const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

function commonShape(shapes) {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const largest = sizes.find((size) => size !== 1) ?? 1;
    if (sizes.some((size) => size !== 1 && size !== largest)) throw new ValueError(`shapes ${shapes.join(" and ")} do not go together`);
    return largest;
  });
}

function broadcast(x, shape) {
  const own = shapeOf(x);
  const data = elements(x);
  if (data.length === 1) return new Array(sizeOf(shape)).fill(data[0]);
  if (own.join() === shape.join()) return data;
  const places = shape.map((size, axis) => ({ size, own: own[axis - shape.length + own.length] ?? 1 }));
  let indices = [0];
  for (const { size, own: width } of places) {
    indices = indices.flatMap((index) => Array.from({ length: size }, (_, i) => index * width + (width === 1 ? 0 : i)));
  }
  return indices.map((index) => data[index]);
}

function spread(f, ...given) {
  const shape = commonShape(given.map(shapeOf));
  const [a, b, c] = given.map((x) => (elements(x).length === 1 ? elements(x) : broadcast(x, shape)));
  const at = (data, i) => data[data.length === 1 ? 0 : i];
  const each = { 1: (i) => f(at(a, i)), 2: (i) => f(at(a, i), at(b, i)), 3: (i) => f(at(a, i), at(b, i), at(c, i)) }[given.length];
  return new NDArray(shape, Array.from({ length: sizeOf(shape) }, (_, i) => each(i)));
}

const unary = (f) => (a) => (a instanceof NDArray ? spread(f, a) : f(a));
const binary = (f) => (a, b) => (a instanceof NDArray || b instanceof NDArray ? spread(f, a, b) : f(a, b));
const ternary = (f) => (a, b, c) => ([a, b, c].some((x) => x instanceof NDArray) ? spread(f, a, b, c) : f(a, b, c));

function along(x, axis, f) {
  if (axis !== 0) throw new ValueError(`axis = ${axis}: only the first one is known here`);
  const [first, ...rest] = x.shape;
  const size = sizeOf(rest);
  return new NDArray(
    rest,
    Array.from({ length: size }, (_, i) => f(Array.from({ length: first }, (_, row) => x.data[row * size + i]))),
  );
}

const reduced = (f) => (x, options) => {
  const axis = options?.values.axis ?? null;
  return axis === null ? f(elements(x)) : along(x, axis, f);
};

function rangeOf(index, size) {
  const place = (end, otherwise) => (end === null ? otherwise : Math.min(Math.max(end < 0 ? end + size : end, 0), size));
  const [start, stop] = [place(index.start, 0), place(index.stop, size)];
  return Array.from({ length: Math.max(stop - start, 0) }, (_, i) => start + i);
}

function part(x, index) {
  if (index instanceof NDArray || typeof index === "boolean") {
    if (typeof elements(index)[0] === "number") return taken(x, index.data);
    const chosen = broadcast(index, shapeOf(x));
    const kept = elements(x).filter((_, i) => chosen[i]);
    return new NDArray([kept.length], kept);
  }
  if (Array.isArray(index)) {
    if (index.length === 0) return x;
    const [first, second] = index.map((slice, axis) => rangeOf(slice, x.shape[axis]));
    const width = sizeOf(x.shape.slice(1));
    const inner = width / x.shape[1];
    const data = first.flatMap((i) => second.flatMap((j) => x.data.slice(i * width + j * inner, i * width + (j + 1) * inner)));
    return new NDArray([first.length, second.length, ...x.shape.slice(2)], data);
  }
  if (index instanceof Slice) return taken(x, rangeOf(index, x.shape[0]));
  const [row] = [taken(x, [index < 0 ? index + x.shape[0] : index])];
  return row.shape.length === 1 ? row.data[0] : new NDArray(row.shape.slice(1), row.data);
}

function taken(x, rows) {
  const size = sizeOf(x.shape.slice(1));
  return new NDArray(
    [rows.length, ...x.shape.slice(1)],
    rows.flatMap((row) => x.data.slice(row * size, (row + 1) * size)),
  );
}

// --- float64: what overflows is an error where np.errstate says so

let overflows = "warn";

function held(value, a, b = 0) {
  if (!isFinite(value) && overflows === "raise" && !Number.isNaN(value) && isFinite(a) && isFinite(b)) throw new FloatingPointError("overflow");
  return value;
}

const bits = new DataView(new ArrayBuffer(8));
const POWERS = Array.from({ length: 2046 }, (_, i) => {
  bits.setUint32(0, (i + 1) << 20);
  return bits.getFloat64(0);
});
const powerOfTwo = (exponent) => POWERS[exponent + 1022];

function frexp(x) {
  if (x === 0 || !isFinite(x)) return [x, 0];
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  const exponent = (high >>> 20) & 0x7ff;
  if (exponent === 0) {
    const [mantissa, larger] = frexp(x * powerOfTwo(60));
    return [mantissa, larger - 60];
  }
  bits.setUint32(0, (high & 0x800fffff) | (1022 << 20));
  return [bits.getFloat64(0), exponent - 1022];
}

// Rounded once, at the end, also where the result is too small for all of its digits.
function ldexp(x, exponent) {
  if (x === 0 || !isFinite(x)) return x;
  if (Math.abs(exponent) < 900 && Math.abs(x) < 1e30 && Math.abs(x) > 1e-30) return x * powerOfTwo(exponent);
  const [mantissa, own] = frexp(x);
  const total = own + exponent;
  if (total > 1024) return held(mantissa * Infinity, x);
  if (total < -1080) return mantissa * 0;
  const half = total >> 1;
  return mantissa * powerOfTwo(half) * powerOfTwo(total - half);
}

// --- numbers as text

// The digits and the exponent of x > 0 rounded to `places` behind the first. Of two that are as near JavaScript takes the larger, Python the even one.
function rounded(x, places) {
  const split = (text) => {
    const [digits, exponent] = text.replace(".", "").split("e");
    return [digits, Number(exponent)];
  };
  const found = split(x.toExponential(places));
  if (!x.toExponential(places + 1).includes("5e")) return found;
  const [exact, exponent] = split(x.toExponential(100));
  const tie = /^50*$/.test(exact.slice(places + 1));
  return tie && Number(exact[places]) % 2 === 0 ? [exact.slice(0, places + 1), exponent] : found;
}

const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");

function fixed(digits, exponent, comma) {
  const whole = exponent < 0 ? "0" : digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const rest = exponent < 0 ? "0".repeat(-exponent - 1) + digits : digits.slice(exponent + 1);
  return (comma ? grouped(whole) : whole) + (rest ? `.${rest}` : "");
}

const withoutZeros = (text) => (text.includes(".") ? text.replace(/\.?0*$/, "") : text);

function scientific(digits, exponent) {
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${withoutZeros(`${digits[0]}.${digits.slice(1)}`)}e${exponent < 0 ? "-" : "+"}${size}`;
}

function general(x, precision, comma) {
  if (x === 0) return "0";
  const wanted = Math.max(precision, 1);
  const [digits, exponent] = rounded(x, wanted - 1);
  if (exponent < -4 || exponent >= wanted) return scientific(digits, exponent);
  return withoutZeros(fixed(digits, exponent, comma));
}

function withPlaces(x, places, comma) {
  const zero = fixed("0".repeat(places + 1), 0, comma);
  if (x === 0) return zero;
  const [exact, power] = x.toExponential(100).replace(".", "").split("e");
  const last = Number(power) + places; // the digit at the last place, counted from the first
  if (last > 99) return fixed(String(BigInt(x)) + "0".repeat(places), Number(power), comma);
  if (last < 0) return last === -1 && exact > "5".padEnd(101, "0") ? fixed(`${"0".repeat(places)}1`, 0, comma) : zero;
  const [digits, exponent] = rounded(x, last);
  return fixed(digits.padEnd(exponent + places + 1, "0"), exponent, comma);
}

function format(value, spec) {
  if (spec === "") return textOf(value);
  const [, comma, precision, kind] = /^(,?)(?:\.(\d+))?([gf])$/.exec(spec) ?? [];
  if (kind === undefined) throw new ValueError(`the format ${spec} is not known here`);
  const x = Number(value);
  if (Number.isNaN(x)) return "nan";
  const sign = x < 0 || Object.is(x, -0) ? "-" : "";
  if (!isFinite(x)) return `${sign}inf`;
  return sign + (kind === "g" ? general : withPlaces)(Math.abs(x), precision === undefined ? 6 : Number(precision), comma === ",");
}

function textOf(value) {
  return typeof value === "string" ? value : represented(value);
}

function represented(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return value.includes("'") && !value.includes('"') ? `"${value}"` : `'${value.replaceAll("'", "\\'")}'`;
  if (Array.isArray(value)) return `[${value.map(represented).join(", ")}]`;
  if (Number.isNaN(value)) return "nan";
  if (!isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (value === 0) return "0";
  const [digits, exponent] = Math.abs(value).toExponential().replace(".", "").split("e");
  const sign = value < 0 ? "-" : "";
  return sign + (exponent < -4 || exponent >= 16 ? scientific(digits, Number(exponent)) : fixed(digits, Number(exponent), false));
}

// --- calls, with arguments by position and by name, and classes

class Named {
  constructor(values) {
    this.values = values;
  }
}

class Slice {
  constructor(start, stop) {
    this.start = start;
    this.stop = stop;
  }
}

const NOTHING = Object.freeze(Object.create(null));
const optionsOf = (given) => (given.at(-1) instanceof Named ? given.pop().values : NOTHING);

// Of "name(a, *, b)", "name(*a, b, **c)" and so on, as Python writes it.
function signature(text) {
  const [, name, inside] = /^(\w+)\((.*)\)$/.exec(text);
  const parts = inside.split(", ").filter(Boolean);
  const extra = parts.length > 0 && parts.at(-1).startsWith("**");
  if (extra) parts.pop();
  const star = parts.findIndex((part) => part.startsWith("*"));
  const positional = star < 0 ? parts : parts.slice(0, star);
  return { name, positional, named: star < 0 ? [] : parts.slice(star + 1), rest: star >= 0 && parts[star] !== "*", extra };
}

function def(text, defaults, body) {
  const { name, positional, named, rest, extra } = signature(text);
  const plain = named.length === 0 && !rest && !extra;
  const known = new Set([...positional, ...named]);
  const value = (byName, parameter) => {
    const found = parameter in byName ? byName[parameter] : defaults[parameter];
    if (found === undefined) throw new TypeError(`${name}() needs ${parameter}`);
    return found;
  };
  const called = (...given) => {
    const byName = optionsOf(given);
    if (byName === NOTHING && plain && given.length === positional.length) return body(...given);
    const over = given.splice(positional.length);
    if (over.length > 0 && !rest) throw new TypeError(`${name}() takes ${positional.length} arguments`);
    for (let i = given.length; i < positional.length; i++) given.push(value(byName, positional[i]));
    if (rest) given.push(over);
    for (const parameter of named) given.push(value(byName, parameter));
    const others = Object.keys(byName).filter((key) => !known.has(key));
    if (others.length > 0 && !extra) throw new TypeError(`${name}() does not know ${others[0]}`);
    if (extra) given.push(Object.fromEntries(others.map((key) => [key, byName[key]])));
    return body(...given);
  };
  called.__name__ = name;
  return called;
}

function dataclass(text, defaults, { methods = {}, properties = {}, made = {}, init = null, after = null }) {
  const { positional, named } = signature(text);
  const fields = [...positional, ...named];
  const prototype = {};
  const filled = (...values) => {
    const self = Object.create(prototype);
    fields.forEach((field, i) => (self[field] = values[i]));
    if (after !== null) after(self);
    return self;
  };
  const begun = (...given) => {
    const self = Object.create(prototype);
    init(self, ...given);
    return self;
  };
  const make = init === null ? def(text, defaults, filled) : begun;
  make.prototype = prototype;
  make.fields = fields;
  Object.defineProperty(prototype, "constructor", { value: make });
  for (const [method, f] of Object.entries(methods)) {
    prototype[method] = function (...given) {
      return f(this, ...given);
    };
  }
  for (const [property, f] of Object.entries(properties)) {
    Object.defineProperty(prototype, property, {
      get() {
        return f(this);
      },
    });
  }
  for (const [method, f] of Object.entries(made)) make[method] = (...given) => f(make, ...given);
  return make;
}

// --- Python

const isDictionary = (x) => x !== null && typeof x === "object" && Object.getPrototypeOf(x) === Object.prototype;

function listed(x) {
  if (Array.isArray(x)) return x;
  if (typeof x === "string") return [...x];
  if (x instanceof NDArray) return Array.from({ length: x.shape[0] }, (_, i) => part(x, i));
  if (isDictionary(x)) return Object.keys(x);
  throw new TypeError(`${represented(x)} has no elements`);
}

function equal(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => equal(x, b[i]));
  if (a instanceof NDArray || b instanceof NDArray) return spread(equal, a, b);
  return typeof a === "string" || typeof b === "string" || a === null || b === null || typeof a === "function" ? a === b : Number(a) === Number(b);
}

function before(a, b) {
  if (!Array.isArray(a)) return a < b;
  const i = a.findIndex((x, i) => !equal(x, b[i]));
  return i < 0 ? a.length < b.length : i >= b.length ? false : before(a[i], b[i]);
}

const compared = binary(before);
const different = unary((same) => !same);
const sum = binary((a, b) => held(a + b, a, b));
const truths = (f) => (...values) => {
  if (values.some((x) => typeof x !== "boolean")) throw new TypeError("bits of numbers are not known here");
  return f(...values);
};
const union = binary(truths((a, b) => a || b));

function extreme(given, better) {
  const { key = (x) => x, default: otherwise } = optionsOf(given);
  const values = given.length === 1 ? listed(given[0]) : given;
  if (values.length === 0) return otherwise;
  return values.reduce((best, value) => (better(key(value), key(best)) ? value : best));
}

const KINDS = {
  dict: isDictionary,
  list: Array.isArray,
  tuple: Array.isArray,
  bool: (x) => typeof x === "boolean",
  int: (x) => typeof x === "boolean" || Number.isInteger(x),
  float: (x) => typeof x === "number",
  str: (x) => typeof x === "string",
  floating: (x) => typeof x === "number",
  integer: (x) => Number.isInteger(x),
  MaskedArray: () => false,
  ndarray: (x) => x instanceof NDArray,
};

const $ = {
  add: (a, b) => {
    if (typeof a === "string") return a + b;
    return Array.isArray(a) ? [...a, ...b] : sum(a, b);
  },
  sub: binary((a, b) => held(a - b, a, b)),
  mul: binary((a, b) => held(a * b, a, b)),
  div: binary((a, b) => held(a / b, a, b === 0 ? NaN : b)),
  pow: binary((a, b) => held(b === 2 ? a * a : b === 0.5 ? Math.sqrt(a) : a ** b, a, b)),
  neg: unary((a) => -a),
  invert: unary(truths((a) => !a)),
  or: (a, b) => (isDictionary(a) ? { ...a, ...b } : union(a, b)),
  and: binary(truths((a, b) => a && b)),
  eq: equal,
  ne: (a, b) => different(equal(a, b)),
  lt: compared,
  gt: (a, b) => compared(b, a),
  le: binary((a, b) => a <= b),
  ge: binary((a, b) => a >= b),
  contains: (container, x) => (typeof container === "string" ? container.includes(x) : listed(container).some((y) => equal(x, y))),
  truth: (x) => (x instanceof NDArray ? $methods.any(x) : Array.isArray(x) ? x.length > 0 : isDictionary(x) ? Object.keys(x).length > 0 : Boolean(x) || Number.isNaN(x)),
  either: (a, b) => ($.truth(a) ? a : b()),
  both: (a, b) => ($.truth(a) ? b() : a),
  at: (x, index) => {
    if (x instanceof NDArray || typeof x === "number" || typeof x === "boolean") return part(x, index);
    if (index instanceof Slice) return rangeOf(index, x.length).map((i) => x[i]);
    if (Array.isArray(x)) return x.at(index);
    if (!Object.hasOwn(x, index)) throw new KeyError(represented(index));
    return x[index];
  },
  slice: (start, stop) => new Slice(start, stop),
  setAt: (x, index, value) => {
    if (!isDictionary(x)) throw new TypeError("only a dictionary is changed here");
    x[index] = value;
  },
  set: (x, name, value) => (x[name] = value),
  format,
  listed,
  named: (values) => new Named(values),
  call: (f, ...given) => (typeof f === "function" ? f(...given) : f.__call__(...given)),
  dictionary: (pairs) => {
    for (const [key] of pairs) if (typeof key !== "string") throw new TypeError(`the key ${represented(key)} is no text`);
    return Object.fromEntries(pairs);
  },
  def,
  dataclass,
  instance: (type, fields) => Object.assign(Object.create(type.prototype), fields),
  exception: (name, base) => {
    const type = class extends base {};
    Object.defineProperty(type.prototype, "name", { value: name });
    return type;
  },
  isA: (x, kinds) => kinds.some((kind) => KINDS[kind](x)),
  errstate: (options) => {
    const outer = overflows;
    overflows = options.values.over ?? options.values.all ?? overflows;
    return outer;
  },
  restore: (outer) => (overflows = outer),
  open: (f) => {
    const given = (x) => {
      if (x === undefined) return null;
      return isDictionary(x) ? Object.fromEntries(Object.entries(x).map(([key, value]) => [key, given(value)])) : x;
    };
    return (...values) => f(...values.map(given));
  },
  ValueError,
  KeyError,
  FloatingPointError,
  // of tsla.theory.constants, for what nobody gives in a page: arrays, and objects of other libraries
  array_of: (x) => $np.asarray(x),
  numeric: (name, value) => value,
  must_be_single: () => null,
  must_go_together: () => null,
  of_fitting_shapes: (f) => f,
  abs: unary(Math.abs),
  all: (x) => listed(x).every($.truth),
  any: (x) => listed(x).some($.truth),
  bool: (x) => $.truth(x),
  dict: (x) => ({ ...x }),
  dict_fromkeys: (keys, value) => Object.fromEntries(listed(keys).map((key) => [key, value])),
  enumerate: (x, start = 0) => listed(x).map((value, i) => [i + start, value]),
  float: (x) => Number(x instanceof NDArray ? x.data[0] : x),
  getattr: (x, name) => x[name],
  int: (x) => Math.trunc(Number(x)),
  len: (x) => listed(x).length,
  list: (x) => [...listed(x)],
  map: (f, ...columns) => listed(columns[0]).map((_, i) => f(...columns.map((column) => listed(column)[i]))),
  max: (...given) => extreme(given, (a, b) => before(b, a)),
  min: (...given) => extreme(given, before),
  range: (...ends) => Array.from({ length: Math.max(ends.at(-1) - (ends.length > 1 ? ends[0] : 0), 0) }, (_, i) => i + (ends.length > 1 ? ends[0] : 0)),
  repr: represented,
  said: represented,
  sorted: (x, options) => {
    const key = options?.values.key ?? ((y) => y);
    return [...listed(x)].sort((a, b) => (before(key(a), key(b)) ? -1 : before(key(b), key(a)) ? 1 : 0));
  },
  str: textOf,
  sum: (x) => listed(x).reduce((a, b) => $.add(a, b), 0),
  tuple: (x) => [...listed(x)],
  zip: (...columns) => {
    optionsOf(columns);
    return listed(columns[0]).map((_, i) => columns.map((column) => listed(column)[i]));
  },
  wraps: (original) => (f) => {
    f.__name__ = original.__name__;
    return f;
  },
  partial: (f, ...first) => (...given) => f(...first, ...given),
  replace: (x, changes) => x.constructor(new Named({ ...$.asdict(x), ...changes.values })),
  asdict: (x) => Object.fromEntries(x.constructor.fields.map((field) => [field, x[field]])),
};

// --- NumPy

const bothNumbers = (a, b) => (typeof a === typeof b ? [a, b] : [Number(a), Number(b)]);
const full = (shape, value) => $np.broadcast_to(value, shape);
const filledLike = (value) => unary(() => value);

const $np = {
  abs: unary(Math.abs),
  add: $.add,
  argsort: (x) => {
    const order = x.data.map((_, i) => i).sort((i, j) => x.data[i] - x.data[j]);
    return new NDArray([order.length], order);
  },
  array_equal: (a, b) => shapeOf(a).join() === shapeOf(b).join() && elements(a).every((x, i) => x === elements(b)[i]),
  asarray: (x) => (Array.isArray(x) && x.every((y) => typeof y === "number") ? new NDArray([x.length], x) : x),
  broadcast_arrays: (...given) => {
    const shape = commonShape(given.map(shapeOf));
    return given.map((x) => $np.broadcast_to(x, shape));
  },
  broadcast_shapes: (...shapes) => commonShape(shapes),
  broadcast_to: (x, shape) => (shape.length === 0 ? x : new NDArray(shape, broadcast(x, shape))),
  ceil: unary(Math.ceil),
  clip: ternary((x, low, high) => Math.min(Math.max(x, low), high)),
  exp: unary((x) => held(Math.exp(x), x)),
  expm1: unary((x) => held(Math.expm1(x), x)),
  floor: unary(Math.floor),
  frexp: (x) => {
    if (!(x instanceof NDArray)) return frexp(Number(x));
    const parts = x.data.map(frexp);
    return [0, 1].map((i) => new NDArray(x.shape, parts.map((pair) => pair[i])));
  },
  full,
  full_like: (x, value) => filledLike(value)(x),
  // As NumPy makes it: equal steps of the logarithm, and the ends as given.
  geomspace: (left, right, count) => {
    const between = ternary((a, b, i) => {
      if (i === 0 || i === count - 1) return i === 0 ? a : b;
      return 10 ** (i * ((Math.log10(b) - Math.log10(a)) / (count - 1)) + Math.log10(a));
    });
    const steps = new NDArray([count, ...shapeOf(left).map(() => 1)], Array.from({ length: count }, (_, i) => i));
    return between(left, right, steps);
  },
  isfinite: unary((x) => isFinite(x)),
  isinf: unary((x) => x === Infinity || x === -Infinity),
  ldexp: binary(ldexp),
  less_equal: $.le,
  log: unary(Math.log),
  log1p: unary(Math.log1p),
  max: (x, { values: { where, initial } }) => elements(x).reduce((largest, y, i) => (where.data[i] ? Math.max(largest, y) : largest), initial),
  maximum: binary((a, b) => Math.max(a, b)),
  minimum: binary((a, b) => Math.min(a, b)),
  ones: (shape) => full(shape, 1),
  ones_like: filledLike(1),
  sign: unary(Math.sign),
  sqrt: unary(Math.sqrt),
  stack: (rows) => new NDArray([rows.length, ...shapeOf(rows[0])], rows.flatMap(elements)),
  where: ternary((condition, a, b) => bothNumbers(a, b)[condition ? 0 : 1]),
  zeros: (shape) => full(shape, 0),
  zeros_like: filledLike(0),
};

// --- methods and attributes of what is no instance of a class

const $methods = {
  all: reduced((values) => values.every(Boolean)),
  any: reduced((values) => values.some(Boolean)),
  append: (x, value) => void x.push(value),
  astype: unary((x) => Number(x)),
  extend: (x, values) => void x.push(...listed(values)),
  get: (x, key, otherwise = null) => (Object.hasOwn(x, key) ? x[key] : otherwise),
  items: (x) => Object.entries(x),
  join: (glue, parts) => listed(parts).join(glue),
  keys: (x) => Object.keys(x),
  lstrip: (text, characters) => [...text].slice([...text].findIndex((letter) => !characters.includes(letter))).join(""),
  sort: (x, options) => void x.splice(0, x.length, ...$.sorted(x, options)),
  split: (text) => text.split(/\s+/).filter(Boolean),
  startswith: (text, start) => text.startsWith(start),
  sum: reduced((values) => values.reduce((a, b) => $.add(a, b), 0)),
  values: (x) => Object.values(x),
};

const $attributes = {
  dtype: (x) => ({ kind: { number: "f", boolean: "b", string: "U" }[typeof elements(x)[0]] ?? "O" }),
  flat: (x) => elements(x),
  shape: (x) => shapeOf(x),
  size: (x) => elements(x).length,
};
