"""Predict the next token of a text. Source: lecture 00:34:53."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gpt.generate import generate
from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT, loss_of
from gpt.text.batches import check_length, draw_batch, split_ids
from gpt.train.objectives.objective import OPTIMIZATION, Objective, losses

if TYPE_CHECKING:
    from gpt.train.recipe import Recipe
    from gpt.train.run import Run

SAMPLE_TOKENS = 200
EVAL_SEED = 4242


class Language(Objective[GPT | Bigram]):
    """Predict the next token of a text. The first 90 % of the text are trained on, the rest is validation text."""

    name = "language"
    chapter = "0:34:53"
    loss_unit = "nats per token"
    metrics = (*losses(loss_unit), *OPTIMIZATION)
    compares_with_bigram = True

    def __init__(self, run: "Run", device: torch.device) -> None:
        super().__init__(run, device)
        text = run.corpus().text
        ids = run.tokenizer.encode(text)
        check_length(len(ids), len(text), self.recipe.model.block_size)
        self.train_ids, self.val_ids = split_ids(ids)

    def draw(self, model: GPT | Bigram, generator: torch.Generator) -> tuple[Tensor, ...]:
        return draw_batch(self.train_ids, self.recipe.batch_size, self.recipe.model.block_size, generator)

    def loss(self, model: GPT | Bigram, *batch: Tensor) -> Tensor:
        x, y = batch  # (B, T) each
        return loss_of(model(x), y)

    def evaluate(self, model: GPT | Bigram) -> dict[str, float]:
        return {"val_loss": estimate_loss(model, self.val_ids, self.recipe)}

    def sample(self, model: GPT | Bigram) -> dict[str, Any]:
        prompt, seed = self.train_ids[:1], self.recipe.seed
        model.eval()
        steps = generate(model, prompt.to(self.device), SAMPLE_TOKENS, seed=seed)
        text = self.tokenizer.decode([step.token for step in steps])
        model.train()
        return {"prompt": self.tokenizer.decode(prompt.tolist()), "seed": seed, "text": text}

    @classmethod
    def evaluation_batches(cls, recipe: "Recipe") -> int:
        return recipe.eval_batches


@torch.no_grad()
def estimate_loss(model: GPT | Bigram, ids: Tensor, recipe: "Recipe") -> float:
    """Mean loss in nats per token over `recipe.eval_batches` random batches, the same at every call. ids: (N,).

    Source: lecture 00:38:00.
    """
    was_training = model.training
    model.eval()
    generator = torch.Generator().manual_seed(EVAL_SEED)
    device = next(model.parameters()).device
    batch_losses: list[float] = []
    for _ in range(recipe.eval_batches):
        x, y = draw_batch(ids, recipe.batch_size, recipe.model.block_size, generator)
        batch_losses.append(loss_of(model(x.to(device)), y.to(device)).item())
    model.train(was_training)
    return sum(batch_losses) / len(batch_losses)
