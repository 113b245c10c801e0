"""The Transformer block: the lecture's code in cells."""

# %% from data
import torch
from torch import nn
from torch.nn import functional as F

from data import get_batch, vocab_size


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


# %% heads
class Head(nn.Module):
    def __init__(self, n_embd, head_size):
        super().__init__()
        self.key, self.query, self.value = (nn.Linear(n_embd, head_size, bias=False) for _ in range(3))

    def forward(self, x):
        T = x.size(1)
        wei = self.query(x) @ self.key(x).transpose(-2, -1) * self.key.out_features**-0.5
        wei = wei.masked_fill(torch.ones(T, T).tril() == 0, -torch.inf).softmax(-1)
        return wei @ self.value(x)


class MultiHeadAttention(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.heads = nn.ModuleList(Head(n_embd, n_embd // n_head) for _ in range(n_head))
        self.proj = nn.Linear(n_embd, n_embd)  # back into the residual stream

    def forward(self, x):
        return self.proj(torch.cat([h(x) for h in self.heads], dim=-1))  # n_head times head_size features


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


# %% block
class Block(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.sa, self.ffwd = MultiHeadAttention(n_embd, n_head), FeedForward(n_embd)
        self.ln1, self.ln2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)

    def forward(self, x):
        x = x + self.sa(self.ln1(x))  # communication
        x = x + self.ffwd(self.ln2(x))  # computation
        return x  # an addition passes the gradient on unchanged


def gradient_norms(blocks):
    """The norm of the gradient of each block's weights, after loss.backward()."""
    return [torch.cat([p.grad.flatten() for p in block.parameters()]).norm().item() for block in blocks]


# %% layernorm
def layernorm(x, eps=1e-5):
    """Each row, one token, gets mean 0 and variance 1 over its features. x: (B, C)."""
    return (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + eps).sqrt()


def batchnorm(x, eps=1e-5):
    """Each column, one feature, gets mean 0 and variance 1 over the batch."""
    return (x - x.mean(0, keepdim=True)) / (x.var(0, keepdim=True, unbiased=False) + eps).sqrt()


x = torch.randn(6, 4)
print(layernorm(x).mean(1), batchnorm(x).mean(0))  # all 0, up to rounding


# %% running statistics
class BatchNorm1d:
    def __init__(self, dim, momentum=0.1):
        self.momentum, self.training = momentum, True
        self.running_mean, self.running_var = torch.zeros(dim), torch.ones(dim)

    def __call__(self, x, eps=1e-5):
        mean, var = self.running_mean, self.running_var
        if self.training:  # the statistics of this batch; the running ones follow them
            mean, var = x.mean(0), x.var(0, unbiased=False)
            self.running_mean = self.running_mean.lerp(mean, self.momentum)
            self.running_var = self.running_var.lerp(x.var(0), self.momentum)
        return (x - mean) / (var + eps).sqrt()


# %% model
class GPTLanguageModel(nn.Module):
    def __init__(self, vocab_size, n_embd=32, n_head=4, n_layer=3, block_size=8):
        super().__init__()
        self.embedding = Embedding(vocab_size, n_embd, block_size)
        self.blocks = nn.Sequential(*[Block(n_embd, n_head) for _ in range(n_layer)])
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
