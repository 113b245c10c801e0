"""Positional encoding: the lecture's code in cells."""

# %% from data
import torch
from torch import nn
from torch.nn import functional as F

from data import vocab_size, xb


# %% sinusoids
def sinusoids(block_size, n_embd):
    """Fixed positions: sines and cosines of falling frequency, (block_size, n_embd)."""
    pos_emb = torch.zeros(block_size, n_embd)
    pos = torch.arange(block_size)
    for i in range(0, n_embd, 2):
        angle = pos / 10_000 ** (i / n_embd)
        pos_emb[:, i], pos_emb[:, i + 1] = angle.sin(), angle.cos()
    return pos_emb


pos_emb = sinusoids(32, 64)
similarity = F.cosine_similarity(pos_emb[:, None], pos_emb[None], dim=-1)  # (32, 32)
print(similarity[:4, :4])


# %% sum
torch.manual_seed(1337)
token_embedding_table = nn.Embedding(vocab_size, 32)
position_embedding_table = nn.Embedding(8, 32)
tok_emb = token_embedding_table(xb)  # (B, T, C): which token
pos_emb = position_embedding_table(torch.arange(8))  # (T, C): which place
x = tok_emb + pos_emb  # (B, T, C): every row of the batch adds the same pos_emb
print(x.shape)
print(torch.allclose(x[0] - x[1], tok_emb[0] - tok_emb[1], atol=1e-6))  # at the same place


# %% positions
class Embedding(nn.Module):
    def __init__(self, vocab_size, n_embd, block_size):
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocab_size, n_embd)
        self.position_embedding_table = nn.Embedding(block_size, n_embd)

    def forward(self, idx):
        T = idx.size(1)
        tok_emb = self.token_embedding_table(idx)  # (B, T, n_embd): which token
        pos_emb = self.position_embedding_table(torch.arange(T))  # (T, n_embd): which place
        return tok_emb + pos_emb  # (B, T, n_embd): the same pos_emb in every row of the batch


x = Embedding(vocab_size, n_embd=32, block_size=8)(xb)
print(x.shape)  # torch.Size([4, 8, 32])
