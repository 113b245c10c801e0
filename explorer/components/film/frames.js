// A run's snapshots as Python packs them: uint32 length, JSON header, then one byte per weight, by snapshot.
// weight = (code / 255)². A snapshot is converted into the 16-bit codes of the attention view.

const WIDE = Uint16Array.from({ length: 256 }, (_, code) => Math.round(LEVELS * Math.cbrt((code / 255) ** 2)));

const headerText = (bytes) => {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return new TextDecoder().decode(bytes.subarray(4, 4 + length));
};

class Film {
  constructor(text, bytes) {
    this.header = JSON.parse(text);
    this.codes = bytes.subarray(4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));
    this.steps = this.header.steps;
    this.size = this.codes.length / this.steps.length; // of one snapshot
  }

  // The snapshot whose step is nearest.
  nearest(step) {
    let best = 0;
    this.steps.forEach((other, index) => {
      if (Math.abs(other - step) < Math.abs(this.steps[best] - step)) best = index;
    });
    return best;
  }

  frame(index) {
    const codes = new Uint16Array(this.size);
    const from = index * this.size;
    for (let i = 0; i < codes.length; i++) codes[i] = WIDE[this.codes[from + i]];
    return new Patterns(this.header, codes);
  }
}

// The change of the weights between two snapshots, with the methods of Patterns that the large heatmap uses.
class Change {
  constructor(now, then) {
    Object.assign(this, { now, then, header: now.header, Q: now.Q, K: now.K });
  }

  get layers() { return this.now.layers; }

  get heads() { return this.now.heads; }

  reach(query) { return this.now.reach(query); }

  weight(head, query, key) {
    const weight = this.now.weight(head, query, key);
    return weight === null ? null : weight - this.then.weight(head, query, key);
  }

  // The one cell that changed most: [[query, key, change]].
  largest(head) {
    let best = [0, 0, 0];
    for (let query = 0; query < this.Q; query++) {
      for (let key = 0; key < this.reach(query); key++) {
        const change = this.weight(head, query, key);
        if (Math.abs(change) > Math.abs(best[2])) best = [query, key, change];
      }
    }
    return [best];
  }
}

const GRADES = 255; // of a change, on either side of zero

// The colour of every change from −1 to 1: the page's background at zero, mixed by the root of the change.
function changeRamp(stops, background) {
  const ground = channels(background);
  const [less, more] = [stops[0][1], stops.at(-1)[1]].map(channels);
  const ramp = new Uint8ClampedArray(4 * (2 * GRADES + 1));
  for (let grade = -GRADES; grade <= GRADES; grade++) {
    const color = grade < 0 ? less : more;
    const alpha = Math.abs(grade) / GRADES;
    const at = 4 * (grade + GRADES);
    for (let c = 0; c < 3; c++) ramp[at + c] = alpha * color[c] + (1 - alpha) * ground[c];
    ramp[at + 3] = 255;
  }
  return new Uint32Array(ramp.buffer);
}

// One head's change as side × side pixels. A pixel with several cells shows the largest change.
function paintChange(canvas, { now, then, Q }, head, ramp, side) {
  const bin = Uint16Array.from({ length: Q }, (_, i) => Math.floor((i * side) / Q));
  const peak = new Float32Array(side * side).fill(NaN);
  for (let query = 0; query < Q; query++) {
    const [after, before] = [now.row(head, query), then.row(head, query)];
    for (let key = 0; key < after.length; key++) {
      const pixel = bin[query] * side + bin[key];
      const change = WEIGHTS[after[key]] - WEIGHTS[before[key]];
      if (!(Math.abs(change) <= Math.abs(peak[pixel]))) peak[pixel] = change;
    }
  }
  const image = new ImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < peak.length; i++) {
    const grade = Math.round(Math.sign(peak[i]) * Math.sqrt(Math.abs(peak[i])) * GRADES);
    if (!Number.isNaN(grade)) pixels[i] = ramp[grade + GRADES];
  }
  canvas.width = canvas.height = side;
  canvas.getContext("2d").putImageData(image, 0, 0);
}
