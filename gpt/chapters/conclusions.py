"""Conclusions: the lecture's last model, trained and sampled, in cells."""

# %% from block
import torch
from torch.nn import functional as F

from block import GPTLanguageModel
from data import decode, get_batch, vocab_size

# %% run
torch.manual_seed(1337)
block_size, max_iters = 8, 200
m = GPTLanguageModel(vocab_size, block_size=block_size)  # rung 6; for rung 7: n_embd 384, n_head 6, n_layer 6
optimizer = torch.optim.AdamW(m.parameters(), lr=1e-3)
best = float("inf")
for step in range(max_iters):
    xb, yb = get_batch("train", batch_size=32, block_size=block_size)
    loss = F.cross_entropy(m(xb).flatten(0, 1), yb.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (step + 1) % 100 == 0:
        with torch.no_grad():
            xv, yv = get_batch("val", batch_size=64, block_size=block_size)
            best = min(best, F.cross_entropy(m(xv).flatten(0, 1), yv.flatten()).item())
        print(f"step {step + 1}: loss {loss.item():.3f}, best validation loss {best:.3f}")

# %% rung
lecture = {"rung 1": 2.5, "rung 2": 2.4, "rung 3": 2.28, "rung 4": 2.24, "rung 5": 2.08, "rung 6": 2.06}
reached = [rung for rung, loss in lecture.items() if best <= loss]
print("reached:", reached[-1] if reached else "no rung yet")

idx = torch.zeros(1, 1, dtype=torch.long)
with torch.no_grad():
    for _ in range(200):
        probs = F.softmax(m(idx[:, -block_size:])[:, -1], dim=-1)
        idx = torch.cat((idx, torch.multinomial(probs, num_samples=1)), dim=1)
print(decode(idx[0].tolist()))
