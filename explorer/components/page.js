// For components in an HTML file: the data that Python wrote into it.

// The bytes of a block of data.
async function readBlock(name) {
  const packed = Uint8Array.from(atob(document.getElementById(name).textContent), (byte) => byte.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Draw now, and again when the system's theme changes.
function keepDrawn(draw) {
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
