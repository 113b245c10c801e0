"""Draw answers from a model, and compute their log-probabilities.

A batch of answers is `tokens` (B, T), each row a prompt, its answer and padding, and `is_answer` (B, T), True at the
answer's tokens. The models are causal, so padding does not change the logits before it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt.model.gpt import GPT
from gpt.text.dialogue import END, Exchange, prompt_of
from gpt.text.tokenizer import Tokenizer

LONGEST = 90  # tokens of a drawn answer


def as_tensors(exchanges: Sequence[Exchange], tokenizer: Tokenizer, block_size: int) -> tuple[Tensor, Tensor]:
    """Encode written answers: tokens and is_answer, (B, T) each. Raises ValueError where T exceeds block_size."""
    prompts = [tokenizer.encode(prompt_of(exchange.question)) for exchange in exchanges]
    answers = [tokenizer.encode(exchange.answer) for exchange in exchanges]
    T = max(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True))
    if block_size < T:
        raise ValueError(
            f"a question and its answer take {T} tokens; the context has {block_size}: shorten the longest"
        )
    tokens = torch.zeros(len(prompts), T, dtype=torch.long)
    is_answer = torch.zeros(len(prompts), T, dtype=torch.bool)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        tokens[row, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
        is_answer[row, len(prompt) : len(prompt) + len(answer)] = True
    return tokens, is_answer


def take(answers: tuple[Tensor, Tensor], rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return these rows of tokens and is_answer, (…, T) each, without columns that are padding in every row."""
    tokens, is_answer = (tensor[rows] for tensor in answers)
    T = int(is_answer.flatten(0, -2).any(0).nonzero().max()) + 1
    return tokens[..., :T], is_answer[..., :T]


def draw_answers(
    model: GPT, questions: Sequence[str], tokenizer: Tokenizer, generator: torch.Generator, longest: int = LONGEST
) -> tuple[Tensor, Tensor]:
    """Let the model answer, all questions at once: tokens and is_answer, (B, T) each, on the CPU.

    An answer ends with a blank line, after `longest` tokens, or at the end of the context. The model must be in eval
    mode.
    """
    prompts = [prompt_of(question) for question in questions]
    return continue_prompts(model, prompts, tokenizer, generator, longest, END)


@torch.no_grad()
def continue_prompts(
    model: GPT, texts: Sequence[str], tokenizer: Tokenizer, generator: torch.Generator, longest: int, end_text: str
) -> tuple[Tensor, Tensor]:
    """Draw a continuation of each text, up to `end_text`: tokens and is_answer, (B, T) each, on the CPU.

    All rows draw from the end of the shortest prompt on; a longer prompt uses its own tokens until it ends. The model
    must be in eval mode.
    """
    device, block_size = next(model.parameters()).device, model.config.block_size
    prompts = [tokenizer.encode(text) for text in texts]
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    T = min(int(lengths.max()) + longest, block_size)
    tokens = torch.zeros(len(prompts), T, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt)] = torch.tensor(prompt)[:T]
    is_answer = torch.zeros_like(tokens, dtype=torch.bool)
    done, end = torch.zeros(len(prompts), dtype=torch.bool), torch.tensor(tokenizer.encode(end_text))
    past, read = model.new_cache(), 0
    for at in range(int(lengths.min()), T):
        logits = model(tokens[:, read:at].to(device), past)[:, -1].cpu().double()  # (B, vocab_size); MPS has no float64
        cumulative = logits.softmax(-1).cumsum(-1)
        threshold = torch.rand(len(prompts), 1, generator=generator, dtype=torch.float64)
        drawn = (cumulative <= threshold * cumulative[:, -1:]).sum(-1).clamp(max=logits.size(-1) - 1)
        is_answer[:, at] = (at >= lengths) & (at < lengths + longest) & ~done
        tokens[:, at] = torch.where(is_answer[:, at], drawn, tokens[:, at])
        is_complete = is_answer[:, at + 1 - len(end) : at + 1].all(-1)
        done |= is_complete & (tokens[:, at + 1 - len(end) : at + 1] == end).all(-1)
        read = at
        if (done | (at + 1 >= lengths + longest)).all():
            return tokens[:, : at + 1], is_answer[:, : at + 1]
    return tokens, is_answer


def texts_of(tokens: Tensor, is_answer: Tensor, tokenizer: Tokenizer) -> list[str]:
    """Decode the answers."""
    return [tokenizer.decode(row[mask].tolist()) for row, mask in zip(tokens, is_answer, strict=True)]


def token_logits(model: GPT, tokens: Tensor) -> Tensor:
    """Return the logits for tokens 1 to T − 1, each from the tokens before it: (B, T) → (B, T − 1, vocab_size)."""
    return model(tokens[:, :-1])


def log_probs_of(logits: Tensor, tokens: Tensor, is_answer: Tensor) -> Tensor:
    """Return the log-probability of each answer token in nats, 0 elsewhere: (B, T − 1). logits: of `token_logits`."""
    nats = -F.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
    return nats * is_answer[:, 1:]


def divergence(logits: Tensor, reference: Tensor, is_answer: Tensor) -> Tensor:
    """Compute the Kullback–Leibler divergence from the reference, summed over each answer's tokens.

    Returns (B,) nats, at least 0. logits, reference: (B, T − 1, vocab_size), of the same tokens. Each token counts with
    its whole distribution, not only the drawn token: this has less noise.
    """
    ours, theirs = logits.log_softmax(-1), reference.log_softmax(-1)
    return ((ours.exp() * (ours - theirs)).sum(-1) * is_answer[:, 1:]).sum(-1)


def entropy(logits: Tensor, is_answer: Tensor) -> Tensor:
    """Compute the mean entropy over the answers' tokens, in nats: a scalar."""
    at_each = torch.special.entr(logits.softmax(-1)).sum(-1)
    return at_each[is_answer[:, 1:]].mean()
