"""Policy optimisation: the model draws answers, a reward model judges them, and what was better than expected becomes likelier.

Source: lecture 01:48:53; clipped ratio: Schulman et al. 2017, arXiv:1707.06347; KL penalty: Ziegler et al. 2019, arXiv:1909.08593.
"""

import torch
from torch import Tensor, nn

from gpt.train.objectives.answers import divergence, draw_answers, entropy, log_probs_of, token_logits
from gpt.train.objectives.reward import rewards
from gpt.train.objectives.stage import Stage
from gpt.train.run import Run

CLIP = (
    0.2  # how far a token's probability may move, as a share, before its gradient ends: Schulman et al. 2017, table 3
)
GROUP = 4  # answers to the same question, each of which is the others' baseline


class PPO(Stage):
    """Earn rewards, and stay near the reference; `kl_weight` is the leash, what one nat of distance costs.

    Two things are simpler than in the papers. The baseline of an answer is the mean reward of the others to the same question
    (leave-one-out: Ahmadian et al. 2024, arXiv:2402.14740), so no value model is trained. The distance at each token is that of the
    whole distribution, and stands in the loss as in Shao et al. 2024, arXiv:2402.03300, equation 3; Ziegler et al. subtract the drawn
    tokens' log-ratio from the reward, which is the same on average, and with few answers a batch mostly noise.
    """

    def __init__(self, run: Run, device: torch.device) -> None:
        super().__init__(run, device)
        self.reference, self.reward_model = self.kept("reference"), self.kept("reward")

    @torch.no_grad()
    def draw(self, model: nn.Module, generator: torch.Generator) -> tuple[Tensor, ...]:
        """New answers: tokens and is_answer (B, T), the log-probabilities that they were drawn with (B, T − 1), advantages (B,), and
        the reference's logits (B, T − 1, vocab_size)."""
        asked = torch.randint(len(self.questions), (-(-self.recipe.batch_size // GROUP),), generator=generator)
        questions = [self.questions[i] for i in asked.repeat_interleave(GROUP).tolist()]
        model.eval()
        tokens, is_answer = draw_answers(model, questions, self.tokenizer, generator)
        there = tokens.to(self.device), is_answer.to(self.device)
        drawn_with = log_probs_of(token_logits(model, there[0]), *there)
        model.train()
        earned = advantages_of(rewards(self.reward_model, *there))
        return tokens, is_answer, drawn_with.cpu(), earned.cpu(), token_logits(self.reference, there[0]).cpu()

    def loss(self, model: nn.Module, *batch: Tensor) -> Tensor:
        """batch: as `draw` gives it."""
        tokens, is_answer, drawn_with, advantages, reference = batch
        logits = token_logits(model, tokens)
        gain = clipped_loss(log_probs_of(logits, tokens, is_answer), drawn_with, advantages, is_answer[:, 1:])
        return gain + self.recipe.kl_weight * divergence(logits, reference, is_answer).mean()

    @torch.no_grad()
    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Of answers to held-out questions: the reward model's number, the stated preference, the distance from the reference."""
        tokens, is_answer = self.draw_held_out(model)
        there = tokens.to(self.device), is_answer.to(self.device)
        model.eval()
        logits, reference = (token_logits(m, there[0]) for m in (model, self.reference))
        model.train()
        return {
            "reward": rewards(self.reward_model, *there).mean().item(),
            "preference": self.mean_preference(tokens, is_answer),
            "kl": divergence(logits, reference, there[1]).mean().item(),
            "entropy": entropy(logits, there[1]).item(),
        }


def advantages_of(earned: Tensor) -> Tensor:
    """How much better each answer did than the others to its question, in units of their spread: (B,). earned: (B,), groups in a row."""
    groups = earned.view(-1, GROUP)
    advantages = (groups - (groups.sum(1, keepdim=True) - groups) / (GROUP - 1)).flatten()
    return advantages / (advantages.std() + 1e-6)


def clipped_loss(log_probs: Tensor, drawn_with: Tensor, advantages: Tensor, is_answer: Tensor) -> Tensor:
    """PPO's loss: −min(ratio · A, clip(ratio) · A), summed over an answer's tokens, the mean over answers.

    log_probs now and when drawn, is_answer: (B, T) each; advantages: (B,), the same for all tokens of an answer. While the model is
    the one that drew, all ratios are 1 and the gradient is that of −A · log p. Source: Schulman et al. 2017, equation 7.
    """
    ratio = (log_probs - drawn_with).exp()
    gain = torch.minimum(ratio * advantages[:, None], ratio.clamp(1 - CLIP, 1 + CLIP) * advantages[:, None])
    return -(gain * is_answer).sum(1).mean()
