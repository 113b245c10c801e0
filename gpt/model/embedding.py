"""The table of token embeddings."""

import torch
from torch import Tensor, nn

INIT_STD = 0.02  # Radford et al. 2019 (GPT-2), section 2.3


class TokenEmbedding(nn.Embedding):
    """Look up a vector for each id: ids (…) → (…, n).

    Raises ValueError if the ids are not whole numbers, or an id is outside the table.
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.dtype not in (torch.int64, torch.int32):
            raise ValueError(
                f"the ids have dtype {input.dtype}; give whole numbers of dtype torch.int64, for example ids.long()"
            )
        try:
            return super().forward(input)
        except IndexError as error:
            raise ValueError(
                f"the ids go from {int(input.min())} to {int(input.max())}; "
                f"this model's go from 0 to {self.num_embeddings - 1}"
            ) from error
