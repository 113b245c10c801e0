// Two sets of patterns of one shape, A and B, as their signed difference B − A. A layer comes as the codes of A's heads,
// then of B's.

const ZERO = 32768; // the code of no difference: difference = ((code − 32768) / 32767)³
const SMALL_ZERO = 128; // of a small pattern, with 127 codes on either side
const SIGNED = Float64Array.from({ length: LEVELS + 1 }, (_, code) => ((code - ZERO) / (ZERO - 1)) ** 3);

const signedCode = (difference) => ZERO + Math.round(Math.cbrt(difference) * (ZERO - 1));
const signed = (value, digits) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);

class Differences extends Patterns {
  constructor(header, codes) {
    super(header, codes);
    this.differences = new Map(); // name of a head → its codes
    const { tokens } = header.difference; // of B
    this.queries = this.keys = header.tokens.map((token, i) => (tokens && tokens[i] !== token ? `${token} → ${tokens[i]}` : token));
  }

  get zero() { return ZERO; }

  get values() { return SIGNED; }

  get noun() { return "difference"; }

  get middle() { return null; } // all queries: the middle one may not have changed

  codeOf(value) { return signedCode(value); }

  widen(code) { return ZERO + (code - SMALL_ZERO) * 258; }

  codesOf(head) {
    if (this.isMean(head)) return this.averageOf(head);
    const name = head.join(" ");
    if (!this.differences.has(name)) this.differences.set(name, this.subtract(...this.sidesOf(head)));
    return this.differences.get(name);
  }

  // The codes of a head's weights in A and in B.
  sidesOf([layer, head]) {
    const [codes, size] = [this.full.get(layer), this.rowStart(this.Q)];
    return [head, this.header.heads + head].map((place) => codes.subarray(place * size, (place + 1) * size));
  }

  subtract(before, after) {
    return Uint16Array.from(before, (code, i) => signedCode(WEIGHTS[after[i]] - WEIGHTS[code]));
  }

  // A head's weights in A and in B.
  pair(head, query, key) {
    if (!this.isMean(head)) return this.sidesOf(head).map((codes) => WEIGHTS[codes[this.rowStart(query) + key]]);
    const pairs = this.headsOf(head).map((member) => this.pair(member, query, key));
    return [0, 1].map((side) => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length);
  }

  textAt(head, query, key) {
    const [before, after] = this.pair(head, query, key);
    const digits = Math.abs(after - before) >= 0.01 || after === before ? 2 : 4;
    return `A ${before.toFixed(digits)} → B ${after.toFixed(digits)}, ${signed(after - before, digits)}`;
  }

  numberIn(code) { return signed(SIGNED[code], 2); }
}
