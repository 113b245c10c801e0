// The attention view in an HTML file. Where the file has the patterns of several prompts, a select picks one.

const KEY = "page";
const parentElement = document.querySelector("[data-view=attention]");
const picker = document.querySelector("[data-picks=attention]");

async function show() {
  MESSAGES.set(KEY, { view: await readBlock(picker?.value ?? "patterns") });
  drawComponent({ parentElement, data: { key: KEY }, setStateValue: () => {} });
}

picker?.addEventListener("change", show);
keepDrawn(show);
