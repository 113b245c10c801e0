"""One head: the lecture's code in cells."""

# %% from data
import torch
from torch import nn
from torch.nn import functional as F

from data import get_batch, vocab_size

# %% version 4
torch.manual_seed(1337)
B, T, C, head_size = 4, 8, 32, 16
x = torch.randn(B, T, C)
key = nn.Linear(C, head_size, bias=False)  # what a token offers
query = nn.Linear(C, head_size, bias=False)  # what it looks for
value = nn.Linear(C, head_size, bias=False)  # what its readers get
k, q, v = key(x), query(x), value(x)  # (B, T, head_size) each

wei = q @ k.transpose(-2, -1)  # (B, T, T): every query with every key
tril = torch.ones(T, T).tril()
wei = wei.masked_fill(tril == 0, -torch.inf)  # no key from the future
wei = wei.softmax(-1)
out = wei @ v  # (B, T, head_size)
print(wei[0])


# %% head
class Head(nn.Module):
    def __init__(self, n_embd, head_size, block_size):
        super().__init__()
        self.key = nn.Linear(n_embd, head_size, bias=False)
        self.query = nn.Linear(n_embd, head_size, bias=False)
        self.value = nn.Linear(n_embd, head_size, bias=False)
        self.register_buffer("tril", torch.ones(block_size, block_size).tril())

    def forward(self, x):
        T = x.size(1)
        k, q, v = self.key(x), self.query(x), self.value(x)
        wei = q @ k.transpose(-2, -1) * k.size(-1) ** -0.5  # scaled by 1/√head_size
        wei = wei.masked_fill(self.tril[:T, :T] == 0, -torch.inf).softmax(-1)
        return wei @ v


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
