"""What recording costs, and what hook points cost that nobody listens at. All on one thread."""

import pytest
import torch

from gpt import GPT, GPTConfig, load_run
from tests.benchmarks.machine import interleave
from tests.gpt.plain import PlainGPT

pytestmark = pytest.mark.usefixtures("one_thread")
ROUNDS = 41


def count_operations(config: GPTConfig, T: int) -> int:
    """Return the float32 operations of one explicit forward pass of T tokens: its matrix products."""
    weights = config.n_layer * 12 * config.n_embd**2 + config.vocab_size * config.n_embd
    return 2 * T * (weights + config.n_layer * 2 * T * config.n_embd)


@pytest.mark.bench
@pytest.mark.parametrize("n_layer", [2, 4, 8, 16, 32])
def test_everything_recorded(n_layer, report):
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_layer=n_layer, n_embd=64)).eval()
    idx = torch.randint(model.config.vocab_size, (1, model.config.block_size))
    explicit, fused = PlainGPT(model, fused=False), PlainGPT(model, fused=True)
    took = interleave(
        ROUNDS,
        {
            "recorded": lambda: model.run_with_cache(idx), "explicit": lambda: explicit(idx),
            "unhooked": lambda: model(idx), "fused": lambda: fused(idx),
        },
    )  # fmt: skip
    operations = count_operations(model.config, idx.size(1))
    recorded = f"everything recorded, {n_layer} layers of width 64, 64 tokens: {len(model.hook_points)} activations"
    plain = "the same model without hook points"
    for what, ours, yardstick, in_words, reach in (
        (recorded, "recorded", "explicit", f"{plain}, explicit attention, nothing kept", "≤ 1.3"),
        (f"forward with no hook, {n_layer} layers of width 64", "unhooked", "fused", plain, ""),
    ):
        mine, theirs = took[ours], took[yardstick]
        beside = f"{1000 * theirs:.2f} ms, {in_words}"
        report(what, f"{1000 * mine:.2f} ms", beside, mine / theirs, reach, flops=operations / mine)
    torch.testing.assert_close(model.run_with_cache(idx)[0], explicit(idx), atol=1e-4, rtol=1e-4)


@pytest.mark.bench
def test_every_pattern_recorded(report):
    run = load_run("assets/models/shakespeare-char")
    model = run.model()
    idx = torch.tensor([run.tokenizer.encode(run.corpus().text[: model.config.block_size])])
    names = "blocks.*.attn.hook_pattern"
    took = interleave(ROUNDS, {"kept": lambda: model.run_with_cache(idx, names), "plain": lambda: model(idx)})
    report(
        f"shakespeare-char, {idx.size(1)} tokens: every pattern kept",
        f"{1000 * took['kept']:.1f} ms",
        f"{1000 * took['plain']:.1f} ms, the fused forward",
        took["kept"] / took["plain"],
        "",
    )
    logits, cache = model.run_with_cache(idx, names)
    torch.testing.assert_close(logits, model(idx), atol=1e-4, rtol=1e-4)
    assert len(cache) == model.config.n_layer
