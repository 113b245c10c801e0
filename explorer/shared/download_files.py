"""What the Explore pages hand out as files, made from the model's own tensors once somebody asks for them."""

import csv
import io
import json
from collections.abc import Mapping, Sequence

import numpy as np

from explorer.figures.export import csv_cell
from explorer.opened import Opened
from explorer.shared.prompt import Reading

MOST_ROWS = 1_000_000  # of a CSV file; beyond them, safetensors hold the same


def pattern_rows(heads: int, T: int, S: int, causal: bool) -> int:
    """How many weights the patterns of so many heads have, T queries by S keys."""
    return heads * (T * (T + 1) // 2 if causal else T * S)


def patterns_csv(
    patterns: np.ndarray,
    tokens: Sequence[str],
    heads: Sequence[tuple[int, int]],
    *,
    causal: bool,
    keys: Sequence[str] | None = None,
) -> bytes:
    """One line a weight of these (layer, head)s, what the mask takes out left out. patterns: (n_layer, n_head, T, S).

    tokens: the T queries; keys: the S tokens that are read, None where they are the same.
    """
    cells = _cells(patterns.shape[2:], causal)
    queries = [csv_cell(token) for token in tokens]
    names = queries if keys is None else [csv_cell(token) for token in keys]
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["layer", "head", "query position", "query token", "key position", "key token", "weight"])
    for layer, head in heads:
        pattern = patterns[layer, head]
        writer.writerows([layer, head, q, queries[q], k, names[k], str(pattern[q, k])] for q, k in cells)
    return written.getvalue().encode("utf-8-sig")


def _cells(shape: tuple[int, int], causal: bool) -> list[list[int]]:
    """The (query, key) pairs that the mask leaves, row after row."""
    return np.argwhere(np.tri(*shape) if causal else np.ones(shape)).tolist()


def activations(opened: Opened, reading: Reading, names: Sequence[str]) -> bytes:
    """The activations of these names on the prompt as safetensors, float32, without the batch's axis.

    names: hook names, each perhaps with `*`. The metadata hold the tokens, their ids and the model as text; tokens and ids as JSON.
    """
    import torch
    from safetensors.torch import save

    with torch.inference_mode():
        _, cache = opened.model.run_with_cache(torch.tensor([reading.ids]), names)
    tensors = {name: value[0].float().contiguous() for name, value in cache.items()}
    return save(tensors, {"model": opened.ref, "tokens": json.dumps(reading.tokens), "ids": json.dumps(reading.ids)})


def arrays(named: Mapping[str, np.ndarray], **told: str) -> bytes:
    """Arrays as safetensors, with what is told of them in the metadata."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(value) for name, value in named.items()}, told)
