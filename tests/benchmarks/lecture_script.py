"""The lecture's model at the end of its chapters, at rung 6's sizes, written as the lecture writes it: the yardstick.

Each head has its own three matrices, the heads are a list, masks are filled in, and a batch is a stack of slices.
Source: lecture 01:02:00 (head), 01:21:59 (heads), 01:24:25 (feedforward), 01:32:51 (layernorm), 00:14:27 (batches).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

C, T, B, N_HEAD, N_LAYER = 32, 8, 32, 4, 3
LR = 1e-3


class Head(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(C, size, bias=False) for _ in range(3))
        self.register_buffer("tril", torch.tril(torch.ones(T, T)))
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = q @ k.transpose(-2, -1) * k.shape[-1] ** -0.5
        scores = scores.masked_fill(self.tril[: x.shape[1], : x.shape[1]] == 0, float("-inf"))
        return self.dropout(F.softmax(scores, dim=-1)) @ v


class MultiHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList([Head(C // N_HEAD) for _ in range(N_HEAD)])
        self.proj, self.dropout = nn.Linear(C, C), nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.proj(torch.cat([head(x) for head in self.heads], dim=-1)))


class LectureBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.ln1, self.ln2 = MultiHead(), nn.LayerNorm(C), nn.LayerNorm(C)
        self.feedforward = nn.Sequential(nn.Linear(C, 4 * C), nn.ReLU(), nn.Linear(4 * C, C), nn.Dropout(0.0))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.ln1(x))
        return x + self.feedforward(self.ln2(x))


class LectureModel(nn.Module):
    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, C), nn.Embedding(T, C)
        self.blocks = nn.Sequential(*[LectureBlock() for _ in range(N_LAYER)])
        self.ln, self.unembed = nn.LayerNorm(C), nn.Linear(C, vocab_size)

    def forward(self, idx: Tensor, targets: Tensor) -> Tensor:
        x = self.tokens(idx) + self.positions(torch.arange(idx.shape[1]))
        logits = self.unembed(self.ln(self.blocks(x)))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


def lecture_step(ids: Tensor, vocab_size: int) -> tuple[LectureModel, Callable[[], None]]:
    """Return the model, and a function that takes one training step of the script on these ids (N,)."""
    model = LectureModel(vocab_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)

    def step() -> None:
        starts = torch.randint(len(ids) - T, (B,))
        x = torch.stack([ids[start : start + T] for start in starts])
        y = torch.stack([ids[start + 1 : start + T + 1] for start in starts])
        loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return model, step
