// What is shown and what is locked. The view draws at most once a frame, and only when something changed.

const NOWHERE = { query: null, key: null };
const REMEMBERED = ["locked", "real", "last", "extra", "pinned", "share", "order", "role", "hidesRest", "at", "followed"];
const ON_ITS_WAY = 3000; // ms in which the page may not know of the last click yet
const TABLE_ROWS = 12;
const UNDER_MAP = 12; // CSS pixels
const ABOVE_MAP = 80; // that the title takes
const UNDER_LINES = 26;
const SMALLEST_MAP = 360; // pixels of height under which a first screen has no room for it
const TEXT_SIZES = [[700, 16], [480, 13], [0, TEXT_SIZE]]; // labels of a map of this side or more
const WIDEST = 3; // how many times as wide as high, or as high as wide, a head's small picture may be

const VIEWS = new WeakMap(); // the element that Streamlit gives → its view
const LEFT = new Map(); // key → what was locked when the person left the view

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".attention");
  const view = VIEWS.get(root) ?? mount(root, data.key);
  view.send = (look) => setStateValue("look", look);
  receive(view);
  return () => {
    view.observer.disconnect();
    document.removeEventListener("attention-message", view.onMessage);
    VIEWS.delete(root);
    if (view.patterns) LEFT.set(view.key, Object.fromEntries(REMEMBERED.map((name) => [name, view[name]])));
  };
}

function mount(root, key) {
  const find = (selector) => root.querySelector(selector);
  const view = {
    root,
    key,
    grid: find(".grid"),
    badges: find(".badges"),
    map: { box: find(".map"), canvas: find(".map canvas"), image: document.createElement("canvas") },
    lines: { box: find(".lines"), canvas: find(".lines canvas") },
    dirty: new Set(),
    locked: null, // the head that was clicked
    real: null, // the locked head, or the one locked before an average: the page knows only heads
    preview: null, // the head under the pointer or the arrow keys
    last: null, // what is shown without either
    extra: [], // heads whose lines are shown as well
    comparing: false, // whether a click on a head adds its lines instead of locking it
    pinned: null, // the cell that was clicked: { query, key }
    hover: null, // the cell or token under the pointer or the arrow keys
    zoom: WHOLE,
    share: 0.9,
    order: BY_LAYER, // of the heads in the grid, or the name of a score
    role: "", // what the heads in the grid do; "" is anything
    hidesRest: false, // whether the grid leaves out heads that only read the first token
    at: 0, // the last click, in ms
    asked: null, // the layer that was asked for last: { layer, at }
    followed: "", // what the page asked for last
  };
  view.shown = () => view.preview ?? view.locked ?? view.last;
  view.focus = () => view.hover ?? view.pinned ?? NOWHERE;
  view.companions = () => [view.shown(), ...view.extra.filter((head) => !same(head, view.shown()))];
  listenToGrid(view);
  listenToArrangement(view);
  listenToZoom(view);
  listenToDetail(view);
  view.onMessage = ({ detail }) => detail === key && takeMessage(view);
  document.addEventListener("attention-message", view.onMessage);
  view.observer = new ResizeObserver(() => view.patterns && root.clientWidth !== view.width && redraw(view, "layout"));
  view.observer.observe(root);
  VIEWS.set(root, view);
  return view;
}

// A message has come: other patterns, or a part of those that are shown.
function takeMessage(view) {
  if (MESSAGES.get(view.key)?.view !== view.message) receive(view);
  else if (view.patterns && takeLayer(view)) redraw(view, "head");
}

// Draw what the page has sent, as soon as all of it is here.
function receive(view) {
  const messages = MESSAGES.get(view.key);
  const isNew = messages?.view && messages.view !== view.message;
  const patterns = isNew ? Patterns.of(messages) : view.patterns;
  if (!patterns) return;
  view.arrived = performance.now();
  const first = !view.patterns;
  const before = view.patterns && [view.patterns.Q, view.patterns.K];
  if (isNew) {
    if (patterns.small && patterns.header.stamp === view.patterns?.header.stamp) patterns.keepFull(view.patterns);
    else view.asked = null;
    Object.assign(view, { patterns, message: messages.view });
  }
  takeLayer(view);
  const { header, Q, K } = view.patterns;
  if (String(before) !== String([Q, K])) view.zoom = WHOLE;
  if (first) Object.assign(view, { last: header.opening }, LEFT.get(view.key));
  follow(view, header.look);
  const gone = (head) => head !== null && !view.patterns.has(head);
  if (gone(view.locked)) view.locked = null;
  if (gone(view.preview)) view.preview = null;
  if (gone(view.last)) view.last = header.opening;
  view.extra = view.extra.filter((head) => !gone(head));
  const outside = (place) => place !== null && (place.query >= Q || place.key >= K);
  if (outside(view.pinned)) view.pinned = null;
  if (outside(view.hover)) view.hover = null;
  view.theme = readTheme(view.root, header, view.patterns.values);
  view.root.classList.toggle("grid-only", header.grid_only);
  view.root.querySelector(".share select").value = String(view.share);
  writeScale(view);
  writeArrangement(view);
  view.grid.style.setProperty("--shape", Math.min(Math.max(K / Q, 1 / WIDEST), WIDEST));
  redraw(view, "layout");
  if (view.width) render(view); // at once: the frame may come only after the charts further down are drawn
}

