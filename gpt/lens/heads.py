"""Head scores: how much a head reads from the tokens that a known kind of head reads.

Each score is compared with uniform attention on the same tokens, so a head gets no score for what any head does.
The kinds are those of TransformerLens's head detector; induction follows Olsson et al. 2022, arXiv:2209.11895.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from random import Random
from typing import Literal

import torch
from torch import Tensor

from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT
from gpt.text.tasks import LETTERS, repeated_sequence
from gpt.text.tokenizer import Tokenizer

KINDS = ("previous token", "first token", "duplicate token", "induction")
SCORES = (*KINDS, "entropy")
THRESHOLD = 0.4  # a head gets the name of a kind if it puts this much more weight there than uniform attention
PROBES = 8  # texts of the probe set
PERIOD = 20  # words or letters of one copy in it, where the context holds two

ProbeKind = Literal["words", "letters", "validation text"]


def targets(ids: Tensor) -> dict[str, Tensor]:
    """Return the cells that a head of each kind reads from: kind → (B, T, T) bool, queries down, keys across.

    ids: (B, T). A query may have no such cell (nothing came before it, or its token is new), or several.
    Induction: the token after an earlier occurrence of the query's own token.
    """
    B, T = ids.shape
    queries, keys = torch.meshgrid(torch.arange(T), torch.arange(T), indexing="ij")
    duplicate = (ids[:, :, None] == ids[:, None, :]) & (keys < queries)
    after = torch.cat((torch.zeros(B, T, 1, dtype=torch.bool), duplicate[:, :, :-1]), dim=2)
    return {
        "previous token": (keys == queries - 1).expand(B, T, T),
        "first token": ((keys == 0) & (queries > 0)).expand(B, T, T),
        "duplicate token": duplicate,
        "induction": after,
    }


def scores(patterns: Tensor, ids: Tensor, *, causal: bool = True, window: int | None = None) -> dict[str, Tensor]:
    """Return how much every head is of each kind: name in `SCORES` → (n_head,), 0 for uniform attention.

    patterns: (B, n_head, T, T) probabilities; ids: (B, T); causal, window: as in `uniform`. A kind's score is the
    weight on its cells, averaged over the queries that have any, minus the weight of uniform attention there: at most
    1, NaN if no query has such a cell. "entropy" is each row's entropy over the largest it
    could have, averaged, minus 1: −1 if every query reads one token. Raises ValueError if the shapes do not fit each
    other.
    """
    B, T = ids.shape
    if patterns.dim() != 4 or (patterns.size(0), *patterns.shape[2:]) != (B, T, T):
        raise ValueError(f"patterns {tuple(patterns.shape)} must be (B, n_head, T, T) of ids (B, T) = {(B, T)}")
    even = uniform(T, causal=causal, window=window)
    excess = patterns - even
    means: dict[str, Tensor] = {}
    for kind, cells in targets(ids).items():
        on_target = (excess * cells[:, None]).sum(-1)  # (B, n_head, T)
        has_target = cells.any(-1)[:, None]  # (B, 1, T)
        means[kind] = (on_target * has_target).sum((0, 2)) / has_target.sum()
    largest = torch.special.entr(even).sum(-1)  # (T,)
    share = torch.special.entr(patterns).sum(-1)[..., largest > 0] / largest[largest > 0]
    means["entropy"] = share.mean((0, 2)) - 1
    return means


def uniform(T: int, S: int | None = None, *, causal: bool = True, window: int | None = None) -> Tensor:
    """Return uniform attention, (T, S): every query spreads evenly over all the keys that it may read.

    S: the number of keys, at least T; the queries are the last T of them (None: as many keys as queries). causal: they
    read only the past, and with a window only its last `window` tokens. Source: lecture 00:54:42.
    """
    n_keys = T if S is None else S
    allowed = torch.ones(T, n_keys)
    if causal:
        allowed = allowed.tril(n_keys - T)
    if window is not None:
        allowed = allowed.triu(n_keys - T - window + 1)
    return allowed / allowed.sum(-1, keepdim=True)


@torch.inference_mode()
def head_scores(model: GPT | Bigram, ids: Tensor) -> dict[str, Tensor]:
    """`scores` of every head on ids (B, T): name → (n_layer, n_head); (0, 0) for a model without heads."""
    config = model.config
    if config.n_layer == 0:
        return {name: torch.zeros(0, 0) for name in SCORES}
    by_layer: list[dict[str, Tensor]] = []

    def score(pattern: Tensor, _: str) -> None:  # a pattern is scored where it is made, so none is kept
        by_layer.append(scores(pattern.float(), ids, causal=config.causal, window=config.window))

    model.run_with_hooks(ids, {"blocks.*.attn.hook_pattern": score})
    return {name: torch.stack([layer[name] for layer in by_layer]) for name in SCORES}


def pattern_distances(patterns: Tensor) -> Tensor:
    """Return how differently the heads of a layer read: (n_head, T, S) patterns → (n_head, n_head), symmetric.

    The mean over the queries of the total variation distance of two heads' rows, the share of attention that one would
    have to move to read as the other does: 0 the same, 1 nothing in common. Source: lecture 01:21:59.
    """
    return pattern_shift(patterns[:, None], patterns[None])


def pattern_shift(before: Tensor, after: Tensor) -> Tensor:
    """Return how differently two patterns read the same tokens: (…, T, S) both → (…), as in `pattern_distances`."""
    return (before - after).abs().sum(-1).mean(-1) / 2


def label(head: Mapping[str, float]) -> str | None:
    """Return the kind with the highest score of one head, or None if none reaches `THRESHOLD`.

    >>> label({"previous token": 0.7, "first token": 0.1, "duplicate token": float("nan"), "induction": 0.5})
    'previous token'
    """
    reached = {kind: head[kind] for kind in KINDS if head[kind] >= THRESHOLD}
    return max(reached, key=reached.__getitem__, default=None)


def probe_kind(tokenizer: Tokenizer) -> ProbeKind:
    """Return what the probe set of a vocabulary is made of: words if it has `PERIOD`, else letters if it has a to z."""
    if len(list(islice(_word_tokens(tokenizer), PERIOD))) == PERIOD:
        return "words"
    return "validation text" if tokenizer.unknown(LETTERS) else "letters"


def probe_set(tokenizer: Tokenizer, block_size: int, validation_text: str = "") -> Tensor:
    """Return `PROBES` texts on which the kinds of heads differ: ids (≤ PROBES, T), the same at every call.

    Different random words of one token, or different random letters, twice in a row; if the vocabulary has neither,
    evenly spread parts of `validation_text`, of block_size tokens each. Raises ValueError if such a text has fewer than
    two tokens.
    """
    kind = probe_kind(tokenizer)
    if kind == "validation text":
        ids = tokenizer.encode(validation_text)
        T = min(block_size, len(ids))
        starts = sorted({int(start) for start in torch.linspace(0, len(ids) - T, PROBES)})
        return _stack([ids[start : start + T] for start in starts])
    period = max(1, min(PERIOD, block_size // 2))
    if kind == "words":
        words = list(_word_tokens(tokenizer))
        rows = [2 * Random(seed).sample(words, period) for seed in range(PROBES)]
    else:
        rows = [tokenizer.encode(repeated_sequence(period, seed)) for seed in range(PROBES)]
    return _stack([row[:block_size] for row in rows])


def _word_tokens(tokenizer: Tokenizer) -> Iterator[int]:
    """Yield the ids of tokens that are a space and English letters: ordinary words, no special tokens."""
    for first in range(0, tokenizer.vocab_size, 1000):
        ids = range(first, min(first + 1000, tokenizer.vocab_size))
        for i, piece in zip(ids, tokenizer.token_bytes(ids), strict=True):
            if piece.startswith(b" ") and piece[1:].isalpha():  # of bytes, isalpha means ASCII letters
                yield i


def _stack(rows: Sequence[Sequence[int]]) -> Tensor:
    T = min(len(row) for row in rows)
    if T < 2:
        raise ValueError(f"the probe texts have {T} tokens; a head's scores need at least two")
    return torch.tensor([row[:T] for row in rows])
