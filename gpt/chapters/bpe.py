"""The GPT tokenizer: the code in cells."""

# %% pairs
from collections import Counter
from itertools import pairwise

text = "she sells sea shells by the sea shore"
ids = list(text.encode())  # every byte is a token, 0 … 255


def count_pairs(ids):
    return Counter(pairwise(ids))


def merge(ids, pair, new):
    merged = []
    while ids:
        n = 2 if tuple(ids[:2]) == pair else 1
        merged.append(new if n == 2 else ids[0])
        ids = ids[n:]
    return merged


# %% train
merges = {}  # pair → id of the token that joins it
vocab = {i: bytes([i]) for i in range(256)}
for new in range(256, 266):
    counts = count_pairs(ids)
    pair = max(counts, key=counts.get)  # the most frequent one, the first of equals
    if counts[pair] < 2:
        break
    ids = merge(ids, pair, new)
    merges[pair] = new
    vocab[new] = vocab[pair[0]] + vocab[pair[1]]
    print(new, vocab[new], f"occurred {counts[pair]} times; {len(ids)} tokens now")


# %% encode
def encode(text):
    ids = list(text.encode())
    while len(ids) > 1:
        pair = min(count_pairs(ids), key=lambda pair: merges.get(pair, 1e9))  # the earliest merge comes first
        if pair not in merges:
            break
        ids = merge(ids, pair, merges[pair])
    return ids


def decode(ids):
    return b"".join(vocab[i] for i in ids).decode(errors="replace")


for each in ("seashells", "127 + 677", "🍕", "你好"):
    print(each, encode(each), decode(encode(each)) == each)
