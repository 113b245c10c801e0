// The state of the film. It is drawn at most once per frame, and only the parts that changed.

const NOWHERE = { query: null, key: null };
const SAVED = ["index", "pinned", "locked", "last", "kind", "speed", "at", "request"];
const DELAY = 3000; // ms: a request that the page sent before the last rest may still arrive within this time

const VIEWS = new WeakMap(); // the element that Streamlit gives → its view
const CLOSED = new Map(); // key → the saved fields of a film that was closed

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".film");
  const view = VIEWS.get(root) ?? mount(root);
  view.send = (look) => setStateValue("rest", look);
  receive(view, data);
  return () => {
    view.playing = false;
    clearTimeout(view.resting);
    view.observer.disconnect();
    VIEWS.delete(root);
    CLOSED.set(view.film.header.key, Object.fromEntries(SAVED.map((name) => [name, view[name]])));
  };
}

function mount(root) {
  const find = (selector) => root.querySelector(selector);
  const plot = (figure) => ({ svg: find(`${figure} svg`), value: find(`${figure} .value`) });
  const view = {
    root,
    grid: find(".grid"),
    map: { box: find(".map"), canvas: find(".map canvas"), image: document.createElement("canvas") },
    slider: find(".transport input"),
    sample: find(".sample"),
    losses: plot(".losses"),
    scores: plot(".scores"),
    dirty: new Set(),
    index: 0, // the snapshot that is shown
    pinned: null, // the snapshot that it is compared with
    locked: null, // the head that was clicked
    preview: null, // the head under the pointer or the arrow keys
    last: null, // the head that is shown if there is neither
    hover: null, // the cell under the pointer or the arrow keys
    kind: "", // of the score curves
    speed: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0.25 : 1,
    playing: false,
    at: 0,
    request: "", // the page's last request
  };
  view.shown = () => view.preview ?? view.locked ?? view.last;
  view.focus = () => view.hover ?? NOWHERE;
  view.step = (index = view.index) => view.film.steps[index];
  view.companions = () => [];
  listenToTransport(view);
  listenToHeads(view);
  view.observer = new ResizeObserver(() => root.clientWidth !== view.width && redraw(view, "layout"));
  view.observer.observe(root);
  VIEWS.set(root, view);
  return view;
}

function receive(view, bytes) {
  const text = headerText(bytes);
  const isNew = text !== view.text;
  if (isNew) load(view, text, bytes);
  const { header } = view.film;
  const theme = readTheme(view.root, header);
  if (!isNew && theme.background === view.theme.background) return; // nothing has changed
  view.theme = theme;
  view.changeRamp = changeRamp(header.change, view.theme.background);
  view.labels = labelsOf(view.patterns, view.theme);
  if (header.layers) {
    view.rows = view.patterns.layers.map((layer) => view.patterns.heads.map((head) => [layer, head]));
    buildGrid(view);
  }
  redraw(view, "layout");
}

function load(view, text, bytes) {
  const before = view.film;
  view.text = text;
  view.film = new Film(text, bytes);
  const { header, steps } = view.film;
  if (!before) Object.assign(view, { last: header.opening }, CLOSED.get(header.key));
  else for (const name of ["index", "pinned"]) if (view[name] !== null) view[name] = view.film.nearest(before.steps[view[name]]);
  follow(view, header.request);
  view.index = Math.min(view.index, steps.length - 1);
  if (view.pinned >= steps.length) view.pinned = null;
  view.hover = null;
  view.slider.max = steps.length - 1;
  view.patterns = view.frame = view.film.frame(view.index);
  const kinds = Object.keys(header.scores);
  if (!kinds.includes(view.kind)) view.kind = kinds.includes(header.kind) ? header.kind : kinds[0] ?? "";
  const options = kinds.map((kind) => Object.assign(document.createElement("option"), { value: kind, textContent: kind }));
  view.root.querySelector(".scores select").replaceChildren(...options);
  view.root.querySelector(".scores select").value = view.kind;
  view.root.querySelector(".speed select").value = String(view.speed);
  view.root.classList.toggle("headless", !header.layers);
  view.root.classList.toggle("unscored", !view.kind);
  view.root.classList.toggle("single", steps.length === 1);
  buildAnswers(view);
}

// The page may move the film, unless it sent its request before the person's last move.
function follow(view, [[step, head, pinned], at]) {
  const request = JSON.stringify([step, head, pinned, at]);
  const isLate = at < view.at && Date.now() - view.at < DELAY;
  if (request === view.request || isLate) return;
  view.request = request;
  view.index = view.film.nearest(step);
  view.pinned = pinned === null ? null : view.film.nearest(pinned);
  view.locked = head;
  view.last = head ?? view.last;
}

function redraw(view, part) {
  if (view.dirty.size === 0) requestAnimationFrame(() => render(view));
  view.dirty.add(part);
}

function render(view) {
  const { dirty, root, film } = view;
  const everything = dirty.has("layout");
  const moved = everything || dirty.has("frame");
  const recut = everything || dirty.has("head");
  dirty.clear();
  view.width = root.clientWidth;
  if (!root.isConnected || view.width === 0) return;
  const { layers } = film.header;
  if (moved && layers) {
    view.frame = film.frame(view.index);
    view.change = view.pinned === null ? null : new Change(view.frame, film.frame(view.pinned));
    view.patterns = view.change ?? view.frame;
  }
  if (everything && layers) {
    view.map.layout = mapLayout(view, view.map.box.clientWidth);
    view.map.box.style.height = `${view.map.layout.height}px`;
    writeLegend(view);
  }
  if (moved && layers) drawHeads(view);
  if (recut && layers) markGrid(view);
  if (layers) drawLarge(view);
  if (moved) {
    drawAnswers(view);
    drawSample(view);
  }
  if (recut) drawCurves(view);
  markCurves(view);
  writeState(view);
}

function writeState(view) {
  const { root, film, index, slider } = view;
  const find = (selector) => root.querySelector(selector);
  const { length } = film.steps;
  const where = `step ${count(view.step())}, snapshot ${index + 1} of ${length}`;
  slider.value = index;
  slider.setAttribute("aria-valuetext", where);
  find(".where").textContent = length > 1 ? `Step ${count(view.step())} · ${index + 1} of ${length}` : `Step ${count(view.step())}`;
  find(".back").disabled = index === 0;
  find(".on").disabled = index === length - 1;
  find(".play").textContent = view.playing ? "Pause" : "Play";
  find(".pin").setAttribute("aria-pressed", view.pinned !== null);
  find(".pin").textContent = view.pinned === null ? "Compare with this step" : `Compared with ${count(view.step(view.pinned))} ✕`;
  find(".sentence").textContent = view.film.header.sentences[view.kind] ?? "";
  root.classList.toggle("changing", view.pinned !== null);
  const [layer, head] = view.shown();
  const data = { step: view.step(), index, layer, head, locked: view.locked?.join("."), pinned: view.pinned === null ? "" : view.step(view.pinned) };
  for (const [name, value] of Object.entries(data)) root.dataset[name] = value ?? "";
}
