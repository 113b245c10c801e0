// The patterns as Python packs them: uint32 length, JSON header, then codes. A full code has 16 bits: weight = (code / 65535)³.
// A causal pattern is its lower triangle, row after row; another one is all its rows, and its keys may be other tokens.
// Too many patterns come as small ones, of one byte a cell, and the full ones of a layer come when they are asked for.

const LEVELS = 65535;
const SMALL_STEP = 257; // full codes from one small code to the next

const AVERAGE = "avg"; // in place of all layers, or of all heads: [2, "avg"] is the mean over the heads of layer 2

const weightOf = (code) => (code / LEVELS) ** 3;
const WEIGHTS = Float64Array.from({ length: LEVELS + 1 }, (_, code) => weightOf(code));
const upTo = (count) => Array.from({ length: count }, (_, index) => index);

// A message of Python: its header, and the bytes after it.
function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return [JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))), bytes.slice(4 + length)]; // evenly aligned
}

class Patterns {
  constructor(header, codes) {
    this.header = header;
    this.queries = header.tokens;
    this.keys = header.keys ?? this.queries;
    this.averages = new Map();
    this.bins = [1, 1]; // queries and keys in a cell
    this.full = new Map(); // layer → the full codes of its heads
    this.single = new Map(); // name of a head → its full codes, where they came without the rest of the layer
    this.small = header.bins ? new SmallPatterns(this, codes) : null;
    if (!this.small) header.kept.forEach((layer, place) => this.full.set(layer, this.layerOf(codes, place)));
  }

  // The patterns of the page's messages; null until their small patterns have come too.
  static of({ view, small }) {
    const [header, codes] = unpack(view);
    const Kind = header.difference ? Differences : Patterns;
    if (!header.bins) return new Kind(header, new Uint16Array(codes.buffer));
    const [{ stamp }, smallCodes] = small ? unpack(small) : [{}];
    return stamp === header.stamp ? new Kind(header, smallCodes) : null;
  }

  get zero() { return 0; } // the code of a weight of 0

  get values() { return WEIGHTS; } // code → weight

  get noun() { return "weight"; }

  codeOf(weight) { return Math.round(Math.cbrt(weight) * LEVELS); }

  widen(code) { return code * SMALL_STEP; } // the full code of a small pattern's code

  layerOf(codes, place) {
    const size = codes.length / this.header.kept.length;
    return codes.subarray(place * size, (place + 1) * size);
  }

  // Take the full codes of a layer, or (head) of one of its heads. Return whether they are new.
  take(layer, head, codes) {
    const [map, name] = head === null ? [this.full, layer] : [this.single, `${layer} ${head}`];
    if (this.full.has(layer) || map.has(name)) return false;
    map.set(name, codes);
    this.averages.clear();
    return true;
  }

  // Keep the full codes that came for the same patterns before.
  keepFull({ full, single }) { Object.assign(this, { full, single }); }

  // Whether the full pattern of this head is here.
  isFull([layer, head]) { return !this.small || this.full.has(layer) || this.single.has(`${layer} ${head}`); }

  // What is painted of this head: its full pattern, or the small one until that is here.
  painted(head) { return this.isFull(head) ? this : this.small; }

  get Q() { return this.queries.length; }

  get K() { return this.keys.length; }

  get middle() { return Math.floor(this.Q / 2); } // the query that is explained until one is chosen

  rowStart(query) { return this.header.causal ? (query * (query + 1)) / 2 : query * this.K; }

  reach(query) { return this.header.causal ? query + 1 : this.K; } // how many keys this query can read

  // The grid's rows or columns: every layer or head, then their average where there is more than one.
  choices(all) { return all.length > 1 && !this.header.grid_only ? [...all, AVERAGE] : all; }

  get layers() { return this.choices(this.header.kept); }

  get heads() { return this.choices(upTo(this.header.heads)); }

  has([layer, head]) { return this.layers.includes(layer) && this.heads.includes(head); }

  // Whether this head's pattern is computed here, as the mean of others.
  isMean([layer, head]) { return head === AVERAGE || !this.full.has(layer); }

  codesOf([layer, head]) {
    const single = this.single.get(`${layer} ${head}`);
    if (single) return single;
    if (this.isMean([layer, head])) return this.averageOf([layer, head]);
    const size = this.rowStart(this.Q);
    return this.full.get(layer).subarray(head * size, (head + 1) * size);
  }

  averageOf(head) {
    const name = head.join(" ");
    if (!this.averages.has(name)) this.averages.set(name, this.meanOf(this.headsOf(head).map((member) => this.codesOf(member))));
    return this.averages.get(name);
  }

