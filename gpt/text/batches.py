"""Cut a text into the (B, T) batches that training reads. Source: lecture 00:09:28 (split), 00:14:27 (batches)."""

from collections.abc import Sequence

import torch
from torch import Tensor

TRAIN_SHARE = 0.9


def split_ids(ids: Sequence[int] | Tensor, train_share: float = TRAIN_SHARE) -> tuple[Tensor, Tensor]:
    """Split off the first `train_share` of the tokens for training, the rest for validation: two (N,) int64 tensors."""
    ids = torch.as_tensor(ids, dtype=torch.long)
    cut = int(train_share * len(ids))
    return ids[:cut], ids[cut:]


def fewest_tokens(block_size: int) -> int:
    """Return the length of the shortest text with a chunk and its last target in training and in validation."""
    length = int(block_size / (1 - TRAIN_SHARE))  # the validation part is the shorter one
    while min(int(TRAIN_SHARE * length), length - int(TRAIN_SHARE * length)) <= block_size:
        length += 1
    return length


def check_length(n_tokens: int, n_characters: int, block_size: int) -> None:
    """Raise ValueError, with the lengths that work, if a text is too short for training and validation."""
    needed = fewest_tokens(block_size)
    if n_tokens >= needed:
        return
    fitting = max((size for size in range(1, block_size) if fewest_tokens(size) <= n_tokens), default=0)
    unit = "characters" if n_tokens == n_characters else f"tokens in {n_characters:,} characters"
    raise ValueError(
        f"the text has {n_tokens:,} {unit}; block_size={block_size} needs at least {needed:,}, since the last tenth "
        "is for validation: "
        f"give a longer text{f', or a block_size of at most {fitting}' if fitting else ''}"
    )


def draw_batch(ids: Tensor, batch_size: int, block_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw random chunks x and their targets y, (B, T) each; y is x one token later.

    ids: (N,). Raises ValueError if N is too small for one chunk and its last target.
    """
    if len(ids) <= block_size:
        raise ValueError(
            f"{len(ids)} tokens are too few for chunks of block_size={block_size} and a target: "
            f"give a text of at least {block_size + 1} tokens, or a smaller block_size"
        )
    starts = torch.randint(len(ids) - block_size, (batch_size,), generator=generator)
    chunks = ids.unfold(0, block_size + 1, 1)[starts]  # (B, T + 1)
    return chunks[:, :-1], chunks[:, 1:]
