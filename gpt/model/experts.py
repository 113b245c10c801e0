"""A mixture of experts: several MLPs, and a router that chooses a few of them for each token."""

import torch
from torch import Tensor, nn

from gpt.model.config import GPTConfig
from gpt.model.hooks import HookPoint
from gpt.model.mlp import MLP

BALANCE_STEP = 1e-3  # as in Wang et al. 2024, table 2


class Experts(nn.Module):
    """Send each token to the `experts_per_token` MLPs that the router prefers, and add their weighted outputs.

    The weight is the probability of the expert, so the loss reaches the router (Fedus et al. 2021, Switch Transformer,
    arXiv:2101.03961, section 2.1). `balance` (experts,) is added to the probabilities for the choice only: in training
    it rises by a small step for each expert with fewer tokens than the mean, and falls for each with more, so all
    experts are used without a second loss (Wang et al. 2024, arXiv:2408.15664). So only training depends on the batch.

    Hook points, with TransformerLens's names: `hook_expert_weights` (B, T, experts), the probabilities;
    `hook_expert_indices` (B, T, experts_per_token), the chosen experts, the first choice first; those of each MLP are
    `experts.{e}.hook_pre|pre_linear|post`, where (B, T) is replaced by the number of its tokens.
    """

    balance: Tensor

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_experts, self.per_token = config.experts, config.experts_per_token
        self.router = nn.Linear(config.n_embd, config.experts, bias=False)  # rung 15: a score for each expert
        self.experts = nn.ModuleList(MLP(config) for _ in range(config.experts))
        self.register_buffer("balance", torch.zeros(config.experts))
        self.hook_expert_weights, self.hook_expert_indices = HookPoint(), HookPoint()

    def forward(self, x: Tensor) -> Tensor:  # rung 15: a mixture of experts
        weights = self.hook_expert_weights(self.router(x).softmax(-1))  # (B, T, experts)
        chosen = self.hook_expert_indices((weights + self.balance).topk(self.per_token).indices)  # (B, T, per_token)
        places = chosen.flatten().argsort(stable=True)  # places in `chosen`, expert by expert
        counts = chosen.flatten().bincount(minlength=self.n_experts)
        tokens = x.flatten(0, 1).index_select(0, places // self.per_token).split(counts.tolist())
        out = torch.cat([expert(part) for expert, part in zip(self.experts, tokens, strict=True)])
        out = out.index_select(0, places.argsort()).view(*chosen.shape, -1)  # (B, T, per_token, C), in order again
        if self.training:
            self._move_balance(counts)
        return (out * weights.gather(-1, chosen).unsqueeze(-1)).sum(-2)

    @torch.no_grad()
    def _move_balance(self, counts: Tensor) -> None:
        """Raise the balance of each expert with fewer tokens than the mean, and lower it where there are more."""
        numbers = counts.to(self.balance.dtype)
        self.balance += BALANCE_STEP * (numbers.mean() - numbers).sign()
