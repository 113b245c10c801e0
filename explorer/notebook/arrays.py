"""Patterns of any model, as a person hands them in: checked, and as one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np

MOST = 2**30  # bytes of patterns, float32
APART = 0.01  # how far a row's sum may be from 1, because of half precision


def stack_patterns(patterns: Any) -> np.ndarray:
    """Return patterns as one float32 array, (n_layer, n_head, T, S).

    patterns: an array or a tensor of this shape, or one for each layer, (n_head, T, S) or (1, n_head, T, S), such as
    the `attentions` of transformers. Raises ValueError on other shapes, on patterns above 1 GB, on numbers that are not
    finite, and on rows that do not sum to 1.
    """
    layers = [_array(layer, f"layer {index}") for index, layer in enumerate(patterns)]
    shapes = [layer.shape for layer in layers]
    odd = next((index for index, shape in enumerate(shapes) if shape != shapes[0]), None)
    if odd is not None:
        raise ValueError(f"layer {odd} has shape {shapes[odd]}, and layer 0 {shapes[0]}; give layers of one shape")
    if not layers or 0 in shapes[0]:
        raise ValueError(f"patterns of {len(layers)} layers{f' of shape {shapes[0]}' if layers else ''} are empty")
    size = 4 * len(layers) * int(np.prod(shapes[0]))
    if size > MOST:
        from gpt.machine import bytes_in_words  # imports torch

        raise ValueError(
            f"the patterns take {bytes_in_words(size)}; up to {bytes_in_words(MOST)} are drawn: give fewer layers, or "
            "the patterns of a shorter text"
        )
    whole = np.stack(layers).astype(np.float32)
    _check_rows(whole)
    return whole


def _array(layer: Any, name: str) -> np.ndarray:
    """Return one layer's patterns, (n_head, T, S)."""
    if hasattr(layer, "detach"):  # a tensor, perhaps in bfloat16 or on a GPU
        layer = layer.detach().float().cpu().numpy()
    try:
        array = np.asarray(layer, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is no array of numbers: {error}") from error
    if array.ndim == 4:
        if len(array) != 1:
            raise ValueError(
                f"{name} has the patterns of {len(array)} texts, {array.shape}; give those of one: layer[:1]"
            )
        array = array[0]
    if array.ndim != 3:
        raise ValueError(f"{name} has shape {array.shape}; it must be (n_head, T, S), or (1, n_head, T, S)")
    return array


def _check_rows(patterns: np.ndarray) -> None:
    for layer, heads in enumerate(patterns):
        sums = heads.sum(-1)  # (n_head, T)
        wrong = np.argwhere(~(np.abs(sums - 1) <= APART))
        if len(wrong):
            head, query = wrong[0].tolist()
            where = f"row {query} of head {head} in layer {layer}"
            if not np.isfinite(heads[head, query]).all():
                raise ValueError(f"{where} has a weight that is not finite; leave out the padding of the text")
            raise ValueError(
                f"{where} sums to {sums[head, query]:.4f}, and must sum to 1: give what the softmax returns, without "
                "dropout (model.eval())"
            )


def is_causal(patterns: np.ndarray) -> bool:
    """Whether no query reads a later key. patterns: (n_layer, n_head, T, S)."""
    T, S = patterns.shape[-2:]
    return T == S and not any(layer[:, *np.triu_indices(T, 1)].any() for layer in patterns)


def text_tokens(tokens: Sequence[Any], count: int, name: str) -> list[str]:
    """Return the tokens as text. Raises ValueError where they are not `count`."""
    if isinstance(tokens, str) or len(tokens) != count:
        got = "one string" if isinstance(tokens, str) else str(len(tokens))
        raise ValueError(f"these patterns need a list of {count} {name}; got {got}")
    return [token.decode("utf-8", "replace") if isinstance(token, bytes) else str(token) for token in tokens]
