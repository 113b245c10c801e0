"""Attention between words: the patterns of models with different tokens on the same words."""

import torch
from torch import Tensor

from gpt.lens.surprise import Progress
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
def word_patterns(model: GPT, ids: Tensor, words: Tensor, progress: Progress | None = None) -> tuple[Tensor, Tensor]:
    """Return every head's attention between words, with the first token and without: two (n_layer, n_head, W, W).

    Only one layer's patterns of tokens are in memory at a time. ids: (T,), at most block_size; words: (T,), see
    `merge_to_words`. Without the first token: see `without_first_token`. progress is called after each layer; an
    exception that it raises cancels the work.
    """
    whole: list[Tensor] = []
    others: list[Tensor] = []

    def keep(pattern: Tensor, name: str) -> None:  # (1, n_head, T, T)
        whole.append(merge_to_words(pattern[0].float(), words))
        others.append(merge_to_words(without_first_token(pattern[0].float()), words))
        if progress:
            progress(len(whole), model.config.n_layer)

    model.run_with_hooks(ids[None], {"blocks.*.attn.hook_pattern": keep})
    return torch.stack(whole), torch.stack(others)


def without_first_token(patterns: Tensor) -> Tensor:
    """Take the weight on the first token away, and divide each row by what is left: (…, T, T) → (…, T, T).

    Many heads of large models put their weight on the first token where they have nothing to read: an attention sink.
    A row that only reads the first token is NaN. Source: Xiao et al. 2023, arXiv:2309.17453.
    """
    others = patterns.clone()
    others[..., 0] = 0
    left = others.sum(-1, keepdim=True)
    return others / left.masked_fill(left <= 0, torch.nan)


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