// The legend is spaced by colour, so its weights are not evenly spaced.
function writeScale({ root, theme: { scale }, patterns: { noun, zero } }) {
  root.querySelector(".scale span").textContent = zero ? "B − A" : noun;
  root.querySelector("summary").textContent = `Largest ${noun}s as a table`;
  root.querySelector("th:last-child").textContent = noun;
  root.querySelector(".scale i").style.setProperty("--ramp", scale.map(([, color]) => color));
  const marks = scale.filter((_, i) => i % 2 === 0).map(([weight]) => {
    const mark = document.createElement("span");
    mark.textContent = String(Number(weight.toFixed(zero ? 3 : 2))).replace("-", "−");
    return mark;
  });
  root.querySelector(".marks").replaceChildren(...marks);
}

// Show what the page asks for, once. A page that does not know of the last click yet is ignored.
function follow(view, look) {
  const asked = JSON.stringify(look);
  const isLate = look.at < view.at && Date.now() - view.at < ON_ITS_WAY;
  if (asked === view.followed || isLate) return;
  view.followed = asked;
  view.locked = view.real = look.head;
  view.last = look.head ?? view.last;
  view.pinned = look.cell && { query: look.cell[0], key: look.cell[1] };
  view.extra = look.compared;
  view.share = look.share;
  view.order = look.order;
  view.role = look.role;
  view.hidesRest = look.hides_rest;
}

function redraw(view, part) {
  if (view.dirty.size === 0) requestAnimationFrame(() => render(view));
  view.dirty.add(part);
}

function render(view) {
  const { dirty, root, patterns } = view;
  if (dirty.size === 0) return;
  const everything = dirty.has("layout");
  const zoomed = dirty.has("zoom");
  dirty.clear();
  view.width = root.clientWidth;
  if (!root.isConnected || view.width === 0) return;
  if (everything) {
    arrangeGrid(view);
    paintGrid(view, false);
    setTimeout(() => paintGrid(view, true)); // the averages take longest: after this frame
  }
  markGrid(view);
  if (!patterns.header.grid_only) {
    if (everything) layOut(view);
    if (zoomed) view.map.layout = mapLayout(view, ...view.map.room);
    drawMap(view);
    drawTip(view);
    writeZoom(view);
    writeComputed(view);
    drawLines(view);
    writeTable(view);
  }
  writeState(view);
  askForLayer(view);
  const { arrived } = view;
  if (arrived) requestAnimationFrame(() => performance.measure("attention-view", { start: arrived })); // the frame that shows it
  view.arrived = null;
}

// Build the grid where its heads have changed.
function arrangeGrid(view) {
  const { header } = view.patterns;
  const isList = orderOf(view) !== BY_LAYER;
  view.rows = rowsOf(view, isList ? columnsFor(view) : 0);
  const built = JSON.stringify([view.rows, view.theme.name, header.captions, header.difference?.moved]);
  if (view.built !== built) {
    const focused = view.grid.contains(view.grid.getRootNode().activeElement);
    buildGrid(view, isList);
    buildBadges(view, view.badges);
    if (focused) view.cells[0]?.focus();
  }
  view.built = built;
  view.root.querySelector(".empty").hidden = view.rows.length > 0;
  fitGrid(view);
}

// The height for the map: as much as the first screen has left, or most of a screen where the map is further down.
function heightFor(box) {
  let above = box.getBoundingClientRect().top + window.scrollY;
  for (let node = box.getRootNode().host; node; node = node.parentElement) above += node.scrollTop;
  const left = window.innerHeight - above - UNDER_MAP;
  const most = parseInt(getComputedStyle(box).getPropertyValue("--tallest")) || Infinity; // of a notebook's output
  return Math.min(most, left >= SMALLEST_MAP ? left : Math.max(window.innerHeight - ABOVE_MAP - UNDER_MAP, SMALLEST_MAP));
}

