"""Backward by hand: the code in cells."""

# %% by hand
import torch
from torch.nn import functional as F

z = torch.tensor([1.0, 2.0, 0.5], requires_grad=True)  # the logits of three tokens
target = 1
e = z.exp()
s = e.sum()
p = e[target] / s
loss = -p.log()

with torch.no_grad():  # from the loss back; dp is the gradient of p
    dp = -1 / p
    ds = -dp * p / s
    de = ds.repeat(3)  # s adds all e, so each gets its gradient
    de[target] += dp / s  # the target's e is also in p: shares are added
    dz = de * e

loss.backward()
y = F.one_hot(torch.tensor(target), 3)
print(torch.allclose(dz, z.grad), torch.allclose(dz, e / s - y))

# %% head
torch.manual_seed(1337)
T, head_size = 3, 2
q, k, v = (torch.randn(T, head_size, requires_grad=True) for _ in "qkv")
tril = torch.ones(T, T).tril()
wei = (q @ k.T * head_size**-0.5).masked_fill(tril == 0, -torch.inf).softmax(-1)
out = wei @ v
loss = out.square().sum() / 2
loss.backward()

with torch.no_grad():
    dout = out  # the slope of half a square is the number itself
    dv = wei.T @ dout
    dwei = dout @ v.T
    dscores = wei * (dwei - (wei * dwei).sum(-1, keepdim=True))  # 0 for the future
    dq, dk = dscores @ k * head_size**-0.5, dscores.T @ q * head_size**-0.5
print([torch.allclose(by_hand, each.grad) for by_hand, each in ((dq, q), (dk, k), (dv, v))])
