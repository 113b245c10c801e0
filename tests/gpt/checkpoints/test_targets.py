"""Which family a model is written as; transformers and we open it with the same numbers and the same greedy text."""

from dataclasses import replace
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from gpt import GPT, GPTConfig, export_pretrained, generate, load_pretrained
from gpt.checkpoints.targets import TARGETS, find_target
from gpt.model.config import RopeScaling

SIZES = {"vocab_size": 29, "block_size": 24, "n_layer": 2, "n_head": 4, "n_embd": 32}
LLAMA = {"positions": "rotary", "norm": "rms", "gated": True, "activation": "silu", "bias": False}
ROTARY = {"positions": "rotary", "rope_share": 0.5}
LONG = RopeScaling("llama3", 4.0, original=16)
CASES = [
    ("GPT-2", {"mlp_width": 50, "norm_eps": 1e-6, "activation": "gelu"}),
    ("GPT-2", {"tie_weights": True, "bias": False, "qkv_bias": True}),
    ("Llama", LLAMA),
    ("Llama", LLAMA | {"n_kv_head": 1, "d_head": 12, "mlp_width": 40, "tie_weights": True, "norm_eps": 1e-6}),
    ("Llama", LLAMA | {"bias": True, "rope_scaling": RopeScaling("linear", 2.0), "activation": "relu2"}),
    ("Llama", LLAMA | {"bias": True, "qkv_bias": False, "rope_base": 500.0, "rope_scaling": LONG}),
    ("Mistral", LLAMA | {"window": 5, "n_kv_head": 2}),
    ("Qwen 2", LLAMA | {"qkv_bias": True, "n_kv_head": 2}),
    ("Qwen 2", LLAMA | {"qkv_bias": True, "window": 4, "tie_weights": True}),
    ("Qwen 3", LLAMA | {"qk_norm": True, "d_head": 12, "n_kv_head": 2}),
    ("Qwen 3", LLAMA | {"qk_norm": True, "window": 4}),
    ("GPT-NeoX", ROTARY | {"parallel": True, "activation": "gelu"}),
    ("GPT-NeoX", ROTARY | {"bias": False, "tie_weights": True, "rope_share": 1.0, "rope_base": 500.0}),
]


def random_model(config: GPTConfig) -> GPT:
    """A model with weights large enough that its heads differ."""
    torch.manual_seed(0)
    model = GPT(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter += torch.randn_like(parameter) * 0.2
    return model


def check_round_trip(model: GPT, folder: str) -> None:
    """Write the model, open it with transformers and with `load_pretrained`, and compare the numbers."""
    export_pretrained(model, folder)
    config = model.config
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    opened = load_pretrained(folder).model
    idx = torch.randint(config.vocab_size, (2, config.block_size), generator=torch.Generator().manual_seed(1))
    logits, cache = model.run_with_cache(idx, "blocks.*.attn.hook_pattern")
    expected = theirs(idx, output_attentions=True)
    torch.testing.assert_close(expected.logits, logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(opened(idx), logits, atol=1e-5, rtol=0)
    for layer, attention in enumerate(expected.attentions):
        torch.testing.assert_close(attention, cache["pattern", layer], atol=1e-5, rtol=0)
    prompt, more = idx[:1, :4], config.block_size - 4
    steps = [generate(each, prompt, max_new_tokens=more, temperature=0) for each in (model, opened)]
    first, second = ([step.token for step in each] for each in steps)
    written = theirs.generate(prompt, max_new_tokens=more, do_sample=False, pad_token_id=0)[0, 4:]
    assert first == second == written.tolist()


@pytest.mark.parametrize(("name", "changes"), CASES, ids=str)
def test_a_model_is_written_as_the_family_that_has_its_switches(tmp_path, name, changes):
    model = random_model(GPTConfig(**SIZES | changes))
    assert find_target(model.config).name == name
    check_round_trip(model, str(tmp_path / "out"))
    back = load_pretrained(tmp_path / "out").model.config
    assert replace(model.config, bias=back.bias, qkv_bias=back.qkv_bias) == back
    assert back.bias >= model.config.bias and back.has_qkv_bias >= model.config.has_qkv_bias  # zeros are added


VALUES = {
    "positions": ["learned", "rotary", "sinusoidal", "none"], "norm": ["pre", "rms", "post", "none"],
    "activation": ["relu", "relu2", "gelu", "gelu_tanh", "silu"], "rope_share": [1.0, 0.5],
    "rope_scaling": [None, RopeScaling("linear", 3.0), LONG], "norm_place": ["pre", "post"], "n_kv_head": [1, 2, 4],
    "d_head": [8, 12], "mlp_width": [24, 128], "qkv_bias": [None, False, True], "window": [None, 3],
    "softcap": [None, 20.0],
    **dict.fromkeys(("bias", "tie_weights", "gated", "qk_norm", "parallel"), (False, True)),
    **dict.fromkeys(("norm_weight", "token_shift"), (False, True)), "ngrams": [1, 3], "experts": [1, 2],
}  # fmt: skip
CHANGES = st.lists(st.sampled_from([(name, value) for name, values in VALUES.items() for value in values]), max_size=3)


@settings(max_examples=20)
@given(st.sampled_from(CASES), CHANGES)
def test_any_switches_are_written_with_the_same_numbers_or_refused_by_name(case, changes):
    model = random_model(GPTConfig(**SIZES | case[1] | dict(changes)))
    with TemporaryDirectory() as folder:
        try:
            check_round_trip(model, f"{folder}/out")
        except ValueError as refusal:
            nearest = min(TARGETS, key=lambda target: len(target.differences(model.config)))
            missing = nearest.differences(model.config)
            assert missing and all(f"{name}={getattr(model.config, name)!r}" in str(refusal) for name in missing)


def test_a_switch_that_no_family_has_is_always_named():
    for target in TARGETS:
        config = GPTConfig(**SIZES | next(changes for name, changes in CASES if name == target.name))
        with pytest.raises(ValueError, match=rf"{target.name} has softcap=None, this model softcap=30\.0"):
            find_target(replace(config, softcap=30.0))
