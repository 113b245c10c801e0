"""Muon: the code in cells."""

# %% from data
import torch
from torch import nn
from torch.nn import functional as F

from data import get_batch, vocab_size


# %% model
class Model(nn.Module):
    """The next character from the last 8, through two hidden matrices."""

    def __init__(self, n_embd=16, width=128):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, n_embd)
        self.first, self.second = nn.Linear(8 * n_embd, width), nn.Linear(width, 64)
        self.lm_head = nn.Linear(64, vocab_size)

    def forward(self, xb, yb):
        x = self.embedding(xb).flatten(1)  # (B, 8 n_embd)
        x = torch.relu(self.second(torch.relu(self.first(x))))
        return F.cross_entropy(self.lm_head(x), yb[:, -1])


torch.manual_seed(1337)
m = Model()
m(*get_batch("train", 64)).backward()
gradient = m.second.weight.grad  # (64, 128)


# %% step
def newton_schulz(x):  # x: (m, n), m ≤ n
    a, b, c = 3.4445, -4.7750, 2.0315
    gram = x @ x.T  # (m, m)
    return a * x + (b * gram + c * gram @ gram) @ x


x = gradient / gradient.norm()
u, _, vh = torch.linalg.svd(x, full_matrices=False)
for step in range(6):
    values = torch.linalg.svdvals(x)
    away = (x @ x.T - torch.eye(len(x))).norm()
    print(f"step {step}: singular values {values[0]:.3f} to {values[-1]:.1e}, ‖XXᵀ − I‖ = {away:.2f}")
    x = newton_schulz(x)
print("distance from the SVD's U Vᵀ:", (x - u @ vh).norm().item())


# %% optimizer
class Muon:
    def __init__(self, matrices, lr, momentum=0.95):
        self.matrices, self.lr, self.momentum = list(matrices), lr, momentum
        self.means = [torch.zeros_like(w) for w in self.matrices]

    @torch.no_grad()
    def step(self):
        for w, mean in zip(self.matrices, self.means, strict=True):
            mean.lerp_(w.grad, 1 - self.momentum)  # momentum first: the mean of the newest gradients
            x = w.grad.lerp(mean, self.momentum)  # Nesterov: mixed with the gradient once more
            tall = x.size(0) > x.size(1)
            x = (x.T if tall else x) / (x.norm() + 1e-7)
            for _ in range(5):
                x = newton_schulz(x)
            w -= self.lr * 0.2 * max(w.shape) ** 0.5 * (x.T if tall else x)  # as large as a step of Adam


# %% groups
def split(m):
    """The matrices that turn one vector into another, and all other parameters."""
    matrices = [m.first.weight, m.second.weight]
    return matrices, [p for p in m.parameters() if all(p is not w for w in matrices)]


matrices, rest = split(m)
for name, p in m.named_parameters():
    print(f"{name:18} {p.numel():6,} {'AdamW' if any(p is each for each in rest) else 'Muon'}")

# %% race
lr = {"AdamW": 1e-2, "Muon": 2e-2}  # each the best of a few
for label in lr:
    torch.manual_seed(1337)
    m = Model()
    matrices, rest = split(m)
    optimizers = [torch.optim.AdamW(m.parameters() if label == "AdamW" else rest, lr=lr["AdamW"])]
    if label == "Muon":
        optimizers.append(Muon(matrices, lr=lr[label]))
    for step in range(101):
        loss = m(*get_batch("train", 64))
        m.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        if step % 25 == 0:
            print(label, step, round(loss.item(), 3))