  // The heads whose mean this is.
  headsOf([layer, head]) {
    if (head === AVERAGE) return upTo(this.header.heads).map((index) => [layer, index]);
    return this.header.kept.map((index) => [index, head]);
  }

  meanOf(members) {
    const mean = new Uint16Array(this.rowStart(this.Q));
    for (let i = 0; i < mean.length; i++) {
      let sum = 0;
      for (const codes of members) sum += this.values[codes[i]];
      mean[i] = this.codeOf(sum / members.length);
    }
    return mean;
  }

  row(head, query) {
    const start = this.rowStart(query);
    return this.codesOf(head).subarray(start, start + this.reach(query));
  }

  // Whether the page has hidden this key, or all that this query reads.
  isHidden(query, key) { return Boolean(this.header.hides_first) && (key === 0 || this.reach(query) === 1); }

  weight(head, query, key) {
    return key < this.reach(query) ? this.values[this.row(head, query)[key]] : null;
  }

  // How far a code is from that of 0: a difference is large on either side.
  sizeOf(code) { return Math.abs(code - this.zero); }

  // The fewest keys whose weights reach `share` of the row, largest first: [[key, weight], …].
  fewestKeys(head, query, share) {
    const row = this.row(head, query);
    const keys = [...row.keys()].filter((key) => row[key] !== this.zero).sort((a, b) => this.sizeOf(row[b]) - this.sizeOf(row[a]));
    const weights = keys.map((key) => this.values[row[key]]);
    const goal = share * weights.reduce((sum, weight) => sum + Math.abs(weight), 0);
    const chosen = [];
    for (let i = 0, sum = 0; i < keys.length && (share >= 1 || sum < goal); i++) {
      chosen.push([keys[i], weights[i]]);
      sum += Math.abs(weights[i]);
    }
    return chosen;
  }

  // The query that reads a key most.
  reader(head, key) {
    const sizes = upTo(this.Q).map((query) => (key < this.reach(query) ? this.sizeOf(this.row(head, query)[key]) : -1));
    return sizes.indexOf(Math.max(...sizes));
  }

  // The `count` largest weights of a head, or of one of its rows: [[query, key, weight], …]. The first query of a
  // causal pattern counts only if the caller asks for it: it can read only itself.
  largest(head, count, query) {
    const largest = [];
    const [from, to] = query === null ? [this.header.causal && this.Q > 1 ? 1 : 0, this.Q] : [query, query + 1];
    for (let q = from; q < to; q++) {
      const row = this.row(head, q);
      for (let k = 0; k < row.length; k++) {
        const size = this.sizeOf(row[k]);
        if (largest.length === count && size <= largest[count - 1][2]) continue;
        let at = largest.length;
        while (at > 0 && largest[at - 1][2] < size) at--;
        largest.splice(at, 0, [q, k, size]);
        largest.length = Math.min(largest.length, count);
      }
    }
    return largest.map(([q, k]) => [q, k, this.weight(head, q, k)]);
  }

  textAt(head, query, key) { return textOf(this.weight(head, query, key)); }

  numberIn(code) { return WEIGHTS[code].toFixed(2); }
}

// Small patterns, as far as painting needs them. A cell has the largest weight of its queries and keys.
class SmallPatterns {
  constructor(patterns, bytes) {
    const { header, layers, heads, zero, Q, K } = patterns;
    const [down, across] = header.bins;
    Object.assign(this, { header, layers, heads, zero, bins: header.bins, Q: Math.ceil(Q / down), K: Math.ceil(K / across) });
    this.codes = Uint16Array.from(bytes, (code) => patterns.widen(code));
    this.places = [[...header.kept, AVERAGE], [...upTo(header.heads), AVERAGE]];
  }

  rowStart(query) { return this.header.causal ? (query * (query + 1)) / 2 : query * this.K; }

  reach(query) { return this.header.causal ? query + 1 : this.K; }

  row([layer, head], query) {
    const [layers, heads] = this.places;
    const start = (layers.indexOf(layer) * heads.length + heads.indexOf(head)) * this.rowStart(this.Q) + this.rowStart(query);
    return this.codes.subarray(start, start + this.reach(query));
  }
}

function textOf(weight) {
  if (weight === 0) return "0";
  if (weight >= 0.01) return weight.toFixed(4);
  return weight >= 1e-5 ? weight.toFixed(2 - Math.floor(Math.log10(weight))) : weight.toExponential(1);
}
