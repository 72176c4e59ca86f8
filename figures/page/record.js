// A record of `tsla train --out`: Parquet without compression, whose columns are numbers or words. Nothing in it is believed before its checksums
// are compared: the CRC-32 of each page, and the SHA-256 of the table and of what the record says about itself.

const RECORD = "must be a record of `tsla train --out`";
const CELLS = 1e6; // rows times columns; a run has some thousands
const damaged = (what) => new Error(`is damaged: ${what}; copy it again, or make it again`);
const utf8 = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
const ascii = (text) => JSON.stringify(text).replace(/[\u0080-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`); // as Python does

const REMAINDERS = Int32Array.from({ length: 256 }, (_, byte) => { for (let i = 0; i < 8; i++) byte = (byte & 1 && 0xedb88320) ^ (byte >>> 1); return byte; });
const crc32 = (bytes) => ~bytes.reduce((sum, byte) => REMAINDERS[(sum ^ byte) & 255] ^ (sum >>> 8), -1);

async function sha256(parts) {
  const found = await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer());
  return Array.from(new Uint8Array(found), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Reads on from a place. What is asked for beyond the end is a RangeError.
function cursor(bytes, at = 0) {
  const taken = (count) => {
    if (!(count >= 0 && count <= bytes.length - at)) throw new RangeError("beyond the end");
    return bytes.slice(at, (at += count));
  };
  const view = (count) => new DataView(taken(count).buffer), byte = () => taken(1)[0];
  const varint = (scale = 1) => { const next = byte(); return (next & 127) * scale + (next > 127 ? varint(scale * 128) : 0); };
  return { taken, view, byte, varint, word: () => view(4).getUint32(0, true), rest: () => taken(bytes.length - at) };
}

// Thrift's compact protocol: a struct becomes its fields by their numbers.
function struct(from) {
  const signed = () => { const number = from.varint(); return number % 2 ? -(number + 1) / 2 : number / 2; };
  const list = () => {
    const head = from.byte(), count = head >> 4 === 15 ? from.varint() : head >> 4, found = [];
    while (found.length < count) found.push((head & 15) > 2 ? read(head & 15) : from.byte());
    return found;
  };
  const kinds = { 1: () => true, 2: () => false, 3: from.byte, 4: signed, 5: signed, 6: signed, 7: () => from.taken(8), 8: () => from.taken(from.varint()), 9: list, 12: () => struct(from) };
  const read = (kind) => kinds[kind](), fields = {};
  for (let head, at = 0; (head = from.byte()); fields[at] = read(head & 15)) at = head >> 4 ? at + (head >> 4) : signed();
  return fields;
}

// So many numbers of so many bits, in runs of one number or packed in groups of eight.
function unpacked(from, bits, count) {
  const found = [];
  while (found.length < count) {
    const head = from.varint(), packed = head % 2, bytes = from.taken(packed ? ((head - 1) / 2) * bits : Math.ceil(bits / 8));
    const many = Math.min(packed ? 4 * (head - 1) : head / 2, count - found.length);
    for (let i = 0; i < many; i++) {
      let number = 0;
      for (let bit = 0, at = packed * i * bits; bit < bits; bit++, at++) number += ((bytes[at >> 3] >> (at & 7)) & 1) * 2 ** bit;
      found.push(number);
    }
  }
  return found;
}

// By Parquet's numbers of types: what pyarrow calls them, how a cell is read, and what is digested of a column.
const TYPES = {
  1: { said: "null", read: (from) => from.word(), digested: (column) => ["[null]", new Int32Array(column.length)] }, // a column without a number
  2: { said: "int64", read: (from) => from.view(8).getBigInt64(0, true), digested: (column) => [BigInt64Array.from(column, (cell) => cell ?? 0n)] },
  5: { said: "double", read: (from) => from.view(8).getFloat64(0, true), digested: (column) => [Float64Array.from(column, (cell) => cell ?? 0)] },
  6: { said: "large_string", read: (from) => utf8(from.taken(from.word())), digested: (column) => {
    const words = [...new Set(column.filter((cell) => cell !== null))];
    return [`[${words.map(ascii).join(", ")}]`, Int32Array.from(column, (cell) => Math.max(words.indexOf(cell), 0))];
  } },
};

// The cells of a column, null where there is none: pages of a dictionary, or of which cells are there and what they are.
function cells(from, { read }, rows) {
  const found = [];
  let known = [];
  while (found.length < rows) {
    const { 1: kind, 3: size, 4: sum, 5: data, 7: dictionary } = struct(from), content = from.taken(size), page = cursor(content);
    const plain = (count) => { const all = []; while (all.length < count) all.push(read(page)); return all; };
    if (sum !== crc32(content)) throw damaged("a page has another checksum");
    if (kind === 2) known = plain(dictionary[1]);
    else {
      const there = unpacked(cursor(page.taken(page.word())), 1, Math.min(data[1], rows - found.length)), many = there.filter(Boolean).length;
      const values = data[2] ? unpacked(page, page.byte(), many).map((i) => known[i]) : plain(many);
      for (const one of there) found.push(one ? values.shift() : null);
      if (!there.length || found.includes(undefined)) throw new RangeError("no such cell");
    }
  }
  return found;
}

// What a record says about itself, once its digest is that of the rest.
async function about(said) {
  const [, own, table] = said.match(/, "sha256": "(\w{64})", "table": "(\w{64})"\}$/) ?? [];
  if (!own) throw new Error(`was written by an older version; ${RECORD} of this one`);
  if (own !== await sha256([said.replace(`, "sha256": "${own}"`, "")])) throw damaged("what it says about itself was changed");
  return { ...JSON.parse(said), table };
}

async function read(bytes) {
  if (bytes.length < 12 || utf8(bytes.slice(0, 4)) !== "PAR1") throw new Error(`is no Parquet; ${RECORD}`);
  const end = cursor(bytes, bytes.length - 8), size = end.word();
  if (utf8(end.rest()) !== "PAR1") throw damaged("its end is missing");
  const { 2: [, ...schema], 3: rows, 4: [{ 1: chunks }], 5: pairs = [] } = struct(cursor(bytes, bytes.length - 8 - size));
  const { tsla, pandas } = Object.fromEntries(pairs.map(({ 1: key, 2: said }) => [utf8(key), said]));
  if (!tsla) throw new Error(`carries no configuration; ${RECORD}`);
  const { command, config, table } = await about(utf8(tsla));
  if (!command.startsWith("tsla train ")) throw new Error(`is a record of \`${command}\`; ${RECORD}`);
  if (chunks.some(({ 3: { 4: codec } }) => codec)) throw new Error(`is compressed, which browsers don't read; \`${command} --out NEW.parquet\` makes it anew without`);
  if (!(rows * schema.length <= CELLS)) throw new Error(`has more than ${shown(CELLS)} cells; ${RECORD}`);
  const columns = schema.map(({ 1: type, 4: name }, i) => {
    const { 9: data, 11: dictionary } = chunks[i][3];
    return { name: utf8(name), type: TYPES[type], column: cells(cursor(bytes, dictionary ?? data), TYPES[type], rows) };
  });
  const parts = columns.flatMap(({ name, type, column }) => [`[${ascii(name)}, "${type.said}", ${rows}]`, Uint8Array.from(column, (cell) => cell === null), ...type.digested(column)]);
  if (table !== await sha256([pandas, ...parts])) throw damaged("its table was changed");
  const plain = (cell) => (typeof cell === "bigint" ? Number(cell) : cell);
  return { config, rows: Array.from({ length: rows }, (_, i) => Object.fromEntries(columns.map(({ name, column }) => [name, plain(column[i])]))) };
}

// The configuration and the rows of a run. Throws an Error of one line for anything else: whatever broken bytes lead to is damage.
async function recorded(bytes) {
  if (!globalThis.crypto?.subtle) throw new Error("can't be checked on a page that came by http; open the page as a file");
  try { return await read(bytes); } catch (error) { throw error.constructor === Error ? error : damaged("it is not as it was written"); }
}
