// The patterns as Python packs them: uint32 length, JSON header, then one 16-bit code a weight: weight = (code / 65535)³.
// A causal pattern is its lower triangle, row after row; another one is all its rows, and its keys may be other tokens.

const LEVELS = 65535;

const AVERAGE = "avg"; // in place of all layers, or of all heads: [2, "avg"] is the mean over the heads of layer 2

const weightOf = (code) => (code / LEVELS) ** 3;
const WEIGHTS = Float64Array.from({ length: LEVELS + 1 }, (_, code) => weightOf(code));
const upTo = (count) => Array.from({ length: count }, (_, index) => index);

class Patterns {
  constructor(bytes) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    this.header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    this.codes = new Uint16Array(bytes.slice(4 + length).buffer); // the copy makes it even-aligned
    this.queries = this.header.tokens;
    this.keys = this.header.keys ?? this.queries;
    this.averages = new Map();
  }

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

  codesOf(head) {
    if (head.includes(AVERAGE)) return this.averageOf(head);
    const size = this.rowStart(this.Q);
    const first = (this.header.kept.indexOf(head[0]) * this.header.heads + head[1]) * size;
    return this.codes.subarray(first, first + size);
  }

  averageOf(head) {
    const name = head.join(" ");
    if (!this.averages.has(name)) this.averages.set(name, this.meanOf(this.membersOf(head)));
    return this.averages.get(name);
  }

  membersOf([layer, head]) {
    if (layer === AVERAGE) return this.header.kept.map((index) => this.codesOf([index, head]));
    return upTo(this.header.heads).map((index) => this.codesOf([layer, index]));
  }

  meanOf(members) {
    const mean = new Uint16Array(this.rowStart(this.Q));
    for (let i = 0; i < mean.length; i++) {
      let sum = 0;
      for (const codes of members) sum += WEIGHTS[codes[i]];
      mean[i] = Math.round(Math.cbrt(sum / members.length) * LEVELS);
    }
    return mean;
  }

  row(head, query) {
    const start = this.rowStart(query);
    return this.codesOf(head).subarray(start, start + this.reach(query));
  }

  weight(head, query, key) {
    return key < this.reach(query) ? weightOf(this.row(head, query)[key]) : null;
  }

  // The fewest keys whose weights reach `share` of the row, largest first: [[key, weight], …].
  fewestKeys(head, query, share) {
    const row = this.row(head, query);
    const keys = [...row.keys()].filter((key) => row[key] > 0).sort((a, b) => row[b] - row[a]);
    const weights = keys.map((key) => weightOf(row[key]));
    const goal = share * weights.reduce((sum, weight) => sum + weight, 0);
    const chosen = [];
    for (let i = 0, sum = 0; i < keys.length && (share >= 1 || sum < goal); i++) {
      chosen.push([keys[i], weights[i]]);
      sum += weights[i];
    }
    return chosen;
  }

  // The query that reads a key most.
  reader(head, key) {
    const weights = upTo(this.Q).map((query) => this.weight(head, query, key) ?? -1);
    return weights.indexOf(Math.max(...weights));
  }

  // The `count` largest weights of a head, or of one of its rows: [[query, key, weight], …]. The first query of a
  // causal pattern counts only if the caller asks for it: it can read only itself.
  largest(head, count, query) {
    const largest = [];
    const [from, to] = query === null ? [this.header.causal && this.Q > 1 ? 1 : 0, this.Q] : [query, query + 1];
    for (let q = from; q < to; q++) {
      const row = this.row(head, q);
      for (let k = 0; k < row.length; k++) {
        if (largest.length === count && row[k] <= largest[count - 1][2]) continue;
        let at = largest.length;
        while (at > 0 && largest[at - 1][2] < row[k]) at--;
        largest.splice(at, 0, [q, k, row[k]]);
        largest.length = Math.min(largest.length, count);
      }
    }
    return largest.map(([q, k, code]) => [q, k, weightOf(code)]);
  }
}

function textOf(weight) {
  if (weight === 0) return "0";
  if (weight >= 0.01) return weight.toFixed(4);
  return weight >= 1e-5 ? weight.toFixed(2 - Math.floor(Math.log10(weight))) : weight.toExponential(1);
}
