"""Data and tokens: the lecture's code in cells. The other files of this folder begin with these cells."""

# %% text
from collections import Counter
from itertools import pairwise
from pathlib import Path

import torch

file = Path("input.txt")  # the lecture's text, if you put it into this folder
verses = """Miller: Who knocks so late? The wheel has stopped, the wind is gone to sleep.
Traveller: A friend, good sir, who lost the road between the river and the hill.
Miller: Then sit and warm your hands; the fire is small, but it is kind to all.
Traveller: I thank you, sir. The night is long, and longer for a man who walks.
Miller: And what is in your bag? It moves as if a bird were trapped in it.
Traveller: A clock, no more. It counts the steps I take, and counts them wrong!
Miller: So do we all. We count the days, and then we lose the count at last.
Traveller: You speak like one who had a clock himself, and threw it down the well.
Miller: I did, and now I hear it strike at noon, under the water, every day.
Traveller: Then let us drink to water, wind and wheel, and let the hours go.
"""
text = file.read_text(encoding="utf-8") if file.exists() else verses

# %% alphabet
print(f"{len(text):,} characters")
print(text[:300])

chars = sorted(set(text))  # every symbol once, in order
vocab_size = len(chars)  # 65 in the lecture's text
counts = Counter(text)  # symbol → how often it is in the text
print(vocab_size, repr("".join(chars)))
print(counts.most_common(5))

# %% encode
stoi = {ch: i for i, ch in enumerate(chars)}  # symbol → integer
itos = dict(enumerate(chars))  # integer → symbol


def encode(s):
    return [stoi[c] for c in s]


def decode(ids):
    return "".join(itos[i] for i in ids)


print(encode("the end"), decode(encode("the end")))


# %% merge
def merge(ids, pair, new):
    """Replace every `pair` of neighbours by the token `new`."""
    out = []
    for i in ids:
        out.append(i)
        if tuple(out[-2:]) == pair:
            out[-2:] = [new]
    return out


ids = list(text[:400].encode())  # bytes: the first 256 tokens of a byte-pair encoding
for new in range(256, 276):
    pair, count = Counter(pairwise(ids)).most_common(1)[0]
    ids = merge(ids, pair, new)
print(len(text[:400].encode()), "bytes →", len(ids), "tokens")

# %% split
data = torch.tensor(encode(text))
n = int(0.9 * len(data))  # the first 90 % are for training
train_data, val_data = data[:n], data[n:]
print(len(train_data), "tokens for training,", len(val_data), "for validation")
print(decode(train_data[-40:].tolist()), "|", decode(val_data[:40].tolist()))


# %% get_batch
def get_batch(split, batch_size=4, block_size=8):  # B and T
    ids = {"train": train_data, "val": val_data}[split]
    ix = torch.randint(len(ids) - block_size, (batch_size,))  # where each chunk starts
    chunks = ids.unfold(0, block_size + 1, 1)[ix]  # (B, T + 1): one token more than the context
    return chunks[:, :-1], chunks[:, 1:]


torch.manual_seed(1337)
xb, yb = get_batch("train")
for t in range(8):  # one chunk has T examples
    context, target = xb[0, : t + 1], yb[0, t]
    print(f"{context.tolist()} → {target.item()}")
