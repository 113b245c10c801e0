"""The averaging trick: the lecture's code in cells."""

# %% x
import time

import torch

torch.manual_seed(1337)
B, T, C = 4, 8, 2  # sequences, tokens, features
x = torch.randn(B, T, C)

# %% loops
xbow = torch.zeros(B, T, C)  # "bow", bag of words: an average has no order
for b in range(B):
    for t in range(T):
        xprev = x[b, : t + 1]  # (t + 1, C): this token and all before it
        xbow[b, t] = xprev.mean(0)
print(x[0], xbow[0])

# %% product
torch.manual_seed(42)
a = torch.ones(3, 3)
b = torch.randint(0, 10, (3, 2)).float()
print(a @ b)  # all rows are 14, 16: each sums all of b

a = torch.ones(3, 3).tril()  # a row reads itself and the rows above
print(a @ b)

a = a / a.sum(1, keepdim=True)  # rows sum to 1, so a sum becomes a mean
print(a @ b)


# %% batched
def average(x):
    T = x.size(1)
    wei = torch.ones(T, T).tril()
    wei = wei / wei.sum(1, keepdim=True)
    return wei @ x  # (T, T) @ (B, T, C) → (B, T, C)


xbow2 = average(x)
print(torch.allclose(xbow, xbow2, atol=1e-6))

large = torch.randn(32, 64, 16)
began = time.perf_counter()
average(large)
print(f"one product takes {1000 * (time.perf_counter() - began):.2f} ms")

# %% softmax
tril = torch.ones(T, T).tril()
wei = torch.zeros(T, T)  # scores: all equal here; in attention, they come from the tokens
wei = wei.masked_fill(tril == 0, -torch.inf)  # no token from the future can communicate
print(wei[:3])
wei = wei.softmax(-1)  # e to the −∞ is 0, and each row sums to 1
xbow3 = wei @ x
print(torch.allclose(xbow, xbow3, atol=1e-6))
