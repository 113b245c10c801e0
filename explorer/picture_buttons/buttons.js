// A picture of what the page shows, made from the drawing itself: Plotly's layers as one SVG, or a canvas on its ground.

const SCALE = 2; // pixels of a PNG for each CSS pixel
const SVG = "http://www.w3.org/2000/svg";

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".pictures");
  const status = root.querySelector("p");
  for (const button of root.querySelectorAll("button")) {
    const { format } = button.dataset;
    button.hidden = format === "svg" && Boolean(data.canvas);
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

async function picture({ target, canvas }, format) {
  const drawn = canvas ? find(target, canvas) : find(target, ".js-plotly-plot");
  if (canvas) return pngOf(drawn, drawn.width, drawn.height);
  const svg = svgOf(drawn);
  if (format === "svg") return new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
  return pngOf(await imageOf(svg), SCALE * svg.getAttribute("width"), SCALE * svg.getAttribute("height"));
}

// Streamlit gives an element the class st-key-<key>; what a component draws lies in a shadow tree.
function find(target, selector) {
  const name = `st-key-${target.trim().replaceAll(/[^a-zA-Z0-9_-]/g, "-")}`;
  for (const box of document.getElementsByClassName(name)) {
    const trees = [box, ...[...box.querySelectorAll("*")].map((element) => element.shadowRoot).filter(Boolean)];
    for (const tree of trees) if (tree.querySelector(selector)) return tree.querySelector(selector);
  }
  throw new Error("There is nothing to save yet: wait until it is drawn.");
}

const ground = () => getComputedStyle(document.querySelector(".stApp")).backgroundColor;

function svgOf(plot) {
  const layers = [...plot.querySelectorAll(".main-svg")];
  const [width, height] = ["width", "height"].map((side) => layers[0].getAttribute(side));
  const svg = made("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  svg.append(made("rect", { width, height, fill: ground() }));
  for (const layer of layers) {
    const copy = layer.cloneNode(true);
    copy.querySelectorAll(".hoverlayer, .draglayer, .zoomlayer").forEach((part) => part.remove());
    svg.append(...copy.childNodes);
  }
  return svg;
}

function made(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

async function imageOf(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
  await image.decode();
  return image;
}

function pngOf(image, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.fillStyle = ground();
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
