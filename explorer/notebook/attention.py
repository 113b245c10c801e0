"""The attention view in a notebook."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.components.attention_view import Look
from explorer.components.attention_view.encoding import Encoded, Head, bytes_of, encode
from explorer.components.attention_view.packing import pack, pack_small
from explorer.notebook.arrays import is_causal, stack_patterns, text_tokens
from explorer.notebook.subject import Source, open_subject

if TYPE_CHECKING:
    from explorer.notebook.widgets import AttentionWidget
    from gpt.text.tokenizer import Tokenizer

AT_ONCE = 8_000_000  # bytes of full patterns that are sent at once; of more, a layer comes when it is looked at


def show_attention(
    source: Source | None = None,
    prompt: str | None = None,
    *,
    patterns: Any = None,
    tokens: Sequence[Any] | None = None,
    keys: Sequence[Any] | None = None,
    tokenizer: "Tokenizer | None" = None,
    step: int | None = None,
    layers: Sequence[int] | None = None,
    head: Head | None = None,
) -> "AttentionWidget":
    """Return the attention view: every head small, one large, and lines between its tokens.

    Of a model on a prompt: `show_attention("runs/mine", "To be")`. source: see the module `explorer.notebook`; prompt:
    None for an example; step: the snapshot of a run; tokenizer: for a model that comes without one.
    Of any model: `show_attention(patterns=outputs.attentions, tokens=[...])`. patterns: (n_layer, n_head, T, S), or one
    array or tensor for each layer; each row sums to 1. tokens: the T queries; keys: the S tokens that are read, where
    they are others (cross-attention).
    layers: those that are drawn (None: all). head: the (layer, head) that is locked at first.
    The widget's traits `layer`, `head`, `query` and `key` are what a person has clicked, or None.
    Raises ValueError where the source cannot be opened, or the arrays are no patterns of these tokens.
    """
    if (source is None) == (patterns is None):
        raise ValueError("give a model and a prompt, or patterns=… and tokens=…")
    if source is not None:
        subject = open_subject(source, tokenizer, step)
        reading = subject.read(prompt)
        patterns, tokens = _patterns(subject.model, reading.ids), reading.tokens
    whole = stack_patterns(patterns)
    n_layer, _, T, S = whole.shape
    queries = text_tokens(() if tokens is None else tokens, T, "tokens")
    read = None if keys is None else text_tokens(keys, S, "keys")
    if read is None and T != S:
        raise ValueError(f"{T} queries read {S} keys; give the tokens that are read: keys=…")
    drawn = _check_places(whole.shape, layers, head)
    causal = is_causal(whole) and read is None
    at_once = bytes_of(whole.shape[1:], len(drawn), causal) <= AT_ONCE
    encoded = encode(whole.__getitem__, n_layer, causal=causal, layers=drawn, at_once=at_once)
    return _widget(encoded, queries, read, head)


def _patterns(model: Any, ids: Sequence[int]) -> np.ndarray:
    """Return the model's patterns on these tokens. Raises ValueError for a model without heads."""
    import torch

    from gpt.lens.history import frame

    if not model.config.n_layer:
        raise ValueError("a bigram table has no heads; open a model with at least one layer")
    return frame(model, torch.tensor(ids)).patterns.numpy()


def _check_places(shape: tuple[int, ...], layers: Sequence[int] | None, head: Head | None) -> list[int]:
    """Return the layers that are drawn. Raises ValueError for layers or a head that do not exist."""
    drawn = list(range(shape[0]) if layers is None else layers)
    if not drawn or not set(drawn) <= set(range(shape[0])):
        raise ValueError(f"layers={drawn} are not among 0 to {shape[0] - 1}")
    if head is not None and not (head[0] in drawn and 0 <= head[1] < shape[1]):
        raise ValueError(f"there is no head {tuple(head)} in layers {drawn} of {shape[1]} heads")
    return drawn


def _widget(encoded: Encoded, tokens: list[str], keys: list[str] | None, head: Head | None) -> "AttentionWidget":
    from explorer.notebook.widgets import AttentionWidget

    look = Look(head and (int(head[0]), int(head[1])))
    options = {"look": look._asdict() | {"at": 0}, "grid_only": False, "arrange": None, "hides_first": False}
    options["opening"] = look.head or encoded.opening
    message = pack(encoded, tokens, options=options, head=look.head, keys=keys)
    small = b"" if encoded.small is None else pack_small(encoded, "notebook")
    layer, index = look.head or (None, None)
    return AttentionWidget(encoded, view_message=message, small_message=small, layer=layer, head=index)
