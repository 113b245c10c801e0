// Which heads the grid shows, and in which order.

const BY_LAYER = "layer"; // the order in which layers go down and heads across
const LISTED = [96, 70, 46]; // CSS pixels for a head in the list of another order: the first with which all are seen
const NAME = 32; // CSS pixels for the name of a head in the list
const SMALLEST = { fine: 13, coarse: 24 }; // CSS pixels of a head under a mouse, under a finger
const GAPS = [[28, 4], [0, 2]]; // CSS pixels between heads that are at least so large
const BESIDE_ROWS = 26; // CSS pixels for the columns' names

const numberAt = (values, [layer, head]) => values?.[layer]?.[head] ?? null;

// The order that the person chose, if the heads have such scores.
const orderOf = (view) => (view.patterns.header.arrange?.scores[view.order] ? view.order : BY_LAYER);

function isAtRest(view, head) {
  const { first, rest } = view.patterns.header.arrange;
  return numberAt(first, head) > rest;
}

const isFiltered = (view) => Boolean(view.patterns.header.arrange) && (view.role !== "" || view.hidesRest);

const passes = (view, head) =>
  (view.role === "" || captionOf(view, head) === view.role) && !(view.hidesRest && isAtRest(view, head));

// The grid's rows: each a list of heads, with null where the filter leaves a head out. A layer without heads is left out.
function rowsOf(view, columns) {
  const { layers, heads, header } = view.patterns;
  if (!header.arrange) return layers.map((layer) => heads.map((head) => [layer, head]));
  const scores = header.arrange.scores[view.order];
  if (!scores && !isFiltered(view)) return layers.map((layer) => heads.map((head) => [layer, head]));
  const all = header.kept.map((layer) => upTo(header.heads).map((head) => [layer, head]));
  const rows = all.map((row) => row.map((head) => (passes(view, head) ? head : null)));
  if (!scores) return rows.filter((row) => row.some(Boolean));
  const score = (head) => numberAt(scores, head) ?? -Infinity;
  const sorted = rows.flat().filter(Boolean).sort((a, b) => score(b) - score(a));
  return upTo(Math.ceil(sorted.length / columns)).map((row) => sorted.slice(row * columns, (row + 1) * columns));
}

// The options that these heads have. What the person chose stays, also while its scores are still computed.
function writeArrangement(view) {
  const { arrange, captions } = view.patterns.header;
  const find = (selector) => view.root.querySelector(selector);
  find(".arrange").hidden = !arrange;
  if (!arrange) return;
  const fill = (select, options, chosen) => {
    const shown = options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen]];
    select.replaceChildren(...shown.map(([value, textContent]) => Object.assign(document.createElement("option"), { value, textContent })));
    select.value = chosen;
  };
  fill(find(".order"), [[BY_LAYER, "layer"], ...Object.keys(arrange.scores).map((name) => [name, name])], view.order);
  fill(find(".role"), [["", "all"], ...[...new Set(Object.values(captions))].sort().map((name) => [name, name])], view.role);
  find(".rest").checked = view.hidesRest;
  find(".rest-share").textContent = `${Math.round(100 * arrange.rest)} %`;
}

function listenToArrangement(view) {
  const find = (selector) => view.root.querySelector(selector);
  const change = (fields) => {
    Object.assign(view, fields);
    report(view);
    writeArrangement(view);
    redraw(view, "layout");
  };
  find(".order").addEventListener("change", (event) => change({ order: event.target.value }));
  find(".role").addEventListener("change", (event) => change({ role: event.target.value }));
  find(".rest").addEventListener("change", (event) => change({ hidesRest: event.target.checked }));
  find(".empty button").addEventListener("click", () => {
    change({ role: "", hidesRest: false });
    find(".role").focus();
  });
}

// Make the grid's heads so small that all are seen on the first screen; if that is too small, the grid scrolls.
function fitGrid(view) {
  const { grid } = view;
  const high = heightFor(grid);
  const isList = orderOf(view) !== BY_LAYER;
  const shape = Number(grid.style.getPropertyValue("--shape")) || 1;
  const smallest = matchMedia("(pointer: coarse)").matches ? SMALLEST.coarse : SMALLEST.fine;
  const sideFor = (gap) => ((high - BESIDE_ROWS) / view.rows.length - gap) * shape;
  const [, gap] = GAPS.find(([side, each]) => sideFor(each) >= side) ?? GAPS.at(-1);
  const side = Math.max(sideFor(gap), smallest);
  grid.style.setProperty("--gap", `${isList ? GAPS[0][1] : gap}px`);
  grid.style.setProperty("--most", isList ? `${listedSide(view)}px` : `${side}px`);
  grid.classList.toggle("compact", !isList && side < GAPS[0][0]);
  grid.classList.toggle("list", isList);
  grid.style.maxHeight = isList || sideFor(gap) < smallest ? `${high}px` : "";
}

// The room for a head in the list.
function listedSide(view) {
  const { grid, patterns: { header } } = view;
  const shape = Number(grid.style.getPropertyValue("--shape")) || 1;
  const heads = header.kept.length * header.heads;
  const fits = (side) => Math.ceil(heads / columnsOf(view, side)) * (side / shape + NAME) <= heightFor(grid) / 2;
  return LISTED.find(fits) ?? LISTED.at(-1);
}

const columnsOf = (view, side) => Math.max(Math.floor((view.grid.parentElement.clientWidth - 8) / (side + GAPS[0][1])), 1);
const columnsFor = (view) => columnsOf(view, listedSide(view));
