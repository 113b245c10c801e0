"""Exercises of act 4, to ChatGPT."""

import math
from collections.abc import Collection

from explorer.lecture.exercises.exercise import Exercise, Number, Options

DATE, MONTH, DIGIT = "july fourth, 1776", "july", 6  # a source, its month, and the step of the month's second digit
KINDS = {"encoder, reading itself": "encoder", "decoder, reading itself": "decoder", "cross-attention": "cross"}
ROWS, TOKENS, HEADS = 4, 128, 8
QUESTION, ANSWER = "Where is the king?", "Good sir, he is in the garden"
BETTER, WORSE = 1.5, 0.5  # numbers of a reward model
GAIN, FARTHER = 2.0, 8.0  # reward and nats of KL that an answer has more than another
RUNGS = range(2, 7)  # that a laptop trains


def _translation():
    from explorer.lecture.translate.subject import SHIPPED, translation
    from explorer.opened import open_model

    return translation(open_model(SHIPPED), DATE)


def _masked_kinds() -> Collection[str]:
    import numpy as np

    patterns = _translation().patterns
    return [name for name, kind in KINDS.items() if not np.triu(patterns[kind], 1).any()]


def _weights_of_a_head() -> int:
    return _translation().patterns["cross"][0, 0].size


def _letter_read() -> Collection[str]:
    seen = _translation()
    weights = seen.patterns["cross"][:, :, DIGIT].mean((0, 1))
    return [seen.source[int(weights[: len(MONTH)].argmax())]]


def _weights_of_a_layer() -> int:
    import torch

    from gpt import GPT, GPTConfig

    model = GPT(GPTConfig(block_size=TOKENS, n_layer=1, n_head=HEADS, n_embd=HEADS)).eval()
    _, cache = model.run_with_cache(torch.zeros(ROWS, TOKENS, dtype=torch.long), "blocks.0.attn.hook_pattern")
    return cache["pattern", 0].numel()


def _share_of_embedding() -> float:
    from explorer.lecture.nanogpt import GPT2
    from gpt.train.estimate import count_parameters

    return 100 * GPT2.vocab_size * GPT2.n_embd / count_parameters(GPT2)


def _points() -> int:
    from gpt.text.dialogue import preference

    return preference(QUESTION, ANSWER)


def _loss_of_a_pair() -> float:
    import torch

    from gpt.train.objectives.reward import pair_loss

    return pair_loss(torch.tensor([BETTER]), torch.tensor([WORSE])).item()


def _largest_step() -> Collection[str]:
    from gpt.train.presets import PUBLISHED

    gains = {rung: PUBLISHED[f"rung-{rung - 1}"].loss - PUBLISHED[f"rung-{rung}"].loss for rung in RUNGS}
    return [f"rung {max(gains, key=gains.__getitem__)}"]


def _choices() -> float:
    from gpt.train.presets import PUBLISHED

    return math.exp(PUBLISHED["rung-7"].loss)


EXERCISES = (
    Exercise(
        "translation-mask",
        "translation",
        "Look at the three kinds of attention above. Which of them has a mask?",
        "A mask leaves the cells above the diagonal empty. Who must not read what is not written yet?",
        "The decoder predicts its next token, so later tokens are masked. The whole source is there from the start.",
        Options(tuple(KINDS), _masked_kinds),
    ),
    Exercise(
        "translation-shape",
        "translation",
        f"Translate `{DATE}`. How many weights has one head's cross-attention, over all steps?",
        "A row for each token that the decoder writes, the end of the line included. A column for each character of "
        "the source.",
        "It is a rectangle: the target's steps × the source's characters. In self-attention it would be a square.",
        Number(_weights_of_a_head),
    ),
    Exercise(
        "translation-letter",
        "translation",
        f"Step to the month's second digit of `{DATE}`. Which letter of “{MONTH}” do the heads read most there?",
        "January, june and july begin alike. Which letter tells july from june?",
        "It is the first letter that only july has. Nobody gave the model this rule: it found that this letter "
        "decides the digit.",
        Options(tuple(MONTH), _letter_read),
        for_class=True,
    ),
    Exercise(
        "nanogpt-weights",
        "nanogpt",
        f"A batch has {ROWS} rows of {TOKENS} tokens, and a layer {HEADS} heads. How many attention weights are in "
        "the one tensor of all heads?",
        "Its shape is (B, n_head, T, T).",
        f"{ROWS} × {HEADS} × {TOKENS} × {TOKENS}, half of them masked. The fused kernel never writes them to memory.",
        Number(_weights_of_a_layer),
    ),
    Exercise(
        "gpt2-embedding",
        "nanogpt",
        "GPT-2 has 50,257 tokens of 768 features. Its embedding is also its output layer. What share of all its "
        "parameters is in this one matrix, in percent? The table above has the total.",
        "Multiply the two numbers. Then divide by the parameters of GPT-2 in the table.",
        "It is a large share, though the matrix is counted once. In the larger GPT-2 models the blocks outgrow it.",
        Number(_share_of_embedding, within=1, digits=0),
        for_class=True,
    ),
    Exercise(
        "chat-points",
        "chat",
        f"The question is “{QUESTION}”. A model answers “{ANSWER}”, and stops. How many of the four points of the "
        "stated preference does it get?",
        "The points are listed above: a courtesy, the question's last word, the length, and the end.",
        "It begins with one courtesy and it is short. It does not name the king, and the full stop is missing. "
        "Whether it is true does not count.",
        Number(_points),
    ),
    Exercise(
        "chat-pair",
        "rewards",
        f"The reward model gives {BETTER:g} to the preferred answer and {WORSE:g} to the other. What is the loss of "
        "this pair, in nats?",
        "The loss is −ln σ(r₁ − r₂), with σ(x) = 1 / (1 + e^−x).",
        f"r₁ − r₂ is {BETTER - WORSE:g}. Only the difference counts: add 100 to both, and the loss is the same. A "
        "random guess has ln 2 ≈ 0.69.",
        Number(_loss_of_a_pair, within=0.01, digits=2),
    ),
    Exercise(
        "chat-cheating",
        "rewards",
        f"A policy finds a strange answer. The reward model gives it {GAIN:g} more than a good answer. It is "
        f"{FARTHER:g} nats farther from the finetuned model. Below which β does the strange answer pay?",
        "The policy gets the reward minus β × KL. When are the two answers equally good?",
        f"β × {FARTHER:g} = {GAIN:g}. With a smaller β the policy learns to cheat; with a larger one it stays near "
        "the text that the reward model can judge.",
        Number(lambda: GAIN / FARTHER, within=0.01, digits=2),
        for_class=True,
    ),
    Exercise(
        "conclusions-step",
        "conclusions",
        "Which of these rungs lowers the lecture's loss most, compared with the rung below it?",
        "Open *The whole ladder* on the page Scaling up, and read the column *lower by*.",
        "It adds depth: blocks with residual connections, so that the model can compute in several steps.",
        Options(tuple(f"rung {rung}" for rung in RUNGS), _largest_step),
    ),
    Exercise(
        "conclusions-choices",
        "conclusions",
        "The lecture's last loss is 1.48 nats a character. The model is as unsure as a choice between how many "
        "equally likely characters?",
        "A choice between n equally likely characters has the loss ln n.",
        "e^1.48. The untrained model chose between 65.",
        Number(_choices, within=0.1, digits=1),
    ),
)
