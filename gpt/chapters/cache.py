"""KV cache: the code in cells."""

# %% rows
import time

import torch
from torch import nn

torch.manual_seed(1337)
C, head_size, T = 32, 16, 12
key, query, value = (nn.Linear(C, head_size, bias=False).requires_grad_(False) for _ in range(3))
x = torch.randn(T, C)


def attend(q, k, v):
    return (q @ k.T * head_size**-0.5).softmax(-1) @ v  # the newest token may read all tokens


keys = values = torch.empty(0, head_size)
for t in range(T):
    new, read = x[t : t + 1], x[: t + 1]
    keys, values = torch.cat([keys, key(new)]), torch.cat([values, value(new)])  # one row more
    reused = attend(query(new), keys, values)
    recomputed = attend(query(new), key(read), value(read))  # t + 1 rows, all but one known before
    print(t, torch.allclose(reused, recomputed, atol=1e-6))

# %% time
for T in (64, 512, 4096):
    x = torch.randn(T, C)
    began = time.perf_counter()
    key(x), value(x)  # recompute: a row for every token
    between = time.perf_counter()
    key(x[-1:]), value(x[-1:])  # reuse: one row
    ended = time.perf_counter()
    print(f"{T} tokens: {1e6 * (between - began):.0f} µs against {1e6 * (ended - between):.0f} µs")

# %% bytes
n_layer, n_head, head_size = 30, 9, 64  # SmolLM2-135M, which has 3 key and value heads
tokens, number = 2048, 2  # bytes of a 16-bit number
for n_kv_head in (9, 3, 1):
    size = 2 * n_layer * n_kv_head * head_size * tokens * number  # a key and a value
    print(f"{n_kv_head} key and value heads for {n_head} queries: {size:,} bytes")
