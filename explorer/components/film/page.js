// The film in an HTML file.

const parentElement = document.querySelector("[data-view=film]");
const data = await readBlock("film");
keepDrawn(() => drawComponent({ parentElement, data, setStateValue: () => {} }));
