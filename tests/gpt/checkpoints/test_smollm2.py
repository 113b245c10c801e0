"""SmolLM2 as it was measured, from the package that `make smollm2` installs."""

import os

import pytest
import torch
from torch import Tensor

from gpt import load_pretrained
from gpt.checkpoints import Pretrained
from gpt.checkpoints.smollm2 import find_smollm2
from gpt.lens.sink import first_token_weight

pytestmark = pytest.mark.skipif(
    find_smollm2() is None and not os.environ.get("CI"), reason="SmolLM2 is not installed: `make smollm2` installs it"
)


@pytest.fixture(scope="module")
def smollm2() -> Pretrained:
    return load_pretrained("smollm2")


def likeliest(opened: Pretrained, prompt: str) -> tuple[str, float]:
    with torch.inference_mode():
        logits = opened.model(torch.tensor([opened.tokenizer.encode(prompt)]))[0, -1]
    probability, token = logits.softmax(-1).max(0)
    return opened.tokenizer.tokens([int(token)])[0], float(probability)


@pytest.fixture(scope="module")
def patterns(smollm2) -> Tensor:
    """On 30 random tokens repeated twice: (n_layer, n_head, 60, 60)."""
    random = torch.randint(49_152, (1, 30), generator=torch.Generator().manual_seed(1337))
    with torch.inference_mode():
        _, cache = smollm2.model.run_with_cache(random.repeat(1, 2), "blocks.*.attn.hook_pattern")
    return torch.stack([cache["pattern", layer][0] for layer in range(30)])


def test_what_the_file_says(smollm2):
    config = smollm2.model.config
    assert (config.n_layer, config.n_head, config.n_kv_head, config.n_embd, config.mlp_width) == (30, 9, 3, 576, 1536)
    assert (config.rope_base, config.norm_eps, config.tie_weights) == (100_000.0, 1e-5, True)
    assert smollm2.model.n_params == 134_515_008 and smollm2.bits == 4
    assert smollm2.tokenizer.vocab_size == config.vocab_size == 49_152


@pytest.mark.parametrize(
    ("prompt", "token", "probability"),
    [("The capital of France is", " Paris", 0.773), ("Mr. Dursley was proud to say. Mrs. Durs", "ley", 0.985)],
)
def test_it_continues_as_it_was_measured(smollm2, prompt, token, probability):
    assert likeliest(smollm2, prompt) == (token, pytest.approx(probability, abs=0.002))


def test_layer_18_head_6_is_the_induction_head(patterns):
    induction = patterns.diagonal(-29, -2, -1)[..., 1:].mean(-1)  # to the token after the first
    assert divmod(int(induction.argmax()), 9) == (18, 6)
    assert float(induction[18, 6]) == pytest.approx(0.91, abs=0.01)


def test_layer_16_head_0_reads_the_previous_token(patterns):
    previous = patterns.diagonal(-1, -2, -1).mean(-1)
    assert divmod(int(previous.argmax()), 9) == (16, 0)
    assert float(previous[16, 0]) == pytest.approx(0.90, abs=0.01)


def test_about_half_of_all_weight_goes_to_the_first_token(patterns):
    assert float(first_token_weight(patterns).mean()) == pytest.approx(0.51, abs=0.02)
