// Lines over the run's steps, in SVG. A marker moves along the lines; a click on them moves the film.

const PLOT = { height: 170, left: 44, right: 48, top: 8, bottom: 24 };
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 2", "10 4"];

function shape(tag, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

// Round numbers from low to high, about `count` of them.
function roundTicks(low, high, count) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

// lines: [{ xs, ys, color, width, opacity, dash, label }]; span: two steps with a tinted background between them, or nothing.
function drawPlot(plot, { lines, low, high, last, span, zero }, width) {
  const { height, left, right, top, bottom } = PLOT;
  const x = (step) => left + (Math.max(width - left - right, 1) * step) / Math.max(last, 1);
  const y = (value) => top + ((high - value) / (high - low || 1)) * (height - top - bottom);
  Object.assign(plot, { x, y, last });
  const ground = shape("g", {});
  if (span) ground.append(shape("rect", { class: "span", x: x(span[0]), width: x(span[1]) - x(span[0]), y: top, height: height - top - bottom }));
  for (const value of roundTicks(low, high, 4)) {
    ground.append(shape("line", { class: "frame", x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    ground.append(shape("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, Number(value.toPrecision(6)).toString().replace("-", "−")));
  }
  if (zero) ground.append(shape("line", { class: "zero", x1: left, x2: width - right, y1: y(0), y2: y(0) }));
  for (const step of roundTicks(0, last, width > 420 ? 6 : 3)) {
    ground.append(shape("text", { x: x(step), y: height - 6, "text-anchor": "middle" }, step.toLocaleString("en")));
  }
  const drawn = lines.flatMap(({ xs, ys, color, width: stroke, opacity = 1, dash = "" }) =>
    pieces(xs, ys).map((piece) => shape("polyline", {
      points: piece.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
      stroke: color, "stroke-width": stroke, opacity, "stroke-dasharray": dash,
    })));
  plot.then = shape("line", { class: "then", y1: top, y2: height - bottom });
  plot.now = shape("line", { class: "now", y1: top, y2: height - bottom });
  plot.dot = shape("circle", { class: "dot", r: 4.5 });
  plot.svg.replaceChildren(ground, ...drawn, ...endLabels(lines, y, width - right + 5), plot.then, plot.now, plot.dot);
}

// Split a line into pieces at the places without a value.
function pieces(xs, ys) {
  const parts = [[]];
  xs.forEach((step, i) => {
    if (ys[i] === null) parts.push([]);
    else parts.at(-1).push([step, ys[i]]);
  });
  return parts.filter((piece) => piece.length > 0);
}

// Labels at the right ends of the lines, in order; a label that would cover another is left out.
function endLabels(lines, y, x) {
  const taken = [];
  return lines.filter(({ label }) => label).flatMap(({ label, color, ys }) => {
    const value = ys.findLast((other) => other !== null);
    if (value === undefined || taken.some((other) => Math.abs(other - y(value)) < 13)) return [];
    taken.push(y(value));
    const text = shape("text", { x, y: y(value) + 4 }, label);
    text.style.fill = color;
    return [text];
  });
}

function markPlot(plot, step, pinned, value, color) {
  for (const [line, at] of [[plot.now, step], [plot.then, pinned]]) {
    line.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (at !== null) for (const end of ["x1", "x2"]) line.setAttribute(end, plot.x(at));
  }
  plot.dot.setAttribute("visibility", value === null ? "hidden" : "visible");
  if (value === null) return;
  plot.dot.setAttribute("cx", plot.x(step));
  plot.dot.setAttribute("cy", plot.y(value));
  plot.dot.setAttribute("fill", color);
}

// Clicking and dragging move to a step.
function listenToPlot(plot, jump) {
  const go = (event) => {
    const from = plot.svg.getBoundingClientRect().left;
    jump((event.clientX - from - PLOT.left) / (plot.x(1) - plot.x(0)));
  };
  plot.svg.addEventListener("pointerdown", (event) => {
    plot.svg.setPointerCapture(event.pointerId);
    go(event);
  });
  plot.svg.addEventListener("pointermove", (event) => event.buttons & 1 && go(event));
}