function layOut(view) {
  const { map, lines, root, patterns, theme } = view;
  const find = (selector) => root.querySelector(selector);
  const isWide = getComputedStyle(find(".picture")).flexDirection === "row";
  const beside = parseInt(getComputedStyle(find(".detail")).getPropertyValue("--beside") || 0); // pixels that the style sheet keeps free
  const width = find(".detail").clientWidth - beside;
  const height = heightFor(map.box);
  theme.size = TEXT_SIZES.find(([side]) => Math.min(width, height) >= side)[1];
  view.labels = labelsOf(patterns, theme);
  map.painted = null;
  map.room = [width, height];
  map.layout = mapLayout(view, ...map.room);
  map.box.style.width = `${map.layout.width}px`;
  map.box.style.height = `${map.layout.height}px`;
  const wanted = Math.min(Math.max(roomFor(theme) * (Math.max(patterns.Q, patterns.K) + 2), 160), 480);
  const left = map.box.getBoundingClientRect().bottom - lines.box.getBoundingClientRect().top - UNDER_LINES;
  const high = isWide ? Math.max(left, 200) : wanted;
  lines.box.style.height = `${high}px`;
  lines.layout = linesLayout(view, lines.box.clientWidth, high);
}

const quoted = (tokens, index) => `${index} '${isolated(tokens[index])}'`;

function sentence({ patterns, shown }, query, key) {
  return `query ${quoted(patterns.queries, query)} reads key ${quoted(patterns.keys, key)} with ${patterns.textAt(shown(), query, key)}`;
}

function readout(view) {
  const { patterns } = view;
  const head = view.shown();
  const { query, key } = view.focus();
  const named = (text) => `${nameOf(head)}: ${text}`;
  if (!patterns.isFull(head)) return named("its weights are on their way");
  if (query !== null && key !== null) {
    const weight = patterns.weight(head, query, key);
    if (weight !== null && patterns.isHidden(query, key)) return named(`the first token, ${quoted(patterns.keys, 0)}, is hidden`);
    if (weight !== null) return named(sentence(view, query, key));
    return named(`query ${quoted(patterns.queries, query)} cannot read key ${quoted(patterns.keys, key)}, which comes after it`);
  }
  if (key !== null) {
    const most = patterns.reader(head, key);
    return named(`key ${quoted(patterns.keys, key)} ${patterns.zero ? "changes" : "is read"} most where ${sentence(view, most, key)}`);
  }
  if (query !== null) return named(sentence(view, ...patterns.largest(head, 1, query)[0]));
  return named(`for example, ${sentence(view, ...patterns.largest(head, 1, patterns.middle)[0])}`);
}

// The pinned cell as [query, key]; of a pinned token, the cell that the readout names. Null where nothing is pinned.
function cellOf({ patterns, pinned, real, last }) {
  if (!pinned) return null;
  if (pinned.query !== null && pinned.key !== null) return [pinned.query, pinned.key];
  const head = real ?? last;
  if (!patterns.isFull(head)) return null;
  if (pinned.key === null) return patterns.largest(head, 1, pinned.query)[0].slice(0, 2);
  return [patterns.reader(head, pinned.key), pinned.key];
}

function writeState(view) {
  const { root, locked } = view;
  const head = view.shown();
  const focus = view.focus();
  const find = (selector) => root.querySelector(selector);
  find(".name").textContent = nameOf(head);
  find(".does").textContent = [captionOf(view, head), movedBy(view, head)].filter(Boolean).join(", ");
  const state = same(head, locked) ? "locked" : locked ? `preview; ${nameOf(locked)} is locked` : "not locked";
  find(".status").textContent = view.patterns.header.hides_first ? `${state}; first token hidden` : state;
  find(".readout").textContent = view.patterns.header.grid_only ? `${nameOf(head)}: ${state}` : readout(view);
  find(".legend").replaceChildren(...linesLegend(view).map(([text, color]) => {
    const chip = Object.assign(document.createElement("span"), { textContent: text });
    chip.style.setProperty("--head", color);
    return chip;
  }));
  const data = { layer: head[0], head: head[1], locked: locked?.join("."), query: focus.query, key: focus.key };
  for (const [name, value] of Object.entries(data)) root.dataset[name] = value ?? "";
  root.dataset.full = view.patterns.isFull(head);
  root.classList.toggle("comparing", view.comparing);
  find(".compare").setAttribute("aria-pressed", view.comparing);
}

function writeTable(view) {
  const head = view.shown();
  const query = view.pinned?.query ?? null;
  const { queries, keys, noun } = view.patterns;
  const of = query === null ? "" : ` of query ${quoted(queries, query)}`;
  view.root.querySelector("caption").textContent = `Largest ${noun}s${of}, ${nameOf(head)}`;
  const largest = view.patterns.isFull(head) ? view.patterns.largest(head, TABLE_ROWS, query) : [];
  const rows = largest.map(([q, k]) => {
    const row = document.createElement("tr");
    for (const text of [quoted(queries, q), quoted(keys, k), view.patterns.textAt(head, q, k)]) {
      row.append(Object.assign(document.createElement("td"), { textContent: text }));
    }
    return row;
  });
  view.root.querySelector("tbody").replaceChildren(...rows);
}
