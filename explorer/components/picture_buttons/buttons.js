// A picture as a file: a Plotly figure as one SVG under a title, or a given drawing.

const SCALE = 2; // pixels of a PNG for each CSS pixel
const MARGIN = 12; // CSS pixels on all sides: labels reach to the edge of a figure
const TITLE = { size: 18, line: 24, font: "system-ui, sans-serif" }; // CSS pixels
const SVG = "http://www.w3.org/2000/svg";

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".pictures");
  const status = root.querySelector("p");
  for (const button of root.querySelectorAll("button")) {
    const { format } = button.dataset;
    button.onclick = async () => {
      status.textContent = "";
      try {
        save(await picture(data, format), `${data.name}.${format}`);
      } catch (error) {
        status.textContent = error.message;
      }
    };
  }
}

async function picture({ target, title, svg }, format) {
  const drawn = svg || new XMLSerializer().serializeToString(svgOf(find(target), title));
  return format === "svg" ? new Blob([drawn], { type: "image/svg+xml" }) : pngOf(await imageOf(drawn));
}

// Streamlit gives an element the class st-key-<key>.
function find(target) {
  const name = `st-key-${target.trim().replaceAll(/[^a-zA-Z0-9_-]/g, "-")}`;
  for (const box of document.getElementsByClassName(name)) {
    const plot = box.querySelector(".js-plotly-plot");
    if (plot) return plot;
  }
  throw new Error("The figure is not drawn yet; wait a moment and click again.");
}

const colorOf = (what) => getComputedStyle(document.querySelector(".stApp"))[what];

function svgOf(plot, title) {
  const layers = [...plot.querySelectorAll(".main-svg")];
  const [wide, high] = ["width", "height"].map((side) => Number(layers[0].getAttribute(side)));
  const lines = linesOf(title, wide);
  const top = lines.length * TITLE.line + MARGIN;
  const [width, height] = [wide + 2 * MARGIN, high + top + MARGIN];
  const svg = svgElement("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  svg.append(svgElement("rect", { width, height, fill: colorOf("backgroundColor") }));
  const text = { x: MARGIN, fill: colorOf("color"), "font-size": TITLE.size, "font-family": TITLE.font };
  svg.append(...lines.map((line, i) => {
    const y = MARGIN + TITLE.line * i + TITLE.size;
    return Object.assign(svgElement("text", { ...text, y }), { textContent: line });
  }));
  const figure = svgElement("g", { transform: `translate(${MARGIN} ${top})` });
  for (const layer of layers) {
    const copy = layer.cloneNode(true);
    copy.querySelectorAll(".hoverlayer, .draglayer, .zoomlayer").forEach((part) => part.remove());
    figure.append(...copy.childNodes);
  }
  svg.append(figure);
  return svg;
}

// The title in lines that fit.
function linesOf(title, width) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.font = `${TITLE.size}px ${TITLE.font}`;
  const lines = [];
  for (const word of title.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : "";
    if (longer && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function svgElement(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

async function imageOf(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  return image;
}

function pngOf(image) {
  const [width, height] = [SCALE * image.naturalWidth, SCALE * image.naturalHeight];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(image, 0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
