// The grid of all heads: a small picture of each in a button of its own.

const MOST_BADGES = 4; // heads that are named beside one caption

const short = (letter, index) => (index === AVERAGE ? AVERAGE : letter + index);

// The one way to write a head: L1H0; of averages, L1 avg, avg H0 and avg.
function nameOf([layer, head]) {
  if (layer === AVERAGE && head === AVERAGE) return AVERAGE;
  const [row, column] = [short("L", layer), short("H", head)];
  return layer === AVERAGE || head === AVERAGE ? `${row} ${column}` : row + column;
}

// What a head does, in a word or two; "" if it has no caption.
const captionOf = (view, head) => view.patterns.header.captions?.[nameOf(head)] ?? "";
const colorOf = (view, head) => view.theme.colors[head] ?? view.patterns.header.average;
const same = (a, b) => (a === null || b === null ? a === b : a[0] === b[0] && a[1] === b[1]);

function element(tag, role, text = "") {
  const part = Object.assign(document.createElement(tag), { textContent: text });
  part.setAttribute("role", role);
  return part;
}

function buildGrid(view) {
  const { layers, heads } = view.patterns;
  const labelled = (role, text, head) => {
    const label = element("span", role, text);
    if (head !== undefined) label.style.setProperty("--head", colorOf(view, head));
    return label;
  };
  view.grid.style.setProperty("--heads", heads.length);
  const top = element("div", "row");
  top.append(labelled("columnheader", ""));
  top.append(...heads.map((head) => labelled("columnheader", short("H", head), head)));
  const rows = layers.map((layer) => {
    const row = element("div", "row");
    row.append(labelled("rowheader", short("L", layer)));
    row.append(...heads.map((head) => buildCell(view, [layer, head])));
    return row;
  });
  view.grid.replaceChildren(top, ...rows);
  view.cells = [...view.grid.querySelectorAll("button")];
}

function buildCell(view, [layer, head]) {
  const cell = element("button", "gridcell");
  cell.type = "button";
  cell.dataset.layer = layer;
  cell.dataset.head = head;
  cell.style.setProperty("--head", colorOf(view, head));
  cell.append(document.createElement("canvas"));
  const caption = captionOf(view, [layer, head]);
  if (caption) {
    const mark = Object.assign(document.createElement("span"), { className: "mark", textContent: initialOf(caption) });
    mark.dataset.caption = caption;
    cell.append(mark);
  }
  return cell;
}

const initialOf = (caption) => caption[0].toUpperCase();

// Under the grid: each caption with the heads that have it; a click leads there.
function buildBadges(view, box) {
  const groups = new Map();
  const drawn = view.cells.map(headOf).filter((head) => captionOf(view, head));
  const order = Object.keys(view.patterns.header.captions ?? {});
  drawn.sort((a, b) => order.indexOf(nameOf(a)) - order.indexOf(nameOf(b)));
  for (const head of drawn) groups.set(captionOf(view, head), [...(groups.get(captionOf(view, head)) ?? []), head]);
  box.replaceChildren(...[...groups].map(([caption, heads]) => {
    const line = element("li", "listitem");
    line.append(Object.assign(document.createElement("i"), { className: "mark", textContent: initialOf(caption) }), ` ${caption}`);
    for (const head of heads.slice(0, MOST_BADGES)) line.append(" ", badge(head));
    if (heads.length > MOST_BADGES) line.append(` and ${heads.length - MOST_BADGES} more`);
    return line;
  }));
}

function badge(head) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: nameOf(head) });
  [button.dataset.layer, button.dataset.head] = head;
  return button;
}

const indexOf = (text) => (text === AVERAGE ? AVERAGE : Number(text));
const headOf = (cell) => [indexOf(cell.dataset.layer), indexOf(cell.dataset.head)];

function paintGrid(view, averages) {
  const { clientWidth, clientHeight } = view.cells[0];
  const onScreen = (size) => Math.round((size || 48) * (window.devicePixelRatio || 1));
  const patterns = view.patterns.small ?? view.patterns;
  const sides = [Math.min(patterns.K, onScreen(clientWidth)), Math.min(patterns.Q, onScreen(clientHeight))];
  for (const cell of view.cells) {
    const head = headOf(cell);
    if (head.includes(AVERAGE) === averages) paintPattern(cell.firstChild, patterns, head, view.theme.ramp, ...sides);
  }
}

function markGrid(view) {
  const shown = view.shown();
  for (const cell of view.cells) {
    const head = headOf(cell);
    const locked = same(head, view.locked);
    const drawn = view.companions().some((other) => same(other, head));
    cell.setAttribute("aria-selected", locked);
    const does = captionOf(view, head);
    cell.setAttribute("aria-label", `${nameOf(head)}${does && `, ${does}`}${locked ? ", locked" : ""}${drawn ? ", lines shown" : ""}`);
    cell.classList.toggle("drawn", drawn);
    cell.classList.toggle("shown", same(head, shown));
    cell.tabIndex = same(head, shown) ? 0 : -1;
  }
}

// Which head an arrow key leads to, or null for another key.
function headAfter(view, [layer, head], key) {
  const { layers, heads } = view.patterns;
  const step = (list, from, by) => list[Math.min(Math.max(list.indexOf(from) + by, 0), list.length - 1)];
  const moves = {
    ArrowLeft: [layer, step(heads, head, -1)],
    ArrowRight: [layer, step(heads, head, 1)],
    ArrowUp: [step(layers, layer, -1), head],
    ArrowDown: [step(layers, layer, 1), head],
    Home: [layer, heads[0]],
    End: [layer, heads.at(-1)],
  };
  return moves[key] ?? null;
}

function headUnder(event) {
  const cell = event.target.closest("button");
  return cell && headOf(cell);
}

function preview(view, head) {
  if (same(view.preview, head)) return;
  view.preview = head;
  redraw(view, "head");
}

// A head is previewed under the pointer and on the way of the arrow keys; a finger has no hover.
function previewHeads(view) {
  const { grid } = view;
  grid.addEventListener("pointerover", (event) => event.pointerType !== "touch" && preview(view, headUnder(event)));
  grid.addEventListener("pointerleave", () => preview(view, null));
  grid.addEventListener("focusout", () => preview(view, null));
  grid.addEventListener("keydown", (event) => {
    const head = event.target.matches("button") ? headAfter(view, headOf(event.target), event.key) : null;
    if (!head) return;
    event.preventDefault();
    view.cells.find((cell) => same(headOf(cell), head)).focus();
    preview(view, head);
  });
}
