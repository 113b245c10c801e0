"""Scaling up: the lecture's code in cells."""

# %% from block
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from block import GPTLanguageModel
from data import vocab_size


# %% dropout
def dropout(x, p, training=True):
    """Set a random share p of x to 0, and divide the others by 1 − p, so that the mean stays."""
    if not training:
        return x
    kept = torch.rand_like(x) >= p
    return x * kept / (1 - p)


class FeedForward(nn.Module):
    def __init__(self, n_embd, p=0.2):
        super().__init__()
        self.up, self.down, self.p = nn.Linear(n_embd, 4 * n_embd), nn.Linear(4 * n_embd, n_embd), p

    def forward(self, x):
        return dropout(self.down(F.relu(self.up(x))), self.p, self.training)


print(dropout(torch.ones(10), 0.2))

# %% parameters
rungs = {
    "rung 6": {"n_embd": 32, "n_head": 4, "n_layer": 3, "block_size": 8, "batch_size": 32},
    "rung 7": {"n_embd": 384, "n_head": 6, "n_layer": 6, "block_size": 256, "batch_size": 64},
}
for name, sizes in rungs.items():
    batch_size = sizes.pop("batch_size")
    with torch.device("meta"):  # shapes without memory
        m = GPTLanguageModel(vocab_size, **sizes)
    n = sum(p.numel() for p in m.parameters())
    tokens = batch_size * sizes["block_size"]
    print(f"{name}: {n:,} parameters, {tokens:,} tokens a batch, about {6 * n * tokens:.1e} operations a step")
    print(f"weights, gradients and AdamW's two means: {4 * 4 * n / 1e6:.1f} MB")

# %% ladder
losses = {  # nats a character on validation text, as the lecture shows them
    "bigram table": 2.5,
    "one head": 2.4,
    "four heads": 2.28,
    "feedforward": 2.24,
    "blocks with residual connections": 2.08,
    "layernorm": 2.06,
    "scaled up, with dropout": 1.48,
}
names = list(losses)
for below, rung in pairwise(names):
    print(f"{rung}: {losses[rung]:.2f}, lower by {losses[below] - losses[rung]:.2f}")
