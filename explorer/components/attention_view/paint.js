// Shared by the three canvases: colours from the page's theme, patterns as images, sharp text, thinned ticks.

const TEXT_SIZE = 12; // CSS pixels, unless a view has room for larger labels
const RAMPS = new Map(); // scale and background → every code's colour
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500];

function readTheme(root, { scale, colors }, values = WEIGHTS) {
  const style = getComputedStyle(root);
  const theme = {
    text: style.getPropertyValue("--st-text-color").trim() || "#222",
    background: style.getPropertyValue("--st-background-color").trim() || "#fff",
    border: style.getPropertyValue("--st-border-color").trim() || "#888",
    font: style.getPropertyValue("--st-code-font").trim() || "monospace",
    size: TEXT_SIZE,
  };
  const [r, g, b] = channels(theme.background);
  theme.name = isLight(r, g, b) ? "light" : "dark";
  theme.scale = scale[theme.name];
  theme.colors = colors[theme.name];
  const name = JSON.stringify([theme.scale, theme.background]);
  if (!RAMPS.has(name)) RAMPS.set(name, rampOf(theme.scale, theme.background, values));
  theme.ramp = RAMPS.get(name);
  return theme;
}

// Whether black is easier to read on this colour than white is: its luminance (WCAG 2.2) is above √(0.05 · 1.05) − 0.05.
function isLight(...color) {
  const [r, g, b] = color.map((channel) => (channel <= 10 ? channel / 3294.6 : ((channel / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179;
}

function channels(color) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
  return [(r * a) / 255, (g * a) / 255, (b * a) / 255, a / 255]; // premultiplied
}

// Every code's colour, opaque, in the byte order of ImageData. Zero is the first stop over the page's background.
function rampOf(scale, background, values) {
  const ground = channels(background);
  const stops = scale.map(([position, color]) => [position, channels(color)]);
  const ramp = new Uint8ClampedArray(4 * (LEVELS + 1));
  for (let code = 0, next = 1; code <= LEVELS; code++) {
    const weight = values[code];
    while (next < stops.length - 1 && weight > stops[next][0]) next++;
    const [[low, from], [high, to]] = [stops[next - 1], stops[next]];
    const t = Math.min(Math.max((weight - low) / (high - low), 0), 1);
    const alpha = from[3] + t * (to[3] - from[3]);
    for (let c = 0; c < 3; c++) ramp[4 * code + c] = from[c] + t * (to[c] - from[c]) + (1 - alpha) * ground[c];
    ramp[4 * code + 3] = 255;
  }
  return new Uint32Array(ramp.buffer);
}

// A pattern, small or full, as wide × high pixels. If several cells share a pixel, the largest weight is shown. Masked cells stay transparent.
function paintPattern(canvas, patterns, head, ramp, wide, high = wide) {
  const bins = (count, pixels) => Uint16Array.from({ length: count }, (_, i) => Math.floor((i * pixels) / count));
  const [down, across] = [bins(patterns.Q, high), bins(patterns.K, wide)];
  const peak = new Int32Array(wide * high).fill(-1);
  for (let query = 0; query < patterns.Q; query++) {
    const row = patterns.row(head, query);
    const line = down[query] * wide;
    for (let key = 0; key < row.length; key++) {
      const pixel = line + across[key];
      if (peak[pixel] < 0 || Math.abs(row[key] - patterns.zero) > Math.abs(peak[pixel] - patterns.zero)) peak[pixel] = row[key];
    }
  }
  const image = new ImageData(wide, high);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < peak.length; i++) if (peak[i] >= 0) pixels[i] = ramp[peak[i]];
  canvas.width = wide;
  canvas.height = high;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Size a canvas in CSS pixels, sharp on this screen, cleared.
function sheet(canvas, width, height, theme) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = `${theme.size}px ${theme.font}`;
  context.textBaseline = "middle";
  context.fillStyle = context.strokeStyle = theme.text;
  context.direction = "ltr";
  return context;
}

const stepFor = (cell, room) => STEPS.find((step) => step * cell >= room) ?? STEPS.at(-1);

// A token of a script that runs to the left, kept apart from the text around it.
const LEFTWARD = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const isolated = (token) => (LEFTWARD.test(token) ? `\u2068${token}\u2069` : token);

// Tokens as they are written on an axis: position and token, cut to `limit` pixels.
function tokenLabels(tokens, limit, theme) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.font = `${theme.size}px ${theme.font}`;
  const fits = (text) => context.measureText(text).width <= limit;
  const texts = tokens.map((token, index) => {
    const label = (text) => `${index} ${isolated(text)}`;
    if (fits(label(token))) return label(token);
    const symbols = [...token];
    while (symbols.length > 1 && !fits(label(`${symbols.join("")}…`))) symbols.pop();
    return label(`${symbols.join("")}…`);
  });
  return { texts, width: Math.ceil(Math.max(...texts.map((text) => context.measureText(text).width))) };
}

function labelsOf({ queries, keys }, theme) {
  const limit = LABEL_LIMIT * theme.size;
  const labels = tokenLabels(queries, limit, theme);
  return { queries: labels, keys: keys === queries ? labels : tokenLabels(keys, limit, theme) };
}

// Positions to label: every `step`-th, without those that would touch one that must be labelled.
function ticks(count, step, always) {
  const kept = always.filter((index) => index !== null);
  const regular = Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
  return [...regular.filter((index) => kept.every((other) => Math.abs(index - other) >= step)), ...kept];
}
