"""Attention between words: the patterns of models with different tokens on the same words."""

import torch
from torch import Tensor

from gpt.model.gpt import GPT


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
def word_patterns(model: GPT, ids: Tensor, words: Tensor, hide_first: bool = False) -> Tensor:
    """Return every head's attention between words: (n_layer, n_head, W, W). Only one layer's pattern is kept at a time.

    ids: (T,), at most block_size; words: (T,), see `merge_to_words`. hide_first: see `without_first_token`.
    """
    merged: dict[str, Tensor] = {}

    def keep(pattern: Tensor, name: str) -> None:  # (1, n_head, T, T)
        shown = without_first_token(pattern[0]) if hide_first else pattern[0]
        merged[name] = merge_to_words(shown.float(), words)

    model.run_with_hooks(ids[None], {"blocks.*.attn.hook_pattern": keep})
    return torch.stack(list(merged.values()))


def without_first_token(patterns: Tensor) -> Tensor:
    """Take the weight on the first token away, and divide each row by what is left: (…, T, T) → (…, T, T).

    Many heads of large models put their weight on the first token where they have nothing to read: an attention sink.
    A row that only reads the first token is NaN. Source: Xiao et al. 2023, arXiv:2309.17453.
    """
    others = patterns.clone()
    others[..., 0] = 0
    left = others.sum(-1, keepdim=True)
    return others / left.masked_fill(left <= 0, torch.nan)


def closest_head(pattern: Tensor, patterns: Tensor) -> tuple[int, int]:
    """Return the (layer, head) whose attention between words is most like a given one.

    The measure is the share of weight in common, summed over words: a sum of minima. pattern: (W, W); patterns:
    (n_layer, n_head, W, W).
    """
    common = torch.minimum(pattern, patterns).nan_to_num().sum((-2, -1))  # (n_layer, n_head)
    layer, head = divmod(int(common.argmax()), common.size(1))
    return layer, head
