"""A reward model and a policy: the lecture's code in cells."""

# %% from chat
import torch
from torch import nn
from torch.nn import functional as F

from chat import is_answer, log_probs, policy, pretrained, tokens


# %% reward
def pair_loss(r_preferred, r_other):
    """Nats: the preferred answer should have the larger number. A guess has ln 2."""
    return -F.logsigmoid(r_preferred - r_other).mean()


class RewardModel(nn.Module):
    def __init__(self, gpt, n_embd=32):
        super().__init__()
        self.gpt, self.reward_head = gpt, nn.Linear(n_embd, 1)  # in place of lm_head

    def forward(self, tokens):
        x = self.gpt.ln_f(self.gpt.blocks(self.gpt.embedding(tokens)))
        return self.reward_head(x)[:, -1, 0]  # one number, read at the last token


reward_model = RewardModel(pretrained)
r_preferred, r_other = reward_model(tokens)
print(pair_loss(r_preferred, r_other).item())


# %% policy
def advantages(rewards, group):
    """How much better than the other answers to its question each is. rewards: (B,), question by question."""
    groups = rewards.view(-1, group)
    others = (groups.sum(1, keepdim=True) - groups) / (group - 1)
    advantage = (groups - others).flatten()
    return advantage / (advantage.std() + 1e-6)


def ppo_loss(log_p, log_p_drawn, advantage, is_answer, clip):
    """Make good answers likelier, until a token's probability has changed by the share `clip`."""
    ratio = (log_p - log_p_drawn).exp()  # (B, T): 1 before the first step
    gain = torch.minimum(ratio * advantage[:, None], ratio.clamp(1 - clip, 1 + clip) * advantage[:, None])
    return -(gain * is_answer).sum(1).mean()


def kl(logits, reference, is_answer):
    """The leash: nats of distance from the reference model, summed over an answer, (B,)."""
    p, q = logits.log_softmax(-1), reference.log_softmax(-1)
    return ((p.exp() * (p - q)).sum(-1) * is_answer[:, 1:]).sum(-1)


# %% dpo
def dpo_loss(m, reference, preferred, other, beta):
    """Raise the preferred answer's probability more than the other's; no reward model, no samples.

    preferred, other: tokens and is_answer, (B, T) each.
    """
    with torch.no_grad():
        before = [log_probs(reference, *pair).sum(1) for pair in (preferred, other)]
    after = [log_probs(m, *pair).sum(1) for pair in (preferred, other)]
    rise_preferred, rise_other = after[0] - before[0], after[1] - before[1]
    return -F.logsigmoid(beta * (rise_preferred - rise_other)).mean()


one, two = (tokens[:1], is_answer[:1]), (tokens[1:], is_answer[1:])
print(dpo_loss(policy, pretrained, one, two, beta=0.1).item())  # ln 2: nothing has moved yet


# %% shift
def moved(wei_before, wei_after):
    """The share of its attention that each head moved: (n_head, T, T) twice → (n_head,)."""
    return (wei_before - wei_after).abs().sum(-1).mean(-1) / 2  # the total variation distance of each row


T = 8
tril = torch.ones(T, T).tril()
wei_before, wei_after = torch.randn(2, 4, T, T).masked_fill(tril == 0, -torch.inf).softmax(-1)
print(moved(wei_before, wei_after))

# %% size
n = sum(p.numel() for p in policy.parameters())  # every number that training changes
sizes = {"this model": n, "GPT-2": 124e6, "InstructGPT": 175e9}
read = {"this model": 0, "GPT-3, before InstructGPT": 300e9}  # tokens of pretraining
for name, parameters in sizes.items():
    print(f"{name}: {parameters:,.0f} parameters, {parameters / n:,.0f} × this model's")
for name, count in read.items():
    print(f"{name}: {count:,.0f} tokens read")
