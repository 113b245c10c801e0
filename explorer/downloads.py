"""What the Explore pages hand out as files, made from the model's own tensors once somebody asks for them."""

import csv
import io
import json
from collections.abc import Sequence

import numpy as np

from explorer import loading
from explorer.figures.export import LIGHT, csv_cell
from explorer.figures.style import ACCENT
from explorer.figures.tokens import escaped, labels

MOST_ROWS = 1_000_000  # of a CSV file; beyond them, safetensors hold the same
CELL = 14  # pixels of an SVG
LETTER = 7.5  # pixels, the width of one in an SVG's labels


def pattern_rows(heads: int, T: int, causal: bool) -> int:
    """How many weights the patterns of so many heads have on T tokens."""
    return heads * (T * (T + 1) // 2 if causal else T * T)


def patterns_csv(
    patterns: np.ndarray, tokens: Sequence[str], heads: Sequence[tuple[int, int]], *, causal: bool
) -> bytes:
    """One line a weight of these (layer, head)s, what the mask takes out left out. patterns: (n_layer, n_head, T, T)."""
    T = len(tokens)
    cells = np.argwhere(np.tri(T) if causal else np.ones((T, T))).tolist()
    names = [csv_cell(token) for token in tokens]
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["layer", "head", "query position", "query token", "key position", "key token", "weight"])
    for layer, head in heads:
        pattern = patterns[layer, head]
        writer.writerows([layer, head, q, names[q], k, names[k], str(pattern[q, k])] for q, k in cells)
    return written.getvalue().encode("utf-8-sig")


def pattern_svg(pattern: np.ndarray, tokens: Sequence[str], *, causal: bool) -> bytes:
    """One head's pattern as a drawing of squares, queries down, keys across; a weight's opacity is its square root. pattern: (T, T)."""
    T, names = len(tokens), [escaped(label) for label in labels(tokens)]
    margin = round(LETTER * max(map(len, labels(tokens)))) + 8
    side = margin + CELL * T + 8
    squares = [
        f'<rect x="{margin + CELL * k}" y="{margin + CELL * q}" width="{CELL}" height="{CELL}" opacity="{pattern[q, k] ** 0.5:.3f}"/>'
        for q, k in np.argwhere(np.tri(T) if causal else np.ones((T, T))).tolist()
    ]
    middles = [margin + CELL * i + CELL * 3 // 4 for i in range(T)]
    queries = [
        f'<text x="{margin - 6}" y="{at}" text-anchor="end">{name}</text>'
        for at, name in zip(middles, names, strict=True)
    ]
    keys = [
        f'<text transform="translate({at} {margin - 6}) rotate(-90)">{name}</text>'
        for at, name in zip(middles, names, strict=True)
    ]
    ground, ink = LIGHT["paper_bgcolor"], LIGHT["font"]["color"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" viewBox="0 0 {side} {side}">',
        f'<rect width="{side}" height="{side}" fill="{ground}"/><g fill="{ACCENT}">{"".join(squares)}</g>',
        f'<g fill="{ink}" font-family="monospace" font-size="12" xml:space="preserve">{"".join(queries + keys)}</g></svg>',
    ]
    return "\n".join(parts).encode()


def activations(ref: str, reading: loading.Reading, names: Sequence[str]) -> bytes:
    """The activations of these names on the prompt as safetensors, float32, without the batch's axis.

    names: hook names, each perhaps with `*`. The metadata hold the tokens, their ids and the model as text; tokens and ids as JSON.
    """
    import torch
    from safetensors.torch import save

    with torch.inference_mode():
        _, cache = loading.load_model(ref).run_with_cache(torch.tensor([reading.ids]), names)
    tensors = {name: value[0].float().contiguous() for name, value in cache.items()}
    return save(tensors, {"model": ref, "tokens": json.dumps(reading.tokens), "ids": json.dumps(reading.ids)})
