// A small loss curve: the running mean of the training loss, and the validation loss over it.

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH] = [200, 60]; // of the drawing; it stretches with its tile

// The range of all curves, so that tiles can be compared.
function rangeOf(tiles) {
  const losses = tiles.flatMap((tile) => [...tile.curve, ...tile.points.map(([, loss]) => loss)]);
  return losses.length ? [Math.min(...losses), Math.max(...losses)] : [0, 1];
}

function drawCurve(svg, tile, [low, high]) {
  const y = (loss) => HIGH - 3 - ((loss - low) / (high - low || 1)) * (HIGH - 6);
  const last = tile.curve.length - 1;
  const mean = tile.curve.map((loss, i) => [(last ? i / last : 0) * tile.done * WIDE, y(loss)]);
  const points = tile.points.map(([share, loss]) => [share * WIDE, y(loss)]);
  svg.replaceChildren(
    line("base", [[0, HIGH - 1], [WIDE, HIGH - 1]]),
    ...(tile.mark === null ? [] : [line("mark", [[tile.mark * WIDE, 0], [tile.mark * WIDE, HIGH]])]),
    line("mean", mean),
    line("validation", points),
  );
  const first = tile.points[0]?.[1];
  const falls = tile.loss === null ? "No loss yet" : `Validation loss from ${first.toFixed(2)} to ${tile.loss.toFixed(2)}`;
  svg.setAttribute("aria-label", falls);
}

function line(name, points) {
  const drawn = document.createElementNS(SVG, "polyline");
  drawn.setAttribute("class", name);
  drawn.setAttribute("points", points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
  return drawn;
}
