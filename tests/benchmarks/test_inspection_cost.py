"""What looking costs: the shipped model with nobody listening (fused attention), and with every pattern kept."""

from statistics import median
from time import perf_counter

import pytest
import torch

from gpt import load_run

ROUNDS = 15


def seconds(work) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


@pytest.mark.bench
def test_keeping_every_pattern(capsys):
    run = load_run("assets/models/shakespeare-char")
    model = run.model()
    idx = torch.tensor([run.tokenizer.encode(run.corpus().text[: model.config.block_size])])
    ratios, plain_times = [], []
    with torch.inference_mode():
        model(idx)
        for _ in range(ROUNDS):
            plain = seconds(lambda: model(idx))
            kept = seconds(lambda: model.run_with_cache(idx, names="blocks.*.attn.hook_pattern"))
            plain_times.append(plain)
            ratios.append(kept / plain)
        logits, cache = model.run_with_cache(idx, names="blocks.*.attn.hook_pattern")
    with capsys.disabled():
        print(
            f"\n{idx.size(1)} tokens, fused: {1000 * median(plain_times):.1f} ms; with every pattern kept: × "
            f"{median(ratios):.2f}"
        )
    assert torch.allclose(logits, model(idx), atol=1e-4)
    assert len(cache) == model.config.n_layer
