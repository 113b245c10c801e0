// Draws a figure in the page's font and colours: at once where it is in the window, and the others one by one when the
// page's run is over and the browser is idle. What has not changed is not drawn again.

const AHEAD = "200px"; // below and above the window, where figures are drawn at once
const AGAIN = 100; // ms until the next look at a page that runs
const CONFIG = { displayModeBar: false };
const GRID = { light: "#e6eaf1", dark: "#31333f" };

const app = () => document.querySelector("[data-testid='stApp']");
const isRunning = () => app().dataset.testScriptState !== "notRunning";
const plots = (globalThis.plots ??= startPlots()); // of all components on the page

export default function ({ parentElement, data, setTriggerValue }) {
  const plot = parentElement.querySelector(".plot") ?? addPlot(parentElement);
  const state = plots.states.get(plot);
  state.click = setTriggerValue;
  const text = new TextDecoder().decode(data);
  if (text !== state.text) {
    const { alt, figure } = JSON.parse(text);
    Object.assign(state, { text, height: figure.layout.height });
    plot.parentElement.setAttribute("aria-label", alt);
    plot.style.height = `${state.height}px`;
    plots.ask(plot);
  }
  return () => setTimeout(() => plot.isConnected || plots.remove(plot));
}

function addPlot(parent) {
  const [frame, plot] = ["div", "div"].map((name) => document.createElement(name));
  frame.setAttribute("role", "figure");
  plot.className = "plot";
  frame.append(plot);
  parent.append(frame);
  plots.watch(plot);
  return plot;
}

function startPlots() {
  const states = new Map(); // figure → its text, and how it is drawn
  const waiting = new Set();
  let isResting = false;

  const inWindow = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      states.get(target).isSeen = isIntersecting;
      if (isIntersecting && waiting.has(target)) setTimeout(draw, 0, target);
    }
  }, { rootMargin: AHEAD });
  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) if (states.get(target).width !== target.clientWidth) ask(target);
  });
  new MutationObserver(followTheme).observe(app(), { attributeFilter: ["class"] });

  function watch(plot) {
    states.set(plot, { isSeen: false, width: 0 });
    inWindow.observe(plot);
    widths.observe(plot);
  }

  function remove(plot) {
    for (const observer of [inWindow, widths]) observer.unobserve(plot);
    waiting.delete(plot);
    states.delete(plot);
    globalThis.Plotly?.purge(plot);
  }

  function ask(plot) {
    waiting.add(plot);
    plot.setAttribute("aria-busy", "true");
    if (states.get(plot).isSeen) setTimeout(draw, 0, plot);
    drawRest();
  }

  function drawRest() {
    if (isResting || !waiting.size) return;
    isResting = true;
    const later = globalThis.requestIdleCallback ?? setTimeout;
    setTimeout(() => later(async () => {
      isResting = false;
      const next = [...waiting].find((plot) => plot.clientWidth);
      if (next && !isRunning()) await draw(next);
      if (next) drawRest();
    }), isRunning() ? AGAIN : 0);
  }

  async function draw(plot) {
    const Plotly = await loadPlotly();
    const state = states.get(plot);
    if (!state || !waiting.has(plot) || !plot.clientWidth) return;
    waiting.delete(plot);
    state.width = plot.clientWidth;
    const { data, layout } = themed(JSON.parse(state.text).figure);
    const isFirst = !plot.classList.contains("js-plotly-plot");
    await Plotly.react(plot, data, { ...layout, width: state.width }, CONFIG);
    if (isFirst) plot.on("plotly_click", ({ points: [{ customdata }] }) => customdata && state.click("clicked", customdata));
    if (!waiting.has(plot)) plot.removeAttribute("aria-busy");
  }

  let ink = null;
  function followTheme() {
    const now = getComputedStyle(app()).color;
    if (ink !== null && now !== ink) for (const plot of states.keys()) ask(plot);
    ink = now;
  }
  followTheme();

  return { states, watch, remove, ask };
}

// The figure in the page's font, ink and background.
function themed(figure) {
  const { color, backgroundColor, fontFamily: family } = getComputedStyle(app());
  const [red, green, blue] = color.match(/[\d.]+/g).map(Number);
  const grid = GRID[red + green + blue > 382 ? "dark" : "light"];
  const font = { color, family, size: 12 };
  const axis = { automargin: true, gridcolor: grid, zerolinecolor: grid, tickcolor: grid };
  axis.title = { font: { color, size: 14 } };
  const theme = {
    font,
    paper_bgcolor: backgroundColor,
    plot_bgcolor: backgroundColor,
    hoverlabel: { font, bgcolor: backgroundColor, bordercolor: grid },
    margin: { l: 0, r: 0, pad: 8 },
    xaxis: { ...axis, showgrid: false, title: { ...axis.title, standoff: 20 } },
    yaxis: { ...axis, title: { ...axis.title, standoff: 24 } },
  };
  const { layout } = figure;
  layout.template.layout = merged(layout.template.layout, theme);
  if (layout.clickmode) layout.clickmode = "event"; // nothing turns grey
  return figure;
}

function merged(one, other) {
  const isGroup = (value) => value && typeof value === "object" && !Array.isArray(value);
  const all = { ...one };
  for (const [name, value] of Object.entries(other)) {
    all[name] = isGroup(value) && isGroup(all[name]) ? merged(all[name], value) : value;
  }
  return all;
}
