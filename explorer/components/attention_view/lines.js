// Two columns of tokens: a line from each query (left) to each key that it reads (right), as wide as its weight.

const FAINTEST = 0.01; // weights below this draw no line while all queries are shown
const TALLEST_ROW = 40; // CSS pixels

function linesLayout(view, width, height) {
  const { queries, keys } = view.labels;
  const column = Math.min(Math.max(queries.width + 8, keys.width + 8, 48), width * 0.36);
  const top = roomFor(view.theme) + 6;
  const rowOf = (count) => Math.min((height - top - 4) / count, TALLEST_ROW);
  return { width, height, column, top, rows: { query: rowOf(view.patterns.Q), key: rowOf(view.patterns.K) } };
}

function drawLines(view) {
  const { layout, canvas } = view.lines;
  const context = sheet(canvas, layout.width, layout.height, view.theme);
  const focus = view.focus();
  const heads = view.companions().filter((head) => view.patterns.isFull(head));
  heads.forEach((head) => drawHeadLines(context, view, head, focus));
  labelColumns(context, view, focus);
  const names = heads.map(nameOf).join(", ");
  canvas.setAttribute("aria-label", `Lines from each query to the keys it reads: ${names}.`);
}

// [[query, key, weight], …] of one head: of the focused query, into the focused key, or all of them.
function linesOf(view, head, { query, key }) {
  const { patterns, share } = view;
  const from = (q) => patterns.fewestKeys(head, q, share).map(([k, weight]) => [q, k, weight]);
  if (query !== null) return from(query);
  const all = Array.from({ length: patterns.Q }, (_, q) => from(q)).flat();
  return all.filter(([, k, weight]) => (key === null ? Math.abs(weight) >= FAINTEST : k === key));
}

// A line has its head's colour; that of a difference, the colour of its sign.
function lineColor(view, head, weight) {
  const { scale } = view.theme;
  return view.patterns.zero ? (weight < 0 ? scale[0] : scale.at(-1))[1] : colorOf(view, head[1]);
}

// What the colours of the lines mean: [[text, colour], …].
function linesLegend(view) {
  const heads = view.companions();
  if (!view.patterns.zero) return heads.map((head) => [nameOf(head), lineColor(view, head, 1)]);
  const names = heads.map(nameOf).join(", ");
  return [[`${names}: more in B`, lineColor(view, null, 1)], ["less in B", lineColor(view, null, -1)]];
}

function drawHeadLines(context, view, head, focus) {
  const { width, column, top, rows } = view.lines.layout;
  const focused = focus.query !== null || focus.key !== null;
  const [x0, x1] = [column + 4, width - column - 4];
  const bend = (x1 - x0) * 0.4;
  const y = (index, row) => top + (index + 0.5) * row;
  for (const [query, key, signedWeight] of linesOf(view, head, focus)) {
    const weight = Math.abs(signedWeight);
    context.strokeStyle = context.fillStyle = lineColor(view, head, signedWeight);
    const [from, to] = [y(query, rows.query), y(key, rows.key)];
    context.globalAlpha = focused ? 0.15 + 0.85 * weight : 0.9 * weight;
    context.lineWidth = focused ? 0.75 + 3 * weight : Math.min(0.5 + 1.5 * weight, rows.query / 3);
    context.beginPath();
    context.moveTo(x0, from);
    context.bezierCurveTo(x0 + bend, from, x1 - bend, to, x1, to);
    context.stroke();
    if (focus.query === null) continue;
    context.globalAlpha = 0.5 * weight;
    context.fillRect(x1, to - rows.key / 2, width - x1, rows.key);
  }
  context.globalAlpha = 1;
}

function labelColumns(context, view, { query, key: pointed }) {
  const isNamed = query !== null && view.patterns.isFull(view.shown());
  const key = pointed ?? (!isNamed ? null : view.patterns.largest(view.shown(), 1, query)[0][1]); // what it reads most is named
  const { width, column, top, rows } = view.lines.layout;
  const { queries, keys } = view.labels;
  context.save();
  context.beginPath();
  context.rect(0, 0, column, view.lines.layout.height);
  context.rect(width - column, 0, column, view.lines.layout.height);
  context.clip();
  context.fillStyle = view.theme.text;
  const sides = [[column, "right", "query", query, queries.texts], [width - column, "left", "key", key, keys.texts]];
  for (const [x, align, title, chosen, texts] of sides) {
    context.textAlign = align;
    context.globalAlpha = 0.7;
    context.fillText(title, x, roomFor(view.theme) / 2);
    for (const index of ticks(texts.length, stepFor(rows[title], roomFor(view.theme)), [chosen])) {
      context.globalAlpha = chosen === null || index === chosen ? 1 : 0.55;
      context.fillText(texts[index], x, top + (index + 0.5) * rows[title]);
    }
  }
  context.restore();
}

// The token under a pointer: a query in the left half, a key in the right, or null outside.
function tokenAt(view, event) {
  const { width, top, rows } = view.lines.layout;
  const box = view.lines.canvas.getBoundingClientRect();
  const side = event.clientX - box.left < width / 2 ? "query" : "key";
  const index = Math.floor((event.clientY - box.top - top) / rows[side]);
  const count = side === "query" ? view.patterns.Q : view.patterns.K;
  return index < 0 || index >= count ? null : { ...NOWHERE, [side]: index };
}
