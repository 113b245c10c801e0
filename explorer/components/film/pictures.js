// The pictures of one snapshot: the heads, one head large, the next token, the sample, and its marker on the curves.

const signed = (value, digits = 2) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);
const format = (value) => (value === null ? "–" : value.toFixed(2).replace("-", "−"));
const count = (number) => number.toLocaleString("en");

function paintHead(view, canvas, head, side) {
  if (view.change) paintChange(canvas, view.change, head, view.changeRamp, side);
  else paintPattern(canvas, view.frame, head, view.theme.ramp, side);
}

function drawHeads(view) {
  const pixels = Math.round((view.cells[0].clientWidth || 48) * (window.devicePixelRatio || 1));
  for (const cell of view.cells) paintHead(view, cell.firstChild, headOf(cell), Math.min(view.frame.Q, pixels));
}

function drawLarge(view) {
  const { frame, theme, map } = view;
  const { left, top, wide, cell, width, height } = map.layout;
  const head = view.shown();
  const context = sheet(map.canvas, width, height, theme);
  paintHead(view, map.image, head, Math.min(frame.Q, Math.round(wide * (window.devicePixelRatio || 1))));
  context.imageSmoothingEnabled = false;
  context.drawImage(map.image, left, top, wide, wide);
  context.save();
  context.translate(left, top);
  outline(context, frame, cell, theme);
  drawFocus(context, view.focus(), frame, cell, theme);
  context.restore();
  labelAxes(context, view);
  Object.assign(map.canvas.dataset, { left, top, cell });
  const then = view.change ? `, compared with step ${count(view.step(view.pinned))}` : "";
  map.canvas.setAttribute("aria-label", `Heatmap of ${nameOf(head)} over ${frame.Q} tokens at step ${count(view.step())}${then}`);
  view.root.querySelector(".name").textContent = nameOf(head);
  const state = same(head, view.locked) ? "locked" : view.locked ? `preview; ${nameOf(view.locked)} is locked` : "";
  view.root.querySelector(".status").textContent = state;
  view.root.querySelector(".readout").textContent = readout(view, head);
}

function readout(view, head) {
  const { query, key } = view.focus();
  if (query === null) return "";
  const quoted = (index) => `${index} '${view.frame.queries[index]}'`;
  const weight = view.frame.weight(head, query, key);
  if (weight === null) return `Query ${quoted(query)} cannot read key ${quoted(key)}, which comes later.`;
  const reads = `Query ${quoted(query)} reads key ${quoted(key)} with`;
  if (!view.change) return `${reads} ${weight.toFixed(2)}.`;
  const before = view.change.then.weight(head, query, key);
  return `${reads} ${signed(weight - before)}: ${before.toFixed(2)} → ${weight.toFixed(2)}.`;
}

// The legend is even in colour, which is the root of the weight.
function writeLegend(view) {
  const { scale } = view.theme;
  const { change } = view.film.header;
  const [colors, marks] = view.change
    ? [[change[0][1], change[1][1], change[2][1], change.at(-1)[1]], ["−1", "−0.25", "0", "+0.25", "+1"]]
    : [scale.map(([, color]) => color), scale.filter((_, i) => i % 2 === 0).map(([weight]) => Number(weight.toFixed(2)))];
  view.root.querySelector(".scale i").style.background = `linear-gradient(to right, ${colors})`;
  view.root.querySelector(".unit").textContent = view.change ? "change" : "weight";
  view.root.querySelector(".marks").replaceChildren(...marks.map((mark) => {
    const label = document.createElement("span");
    label.textContent = mark;
    return label;
  }));
}

function buildAnswers(view) {
  const part = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  view.bars = view.film.header.answers.map((token) => {
    const row = part("div", "");
    row.setAttribute("role", "listitem");
    const track = part("span", "track");
    track.append(part("i", ""));
    row.append(part("span", "token", token), track, part("span", "number"));
    return { fill: track.firstChild, number: row.lastChild, row };
  });
  view.root.querySelector(".answers").replaceChildren(...view.bars.map(({ row }) => row));
}

