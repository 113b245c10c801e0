"""What the browser tests of the attention view share: its parts, its pixels, and places in its map."""

from playwright.sync_api import Page, expect

SCRIPT = "tests/browser/attention_script.py"
BLUE = (0, 114, 178)  # the sequential scale's end on a light page
PIXEL = "([canvas, x, y]) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]"
INKED = """(canvas, [r, g, b]) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 40 && Math.hypot(data[i] - r, data[i + 1] - g, data[i + 2] - b) < 40) count++;
  }
  return count;
}"""


def root(page: Page):
    return page.locator(".attention")


def cell(page: Page, layer: int | str, head: int | str):
    return page.locator(f".grid button[data-layer='{layer}'][data-head='{head}']")


def pixel(page: Page, selector: str, x: float, y: float) -> list[int]:
    return page.evaluate(PIXEL, [page.locator(selector).element_handle(), x, y])


def ink(page: Page, selector: str, color: tuple[int, int, int]) -> int:
    return page.locator(selector).evaluate(INKED, color)


def locked_in_python(page: Page, head: str) -> None:
    expect(page.get_by_text(f"locked: {head}", exact=True)).to_be_visible(timeout=20_000)


def map_point(page: Page, query: float, key: float) -> tuple[float, float]:
    """Page coordinates of a place in the large heatmap, in cells."""
    canvas = page.locator(".map canvas")
    box, data = canvas.bounding_box(), canvas.evaluate("canvas => ({ ...canvas.dataset })")
    size = float(data["cell"])
    return box["x"] + float(data["left"]) + key * size, box["y"] + float(data["top"]) + query * size


def hover_cell(page: Page, query: int, key: int) -> None:
    page.mouse.move(*map_point(page, query + 0.5, key + 0.5))
    expect(root(page)).to_have_attribute("data-query", str(query))
    expect(root(page)).to_have_attribute("data-key", str(key))


def at_opacity(opacity: float, color=BLUE, ground=(255, 255, 255)) -> list[int]:
    return [round(c * opacity + g * (1 - opacity)) for c, g in zip(color, ground, strict=True)] + [255]
