// Tokens as coloured cells. A token enters the page as text, never as markup.

const VIEWS = new WeakMap(); // the element that Streamlit gives → its view
const MARKS = /[·⏎⇥␍∅]/u;

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".cells");
  const view = VIEWS.get(root) ?? mount(root);
  view.choose = (row) => setStateValue("row", row);
  const { opening, ...sent } = JSON.parse(new TextDecoder().decode(data));
  const message = JSON.stringify(sent);
  if (message === view.message) return; // a rerun without changes keeps the cell under the pointer
  if (view.message === undefined) view.chosen = opening;
  view.message = message;
  draw(view, sent);
}

function mount(root) {
  const find = (selector) => root.querySelector(selector);
  const view = { root, scale: find(".scale"), tokens: find(".tokens"), readout: find(".readout"), now: null, chosen: 0 };
  const cellOf = (event) => event.target.closest(".cell");
  view.tokens.addEventListener("pointerover", (event) => point(view, cellOf(event)));
  view.tokens.addEventListener("pointerleave", () => point(view, null));
  view.tokens.addEventListener("blur", () => point(view, null));
  view.tokens.addEventListener("click", (event) => {
    point(view, cellOf(event));
    select(view, event.target.closest(".row"));
  });
  view.tokens.addEventListener("keydown", (event) => move(view, event));
  VIEWS.set(root, view);
  return view;
}

function draw(view, data) {
  Object.assign(view, { data, now: null, cells: [] });
  view.root.className = `cells ${data.layout}${data.selectable ? " selectable" : ""}`;
  view.tokens.setAttribute("aria-label", data.label);
  view.readout.dataset.hint = data.hint;
  view.readout.textContent = "";
  drawScale(view.scale, data);
  const drawn = document.createDocumentFragment();
  if (data.layout === "rows") drawRows(view, drawn);
  else data.texts.forEach((_, index) => drawRunning(view, drawn, index));
  view.tokens.replaceChildren(drawn);
}

function drawRunning(view, parent, index) {
  const { texts, breaks, layout } = view.data;
  const text = texts[index];
  if (layout === "chips" || (text.length > 1 && text.startsWith("·"))) parent.append(element("wbr"));
  parent.append(cell(view, index));
  if (text === "·") parent.append(element("wbr"));
  if (breaks[index]) parent.append("\n");
}

function drawRows(view, parent) {
  const { rows, targets, selectable } = view.data;
  if (view.chosen >= rows.length) view.chosen = 0;
  let index = 0;
  rows.forEach((length, number) => {
    const row = element("div", `row${selectable && number === view.chosen ? " selected" : ""}`);
    row.dataset.row = number;
    row.append(element("span", "number", String(number + 1)));
    for (let column = 0; column < length; column += 1, index += 1) {
      if (targets && column === length - 1) row.append(element("span", "then", "→"));
      row.append(cell(view, index));
    }
    parent.append(row);
  });
}

function cell(view, index) {
  const { texts, fills, strengths, palette, edges } = view.data;
  const strength = strengths[index];
  const drawn = element("span", `cell${strength === null ? " blank" : ""}${edges?.[index] ? " edge" : ""}`);
  for (const character of texts[index]) {
    drawn.append(MARKS.test(character) ? element("span", "mark", character) : character);
  }
  drawn.style.setProperty("--fill", palette[fills[index]]);
  drawn.style.setProperty("--strength", strength ?? 0);
  drawn.dataset.index = index;
  view.cells.push(drawn);
  return drawn;
}

function drawScale(box, { scale, palette }) {
  box.hidden = !scale;
  if (!scale) return;
  box.querySelector(".name").textContent = scale.name;
  const full = (color) => `color-mix(in srgb, ${color} 45%, transparent)`;
  const ends = palette.length > 1 ? `${full(palette[1])}, transparent, ${full(palette[0])}` : `transparent, ${full(palette[0])}`;
  box.querySelector("i").style.background = `linear-gradient(to right, ${ends})`;
  box.querySelector(".marks").replaceChildren(
    ...scale.marks.map(([place, text]) => {
      const mark = element("span", "", text);
      mark.style.left = `${100 * place}%`;
      return mark;
    }),
  );
}

function point(view, cell) {
  view.now?.classList.remove("now");
  view.now = cell;
  cell?.classList.add("now");
  view.readout.textContent = cell ? view.data.notes[cell.dataset.index] : "";
}

function move(view, event) {
  const last = view.cells.length - 1;
  const at = view.now ? Number(view.now.dataset.index) : -1;
  const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last };
  if (event.key === "Enter" || event.key === " ") select(view, view.now?.closest(".row"));
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") point(view, below(view, event.key === "ArrowDown" ? 1 : -1));
  else if (event.key in steps) point(view, view.cells[Math.min(last, Math.max(0, steps[event.key]))]);
  else return;
  view.now?.scrollIntoView({ block: "nearest", inline: "nearest" });
  event.preventDefault();
}

// The nearest cell of the line above or below, as it is laid out.
function below(view, direction) {
  if (!view.now) return view.cells[0];
  const here = view.now.getBoundingClientRect();
  let best = null;
  for (const cell of view.cells) {
    const there = cell.getBoundingClientRect();
    const down = direction * (there.top - here.top);
    if (down < here.height / 2) continue;
    const distance = [down, Math.abs(there.left - here.left)];
    if (!best || distance[0] < best.distance[0] - 2 || (distance[0] < best.distance[0] + 2 && distance[1] < best.distance[1])) {
      best = { cell, distance };
    }
  }
  return best?.cell ?? view.now;
}

function select(view, row) {
  if (!view.data.selectable || !row) return;
  view.tokens.querySelector(".row.selected")?.classList.remove("selected");
  row.classList.add("selected");
  view.chosen = Number(row.dataset.row);
  view.choose(view.chosen);
}

function element(tag, className = "", text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
