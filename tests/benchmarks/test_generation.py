"""What a generated token costs: with keys and values kept, and as in the lecture, which reads the context again."""

import pytest
import torch
from torch import Tensor

from gpt import GPT, distribution, generate, load_run
from tests.benchmarks.machine import interleave

TOKENS = 256
ROUNDS = 5


@torch.inference_mode()
def recompute(model: GPT, context: Tensor, seed: int = 1337) -> list[int]:
    """Draw each token from a forward pass of the whole context, as the lecture does (00:37:00)."""
    generator = torch.Generator().manual_seed(seed)
    tokens = []
    for _ in range(TOKENS):
        cumulative = distribution(model(context[:, -model.config.block_size :])[0, -1]).cumsum(0)
        threshold = torch.rand((), generator=generator, dtype=torch.float64) * cumulative[-1]
        tokens.append(int((cumulative <= threshold).sum()))
        context = torch.cat((context, torch.tensor([[tokens[-1]]])), dim=1)
    return tokens


@pytest.mark.bench
@pytest.mark.parametrize("threads", [1, 2])
def test_generation(threads, report):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    run = load_run("assets/models/shakespeare-char")
    model, prompt = run.model(), torch.tensor([run.tokenizer.encode("\n")])
    took = interleave(
        ROUNDS, {"kept": lambda: list(generate(model, prompt, TOKENS)), "again": lambda: recompute(model, prompt)}
    )
    torch.set_num_threads(before)
    weights = sum(parameter.nbytes for parameter in model.parameters())
    report(
        f"generation, {TOKENS} tokens, batch 1, shakespeare-char, {threads} thread(s)",
        f"{TOKENS / took['kept']:.0f} tokens/s",
        f"{TOKENS / took['again']:.0f} tokens/s, the context read again at each step",
        took["again"] / took["kept"],
        "≥ 5",
        copied=weights * TOKENS / took["kept"],
    )
    assert [step.token for step in generate(model, prompt, TOKENS)] == recompute(model, prompt)
