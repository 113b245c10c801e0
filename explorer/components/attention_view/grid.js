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

// Where patterns are compared, how much of its weight a head has moved; "" elsewhere, and for averages.
function movedBy({ patterns: { header } }, [layer, head]) {
  const moved = header.difference?.moved[layer]?.[head];
  return moved === undefined ? "" : `moved ${moved.toFixed(2)}`;
}

const colorOf = (view, head) => view.theme.colors[head] ?? view.patterns.header.average;
const same = (a, b) => (a === null || b === null ? a === b : a[0] === b[0] && a[1] === b[1]);

function element(tag, role, text = "") {
  const part = Object.assign(document.createElement(tag), { textContent: text });
  part.setAttribute("role", role);
  return part;
}

// Build the grid from `view.rows`: lists of heads, with null where none is shown.
function buildGrid(view, isList = false) {
  const { heads } = view.patterns;
  const labelled = (role, text, head) => {
    const label = element("span", role, text);
    if (head !== undefined) label.style.setProperty("--head", colorOf(view, head));
    return label;
  };
  view.grid.style.setProperty("--heads", view.rows[0]?.length ?? 1);
  const top = element("div", "row");
  top.append(labelled("columnheader", ""));
  top.append(...heads.slice(0, view.rows[0]?.length).map((head) => labelled("columnheader", short("H", head), head)));
  const rows = view.rows.map((heads) => {
    const row = element("div", "row");
    const layer = heads.find(Boolean)[0];
    if (!isList) row.append(labelled("rowheader", short("L", layer)));
    row.append(...heads.map((head) => (head ? buildCell(view, head) : element("span", "gridcell"))));
    return row;
  });
  view.grid.replaceChildren(...(isList || rows.length === 0 ? [] : [top]), ...rows);
  view.cells = [...view.grid.querySelectorAll("button")];
}

function buildCell(view, [layer, head]) {
  const cell = element("button", "gridcell");
  cell.type = "button";
  cell.dataset.layer = layer;
  cell.dataset.head = head;
  cell.style.setProperty("--head", colorOf(view, head));
  cell.append(document.createElement("canvas"));
  cell.dataset.name = [nameOf([layer, head]), ...movedBy(view, [layer, head]).split(" ").slice(1)].join("\n");
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
  if (view.cells.length === 0) return;
  const { clientWidth, clientHeight } = view.cells[0].firstChild;
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
  const entry = view.cells.find((cell) => same(headOf(cell), shown)) ?? view.cells[0]; // where the Tab key leads
  for (const cell of view.cells) {
    const head = headOf(cell);
    const locked = same(head, view.locked);
    const drawn = view.companions().some((other) => same(other, head));
    cell.setAttribute("aria-selected", locked);
    const does = [captionOf(view, head), movedBy(view, head)].filter(Boolean).map((each) => `, ${each}`).join("");
    cell.setAttribute("aria-label", `${nameOf(head)}${does}${locked ? ", locked" : ""}${drawn ? ", lines shown" : ""}`);
    cell.classList.toggle("drawn", drawn);
    cell.classList.toggle("shown", same(head, shown));
    cell.tabIndex = cell === entry ? 0 : -1;
  }
}

// Which head an arrow key leads to, or null for another key.
function headAfter({ rows }, head, key) {
  const at = rows.findIndex((row) => row.some((other) => other && same(other, head)));
  const place = rows[at].findIndex((other) => other && same(other, head));
  const there = upTo(rows[at].length).filter((column) => rows[at][column]);
  const step = (list, by) => list[Math.min(Math.max(list.indexOf(place) + by, 0), list.length - 1)];
  const inRow = (index) => {
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)];
    const columns = upTo(row.length).filter((column) => row[column]);
    return row[columns.reduce((best, column) => (Math.abs(column - place) < Math.abs(best - place) ? column : best))];
  };
  const moves = {
    ArrowLeft: () => rows[at][step(there, -1)],
    ArrowRight: () => rows[at][step(there, 1)],
    ArrowUp: () => inRow(at - 1),
    ArrowDown: () => inRow(at + 1),
    Home: () => rows[at][there[0]],
    End: () => rows[at][there.at(-1)],
  };
  return moves[key]?.() ?? null;
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
