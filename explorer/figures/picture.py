"""One head's pattern as an SVG for slides: title, prompt, both axes with their tokens, and the colour scale."""

import unicodedata
from collections.abc import Sequence

import numpy as np

from explorer.figures import style
from explorer.figures.tokens import escaped, labels, spelled

SIDE = 640  # pixels: the longer side of the pattern, where the cell sizes allow it
SMALLEST, LARGEST = 4.0, 48.0  # pixels of a cell
WHOLE = 8.0  # pixels; larger cells have a whole number of pixels
WITH_NUMBERS = 36.0  # pixels; larger cells show their weight
LETTER, LINE = 7.9, 14  # pixels: the width of a letter of a label, the height of a label
LETTER_OF_SUBTITLE = 8.6  # pixels
LONGEST_LABEL = 18  # letters
TITLE, SUBTITLE, AXIS = 34, 24, 22  # pixels: heights of the title, the prompt, an axis title
BAR, SCALE = 16, 92  # pixels: widths of the colour bar, and of the bar with its labels
NARROWEST = 520  # pixels: the least width, so that a short title fits
MARGIN = 20
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
SEQUENTIAL = {False: style.SEQUENTIAL, True: style.SEQUENTIAL_ON_DARK}  # on a dark page?


def pattern_svg(
    pattern: np.ndarray,
    tokens: Sequence[str],
    *,
    causal: bool,
    keys: Sequence[str] | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    bound: float | None = None,
) -> bytes:
    """Draw one head's pattern, queries down, keys across, as an SVG for a light or a dark page.

    pattern: (T, S) weights; opacity is the square root of the weight; masked cells are not drawn. tokens: the T
    queries; keys: the S keys, None where they equal the queries. bound: the pattern holds differences, blue above zero
    and orange below, and one of this size has the full colour. Where labels would touch, fewer are drawn. Returns
    UTF-8.
    """
    T, S = pattern.shape
    down, across = (list(map(_short, labels(names))) for names in (tokens, tokens if keys is None else keys))
    cell = float(np.clip(SIDE / max(T, S), SMALLEST, LARGEST))
    cell = cell if cell < WHOLE else float(int(cell))
    left = round(MARGIN + AXIS + _width(down) + 8)
    top = round(MARGIN + TITLE + SUBTITLE + AXIS + _width(across) + 8)
    wide, high = cell * S, cell * T
    width = max(left + wide + SCALE, NARROWEST) + MARGIN
    height = top + max(high, 160) + MARGIN
    ground, ink = style.PAGE[dark], style.INKS[dark]
    scale = style.difference_scale(bound, on_dark=dark) if bound else SEQUENTIAL[dark]
    below = f' fill="{_rgb(scale[0])}"'
    places = np.argwhere(np.tri(T, S) if causal else np.ones((T, S))).tolist()
    head = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {head} font-family="{style.MONOSPACE}" font-size="13"'
        ' xml:space="preserve">',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="{ground}"/>',
        f'<g fill="{_rgb(scale[-1])}" transform="translate({left:.0f} {top:.0f}) scale({cell:.4g})">',
        *(
            f'<rect x="{k}" y="{q}" width="1" height="1" opacity="{(abs(pattern[q, k]) / (bound or 1)) ** 0.5:.3f}"'
            f"{below if pattern[q, k] < 0 else ''}/>"
            for q, k in places
        ),
        "</g>",
        f'<path d="M{left:.0f} {top:.0f}h{wide:.1f}v{high:.1f}h{-wide:.1f}z" fill="none" stroke="{style.MUTED}"/>',
        f'<g fill="{ink}">',
        *_titles(
            title, _short(spelled(subtitle), int((width - 2 * MARGIN) / LETTER_OF_SUBTITLE)), left, top, wide, high
        ),
        *_names(down, across, left, top, cell),
        *_scale(left + wide + 24, top, scale, "B − A" if bound else "weight"),
        "</g>",
        *(_numbers(pattern, places, left, top, cell, scale, dark) if cell >= WITH_NUMBERS else ()),
        "</svg>",
    ]
    return "\n".join(parts).encode()


