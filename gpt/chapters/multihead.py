"""One head in a model, and several heads: the lecture's code in cells."""

# %% from data
import torch
from torch import nn
from torch.nn import functional as F

from data import get_batch, vocab_size
from head import Head


# %% model
class OneHeadModel(nn.Module):
    def __init__(self, vocab_size, n_embd=32, block_size=8):
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocab_size, n_embd)
        self.position_embedding_table = nn.Embedding(block_size, n_embd)
        self.sa_head = Head(n_embd, n_embd, block_size)
        self.lm_head = nn.Linear(n_embd, vocab_size)

    def forward(self, idx):
        tok_emb = self.token_embedding_table(idx)  # (B, T, n_embd)
        pos_emb = self.position_embedding_table(torch.arange(idx.size(1)))  # (T, n_embd)
        x = self.sa_head(tok_emb + pos_emb)
        return self.lm_head(x)  # logits (B, T, vocab_size)


# %% train
m = OneHeadModel(vocab_size)
optimizer = torch.optim.AdamW(m.parameters(), lr=1e-3)
for step in range(500):
    xb, yb = get_batch("train", batch_size=32)
    loss = F.cross_entropy(m(xb).flatten(0, 1), yb.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(step, round(loss.item(), 3))


# %% heads
class MultiHeadAttention(nn.Module):
    def __init__(self, n_embd, n_head, block_size):
        super().__init__()
        self.heads = nn.ModuleList(Head(n_embd, n_embd // n_head, block_size) for _ in range(n_head))
        self.proj = nn.Linear(n_embd, n_embd)  # back into the residual stream

    def forward(self, x):
        return self.proj(torch.cat([h(x) for h in self.heads], dim=-1))  # n_head times head_size features


# %% concatenation
torch.manual_seed(1337)
x = torch.randn(1, 8, 32)
sa_heads = MultiHeadAttention(32, n_head=4, block_size=8)
outs = [h(x) for h in sa_heads.heads]  # 4 times (1, 8, 8)
cat = torch.cat(outs, dim=-1)  # (1, 8, 32): head i has the features 8 * i to 8 * i + 7
off = cat.clone()
off[..., 8:16] = 0  # head 1 writes nothing
for before, after in ((cat, off), (sa_heads.proj(cat), sa_heads.proj(off))):
    print((before != after).any(1).sum().item(), "features change")
