// QR codes (ISO/IEC 18004, model 2), as far as a ticket needs them: one segment, level L, the smallest version that fits.
// Knows nothing of what it encodes.

const SVG = 'http://www.w3.org/2000/svg';
/** The characters of the alphanumeric mode, in the order of their values. */
const ALPHANUMERIC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
/** For level L, by version from 1: check codewords in each block, and blocks. */
const CHECKS = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26];
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12];
/** White modules around it. */
const QUIET = 4;

/** The code as a picture with a text alternative, or null if the text is too long. Small letters become capitals. */
export function qrCode(text, label) {
  const modules = encode(text.toUpperCase());
  if (!modules) return null;
  const size = modules.length + 2 * QUIET;
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  svg.setAttribute('shape-rendering', 'crispEdges');
  const path = document.createElementNS(SVG, 'path');
  const dark = modules.flatMap((row, y) => row.map((on, x) => (on ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : '')));
  path.setAttribute('d', dark.join(''));
  svg.append(path);
  return svg;
}

/** Rows of booleans, true for dark; null if the text is too long or has other characters. */
export function encode(text) {
  const values = Array.from(text, (c) => ALPHANUMERIC.indexOf(c));
  if (values.includes(-1)) return null;
  const bitsFor = (version) => 4 + (version < 10 ? 9 : 11) + Math.floor((values.length * 11 + 1) / 2);
  let version = 1;
  while (version <= CHECKS.length && bitsFor(version) > 8 * dataWords(version)) version++;
  if (version > CHECKS.length) return null;
  const words = interleave(dataOf(values, version), version);
  const grid = new Grid(version);
  grid.write(words);
  return grid.masked();
}

/** Codewords of a version that carry data. */
function dataWords(version) {
  return Math.floor(rawModules(version) / 8) - CHECKS[version - 1] * BLOCKS[version - 1];
}

/** Modules that are neither patterns nor format or version information. */
function rawModules(version) {
  const size = 17 + 4 * version;
  const marks = Math.floor(version / 7) + 2;
  const alignment = version < 2 ? 0 : 25 * (marks * marks - 3) - 10 * (marks - 2);
  return size * size - 3 * 64 - 2 * (size - 16) - 31 - alignment - (version < 7 ? 0 : 36);
}

