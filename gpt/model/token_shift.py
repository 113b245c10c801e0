"""Token shift: a look at the token before, without attention."""

import torch
from torch import Tensor, nn

from gpt.model.attention import KVCache


class TokenShift(nn.Module):
    """Mix each token's features with those of the token before: x + μ (before − x), (B, T, C) → (B, T, C).

    μ is learned for each feature and begins at 0, where nothing is mixed. Before the first token there are zeros.
    Source: Peng et al. 2023, RWKV, arXiv:2305.13048, section 3.1.
    """

    def __init__(self, n_embd: int) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.zeros(n_embd))

    def forward(self, x: Tensor, past: KVCache | None = None) -> Tensor:
        """past: the cache of this layer, which keeps the features of the last token until the next call."""
        first = torch.zeros_like(x[:, :1])
        if past is not None:
            first, past.last[self] = past.last.get(self, first), x[:, -1:]
        before = torch.cat((first, x[:, :-1]), dim=1)
        return torch.lerp(x, before, self.mix)
