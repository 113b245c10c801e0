"""How the cost of recording everything grows, with the prompt and with the model, on one thread.

Each exponent is the slope of a line through log size and log cost. The mathematics gives, for T tokens, L layers,
H heads and width C: operations L (24 T C² + 4 T² C), kept numbers L (18 T C + 2 H T²) or so. So everything is linear in
the number of layers, and in T linear while T is small beside 6 C (operations) or 9 C / H (numbers), quadratic beyond.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch

from gpt import GPT, ActivationCache, GPTConfig
from tests.benchmarks.machine import interleave

pytestmark = pytest.mark.usefixtures("one_thread")
ROUNDS = 5
LENGTHS = (16, 32, 64, 128, 256, 512, 1024)
SHAPES = ((2, 2), (4, 4), (8, 6), (16, 8), (30, 9))  # layers × heads: 4 to 270


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return p of cost ∝ sizeᵖ, fitted to all points."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def bytes_kept(cache: ActivationCache) -> int:
    """Return the bytes of all activations; one that two names share counts once."""
    return sum({value.data_ptr(): value.nbytes for value in cache.values()}.values())


def measure(model: GPT, T: int) -> tuple[float, int]:
    """Return seconds and bytes of everything recorded on T tokens."""
    idx = torch.randint(model.config.vocab_size, (1, T))
    took = interleave(ROUNDS, {"recorded": lambda: model.run_with_cache(idx)})
    return took["recorded"], bytes_kept(model.run_with_cache(idx)[1])


def row(report, what: str, sizes: Sequence[float], costs: Sequence[float], unit: str, demanded: str) -> None:
    """Report the first and last cost, the exponent over all sizes, and those of each step."""
    steps = ", ".join(
        f"{exponent(two, those):.2f}" for two, those in zip(pairwise(sizes), pairwise(costs), strict=True)
    )
    report(
        what,
        f"{costs[0]:.3g} → {costs[-1]:.3g} {unit}, exponent {exponent(sizes, costs):.2f} (step by step {steps})",
        f"the mathematics: {demanded}",
        None,
        "nothing worse than the mathematics",
    )


@pytest.mark.bench
def test_growth_with_the_prompt(report):
    torch.manual_seed(0)
    model = GPT(GPTConfig(block_size=LENGTHS[-1], n_layer=4, n_head=4, n_embd=128)).eval()
    seconds, kept = zip(*(measure(model, T) for T in LENGTHS), strict=True)
    C, H = model.config.n_embd, model.config.n_head
    operations = [24 * T * C**2 + 4 * T**2 * C for T in LENGTHS]
    numbers = [18 * T * C + 2 * H * T**2 for T in LENGTHS]
    what = f"everything recorded, 4 × 4 heads of width {C}, 16 → {LENGTHS[-1]} tokens"
    demanded = f"from 1 to 2 as T² takes over; {exponent(LENGTHS, operations):.2f} over these operations"
    row(report, f"{what}: time", LENGTHS, [1000 * s for s in seconds], "ms", demanded)
    demanded = f"from 1 to 2 as the patterns take over; {exponent(LENGTHS, numbers):.2f} over these numbers"
    row(report, f"{what}: memory", LENGTHS, [b / 1e6 for b in kept], "MB", demanded)


@pytest.mark.bench
def test_growth_with_the_model(report):
    torch.manual_seed(0)
    seconds, kept = [], []
    for n_layer, n_head in SHAPES:
        model = GPT(GPTConfig(block_size=64, n_layer=n_layer, n_head=n_head, n_embd=16 * n_head)).eval()
        took, held = measure(model, 64)
        seconds.append(1000 * took)
        kept.append(held / 1e6)
    heads = [n_layer * n_head for n_layer, n_head in SHAPES]
    widths = [16 * n_head for _, n_head in SHAPES]
    pairs = list(zip(SHAPES, widths, strict=True))
    operations = [n_layer * (24 * 64 * C**2 + 4 * 64**2 * C) for (n_layer, _), C in pairs]
    numbers = [n_layer * (18 * 64 * C + 2 * n_head * 64**2) for (n_layer, n_head), C in pairs]
    what = "everything recorded, 64 tokens, 4 → 270 heads of 16 features"
    demanded = f"L × C²: {exponent(heads, operations):.2f} over these operations; small layers are bound by calls, ∝ L"
    row(report, f"{what}: time", heads, seconds, "ms", demanded)
    row(report, f"{what}: memory", heads, kept, "MB", f"L × H: {exponent(heads, numbers):.2f} over these numbers")
