// For components in a notebook: HTML, CSS and THEMES come from Python, before this file.

// A place in the output for the component, apart from the notebook's own styles. Return { box, parentElement }.
function hostComponent(el) {
  const box = document.createElement("div");
  const parentElement = document.createElement("div");
  parentElement.innerHTML = HTML;
  parentElement.style.background = "var(--st-background-color)";
  box.attachShadow({ mode: "open" }).append(Object.assign(document.createElement("style"), { textContent: CSS }), parentElement);
  el.append(box);
  return { box, parentElement };
}

// The theme of the notebook: of the first opaque background behind the output, or else of its text.
function themeAround(box) {
  for (let node = box; node; node = node.parentElement ?? node.getRootNode().host) {
    const background = getComputedStyle(node).backgroundColor;
    const [r, g, b, alpha] = channels(background);
    if (alpha === 1) return { ...THEMES[isLight(r, g, b) ? "light" : "dark"], "--st-background-color": background };
  }
  return THEMES[isLight(...channels(getComputedStyle(box).color)) ? "dark" : "light"];
}

// Draw now, and again when the notebook's theme changes. Return a function that ends this.
function keepDrawn(box, draw) {
  const show = () => {
    for (const [name, value] of Object.entries(themeAround(box))) box.style.setProperty(name, value);
    draw();
  };
  const observer = new MutationObserver(show);
  for (const node of [document.documentElement, document.body]) observer.observe(node, { attributes: true });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", show);
  show();
  return () => {
    observer.disconnect();
    system.removeEventListener("change", show);
  };
}

// The bytes of a trait, or null where it has none.
function bytesOf(view) { return view?.byteLength ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : null; }

function sendToNotebook(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}
