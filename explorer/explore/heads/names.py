"""The kinds of heads: what each means, which heads have a name, and which is the clearest of a kind. No Streamlit."""

from collections.abc import Sequence

import numpy as np

Scores = dict[str, np.ndarray]  # name → (n_layer, n_head)
Head = tuple[int, int]  # layer, head

MEANING = {
    "previous token": "Weight on the token just before: how a layer learns which tokens are neighbours.",
    "first token": "Weight on the first token: often where a head rests when it finds nothing to read.",
    "duplicate token": "Weight on earlier occurrences of the query token itself.",
    "induction": "Weight on what followed an earlier occurrence of the query token. In A B … A, the second A reads B, "
    "and the head can copy it.",
    "entropy": "How evenly the weights of a row spread, compared with an even row: 0 is even, −1 is one token only.",
}


def clearest_head(scores: Scores, kind: str = next(iter(MEANING))) -> Head:
    """Find the head with the largest score of a kind."""
    values = scores[kind]
    layer, head = np.unravel_index(np.nan_to_num(values, nan=-1).argmax(), values.shape)
    return int(layer), int(head)


def name_heads(scores: Scores) -> dict[Head, str]:
    """Name the heads that reach the threshold by their largest kind; the largest score comes first."""
    from gpt.lens.heads import label

    kinds = {head: label(scores_of(scores, head)) for head in np.ndindex(scores["entropy"].shape)}
    named = {head: kind for head, kind in kinds.items() if kind}
    return dict(sorted(named.items(), key=lambda each: -scores[each[1]][each[0]]))


def caption_heads(scores: Scores | None, layers: Sequence[int] | None) -> dict[Head, str]:
    """Captions for the heads of these layers (None: all); none if the heads are not scored yet."""
    named = name_heads(scores) if scores else {}
    return {head: kind for head, kind in named.items() if layers is None or head[0] in layers}


def scores_of(scores: Scores, head: Head) -> dict[str, float]:
    return {name: float(scores[name][head]) for name in MEANING}
