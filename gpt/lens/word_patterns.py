"""Attention between words: the patterns of models with different tokens on the same words."""

from typing import NamedTuple

import torch
from torch import Tensor

from gpt.lens.sink import without_first_token
from gpt.lens.surprise import Progress
from gpt.model.gpt import GPT


class WordPatterns(NamedTuple):
    """Every head's attention between words."""

    whole: Tensor  # (n_layer, n_head, W, W)
    others: Tensor  # (n_layer, n_head, W, W); without the first token, see `gpt.lens.sink`


def merge_to_words(patterns: Tensor, words: Tensor) -> Tensor:
    """Return how much each word reads from each word: (…, T, T) → (…, W, W). A row still sums to 1.

    The weights on a word's tokens are summed, and the rows of a word's tokens averaged. Empty rows (all NaN) do not
    count; a word that has no other row is NaN. words: (T,), the word that each token is a part of, from 0 to W − 1.
    Raises ValueError if the shapes differ or a word has no token.
    """
    W = int(words.max()) + 1 if words.numel() else 0
    if patterns.shape[-2:] != (len(words), len(words)) or len(words.unique()) != W:
        raise ValueError(
            f"patterns {tuple(patterns.shape)} need the word of each token, words from 0 on; got {words.tolist()}"
        )
    is_part = torch.nn.functional.one_hot(words, W).to(patterns)  # (T, W)
    filled = ~patterns.isnan().any(-1, keepdim=True)  # (…, T, 1)
    n_rows = is_part.T @ filled.to(patterns)  # (…, W, 1)
    return is_part.T @ patterns.nan_to_num() @ is_part / n_rows.masked_fill(n_rows == 0, torch.nan)


@torch.inference_mode()
def word_patterns(model: GPT, ids: Tensor, words: Tensor, progress: Progress | None = None) -> WordPatterns:
    """Return every head's attention between words. Only one layer's patterns of tokens are in memory at a time.

    ids: (T,), at most block_size; words: (T,), see `merge_to_words`. progress is called after each layer; an exception
    that it raises cancels the work.
    """
    layers: list[tuple[Tensor, Tensor]] = []

    def keep(pattern: Tensor, name: str) -> None:  # (1, n_head, T, T)
        heads = pattern[0].float()
        layers.append((merge_to_words(heads, words), merge_to_words(without_first_token(heads), words)))
        if progress:
            progress(len(layers), model.config.n_layer)

    model.run_with_hooks(ids[None], {"blocks.*.attn.hook_pattern": keep})
    return WordPatterns(*map(torch.stack, zip(*layers, strict=True)))


def shared_weight(pattern: Tensor, patterns: Tensor) -> Tensor:
    """Return the share of their weight that two patterns put on the same words: (W, W) and (…, W, W) → (…), 0 to 1.

    1 if they are equal, 0 if no word reads the same word in both. A row that is NaN in one does not count.
    """
    common = torch.minimum(pattern, patterns).sum(-1)  # (…, W)
    return common.nanmean(-1)


def reading_back(patterns: Tensor) -> Tensor:
    """Return how clearly words read one earlier word, (…, W, W) → (…), 0 to 1.

    It is the mean over words, from the third on, of the largest weight on an earlier word other than the first.
    """
    W = patterns.size(-1)
    earlier = torch.ones(W, W, dtype=torch.bool).tril(-1)
    earlier[:, 0] = False
    return patterns.nan_to_num().masked_fill(~earlier, 0).amax(-1)[..., 2:].mean(-1)
