"""The Transformer block: the lecture's code in cells."""

# %% from data
import torch
from torch import nn
from torch.nn import functional as F

from data import get_batch, vocab_size
from multihead import MultiHeadAttention
from positions import Embedding


# %% feedforward
class FeedForward(nn.Module):
    def __init__(self, n_embd, wider=4):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(n_embd, wider * n_embd),
            nn.ReLU(),  # 0 where a number is negative
            nn.Linear(wider * n_embd, n_embd),
        )

    def forward(self, x):
        return self.net(x)  # every token by itself: no token reads another


x = torch.randn(1, 8, 32)
ffwd = FeedForward(32)
print(torch.allclose(ffwd(x)[:, 3], ffwd(x[:, 3])))


# %% one token
torch.manual_seed(1337)
first, second = nn.Linear(4, 16), nn.Linear(16, 4)
x = torch.randn(8, 4)
pre = first(x)  # (T, 16)
post = pre.relu()  # 0 where pre is negative
out = second(post)  # (T, 4)
print((post[3] == 0).sum().item(), "of 16 features of token 3 are 0")
print(torch.allclose(out[3], second(first(x[3]).relu()), atol=1e-6))  # no other token is read


# %% depth
x = torch.randn(32, requires_grad=True)
blocks = [FeedForward(32) for _ in range(8)]
plain = residual = x
for f in blocks:
    plain = f(plain)
    residual = residual + f(residual)  # an addition passes the gradient on unchanged
for out in (plain, residual):
    (gradient,) = torch.autograd.grad(out.sum(), x)
    print(out.norm() / x.norm(), F.cosine_similarity(out, x, dim=0), gradient.norm())


# %% block
class Block(nn.Module):
    def __init__(self, n_embd, n_head, block_size):
        super().__init__()
        self.sa = MultiHeadAttention(n_embd, n_head, block_size)
        self.ffwd = FeedForward(n_embd)
        self.ln1, self.ln2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)

    def forward(self, x):
        x = x + self.sa(self.ln1(x))  # communication
        x = x + self.ffwd(self.ln2(x))  # computation
        return x  # an addition passes the gradient on unchanged


def gradient_norms(blocks):
    """The norm of the gradient of each block's weights, after loss.backward()."""
    return [torch.cat([p.grad.flatten() for p in block.parameters()]).norm().item() for block in blocks]


# %% model
class GPTLanguageModel(nn.Module):
    def __init__(self, vocab_size, n_embd=32, n_head=4, n_layer=3, block_size=8):
        super().__init__()
        self.embedding = Embedding(vocab_size, n_embd, block_size)
        self.blocks = nn.Sequential(*[Block(n_embd, n_head, block_size) for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size)

    def forward(self, idx):
        x = self.blocks(self.embedding(idx))  # (B, T, n_embd)
        return self.lm_head(self.ln_f(x))  # logits (B, T, vocab_size)


# %% train
torch.manual_seed(1337)
m = GPTLanguageModel(vocab_size)
optimizer = torch.optim.AdamW(m.parameters(), lr=1e-3)
for step in range(101):
    xb, yb = get_batch("train", batch_size=32)
    loss = F.cross_entropy(m(xb).flatten(0, 1), yb.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(step, round(loss.item(), 3), gradient_norms(m.blocks))
