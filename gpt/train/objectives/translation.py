"""The objective of an encoder-decoder: write the target of a source, on a text of lines `source>target`."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt.generate import translate
from gpt.text.pairs import BETWEEN, END, IGNORED, Pairs, encode_pairs, read_pairs, split_pairs
from gpt.train.run import Run

SAMPLES = 8  # held-out sources that are translated at each snapshot


class Translation:
    """Predict each token of a target from its source and the tokens before it. Source: lecture 01:42:39."""

    def __init__(self, run: Run, device: torch.device) -> None:
        self.run, self.recipe, self.device = run, run.recipe, device
        train, held_out = split_pairs(read_pairs(run.corpus().text))
        measured = self.recipe.eval_batches * self.recipe.batch_size
        self.train, self.held_out = (
            encode_pairs(pairs, run.tokenizer, self.recipe.model.block_size) for pairs in (train, held_out[:measured])
        )

    def draw(self, model: nn.Module, generator: torch.Generator) -> tuple[Tensor, ...]:
        return self.train.rows(torch.randint(len(self.train), (self.recipe.batch_size,), generator=generator))

    def loss(self, model: nn.Module, *batch: Tensor) -> Tensor:
        source, lengths, inputs, targets = batch  # (B, S), (B,), (B, T), (B, T)
        return pair_loss(model(source, inputs, lengths), targets)

    @torch.no_grad()
    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """`val_loss`, and `exact`: the share of held-out pairs that are translated without a fault."""
        model.eval()
        source, lengths, inputs, targets = (tensor.to(self.device) for tensor in self.held_out.rows(slice(None)))
        loss = pair_loss(model(source, inputs, lengths), targets).item()
        exact = exact_share(model, self.held_out, self.run.tokenizer.encode(BETWEEN + END))
        model.train()
        return {"val_loss": loss, "exact": exact}

    def sample(self, model: nn.Module) -> dict[str, Any]:
        """Held-out sources, and what the model makes of them; nothing is drawn by chance."""
        model.eval()
        source, lengths, *_ = (tensor.to(self.device) for tensor in self.held_out.rows(slice(SAMPLES)))
        start, end = self.run.tokenizer.encode(BETWEEN + END)
        written = translate(model, source, lengths, start=start, end=end)
        model.train()
        decode = self.run.tokenizer.decode
        sources = [decode(ids[:n]) for ids, n in zip(source.tolist(), lengths.tolist(), strict=True)]
        lines = [decode(row).partition(END)[0] for row in written.tolist()]
        pairs = [source + BETWEEN + line for source, line in zip(sources, lines, strict=True)]
        return {"prompt": "", "seed": self.recipe.seed, "text": "\n".join(pairs)}


def pair_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy over the pairs, each by its own mean in nats per token.

    logits: (B, T, vocab_size); targets: (B, T). So any part of a batch counts by its pairs, however long these are.
    """
    losses = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")  # (B, T)
    return (losses.sum(1) / (targets != IGNORED).sum(1)).mean()


def exact_share(model: nn.Module, pairs: Pairs, markers: list[int]) -> float:
    """The share of the pairs whose greedy translation is the target, to the last token. markers: the start's and the end's id."""
    device = next(model.parameters()).device
    source, lengths, _, targets = (tensor.to(device) for tensor in pairs.rows(slice(None)))
    start, end = markers
    written = translate(model, source, lengths, start=start, end=end)
    T = targets.size(1)
    written = F.pad(written, (0, max(0, T - written.size(1))), value=end)[:, :T]
    return ((written == targets) | (targets == IGNORED)).all(1).float().mean().item()