/** Mode, length, characters in pairs, end, padding. */
function dataOf(values, version) {
  const bits = [];
  const put = (value, length) => {
    for (let i = length - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  put(0b0010, 4);
  put(values.length, version < 10 ? 9 : 11);
  for (let i = 0; i + 1 < values.length; i += 2) put(values[i] * 45 + values[i + 1], 11);
  if (values.length % 2 === 1) put(values.at(-1), 6);
  const capacity = 8 * dataWords(version);
  put(0, Math.min(4, capacity - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < capacity; pad ^= 0xec ^ 0x11) put(pad, 8);
  return Array.from({ length: bits.length / 8 }, (_, i) => bits.slice(8 * i, 8 * i + 8).reduce((byte, bit) => (byte << 1) | bit));
}

/** Splits into blocks, adds their check words, and takes turns among them. The later blocks have one word more. */
function interleave(data, version) {
  const [checks, blocks] = [CHECKS[version - 1], BLOCKS[version - 1]];
  const short = Math.floor(data.length / blocks);
  const shorts = blocks - (data.length % blocks);
  const divisor = generator(checks);
  let at = 0;
  const parts = Array.from({ length: blocks }, (_, i) => {
    const part = data.slice(at, (at += short + (i < shorts ? 0 : 1)));
    return { part, check: remainder(part, divisor) };
  });
  const turns = (length, pick) =>
    Array.from({ length }, (_, i) => parts.map((block) => pick(block)[i])).flat().filter((word) => word !== undefined);
  return [...turns(short + 1, ({ part }) => part), ...turns(checks, ({ check }) => check)];
}

/** Multiplies in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1. */
function multiply(a, b) {
  let product = 0;
  for (let i = 7; i >= 0; i--) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    product ^= ((b >> i) & 1) * a;
  }
  return product;
}

/** The coefficients of (x - 1)(x - 2)(x - 4)…, without the leading 1. */
function generator(degree) {
  let polynomial = [1];
  for (let i = 0, root = 1; i < degree; i++, root = multiply(root, 2)) {
    const shifted = [...polynomial, 0];
    polynomial = shifted.map((c, j) => c ^ (j > 0 ? multiply(polynomial[j - 1], root) : 0));
  }
  return polynomial.slice(1);
}

function remainder(data, divisor) {
  const rest = new Array(divisor.length).fill(0);
  for (const word of data) {
    const factor = word ^ rest.shift();
    rest.push(0);
    divisor.forEach((c, i) => (rest[i] ^= multiply(c, factor)));
  }
  return rest;
}

const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

class Grid {
  constructor(version) {
    this.version = version;
    this.size = 17 + 4 * version;
    this.dark = Array.from({ length: this.size }, () => new Array(this.size).fill(false));
    this.fixed = Array.from({ length: this.size }, () => new Array(this.size).fill(false));
    this.#patterns();
  }

  #set(x, y, on) {
    this.dark[y][x] = on;
    this.fixed[y][x] = true;
  }

  #patterns() {
    const { size, version } = this;
    for (let i = 0; i < size; i++) {
      this.#set(6, i, i % 2 === 0);
      this.#set(i, 6, i % 2 === 0);
    }
    for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) this.#rings(x, y, 4);
    const places = alignment(version);
    const last = places.length - 1;
    places.forEach((x, i) =>
      places.forEach((y, j) => {
        const corner = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
        if (!corner) this.#rings(x, y, 2);
      }),
    );
    this.#format(0);
    if (version >= 7) this.#versionBits();
  }

  /** A finder (radius 4, its white border included) or alignment (radius 2) pattern. */
  #rings(centreX, centreY, radius) {
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) {
        const [x, y] = [centreX + dx, centreY + dy];
        const ring = Math.max(Math.abs(dx), Math.abs(dy));
        const inside = x >= 0 && y >= 0 && x < this.size && y < this.size;
        if (inside) this.#set(x, y, radius === 4 ? ring !== 2 && ring !== 4 : ring !== 1);
      }
    }
  }

  /** Level L and the mask, twice, with their BCH check bits. */
  #format(mask) {
    const { size } = this;
    const data = (0b01 << 3) | mask;
    const bits = ((data << 10) | checkBits(data, 10, 0x537)) ^ 0x5412;
    const bit = (i) => ((bits >> i) & 1) === 1;
    for (let i = 0; i < 6; i++) this.#set(8, i, bit(i));
    this.#set(8, 7, bit(6));
    this.#set(8, 8, bit(7));
    this.#set(7, 8, bit(8));
    for (let i = 9; i < 15; i++) this.#set(14 - i, 8, bit(i));
    for (let i = 0; i < 8; i++) this.#set(size - 1 - i, 8, bit(i));
    for (let i = 8; i < 15; i++) this.#set(8, size - 15 + i, bit(i));
    this.#set(8, size - 8, true);
  }

  #versionBits() {
    const bits = (this.version << 12) | checkBits(this.version, 12, 0x1f25);
    for (let i = 0; i < 18; i++) {
      const on = ((bits >> i) & 1) === 1;
      const [a, b] = [this.size - 11 + (i % 3), Math.floor(i / 3)];
      this.#set(a, b, on);
      this.#set(b, a, on);
    }
  }

  /** Fills in the words, in columns of two from the right, up and down in turns. */
  write(words) {
    let bit = 0;
    let upward = true;
    for (let right = this.size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;
      for (let step = 0; step < this.size; step++) {
        const y = upward ? this.size - 1 - step : step;
        for (const x of [right, right - 1]) {
          if (this.fixed[y][x]) continue;
          this.dark[y][x] = (((words[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
          bit++;
        }
      }
      upward = !upward;
    }
  }

  /** The rows under the mask that makes them easiest to read. */
  masked() {
    let best = null;
    MASKS.forEach((covers, mask) => {
      this.#format(mask);
      const rows = this.dark.map((row, y) => row.map((on, x) => (this.fixed[y][x] ? on : on !== covers(x, y))));
      const penalty = penaltyOf(rows);
      if (!best || penalty < best.penalty) best = { rows, penalty };
    });
    return best.rows;
  }
}

/** The rest of `data` divided by a polynomial of this degree over GF(2). */
function checkBits(data, degree, polynomial) {
  let rest = data;
  for (let i = 0; i < degree; i++) rest = (rest << 1) ^ ((rest >> (degree - 1)) * polynomial);
  return rest;
}

/** Where the centres of the alignment patterns are, along both sides. */
function alignment(version) {
  if (version === 1) return [];
  const marks = Math.floor(version / 7) + 2;
  const last = 10 + 4 * version;
  const step = 2 * Math.ceil((last - 6) / (marks - 1) / 2);
  return [6, ...Array.from({ length: marks - 1 }, (_, i) => last - step * (marks - 2 - i))];
}

/** Runs, squares, patterns that look like finders, and too much of one colour. */
function penaltyOf(rows) {
  const columns = rows.map((_, x) => rows.map((row) => row[x]));
  let penalty = 0;
  for (const line of [...rows, ...columns]) {
    const text = line.map((on) => (on ? '1' : '0')).join('');
    for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) penalty += run.length - 2;
    for (const finder of ['10111010000', '00001011101']) {
      for (let at = text.indexOf(finder); at >= 0; at = text.indexOf(finder, at + 1)) penalty += 40;
    }
  }
  for (let y = 1; y < rows.length; y++) {
    for (let x = 1; x < rows.length; x++) {
      const on = rows[y][x];
      if (on === rows[y - 1][x] && on === rows[y][x - 1] && on === rows[y - 1][x - 1]) penalty += 3;
    }
  }
  const share = rows.flat().filter(Boolean).length / rows.length ** 2;
  return penalty + 10 * Math.floor(Math.abs(share * 100 - 50) / 5);
}
