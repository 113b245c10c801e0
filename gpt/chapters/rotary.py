"""Rotary positions: the code in cells."""

# %% turn
import math

import torch
from torch import nn


def turn(x, angle):  # x: (…, 2)
    cos, sin = torch.cos(angle), torch.sin(angle)
    return torch.stack((x[..., 0] * cos - x[..., 1] * sin, x[..., 1] * cos + x[..., 0] * sin), dim=-1)


theta = torch.tensor(math.radians(30))  # each token turns by 30 degrees more
q, k = torch.tensor([1.0, 0.2]), torch.tensor([0.6, 0.8])
for m, n in ((5, 3), (105, 103), (9, 3)):
    print(f"q at {m}, k at {n}: {(turn(q, m * theta) @ turn(k, n * theta)).item():.4f}")

# %% dials
head_size = 16
theta = 10_000 ** (-torch.arange(0, head_size, 2) / head_size)  # (head_size / 2,) radians a token
print("tokens that a full turn takes:", (2 * math.pi / theta).round().tolist())
for distance in (0, 1, 10, 100):
    print(distance, torch.cos(distance * theta).sum().item())  # q · k of equal q and k


# %% head
class RotaryHead(nn.Module):
    def __init__(self, n_embd, head_size):
        super().__init__()
        self.key, self.query, self.value = (nn.Linear(n_embd, head_size, bias=False) for _ in range(3))
        self.theta = 10_000 ** (-torch.arange(0, head_size, 2) / head_size)

    def rotate(self, x):  # (B, T, head_size): two features make a pair
        angle = torch.arange(x.size(1))[:, None] * self.theta  # (T, head_size / 2)
        return turn(x.unflatten(-1, (-1, 2)), angle).flatten(-2)

    def forward(self, x):
        q, k, v = self.rotate(self.query(x)), self.rotate(self.key(x)), self.value(x)  # v is not turned
        wei = q @ k.transpose(-2, -1) * k.size(-1) ** -0.5
        tril = torch.ones(x.size(1), x.size(1)).tril()
        return wei.masked_fill(tril == 0, -torch.inf).softmax(-1) @ v


# %% order
torch.manual_seed(1337)
head = RotaryHead(32, head_size)
x = torch.randn(1, 8, 32)
swapped = x[:, [1, 0, *range(2, 8)]]
print("the last token notices a swap:", not torch.allclose(head(x)[:, -1], head(swapped)[:, -1]))
