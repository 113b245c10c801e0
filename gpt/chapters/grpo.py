"""Rewards that can be checked: the code in cells."""

# %% from block
import random

import torch
from torch.nn import functional as F

from block import GPTLanguageModel

# %% sums
chars = "\n+0123456789="
stoi = {c: i for i, c in enumerate(chars)}


def draw_line(rng, most=9):
    """A sum to imitate; half of them are wrong, by one."""
    a, b = rng.randint(0, most), rng.randint(0, most)
    slip = rng.choice((-1, 1)) if rng.random() < 0.5 else 0
    return f"{a}+{b}=", f"{abs(a + b + slip)}\n"


# %% check
def is_right(question, answer):
    """The reward: arithmetic, which no answer can cheat."""
    a, b = question[:-1].split("+")
    return float(answer == f"{int(a) + int(b)}\n")


def ends_right(question, answer):
    """A reward that can be cheated: only the last digit counts."""
    a, b = question[:-1].split("+")
    return float(answer[-2:] == f"{int(a) + int(b)}\n"[-2:])


print(is_right("7+5=", "12\n"), is_right("7+5=", "2\n"), ends_right("7+5=", "2\n"))

# %% imitate
rng = random.Random(1337)
torch.manual_seed(1337)
m = GPTLanguageModel(len(chars))
optimizer = torch.optim.AdamW(m.parameters(), lr=3e-3)
for step in range(201):
    lines = ["".join(draw_line(rng)).ljust(7, "\n") for _ in range(64)]
    tokens = torch.tensor([[stoi[c] for c in line] for line in lines])  # (B, 7)
    loss = F.cross_entropy(m(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(step, round(loss.item(), 3))


# %% group
@torch.no_grad()
def sample(m, questions, G, longest=3):
    """G answers to each question: tokens and is_answer, (B, T) each, and the answers as text."""
    tokens = torch.tensor([[stoi[c] for c in question] for question in questions]).repeat_interleave(G, 0)
    start = tokens.size(1)
    for _ in range(longest):
        probs = F.softmax(m(tokens)[:, -1], dim=-1)
        tokens = torch.cat((tokens, torch.multinomial(probs, num_samples=1)), dim=1)
    newlines = (tokens == stoi["\n"]).long()
    is_answer = newlines.cumsum(1) - newlines == 0  # up to the first newline
    is_answer[:, :start] = False
    answers = ["".join(chars[i] for i in row[mask]) for row, mask in zip(tokens, is_answer, strict=True)]
    return tokens, is_answer, answers


# %% advantage
def advantages(rewards):
    """How much better than its group each answer is, in standard deviations. rewards: (groups, G)."""
    mean, std = rewards.mean(-1, keepdim=True), rewards.std(-1, keepdim=True)
    return (rewards - mean) / (std + 1e-6)  # all 0 where the rewards are equal


tokens, is_answer, answers = sample(m, ["7+5="], G=8)
rewards = torch.tensor([[is_right("7+5=", answer) for answer in answers]])
print(answers, advantages(rewards))


# %% loss
def log_probs(m, tokens):
    """The log-probability of each token, (B, T − 1)."""
    return m(tokens[:, :-1]).log_softmax(-1).gather(2, tokens[:, 1:, None])[..., 0]


def grpo_loss(log_p, log_p_drawn, log_p_ref, advantage, is_answer, beta, clip=0.2):
    """Make the better answers likelier, until a token's probability has changed by the share `clip`."""
    ratio = (log_p - log_p_drawn).exp()  # (B, T): 1 before the first step
    gain = torch.minimum(ratio * advantage[:, None], ratio.clamp(1 - clip, 1 + clip) * advantage[:, None])
    kl = (log_p_ref - log_p).exp() - (log_p_ref - log_p) - 1  # never below 0
    return -(((gain - beta * kl) * is_answer).sum(1) / is_answer.sum(1)).mean()


# %% train
reference, G = GPTLanguageModel(len(chars)), 8
reference.load_state_dict(m.state_dict())  # the leash holds the model near its start
optimizer = torch.optim.AdamW(m.parameters(), lr=1e-3)
for step in range(61):
    questions = [draw_line(rng)[0] for _ in range(32)]  # no answers are needed
    tokens, is_answer, answers = sample(m, questions, G)
    asked = [question for question in questions for _ in range(G)]
    rewards = torch.tensor(list(map(is_right, asked, answers)))
    with torch.no_grad():
        drawn, ref = log_probs(m, tokens), log_probs(reference, tokens)
    advantage = advantages(rewards.view(-1, G)).flatten()
    loss = grpo_loss(log_probs(m, tokens), drawn, ref, advantage, is_answer[:, 1:], beta=0.02)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(step, f"{rewards.mean():.0%} right")
