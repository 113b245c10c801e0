"""Embeddings of n-grams: a token and those just before it, without attention."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt.model.attention import KVCache
from gpt.model.config import GPTConfig

TABLE = "ngrams.table"  # its name among the parameters of a model
FACTOR, PRIME = 1_000_000_007, 2**31 - 1  # of the hash; a trained table only fits these


class NGrams(nn.Module):
    """Add up the vectors of the n-grams that end at each token, n = 2 … config.ngrams: ids (B, T) → (B, T, n_embd).

    A hash gives each n-gram a row of one table, so some n-grams share a row. All rows are zero at first. A token with
    fewer than n − 1 tokens before it has no n-gram of this length.
    Source: one table, Bojanowski et al. 2017 (fastText), arXiv:1607.04606, section 3.2; added to the embeddings in a
    Transformer, Pagnoni et al. 2024 (Byte Latent Transformer), arXiv:2412.09871, section 3.2.1.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.longest = config.ngrams
        self.table = nn.Parameter(torch.zeros(config.ngram_rows, config.n_embd))

    def forward(self, idx: Tensor, past: KVCache | None = None) -> Tensor:
        """past: the cache of the first layer, which keeps the last tokens until the next call."""
        ids = idx.long()
        if past is not None:
            ids = torch.cat((past.last.get(self, ids[:, :0]), ids), dim=1)
            past.last[self] = ids[:, -(self.longest - 1) :]
        keys = self.keys(ids)
        # one look-up for all lengths, because each look-up has a gradient as large as the table
        rows = torch.cat(keys, dim=1) % len(self.table)
        vectors = F.embedding(rows, self.table).split([each.size(1) for each in keys], dim=1)
        T = ids.size(1)
        total = torch.stack([F.pad(each, (0, 0, T - each.size(1), 0)) for each in vectors]).sum(0)
        return total[:, T - idx.size(1) :]

    def keys(self, ids: Tensor) -> list[Tensor]:
        """Return the number of each n-gram of ids (B, T): for n = 2, 3, … (B, T − n + 1)."""
        keys = [ids]
        for n in range(2, self.longest + 1):
            keys.append((keys[-1][:, 1:] * FACTOR + ids[:, : 1 - n]) % PRIME)
        return keys[1:]
