"""Notes 4 and 5 on attention: the lecture's code in cells."""

# %% from data
import torch
from torch import nn
from torch.nn import functional as F

from data import get_batch, vocab_size


# %% decoder
class Head(nn.Module):
    def __init__(self, n_embd, head_size, decoder=True):
        super().__init__()
        self.key, self.query, self.value = (nn.Linear(n_embd, head_size, bias=False) for _ in range(3))
        self.decoder = decoder

    def forward(self, x):
        T = x.size(1)
        wei = self.query(x) @ self.key(x).transpose(-2, -1) * self.key.out_features**-0.5
        if self.decoder:  # an encoder has no such line
            wei = wei.masked_fill(torch.ones(T, T).tril() == 0, -torch.inf)
        return wei.softmax(-1) @ self.value(x)


# %% cheating
for decoder in (True, False):
    torch.manual_seed(1337)
    m = nn.Sequential(nn.Embedding(vocab_size, 32), Head(32, 32, decoder), nn.ReLU(), nn.Linear(32, vocab_size))
    optimizer = torch.optim.AdamW(m.parameters(), lr=1e-2)
    for _ in range(200):
        xb, yb = get_batch("train", batch_size=32)
        loss = F.cross_entropy(m(xb).flatten(0, 1), yb.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("with the mask" if decoder else "without it, the model reads its targets", round(loss.item(), 2))

# %% cross
torch.manual_seed(1337)
n_embd, head_size = 4, 4
x, y = torch.randn(4, n_embd), torch.randn(6, n_embd)  # tokens of a decoder, and of an encoder
query, key, value = (nn.Linear(n_embd, head_size, bias=False) for _ in range(3))
for name, source in (("self-attention", x), ("cross-attention", y)):
    q, k, v = query(x), key(source), value(source)  # x asks; the source answers
    wei = q @ k.T * head_size**-0.5  # (4, 4), or (4, 6)
    if source is x:
        wei = wei.masked_fill(torch.ones(4, 4).tril() == 0, -torch.inf)
    wei = wei.softmax(-1)
    print(name, tuple(wei.shape), tuple((wei @ v).shape))
