"""What looking costs: the shipped model with nobody listening (fused attention), and with every pattern kept."""

from statistics import median

import pytest
import torch

from gpt import load_run
from tests.benchmarks.machine import seconds

ROUNDS = 15


@pytest.mark.bench
def test_keeping_every_pattern(report):
    run = load_run("assets/models/shakespeare-char")
    model = run.model()
    idx = torch.tensor([run.tokenizer.encode(run.corpus().text[: model.config.block_size])])
    ratios, plain_times, kept_times = [], [], []
    with torch.inference_mode():
        model(idx)
        for _ in range(ROUNDS):
            plain = seconds(lambda: model(idx))
            kept = seconds(lambda: model.run_with_cache(idx, names="blocks.*.attn.hook_pattern"))
            plain_times.append(plain)
            kept_times.append(kept)
            ratios.append(kept / plain)
        logits, cache = model.run_with_cache(idx, names="blocks.*.attn.hook_pattern")
    report(
        f"shakespeare-char, {idx.size(1)} tokens: every pattern kept",
        f"{1000 * median(kept_times):.1f} ms",
        f"{1000 * median(plain_times):.1f} ms, the fused forward",
        median(ratios),
        "",
    )
    assert torch.allclose(logits, model(idx), atol=1e-4)
    assert len(cache) == model.config.n_layer
