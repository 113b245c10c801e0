// A graph of computations: a button for each node, in columns from left to right, or from top to bottom where narrow.

const NARROW = 700; // pixels
const AROUND = 90; // pixels that a line over several columns bends
const VIEWS = new WeakMap(); // the element that Streamlit gives → its view

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".graph");
  const view = VIEWS.get(root) ?? mount(root);
  view.pick = (name) => setTriggerValue("picked", name);
  draw(view, JSON.parse(new TextDecoder().decode(data)));
}

function mount(root) {
  const view = { root, edges: root.querySelector(".edges"), columns: root.querySelector(".columns"), nodes: new Map() };
  new ResizeObserver(() => lay(view)).observe(root);
  view.columns.addEventListener("click", (event) => {
    const node = event.target.closest(".node");
    if (node) view.pick(node.dataset.name);
  });
  VIEWS.set(root, view);
  return view;
}

function draw(view, data) {
  const focused = view.root.getRootNode().activeElement?.dataset?.name;
  view.data = data;
  view.nodes.clear();
  view.root.setAttribute("aria-label", data.label);
  view.root.style.setProperty("--backward", data.color);
  view.columns.replaceChildren(
    ...data.columns.map((boxes) => {
      const column = element("div", "column");
      column.append(...boxes.map((box) => nodeOf(view, box)));
      return column;
    }),
  );
  view.nodes.get(focused)?.focus({ preventScroll: true });
  lay(view);
}

function nodeOf(view, box) {
  const node = element("button", `node${box.name === view.data.chosen ? " chosen" : ""}`);
  node.type = "button";
  node.dataset.name = box.name;
  node.setAttribute("aria-label", box.note);
  node.setAttribute("aria-pressed", box.name === view.data.chosen);
  node.append(element("div", "name", box.name), element("div", "formula", box.formula), grid("value", box.value));
  node.append(grid(box.gradient ? "gradient" : "gradient hidden", box.gradient ?? [[""]]));
  view.nodes.set(box.name, node);
  return node;
}

function grid(kind, rows) {
  const drawn = element("div", `numbers ${kind}`);
  drawn.style.gridTemplateColumns = `repeat(${rows[0].length}, max-content)`;
  drawn.append(...rows.flat().map((number) => element("span", "", number)));
  return drawn;
}

// Draw the lines between the nodes, where the browser has put them.
function lay(view) {
  if (!view.data) return;
  const narrow = view.root.clientWidth < NARROW;
  view.root.classList.toggle("narrow", narrow);
  const origin = view.columns.getBoundingClientRect();
  const columnOf = (name) => view.data.columns.findIndex((boxes) => boxes.some((box) => box.name === name));
  const place = (name) => view.nodes.get(name).getBoundingClientRect();
  view.edges.setAttribute("width", view.columns.scrollWidth);
  view.edges.setAttribute("height", origin.height);
  view.edges.replaceChildren(
    ...view.data.edges.map(([from, to, passed]) => {
      const [a, b] = [place(from), place(to)];
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const middle = (box) => [box.left - origin.left + box.width / 2, box.top - origin.top + box.height / 2];
      const [x0, y0] = narrow ? [middle(a)[0], a.bottom - origin.top] : [a.right - origin.left, middle(a)[1]];
      const [x1, y1] = narrow ? [middle(b)[0], b.top - origin.top] : [b.left - origin.left, middle(b)[1]];
      const around = columnOf(to) - columnOf(from) > 1 ? AROUND : 0; // the line goes around the columns between
      const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
      const bend = narrow ? `${x0 + around} ${y} ${x1 + around} ${y}` : `${x} ${y0 + around} ${x} ${y1 + around}`;
      path.setAttribute("d", `M ${x0} ${y0} C ${bend} ${x1} ${y1}`);
      if (passed) path.classList.add("passed");
      return path;
    }),
  );
}

function element(tag, className = "", text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
