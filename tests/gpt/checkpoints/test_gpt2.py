import ast
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from gpt import GPT, Bigram, GPTConfig, Seq2Seq, checkpoints, export_pretrained, load_pretrained
from gpt.model.reward import RewardModel
from gpt.pretrained import from_hugging_face, to_hugging_face

SIZES = {
    "n_layer": 2,
    "n_head": 3,
    "n_embd": 48,
    "vocab_size": 97,
    "n_positions": 32,
    "bos_token_id": None,
    "eos_token_id": None,
}


def theirs(seed: int = 0, **changes) -> GPT2LMHeadModel:
    """A tiny GPT-2 with random weights, large enough that its heads differ."""
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(GPT2Config(**SIZES, **changes, attn_implementation="eager")).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter += torch.randn_like(parameter) * 0.1
    return model


@pytest.fixture
def folder(tmp_path) -> Path:
    theirs().save_pretrained(tmp_path / "gpt2")
    return tmp_path / "gpt2"


@pytest.fixture(scope="module")
def idx() -> torch.Tensor:
    return torch.randint(97, (3, 32), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("changes", [{}, {"tie_word_embeddings": False}, {"activation_function": "relu"}], ids=str)
def test_logits_and_every_layers_attention_are_gpt2s(tmp_path, idx, changes):
    reference = theirs(**changes)
    reference.save_pretrained(tmp_path)
    model = load_pretrained(tmp_path).model
    expected = reference(idx, output_attentions=True)
    logits, cache = model.run_with_cache(idx, "blocks.*.attn.hook_pattern")
    torch.testing.assert_close(logits, expected.logits, atol=1e-5, rtol=0)
    torch.testing.assert_close(model(idx), expected.logits, atol=1e-5, rtol=0)
    assert len(expected.attentions) == 2
    for layer, attentions in enumerate(expected.attentions):
        torch.testing.assert_close(cache["pattern", layer], attentions, atol=1e-5, rtol=0)
    assert not model.training and (model.unembed.weight is model.embed.weight) == model.config.tie_weights


def test_every_residual_stream_is_gpt2s(folder, idx):
    expected = theirs()(idx, output_hidden_states=True).hidden_states
    _, cache = load_pretrained(folder).model.run_with_cache(idx)
    torch.testing.assert_close(cache["resid_pre", 0], expected[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(cache["resid_pre", 1], expected[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(cache["ln_final.hook_normalized"], expected[2], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tie_weights": True},
        {"bias": False},
        {"qkv_bias": False},
        {"activation": "relu"},
        {"n_layer": 1, "n_head": 1},
    ],
    ids=str,
)
def test_what_is_written_is_opened_by_both(tmp_path, changes):
    torch.manual_seed(3)
    model = GPT(
        GPTConfig(**{"vocab_size": 29, "block_size": 16, "n_layer": 2, "n_embd": 8, "n_head": 2, **changes})
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn_like(parameter) * 0.1
    export_pretrained(model, tmp_path / "out")
    idx = torch.randint(29, (2, 16))
    opened = GPT2LMHeadModel.from_pretrained(tmp_path / "out").eval()
    torch.testing.assert_close(opened(idx).logits, model(idx), atol=1e-5, rtol=0)
    back = load_pretrained(tmp_path / "out").model
    torch.testing.assert_close(back(idx), model(idx), atol=1e-6, rtol=0)
    if model.config.bias and model.config.qkv_bias is None:  # GPT-2 has all biases
        assert back.config == model.config


def test_names_without_a_prefix_and_stored_masks_are_gpt2s_first_files(folder, idx):
    expected = load_pretrained(folder).model(idx)
    path = folder / "model.safetensors"
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in load_file(path).items()}
    tensors["h.0.attn.bias"] = torch.ones(1, 1, 32, 32).tril()
    save_file(tensors, path)
    assert torch.equal(load_pretrained(folder).model(idx), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positions": "sinusoidal"}, "GPT-2 has positions='learned', this model positions='sinusoidal'"),
        ({"norm": "post"}, "norm='pre'"),
        ({"scale": False}, "scale=True"),
        ({"causal": False}, "causal=True"),
        ({"unembed_bias": True}, "unembed_bias=False"),
        ({"mlp": False}, "mlp=True"),
        ({"projection": False}, "projection=True"),
        ({"residual": False}, "residual=True"),
    ],
)
def test_what_gpt2_is_not_cannot_be_written(make_model, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        export_pretrained(make_model(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [Bigram, RewardModel, Seq2Seq])
def test_what_is_no_gpt_cannot_be_written(tmp_path, kind):
    config = GPTConfig(vocab_size=11, block_size=8, n_layer=1, n_head=1, n_embd=8)
    with pytest.raises(ValueError, match=f"a {kind.__name__} cannot be written as GPT-2"):
        export_pretrained(kind(config), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_architecture_is_refused(tmp_path):
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertForMaskedLM(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"its model_type is 'bert'; only 'gpt2', .* and 'mistral' can be opened"):
        load_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("activation_function", "silu"), ("layer_norm_epsilon", -1e-6), ("n_inner", 7), ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True), ("add_cross_attention", True), ("n_embd", 10**9), ("n_layer", 10**9),
        ("n_layer", 3), ("n_head", 5), ("n_embd", 96), ("vocab_size", 98), ("n_positions", 10**30),
        ("vocab_size", "97"),
        ("n_embd", None), ("model_type", None), ("model_type", ["gpt2"]), ("activation_function", {}),
    ],
)  # fmt: skip
def test_a_config_that_asks_for_something_else_is_refused(folder, name, value):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {name: value}))
    with pytest.raises(ValueError, match="cannot be opened as a checkpoint"):
        load_pretrained(folder)


def test_a_pickle_is_not_opened(folder, tmp_path):
    class Touch:
        def __reduce__(self):
            return Path.touch, (tmp_path / "executed",)

    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"no model\.safetensors .* pickles \(pytorch_model\.bin\) are not opened"):
        load_pretrained(folder)
    for name in ("pytorch_model.bin", "model.safetensors"):
        (folder / name).write_bytes(pickle.dumps(Touch()))
        with pytest.raises(ValueError):
            load_pretrained(folder)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_damaged_config_is_refused(folder, content):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match="cannot be opened as a checkpoint"):
        load_pretrained(folder)


def test_damaged_weights_or_no_folder_are_refused(folder, tmp_path):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    for alien in (folder, tmp_path / "nowhere", tmp_path / ("x" * 5000), "a\0b"):
        with pytest.raises(ValueError, match="cannot be opened as a checkpoint"):
            load_pretrained(alien)


def test_transformers_is_not_needed():
    for file in Path(checkpoints.__file__).parent.glob("*.py"):
        tree = ast.parse(file.read_text())
        imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(name.startswith("transformers") for name in imported)


def test_a_checkpoint_has_a_name_and_a_source_and_opens_under_the_first_names(folder, tmp_path, idx):
    opened = load_pretrained(folder)
    assert (opened.name, opened.source) == ("gpt2", str(folder))
    assert torch.equal(from_hugging_face(folder)(idx), opened.model(idx))
    to_hugging_face(opened.model, tmp_path / "again")
    assert torch.equal(from_hugging_face(tmp_path / "again")(idx), opened.model(idx))
