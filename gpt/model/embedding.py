"""A table of token embeddings."""

import torch
from torch import Tensor, nn

INIT_STD = 0.02  # Radford et al. 2019 (GPT-2), section 2.3


class TokenEmbedding(nn.Embedding):
    """A row of numbers for each id: ids (…) → (…, n). Raises ValueError on ids that are no whole numbers, or outside the table."""

    def forward(self, ids: Tensor) -> Tensor:
        if ids.dtype not in (torch.int64, torch.int32):
            raise ValueError(
                f"the ids have dtype {ids.dtype}; give whole numbers of dtype torch.int64, for example ids.long()"
            )
        try:
            return super().forward(ids)
        except IndexError as error:
            raise ValueError(
                f"the ids go from {int(ids.min())} to {int(ids.max())}; this model's go from 0 to {self.num_embeddings - 1}"
            ) from error