def _titles(title: str, subtitle: str, left: float, top: float, wide: float, high: float) -> list[str]:
    """Draw the title, the prompt, and the titles of the axes."""
    plain = 'font-family="system-ui, sans-serif"'
    middle = f"{MARGIN + 12} {top + high / 2:.0f}"
    return [
        f'<text x="{MARGIN}" y="{MARGIN + 16}" {plain} font-size="20" font-weight="600">'
        f"{escaped(spelled(title))}</text>",
        f'<text x="{MARGIN}" y="{MARGIN + TITLE + 6}" font-size="14">{escaped(subtitle)}</text>',
        f'<text x="{left + wide / 2:.0f}" y="{MARGIN + TITLE + SUBTITLE + 12}" {plain} text-anchor="middle">'
        "key (is read)</text>",
        f'<text transform="translate({middle}) rotate(-90)" {plain} text-anchor="middle">query (reads)</text>',
    ]


def _names(down: Sequence[str], across: Sequence[str], left: float, top: float, cell: float) -> list[str]:
    """Draw every `step`-th token along both axes."""
    step = next(step for step in STEPS if step * cell >= LINE or step == STEPS[-1])

    def middle(start: float, index: int) -> str:
        return f"{start + cell * (index + 0.5) + 4.5:.1f}"

    rows = [
        f'<text x="{left - 8:.0f}" y="{middle(top, q)}" text-anchor="end">{escaped(down[q])}</text>'
        for q in range(0, len(down), step)
    ]
    columns = [
        f'<text transform="translate({middle(left, k)} {top - 8:.0f}) rotate(-90)">{escaped(across[k])}</text>'
        for k in range(0, len(across), step)
    ]
    return rows + columns


def _scale(left: float, top: float, scale: Sequence, noun: str) -> list[str]:
    """Draw the colour bar with its values. Its colours are evenly spaced, its values are not."""
    high, last = 160, len(scale) - 1
    stops = [
        f'<stop offset="{place / last:g}" stop-color="{_rgb(stop)}" stop-opacity="{_opacity(stop)}"/>'
        for place, stop in enumerate(scale)
    ]
    marks = [
        f'<text x="{left + BAR + 8:.0f}" y="{top + high * (1 - place / last) + 4.5:.1f}">'
        f"{_number(f'{round(value, 2 if scale[0][0] == 0 else 4):g}')}</text>"
        for place, (value, _) in enumerate(scale)
        if place % 2 == 0
    ]
    return [
        f'<linearGradient id="weights" x1="0" y1="1" x2="0" y2="0">{"".join(stops)}</linearGradient>',
        f'<rect fill="url(#weights)" stroke="{style.MUTED}" x="{left:.0f}" y="{top:.0f}"'
        f' width="{BAR}" height="{high}"/>',
        f'<text x="{left:.0f}" y="{top - 10:.0f}" font-family="system-ui, sans-serif">{noun}</text>',
        *marks,
    ]


def _numbers(
    pattern: np.ndarray, places: list[list[int]], left: float, top: float, cell: float, scale: Sequence, dark: bool
) -> list[str]:
    """Draw each value on its cell, in a readable colour. A difference has its sign."""
    stops = np.array([value for value, _ in scale])
    values = np.array([pattern[q, k] for q, k in places])
    inks = style.inks(scale, np.clip(values, stops[0], stops[-1]), dark=dark)
    sign = "+" if stops[0] < 0 else ""
    return [
        f'<text x="{left + cell * (k + 0.5):.1f}" y="{top + cell * (q + 0.5) + 4:.1f}" fill="{ink}" font-size="12" '
        f'text-anchor="middle">{_number(f"{value:{sign}.2f}")}</text>'
        for (q, k), value, ink in zip(places, values.tolist(), inks, strict=True)
    ]


def _number(text: str) -> str:
    return text.replace("-", "−")


def _rgb(stop: Sequence) -> str:
    """The colour of a stop of a scale without its opacity."""
    return "#" + "".join(f"{int(channel):02x}" for channel in stop[1][5:].split(",")[:3])


def _opacity(stop: Sequence) -> str:
    return stop[1][:-1].split(",")[-1]


def _short(text: str, longest: int = LONGEST_LABEL) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _width(names: Sequence[str]) -> float:
    """Return the width of the widest label in pixels: wide letters count twice, combining marks do not count."""
    return LETTER * max(sum(_columns(character) for character in name) for name in names)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
