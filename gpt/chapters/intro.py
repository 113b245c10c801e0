"""One token at a time: the lecture's code in cells."""

# %% from data
import torch
from torch.nn import functional as F

from data import decode, encode, train_data, vocab_size

# %% model
pairs = train_data[:-1] * vocab_size + train_data[1:]
N = torch.bincount(pairs, minlength=vocab_size**2).view(vocab_size, vocab_size)
table = (N + 0.01).log()  # the smallest language model: how often each character follows each


def m(idx):
    return table[idx]  # (B, T) → logits (B, T, C)


# %% generate
def next_probs(logits, temperature=1.0, top_k=None):
    """logits (B, C) of the last token → probabilities of the next one."""
    if top_k is not None:
        least = logits.topk(min(top_k, logits.size(-1))).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    return F.softmax(logits / temperature, dim=-1)


def generate(m, idx, max_new_tokens, **settings):
    for _ in range(max_new_tokens):
        logits = m(idx)[:, -1, :]  # only the last token predicts the next
        idx_next = torch.multinomial(next_probs(logits, **settings), num_samples=1)  # (B, 1)
        idx = torch.cat((idx, idx_next), dim=1)  # (B, T + 1): the model reads what it wrote
    return idx


idx = torch.tensor([encode("The ")])
print(decode(generate(m, idx, 60, temperature=0.8)[0].tolist()))
