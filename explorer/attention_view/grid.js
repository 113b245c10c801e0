// The grid of all heads: a small picture of each in a button of its own.

const nameOf = ([layer, head]) => `layer ${layer}, head ${head}`;
const same = (a, b) => (a === null || b === null ? a === b : a[0] === b[0] && a[1] === b[1]);

function element(tag, role, text = "") {
  const made = document.createElement(tag);
  made.setAttribute("role", role);
  made.textContent = text;
  return made;
}

function buildGrid(view) {
  const { layers, heads, colors } = view.patterns.header;
  view.grid.style.setProperty("--heads", heads);
  const top = element("div", "row");
  top.append(element("span", "columnheader"));
  for (let head = 0; head < heads; head++) {
    const label = element("span", "columnheader", `H${head}`);
    label.style.setProperty("--head", colors[head]);
    top.append(label);
  }
  const rows = Array.from({ length: layers }, (_, layer) => {
    const row = element("div", "row");
    row.append(element("span", "rowheader", `L${layer}`));
    for (let head = 0; head < heads; head++) row.append(buildCell(layer, head, colors[head]));
    return row;
  });
  view.grid.replaceChildren(top, ...rows);
  view.cells = [...view.grid.querySelectorAll("button")];
}

function buildCell(layer, head, color) {
  const cell = element("button", "gridcell");
  cell.type = "button";
  cell.dataset.layer = layer;
  cell.dataset.head = head;
  cell.style.setProperty("--head", color);
  cell.append(document.createElement("canvas"));
  return cell;
}

const headOf = (cell) => [Number(cell.dataset.layer), Number(cell.dataset.head)];

function paintGrid(view) {
  const pixels = Math.round((view.cells[0].clientWidth || 48) * (window.devicePixelRatio || 1));
  const side = Math.min(view.patterns.T, pixels);
  for (const cell of view.cells) {
    paintPattern(cell.firstChild, view.patterns, headOf(cell), view.theme.ramp, side);
  }
}

function markGrid(view) {
  const shown = view.shown();
  for (const cell of view.cells) {
    const head = headOf(cell);
    const locked = same(head, view.locked);
    const drawn = view.companions().some((other) => same(other, head));
    cell.setAttribute("aria-selected", locked);
    cell.setAttribute("aria-label", `${nameOf(head)}${locked ? ", locked" : ""}${drawn ? ", lines shown" : ""}`);
    cell.classList.toggle("drawn", drawn);
    cell.classList.toggle("shown", same(head, shown));
    cell.tabIndex = same(head, shown) ? 0 : -1;
  }
}

// Which head an arrow key leads to, or null for another key.
function headAfter(view, [layer, head], key) {
  const { layers, heads } = view.patterns.header;
  const moves = {
    ArrowLeft: [layer, head - 1],
    ArrowRight: [layer, head + 1],
    ArrowUp: [layer - 1, head],
    ArrowDown: [layer + 1, head],
    Home: [layer, 0],
    End: [layer, heads - 1],
  };
  const to = moves[key];
  return to ? [Math.min(Math.max(to[0], 0), layers - 1), Math.min(Math.max(to[1], 0), heads - 1)] : null;
}
