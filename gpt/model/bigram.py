"""The bigram table: the next token from the present one only."""

import torch
from torch import Tensor

from gpt.model.config import GPTConfig
from gpt.model.embedding import TokenEmbedding
from gpt.model.hooks import HookedModule


class Bigram(HookedModule):
    """Rung 1 of the ladder: ids (B, T) → logits (B, T, vocab_size), one table row per token. It is called as `GPT` is.

    Source: lecture 00:22:11.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.table = TokenEmbedding(
            config.vocab_size, config.vocab_size
        )  # row: present token, column: logit of the next

    def forward(self, idx: Tensor) -> Tensor:  # rung 1: one table row per token
        return self.table(idx)

    def next_logits(self, idx: Tensor) -> Tensor:
        """Return the logits of the next token only, (B, vocab_size)."""
        return self(idx[:, -1:])[:, 0]

    @property
    def n_params(self) -> int:
        """The number of trainable parameters."""
        return self.table.weight.numel()

    @classmethod
    def from_counts(cls, ids: Tensor, config: GPTConfig, smoothing: float = 1.0) -> "Bigram":
        """Build the table that training approaches: the log of the smoothed share of each next token.

        ids: (N,) the training text; smoothing: pseudo-counts per pair, above 0 so that every logit is finite.
        Raises ValueError on fewer than two ids, an id outside the vocabulary, or a smoothing that is not positive.
        Source: lecture 00:34:53.
        """
        if ids.numel() < 2 or not smoothing > 0:
            raise ValueError(
                f"counting pairs needs two tokens and a positive smoothing; got {ids.numel()} and {smoothing}"
            )
        V = config.vocab_size
        if not 0 <= ids.min() <= ids.max() < V:
            raise ValueError(
                f"tokens {int(ids.min())} to {int(ids.max())} do not fit vocab_size={V}; "
                "encode the text with this model's tokenizer"
            )
        counts = torch.bincount(ids[:-1] * V + ids[1:], minlength=V * V).view(V, V) + smoothing
        model = cls(config)
        with torch.no_grad():
            model.table.weight.copy_((counts / counts.sum(1, keepdim=True)).log())
        return model
