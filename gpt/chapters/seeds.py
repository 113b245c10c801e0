"""Seeds: the code in cells."""

# %% from data
from itertools import permutations
from math import ceil

import torch
from torch import nn
from torch.nn import functional as F

from data import get_batch, vocab_size


# %% seeds
def train(seed, steps=100):
    torch.manual_seed(seed)  # decides the first weights and the batches
    m = nn.Sequential(nn.Embedding(vocab_size, 32), nn.Linear(32, vocab_size))
    optimizer = torch.optim.AdamW(m.parameters(), lr=1e-2)
    losses = []
    for _ in range(steps):
        xb, yb = get_batch("train", batch_size=32)
        loss = F.cross_entropy(m(xb).flatten(0, 1), yb.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


curves = torch.tensor([train(seed) for seed in range(5)])  # (seeds, steps)

# %% band
low, high = curves.amin(0), curves.amax(0)
middle = curves.quantile(0.5, dim=0)  # the median
for step in (0, 10, 50, 99):
    print(f"step {step}: {middle[step]:.3f}, from {low[step]:.3f} to {high[step]:.3f}")
print(f"standard deviation at the end: {curves[:, -1].std():.4f} nats")


# %% birth
def induction_score(wei, period):  # (n_head, T, T) on a text of `period` letters, twice
    i = torch.arange(period, wei.size(-1))  # the second copy
    uniform = 1 / (i + 1)
    return (wei[:, i, i - period + 1] - uniform).mean(-1)  # the token after the same letter


def birth(steps, scores, threshold=0.4):  # scores: (S, n_head)
    best = scores.amax(-1)
    for i in range(1, len(steps)):
        if best[i] >= threshold:  # between the last two snapshots
            share = (threshold - best[i - 1]) / (best[i] - best[i - 1])
            return steps[i - 1] + share.item() * (steps[i] - steps[i - 1])


wei = torch.eye(16).roll(-7, dims=1).expand(2, 16, 16)  # two perfect induction heads for a period of 8
print(induction_score(wei, period=8))
print(birth([0, 100, 200], torch.tensor([[0.0, 0.0], [0.1, 0.5], [0.2, 0.9]])))


# %% match
def match(one, other):  # (n_head, T, T) of one layer, from two seeds
    distances = (one[:, None] - other[None]).abs().sum(-1).mean(-1) / 2  # (n_head, n_head)
    heads = range(len(one))
    orders = permutations(heads)  # 4 heads have 24 orders
    return min(orders, key=lambda order: sum(distances[h, order[h]].item() for h in heads))


one = torch.randn(4, 16, 16).softmax(-1)
other = one[[2, 0, 3, 1]]  # the same heads, under other numbers
print("partners of heads 0 to 3:", match(one, other))


# %% enough
def seeds_needed(difference, spread):  # until it is twice its standard error, spread * √(2 / n)
    return ceil(8 * (spread / difference) ** 2)


spread = curves[:, -1].std().item()
for difference in (0.1, 0.05, 0.01):
    print(f"{difference} nats apart: {seeds_needed(difference, spread)} seeds each")
