// A tile for each run, the best first. What a person typed enters the page as text, never as markup.

const VIEWS = new WeakMap(); // the element that Streamlit gives → its view
const FEW = { large: 2, medium: 9 }; // the most tiles of a size

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".wall");
  const view = VIEWS.get(root) ?? mount(root);
  view.press = (action, key) => setTriggerValue("press", { action, key });
  const message = new TextDecoder().decode(data);
  if (message === view.message) return; // a rerun without news
  view.message = message;
  draw(view, JSON.parse(message));
}

function mount(root) {
  const view = { root, list: root.querySelector("ol"), tiles: new Map() };
  const full = root.querySelector(".full");
  full.hidden = !document.fullscreenEnabled;
  full.onclick = () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen());
  root.onfullscreenchange = () => { full.textContent = document.fullscreenElement ? "Leave full screen" : "Full screen"; };
  VIEWS.set(root, view);
  return view;
}

function draw(view, { tiles, teacher, unit }) {
  const ranked = tiles.filter((tile) => tile.is_ranked).length;
  view.root.dataset.size = Object.keys(FEW).find((size) => tiles.length <= FEW[size]) ?? "small";
  view.root.querySelector(".count").textContent =
    `${tiles.length} ${tiles.length === 1 ? "tile" : "tiles"}, ${ranked} ranked. Loss: ${unit}.`;
  const range = rangeOf(tiles);
  const before = new Map(view.tiles);
  tiles.forEach((tile, place) => {
    const item = view.tiles.get(tile.key) ?? build(view, tile.key);
    before.delete(tile.key);
    fill(item, tile, teacher, range);
    if (view.list.children[place] !== item) view.list.insertBefore(item, view.list.children[place] ?? null);
  });
  for (const [key, item] of before) {
    item.remove();
    view.tiles.delete(key);
  }
}

const PARTS = {
  rank: "span", name: "a", state: "span", run: "span", loss: "strong", curve: "svg", verdict: "p", head: "p", sample: "pre",
};

function build(view, key) {
  const item = document.createElement("li");
  const parts = {};
  for (const [name, tag] of Object.entries(PARTS)) {
    parts[name] = tag === "svg" ? document.createElementNS(SVG, "svg") : document.createElement(tag);
    parts[name].setAttribute("class", name);
  }
  parts.curve.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  parts.curve.setAttribute("preserveAspectRatio", "none");
  parts.curve.setAttribute("role", "img");
  const [top, middle, bottom] = ["top", "middle", "actions"].map((name) => Object.assign(document.createElement("div"), { className: name }));
  top.append(parts.rank, parts.name, parts.state);
  middle.append(parts.loss, parts.curve);
  for (const action of ["hide", "show", "remove"]) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: action });
    button.textContent = action[0].toUpperCase() + action.slice(1);
    button.onclick = () => view.press(action, key);
    bottom.append(button);
  }
  item.append(top, parts.run, middle, parts.verdict, parts.head, parts.sample, bottom);
  item.parts = parts;
  view.tiles.set(key, item);
  return item;
}

function fill(item, tile, teacher, range) {
  const { parts } = item;
  write(parts.rank, tile.rank === null ? "–" : String(tile.rank));
  write(parts.name, tile.title);
  write(parts.run, tile.subtitle);
  write(parts.state, tile.is_hidden ? "Hidden for students" : tile.state);
  write(parts.loss, tile.loss === null ? "" : tile.loss.toFixed(3));
  write(parts.verdict, tile.verdict);
  write(parts.head, tile.head);
  write(parts.sample, tile.sample);
  parts.name.title = tile.title;
  if (parts.name.getAttribute("href") !== tile.link) parts.name.setAttribute("href", tile.link);
  item.dataset.state = tile.state;
  item.dataset.rank = tile.rank ?? "";
  item.className = `${tile.is_hidden ? "hidden" : ""} ${tile.is_ranked ? "ranked" : ""}`;
  for (const button of item.querySelectorAll("button")) {
    const shown = { hide: !tile.is_hidden, show: tile.is_hidden, remove: true }[button.className];
    button.hidden = !(teacher && shown);
    const label = `${button.textContent} ${tile.title}`;
    if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
  }
  const drawn = JSON.stringify([tile.curve, tile.points, tile.done, tile.mark, range]);
  if (drawn === item.drawn) return;
  item.drawn = drawn;
  drawCurve(parts.curve, tile, range);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