function drawAnswers(view) {
  const { probabilities, likeliest } = view.film.header;
  const now = probabilities[view.index];
  const then = view.pinned === null ? null : probabilities[view.pinned];
  view.bars.forEach(({ fill, number }, i) => {
    const p = now[i] === null || then?.[i] === null ? null : now[i] - (then?.[i] ?? 0);
    const from = then ? (p < 0 ? 50 + 50 * p : 50) : 0;
    fill.style.left = `${from}%`;
    fill.style.width = `${(then ? 50 : 100) * Math.abs(p ?? 0)}%`;
    fill.className = p < 0 ? "less" : "";
    number.textContent = p === null ? "–" : then ? signed(p, 3) : p.toFixed(3);
  });
  const [token, p] = likeliest[view.index];
  view.root.querySelector(".likeliest").textContent = p === null ? "The logits are not finite here." : `Most likely token: ${token} with ${p.toFixed(3)}`;
  view.root.querySelector(".heading").textContent = then ? `Next token: change since step ${count(view.step(view.pinned))}` : "Next token";
}

function drawSample(view) {
  const text = view.film.header.samples[view.index];
  view.sample.textContent = text ?? "This snapshot has no sample.";
  view.sample.classList.toggle("none", text === null);
}

function drawCurves(view) {
  const { header } = view.film;
  const last = Math.max(header.steps.at(-1), 1);
  const { batch, mean, validation } = header.losses;
  const values = [...batch[1], ...mean[1], ...validation[1]].filter((value) => value !== null);
  const span = header.spans[view.kind];
  const [trainColor, validationColor] = header.loss_colors[view.theme.name];
  view.root.querySelector(".train").style.setProperty("--line", trainColor);
  view.root.querySelector(".validation").style.setProperty("--line", validationColor);
  drawPlot(view.losses, {
    lines: [
      { xs: batch[0], ys: batch[1], color: trainColor, width: 1, opacity: 0.3 },
      { xs: mean[0], ys: mean[1], color: trainColor, width: 2 },
      { xs: validation[0], ys: validation[1], color: validationColor, width: 2 },
    ],
    low: Math.min(...values, Infinity) - 0.05, high: Math.max(...values, 0.1) + 0.05, last, span,
  }, view.losses.svg.clientWidth);
  if (view.kind) drawScores(view, last, span);
}

function drawScores(view, last, span) {
  const { header } = view.film;
  const rows = header.scores[view.kind];
  const heads = upTo(header.layers).flatMap((layer) => upTo(header.heads).map((head) => [layer, head]));
  const end = ([layer, head]) => Math.abs(rows.at(-1)[layer * header.heads + head] ?? 0);
  const rank = (head) => (same(head, view.shown()) ? 2 : end(head)); // labels go to the shown head first, then to the strongest
  const values = rows.flat().filter((value) => value !== null);
  const lines = heads.sort((a, b) => rank(b) - rank(a)).map(([layer, head], i) => ({
    xs: header.steps,
    ys: rows.map((row) => row[layer * header.heads + head]),
    color: view.theme.colors[head],
    width: same([layer, head], view.shown()) ? 3.5 : 1.5,
    dash: DASHES[(header.layers - 1 - layer) % DASHES.length],
    label: i < 6 ? nameOf([layer, head]) : "",
  }));
  const low = Math.min(-0.1, ...values);
  drawPlot(view.scores, { lines, low, high: Math.max(0.1, ...values) + 0.02, last, span, zero: true }, view.scores.svg.clientWidth);
}

function markCurves(view) {
  const { header } = view.film;
  const [step, pinned] = [view.step(), view.pinned === null ? null : view.step(view.pinned)];
  const at = ([xs, ys]) => {
    const i = xs.findLastIndex((x) => x <= step);
    return i < 0 ? [null, step] : [ys[i], xs[i]];
  };
  const [[mean], [validation, measured]] = [at(header.losses.mean), at(header.losses.validation)];
  markPlot(view.losses, step, pinned, mean, header.loss_colors[view.theme.name][0]);
  view.root.querySelector(".train").textContent = `train ${format(mean)}`;
  view.root.querySelector(".validation").textContent = `validation ${format(validation)}${measured === step ? "" : ` at ${count(measured)}`}, nats per token`;
  view.losses.svg.setAttribute("aria-label", `Loss over the steps; at step ${count(step)}: ${view.losses.value.textContent}`);
  if (!view.kind) return;
  const [layer, head] = view.shown();
  const of = (index) => header.scores[view.kind][index][layer * header.heads + head];
  const value = of(view.index);
  markPlot(view.scores, step, pinned, value, view.theme.colors[head]);
  const change = view.pinned === null || value === null ? "" : ` (${signed(value - of(view.pinned))} since step ${count(pinned)})`;
  view.scores.value.textContent = `${nameOf([layer, head])} ${format(value)}${change}; 0: uniform attention`;
  view.scores.svg.setAttribute("aria-label", `${view.kind} score of every head over the steps; at step ${count(step)}: ${view.scores.value.textContent}`);
}
