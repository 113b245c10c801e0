"""Translate a source: the objective of an encoder-decoder, on a text of lines `source>target`."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt.generate import translate
from gpt.model.seq2seq import Seq2Seq
from gpt.text.pairs import BETWEEN, END, IGNORED, Pairs, encode_pairs, read_pairs, split_pairs
from gpt.train.objectives.objective import OPTIMIZATION, Metric, Objective, losses

if TYPE_CHECKING:
    from gpt.train.run import Run

SAMPLES = 8  # validation sources that are translated at each snapshot


class Translation(Objective[Seq2Seq]):
    """Predict each token of a target from its source and the tokens before it. Source: lecture 01:42:39."""

    name = "translation"
    chapter = "1:42:39"
    kind = Seq2Seq
    loss_unit = "nats per token"
    metrics = (*losses(loss_unit), Metric("exact", "share translated exactly"), *OPTIMIZATION)
    continues_prompt = False
    translates = True

    def __init__(self, run: "Run", device: torch.device) -> None:
        super().__init__(run, device)
        train, validation = split_pairs(read_pairs(run.corpus().text))
        measured = validation[: self.recipe.eval_batches * self.recipe.batch_size]
        self.train, self.validation = (
            encode_pairs(pairs, run.tokenizer, self.recipe.model.block_size) for pairs in (train, measured)
        )

    def draw(self, model: Seq2Seq, generator: torch.Generator) -> tuple[Tensor, ...]:
        return self.train.rows(torch.randint(len(self.train), (self.recipe.batch_size,), generator=generator))

    def loss(self, model: Seq2Seq, *batch: Tensor) -> Tensor:
        source, lengths, inputs, targets = batch  # (B, S), (B,), (B, T), (B, T)
        return pair_loss(model(source, inputs, lengths), targets)

    @torch.no_grad()
    def evaluate(self, model: Seq2Seq) -> dict[str, float]:
        """Measure the loss, and the share of validation pairs that are translated exactly."""
        model.eval()
        batch = (tensor.to(self.device) for tensor in self.validation.rows(slice(None)))
        loss = self.loss(model, *batch).item()
        exact = exact_share(model, self.validation, self.tokenizer.encode(BETWEEN + END))
        model.train()
        return {"val_loss": loss, "exact": exact}

    def sample(self, model: Seq2Seq) -> dict[str, Any]:
        """Translate some validation sources; nothing is random."""
        model.eval()
        source, lengths, *_ = (tensor.to(self.device) for tensor in self.validation.rows(slice(SAMPLES)))
        start, end = self.tokenizer.encode(BETWEEN + END)
        targets = translate(model, source, lengths, start=start, end=end)
        model.train()
        decode = self.tokenizer.decode
        sources = [decode(ids[:n]) for ids, n in zip(source.tolist(), lengths.tolist(), strict=True)]
        lines = [decode(row).partition(END)[0] for row in targets.tolist()]
        pairs = [source + BETWEEN + line for source, line in zip(sources, lines, strict=True)]
        return {"prompt": "", "seed": self.recipe.seed, "text": "\n".join(pairs)}


def pair_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy over pairs; a pair counts with its mean in nats per token.

    logits: (B, T, vocab_size); targets: (B, T). So each pair has the same weight, however long it is.
    """
    losses = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")  # (B, T)
    return (losses.sum(1) / (targets != IGNORED).sum(1)).mean()


def exact_share(model: Seq2Seq, pairs: Pairs, markers: list[int]) -> float:
    """Return the share of pairs whose greedy translation equals the target.

    markers: ids of the start and of the end.
    """
    device = next(model.parameters()).device
    source, lengths, _, targets = (tensor.to(device) for tensor in pairs.rows(slice(None)))
    start, end = markers
    outputs = translate(model, source, lengths, start=start, end=end)
    T = targets.size(1)
    outputs = F.pad(outputs, (0, max(0, T - outputs.size(1))), value=end)[:, :T]
    return ((outputs == targets) | (targets == IGNORED)).all(1).float().mean().item()
