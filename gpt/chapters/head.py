"""One head: the lecture's code in cells."""

# %% imports
import torch
from torch import nn

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
