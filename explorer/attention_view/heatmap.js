// The large heatmap: queries down, keys across.

const LARGEST_MAP = 620; // CSS pixels
const LARGEST_CELL = 96;
const LABEL_LIMIT = 92;
const ROOM = TEXT_SIZE + 3; // between two labels

// Where things lie, in CSS pixels, given the width of the panel.
function mapLayout(view, width) {
  const { Q, K } = view.patterns;
  const { queries, keys } = view.labels;
  const ratio = window.devicePixelRatio || 1;
  const left = queries.width + 8;
  const room = Math.max(Math.min(width, LARGEST_MAP) - left - 1, 40);
  // a cell, on the screen; whole where that costs little room
  const pixels = Math.min(room / K, LARGEST_MAP / Q, LARGEST_CELL) * ratio;
  const cell = (pixels > 6 ? Math.floor(pixels) : pixels) / ratio;
  const [wide, high] = [cell * K, cell * Q];
  const step = stepFor(cell, ROOM);
  const upright = keys.width + 4 <= step * cell;
  const top = upright ? ROOM + 5 : keys.width + 8;
  return { cell, wide, high, step, upright, left, top, width: left + wide + 1, height: top + high + 1 };
}

function drawMap(view) {
  const { patterns, theme, map } = view;
  const { left, top, wide, high, cell, width, height } = map.layout;
  const head = view.shown();
  const context = sheet(map.canvas, width, height, theme);
  const onScreen = (size) => Math.round(size * (window.devicePixelRatio || 1));
  const pixels = [Math.min(patterns.K, onScreen(wide)), Math.min(patterns.Q, onScreen(high))];
  const key = `${head} ${pixels}`;
  if (map.painted !== key) {
    paintPattern(map.image, patterns, head, theme.ramp, ...pixels);
    map.painted = key;
  }
  context.imageSmoothingEnabled = false;
  context.drawImage(map.image, left, top, wide, high);
  context.save();
  context.translate(left, top);
  outline(context, patterns, cell, theme);
  if (cell >= 48) writeWeights(context, patterns, head, cell, theme);
  drawFocus(context, view.focus(), patterns, cell, theme);
  context.restore();
  labelAxes(context, view);
  describeMap(view, head);
  Object.assign(map.canvas.dataset, { left, top, cell });
}

// The border of what exists, and hatching where the mask leaves nothing.
function outline(context, { Q, K, header }, cell, theme) {
  context.strokeStyle = theme.border;
  context.lineWidth = 1;
  if (!header.causal) return context.strokeRect(-0.5, -0.5, K * cell + 1, Q * cell + 1);
  const side = Q * cell; // a mask is square
  const stairs = new Path2D();
  stairs.moveTo(cell, 0);
  for (let i = 1; i < Q; i++) {
    stairs.lineTo(i * cell, i * cell);
    stairs.lineTo((i + 1) * cell, i * cell);
  }
  stairs.lineTo(side, side);
  const masked = new Path2D(stairs);
  masked.lineTo(side, 0);
  masked.closePath();
  const frame = new Path2D(stairs);
  frame.lineTo(0, side);
  frame.lineTo(0, 0);
  frame.closePath();
  context.save();
  context.clip(masked);
  context.globalAlpha = 0.28;
  context.beginPath();
  for (let x = 8; x < 2 * side; x += 8) {
    context.moveTo(x, 0);
    context.lineTo(x - side, side);
  }
  context.stroke();
  context.restore();
  context.stroke(frame);
}

function writeWeights(context, patterns, head, cell, theme) {
  context.textAlign = "center";
  for (let query = 0; query < patterns.Q; query++) {
    patterns.row(head, query).forEach((code, key) => {
      context.fillStyle = readableOn(theme.ramp[code]);
      context.fillText(weightOf(code).toFixed(2), (key + 0.5) * cell, (query + 0.5) * cell);
    });
  }
}

const readableOn = (pixel) => (isLight(pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255) ? "#000" : "#fff");

function drawFocus(context, { query, key }, patterns, cell, theme) {
  context.strokeStyle = theme.text;
  context.lineWidth = 1;
  const frame = (x, y, w, h) => context.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1);
  context.globalAlpha = 0.65;
  if (query !== null) frame(0, query * cell, patterns.reach(query) * cell, cell);
  if (key !== null) {
    const first = patterns.header.causal ? key * cell : 0;
    frame(key * cell, first, cell, patterns.Q * cell - first);
  }
  context.globalAlpha = 1;
  if (query === null || key === null || key >= patterns.reach(query)) return;
  context.lineWidth = 2;
  frame(key * cell, query * cell, cell, cell);
}

function labelAxes(context, view) {
  const { left, top, cell, step, upright } = view.map.layout;
  const { queries, keys } = view.labels;
  const { query, key } = view.focus();
  const at = (index) => (index + 0.5) * cell;
  context.fillStyle = view.theme.text;
  context.textAlign = "right";
  for (const index of ticks(queries.texts.length, step, [query])) {
    context.globalAlpha = query === null || index === query ? 1 : 0.55;
    context.fillText(queries.texts[index], left - 6, top + at(index));
  }
  for (const index of ticks(keys.texts.length, step, [key])) {
    context.globalAlpha = key === null || index === key ? 1 : 0.55;
    context.save();
    context.translate(left + at(index), top - 6);
    if (!upright) context.rotate(-Math.PI / 2);
    context.textAlign = upright ? "center" : "left";
    context.fillText(keys.texts[index], 0, upright ? -4 : 0);
    context.restore();
  }
  context.globalAlpha = 1;
}

function describeMap(view, head) {
  const { queries, keys, Q, K } = view.patterns;
  const [[query, key, weight]] = view.patterns.largest(head, 1, null);
  const what = `Heatmap of ${nameOf(head)} over ${keys === queries ? `${Q} tokens` : `${Q} queries and ${K} keys`}`;
  view.map.canvas.setAttribute("aria-label", `${what}. Largest weight: ${sentence(view, query, key, weight)}`);
}

// The cell under a pointer, or null outside: { query, key }, where a masked key is one too.
function cellAt(view, event) {
  const { left, top, cell } = view.map.layout;
  const box = view.map.canvas.getBoundingClientRect();
  const key = Math.floor((event.clientX - box.left - left) / cell);
  const query = Math.floor((event.clientY - box.top - top) / cell);
  const { Q, K } = view.patterns;
  return query >= 0 && query < Q && key >= 0 && key < K ? { query, key } : null;
}
