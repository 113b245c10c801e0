// The large heatmap: queries down, keys across.

const LARGEST_MAP = 620; // CSS pixels
const LARGEST_CELL = 96;
const LABEL_LIMIT = 7.7; // how many times as long as high a label may be
const ROOM = TEXT_SIZE + 3; // between two labels
const WITH_NUMBERS = 48; // pixels from which a cell shows its weight
const WHOLE = { scale: 1, from: { query: 0, key: 0 } }; // not zoomed

const roomFor = (theme) => theme.size + ROOM - TEXT_SIZE;

// The layout in CSS pixels, given the room for the map and its labels. `from` is the first visible cell; zoom moves it.
function mapLayout(view, width, limit = LARGEST_MAP) {
  const { Q, K } = view.patterns;
  const { queries, keys } = view.labels;
  const { scale, from } = view.zoom ?? WHOLE;
  const ratio = window.devicePixelRatio || 1;
  const room = roomFor(view.theme);
  const left = queries.width + 8;
  // a cell, on the screen; whole where that costs little room
  const across = Math.max(width - left - 1, 40) / K;
  const cellOf = (top) => {
    const pixels = Math.min(across, (limit - top - 1) / Q, LARGEST_CELL) * ratio;
    return (pixels - Math.floor(pixels) < 0.05 * pixels ? Math.floor(pixels) : pixels) / ratio;
  };
  const flat = cellOf(room + 5);
  const upright = keys.width + 4 <= stepFor(flat, room) * flat;
  const top = upright ? room + 5 : keys.width + 8;
  const base = upright ? flat : cellOf(top);
  const [wide, high, cell] = [base * K, base * Q, base * scale];
  return { base, cell, from, wide, high, step: stepFor(cell, room), upright, left, top, width: left + wide + 1, height: top + high + 1 };
}

function drawMap(view) {
  const { patterns, theme, map } = view;
  const { left, top, wide, high, cell, from, width, height } = map.layout;
  const head = view.shown();
  const context = sheet(map.canvas, width, height, theme);
  const source = patterns.painted(head); // until the full pattern is here, the small one is enlarged
  const [across, down] = [cell * source.bins[1] * source.K, cell * source.bins[0] * source.Q];
  const onScreen = (size) => Math.round(size * (window.devicePixelRatio || 1));
  const pixels = [Math.min(source.K, onScreen(across)), Math.min(source.Q, onScreen(down))];
  const key = `${head} ${pixels} ${patterns.isFull(head)}`;
  if (map.painted !== key) {
    paintPattern(map.image, source, head, theme.ramp, ...pixels);
    map.painted = key;
  }
  context.imageSmoothingEnabled = false;
  context.save();
  context.beginPath();
  context.rect(left - 2, top - 2, wide + 4, high + 4);
  context.clip();
  const corner = { left: left - from.key * cell, top: top - from.query * cell };
  context.translate(corner.left, corner.top);
  context.drawImage(map.image, 0, 0, across, down);
  outline(context, patterns, cell, theme);
  if (cell >= WITH_NUMBERS && patterns.isFull(head)) writeWeights(context, view, head);
  drawFocus(context, view.focus(), patterns, cell, theme);
  context.restore();
  labelAxes(context, view);
  describeMap(view, head);
  Object.assign(map.canvas.dataset, { ...corner, cell });
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

function writeWeights(context, { patterns, theme, map: { layout } }, head) {
  const { cell, from, wide, high } = layout;
  const [rows, columns] = [high / cell, wide / cell];
  context.textAlign = "center";
  for (let query = Math.floor(from.query); query < Math.min(patterns.Q, from.query + rows); query++) {
    const row = patterns.row(head, query);
    for (let key = Math.floor(from.key); key < Math.min(row.length, from.key + columns); key++) {
      if (patterns.isHidden(query, key)) continue;
      context.fillStyle = readableOn(theme.ramp[row[key]]);
      context.fillText(patterns.numberIn(row[key]), (key + 0.5) * cell, (query + 0.5) * cell);
    }
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

// Labels of every `step`-th token that is seen, and always of the one that is pointed at, in reverse.
function labelAxes(context, view) {
  const { left, top, cell, step, upright, from, wide, high } = view.map.layout;
  const { queries, keys } = view.labels;
  const { query, key } = view.focus();
  const write = (labels, first, room, chosen, place) => {
    const at = (index) => (index + 0.5 - first) * cell;
    for (const index of ticks(labels.texts.length, step, [chosen])) {
      if (at(index) < 0 || at(index) > room) continue;
      context.globalAlpha = chosen === null || index === chosen ? 1 : 0.55;
      context.save();
      place(at(index));
      writeLabel(context, labels.texts[index], index === chosen, view.theme);
      context.restore();
    }
  };
  write(queries, from.query, high, query, (y) => {
    context.translate(left - 6, top + y);
    context.textAlign = "right";
  });
  write(keys, from.key, wide, key, (x) => {
    context.translate(left + x, top - (upright ? 10 : 6));
    if (!upright) context.rotate(-Math.PI / 2);
    context.textAlign = upright ? "center" : "left";
  });
}

// A label at the origin; the chosen one on a ground of the text's colour.
function writeLabel(context, text, chosen, theme) {
  context.fillStyle = theme.text;
  if (chosen) {
    const { width } = context.measureText(text);
    const start = { right: -width, center: -width / 2, left: 0 }[context.textAlign];
    context.fillRect(start - 3, -roomFor(theme) / 2, width + 6, roomFor(theme));
    context.fillStyle = theme.background;
  }
  context.fillText(text, 0, 0);
}

function describeMap(view, head) {
  const { queries, keys, Q, K } = view.patterns;
  const what = `Heatmap of ${nameOf(head)} over ${keys === queries ? `${Q} tokens` : `${Q} queries and ${K} keys`}`;
  if (!view.patterns.isFull(head)) return view.map.canvas.setAttribute("aria-label", what);
  const [[query, key]] = view.patterns.largest(head, 1, null);
  view.map.canvas.setAttribute("aria-label", `${what}. Largest ${view.patterns.noun}: ${sentence(view, query, key)}`);
}

// The cell under a pointer, or null outside: { query, key }, where a masked key is one too.
function cellAt(view, event) {
  const { left, top, cell, from, wide, high } = view.map.layout;
  const box = view.map.canvas.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left - left, event.clientY - box.top - top];
  if (x < 0 || y < 0 || x >= wide || y >= high) return null;
  const { Q, K } = view.patterns;
  return { query: Math.min(Math.floor(from.query + y / cell), Q - 1), key: Math.min(Math.floor(from.key + x / cell), K - 1) };
}
