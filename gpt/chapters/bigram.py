"""The bigram: the lecture's code in cells."""

# %% from data
import math
from collections import Counter
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from data import decode, get_batch, train_data, vocab_size, xb, yb


# %% table
class BigramLanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocab_size, vocab_size)  # row: this token, column: the next

    def forward(self, idx, targets=None):
        logits = self.token_embedding_table(idx)  # (B, T, C) with C = vocab_size
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


torch.manual_seed(1337)
m = BigramLanguageModel()
logits, loss = m(xb, yb)
print(f"loss {loss.item():.4f}, ln {vocab_size} = {math.log(vocab_size):.4f}")  # in the lecture 4.8786 and 4.1744


# %% generate
@torch.no_grad()
def generate(m, idx, max_new_tokens):
    for _ in range(max_new_tokens):
        logits, _ = m(idx)
        probs = F.softmax(logits[:, -1], dim=-1)  # (B, C)
        idx = torch.cat((idx, torch.multinomial(probs, num_samples=1)), dim=1)
    return idx


start = torch.zeros(1, 1, dtype=torch.long)  # token 0 is a new line
print(decode(generate(m, start, 100)[0].tolist()))  # before training

# %% train
optimizer = torch.optim.AdamW(m.parameters(), lr=1e-2)
losses = []
for _ in range(1000):
    xb, yb = get_batch("train", batch_size=32)
    logits, loss = m(xb, yb)
    optimizer.zero_grad()
    loss.backward()  # the gradient of the loss in every number of the table
    optimizer.step()
    losses.append(loss.item())
print(f"loss of the last batch {loss.item():.3f}")
print(decode(generate(m, start, 300)[0].tolist()))

# %% count
N = torch.ones(vocab_size, vocab_size)  # each pair once, so that no share is 0
for pair, times in Counter(pairwise(train_data.tolist())).items():
    N[pair] += times
P = N / N.sum(1, keepdim=True)  # P[i, j]: how often j follows i; training approaches this table
trained = m.token_embedding_table.weight.softmax(-1)
print(f"largest difference of a probability {(P - trained).abs().max():.3f}")


# %% estimate_loss
@torch.no_grad()
def estimate_loss(m, eval_iters=200):
    """The mean loss of many batches, for each part of the text."""
    out = {}
    for split in ("train", "val"):
        losses = torch.zeros(eval_iters)
        for i in range(eval_iters):
            _, loss = m(*get_batch(split, batch_size=32))
            losses[i] = loss
        out[split] = losses.mean().item()
    return out


print(estimate_loss(m))
print(f"the last 200 batches of the training: {torch.tensor(losses[-200:]).std():.3f} around their mean")
