"""Everything recorded in a model of GPT-2's size, against TransformerLens, which has the same hook names."""

from pathlib import Path

import pytest
import torch

from gpt import load_pretrained
from tests.benchmarks.machine import interleave

ROUNDS = 9


def build_bridge(folder: Path):
    """Write a GPT-2 of random weights into the folder, and return the bridge to it; nothing is fetched."""
    reason = "install TransformerLens with: .venv/bin/pip install --no-deps -r tests/requirements-bench.txt"
    bridges = pytest.importorskip("transformer_lens.model_bridge", reason=reason, exc_type=ImportError)
    from tokenizers import Tokenizer, models
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    end = "<|endoftext|>"
    words = Tokenizer(models.WordLevel({end: 0}, unk_token=end))
    PreTrainedTokenizerFast(tokenizer_object=words, bos_token=end, eos_token=end, pad_token=end).save_pretrained(folder)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config()).eval()
    model.save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    return bridges.TransformerBridge.boot_transformers(str(folder), hf_model=model, tokenizer=tokenizer)


@pytest.mark.bench
@pytest.mark.timeout(300)
@torch.inference_mode()
def test_gpt2_size_everything_recorded(tmp_path, monkeypatch, report):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    bridge = build_bridge(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    model = load_pretrained(tmp_path).model
    for T in (64, 256):
        idx = torch.randint(model.config.vocab_size, (1, T))
        took = interleave(
            ROUNDS,
            {
                "ours": lambda idx=idx: model.run_with_cache(idx), "bridge": lambda idx=idx: bridge.run_with_cache(idx),
                "plain": lambda idx=idx: model(idx), "bridge plain": lambda idx=idx: bridge(idx),
            },
        )  # fmt: skip
        operations = 2 * T * sum(parameter.numel() for parameter in model.parameters())
        for what, ours, theirs, reach in (
            ("everything recorded", "ours", "bridge", "≤ 0.8"), ("forward with no hook", "plain", "bridge plain", ""),
        ):  # fmt: skip
            report(
                f"GPT-2 size, {T} tokens, {torch.get_num_threads()} threads: {what}",
                f"{1000 * took[ours]:.0f} ms",
                f"{1000 * took[theirs]:.0f} ms, TransformerLens's TransformerBridge",
                took[ours] / took[theirs],
                reach,
                flops=operations / took[ours] / torch.get_num_threads(),
            )
        torch.testing.assert_close(model.run_with_cache(idx)[0], bridge.run_with_cache(idx)[0], atol=1e-4, rtol=1e-4)
