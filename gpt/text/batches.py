"""From a text to the (B, T) batches that training reads. Source: lecture 00:09:28 (split), 00:14:27 (batches)."""

from collections.abc import Sequence

import torch
from torch import Tensor


def split_ids(ids: Sequence[int] | Tensor, train_share: float = 0.9) -> tuple[Tensor, Tensor]:
    """The first `train_share` of the tokens for training, the rest for validation: two (N,) int64 tensors."""
    ids = torch.as_tensor(ids, dtype=torch.long)
    cut = int(train_share * len(ids))
    return ids[:cut], ids[cut:]


def draw_batch(ids: Tensor, batch_size: int, block_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random chunks and what follows each of their tokens: x and y, (B, T) each, y one step later.

    ids: (N,). Raises ValueError where N is too short for one chunk and its last target.
    """
    if len(ids) <= block_size:
        raise ValueError(
            f"{len(ids)} tokens are too few for chunks of block_size={block_size} and a target: "
            f"give a text of at least {block_size + 1} tokens, or a smaller block_size"
        )
    starts = torch.randint(len(ids) - block_size, (batch_size, 1), generator=generator)
    chunks = ids[starts + torch.arange(block_size + 1)]  # (B, T + 1)
    return chunks[:, :-1], chunks[:, 1:]
