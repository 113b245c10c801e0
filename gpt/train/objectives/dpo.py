"""Direct preference optimisation: the policy learns from pairs, without a reward model and without drawing answers.

Source: Rafailov et al. 2023, arXiv:2305.18290, equation 7.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt.model.gpt import GPT
from gpt.train.objectives.answers import divergence, log_probs_of, token_logits
from gpt.train.objectives.objective import OPTIMIZATION, losses
from gpt.train.objectives.reward import Preference
from gpt.train.objectives.stage import ACCURACY, KL, PREFERENCE

if TYPE_CHECKING:
    from gpt.train.run import Run


class DPO(Preference):
    """Make the preferred answer likelier than the other, measured from the reference; `kl_weight` is the paper's β."""

    name = "dpo"
    metrics = (*losses(Preference.loss_unit), ACCURACY, KL, PREFERENCE, *OPTIMIZATION)
    frozen = ("reference",)

    def __init__(self, run: "Run", device: torch.device) -> None:
        super().__init__(run, device)
        self.reference = self.frozen_model("reference")

    def loss(self, model: GPT, *batch: Tensor) -> Tensor:
        """Compute nats per pair. batch: tokens and is_answer, (B, 2, T) each."""
        return -F.logsigmoid(self._margins(model, *batch)).mean()

    def _margins(self, model: GPT, tokens: Tensor, is_answer: Tensor) -> Tensor:
        """How much more the preferred answer's log-probability has risen than the other's, times β: (B,)."""
        tokens, is_answer = tokens.flatten(0, 1), is_answer.flatten(0, 1)
        with torch.no_grad():
            before = log_probs_of(token_logits(self.reference, tokens), tokens, is_answer)
        rise = (log_probs_of(token_logits(model, tokens), tokens, is_answer) - before).sum(1)
        preferred, other = rise.view(-1, 2).unbind(1)
        return self.recipe.kl_weight * (preferred - other)

    @torch.no_grad()
    def evaluate(self, model: GPT) -> dict[str, float]:
        tokens, is_answer = self.answer_validation_questions(model)
        model.eval()
        margins = self._margins(model, *(tensor.to(self.device) for tensor in self.validation_pairs))
        logits, reference = (token_logits(m, tokens.to(self.device)).cpu() for m in (model, self.reference))
        model.train()
        return {
            "val_loss": -F.logsigmoid(margins).mean().item(),
            "accuracy": (margins > 0).float().mean().item(),
            "kl": divergence(logits, reference, is_answer).mean().item(),
            "preference": self.mean_preference(tokens, is_answer),
        }
