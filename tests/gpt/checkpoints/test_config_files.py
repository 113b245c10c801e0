"""config.json: older names mean the same, and what `GPT` does not compute is refused by key and value."""

import json

import pytest

from gpt import load_pretrained
from gpt.checkpoints import FAMILIES
from gpt.model.config import RopeScaling


@pytest.fixture
def values(tiny):
    """What config.json says, as transformers 5 writes it."""

    def read(family: str, **changes) -> dict:
        return json.loads(tiny(family, **changes).config.to_json_string())

    return read


def config_of(values: dict):
    return FAMILIES[values["model_type"]].read_config(values)


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "mistral"])
def test_older_files_have_rope_theta_and_rope_scaling(values, family):
    today = values(
        family, rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 500.0}, tie_word_embeddings=True
    )
    older = {name: value for name, value in today.items() if name != "rope_parameters"}
    older |= {"rope_theta": 500.0, "rope_scaling": {"type": "linear", "factor": 2.0}}
    assert config_of(older) == config_of(today)
    assert config_of(today).rope_base == 500 and config_of(today).rope_scaling == RopeScaling("linear", 2.0)
    assert config_of(older | {"rope_scaling": None}).rope_scaling is None


def test_older_files_of_pythia_have_a_rotary_pct(values):
    today = values(
        "gpt_neox", rope_parameters={"rope_type": "default", "rope_theta": 500, "partial_rotary_factor": 0.5}
    )
    older = {name: value for name, value in today.items() if name != "rope_parameters"}
    assert config_of(older | {"rotary_pct": 0.5, "rotary_emb_base": 500}) == config_of(today)
    assert config_of(older | {"rotary_pct": 0.5}).rope_base == 10_000 and config_of(older).rope_share == 0.25


def test_llama3_scaling_without_an_original_context_takes_the_longest(values):
    older = values("llama") | {
        "rope_parameters": None, "rope_theta": 5e5,
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
    }  # fmt: skip
    assert config_of(older).rope_scaling == RopeScaling("llama3", 8.0, 1.0, 4.0, original=96)


def test_sizes_that_a_file_leaves_out_follow(values):
    old = values("llama", num_key_value_heads=4)
    for name in ("num_key_value_heads", "head_dim", "tie_word_embeddings", "attention_bias", "mlp_bias"):
        old.pop(name)
    config = config_of(old)
    assert (config.n_kv_head, config.d_head, config.tie_weights, config.bias) == (4, 8, False, False)


@pytest.mark.parametrize(
    ("changes", "window"),
    [
        ({"use_sliding_window": False, "sliding_window": 9}, None),
        ({"use_sliding_window": True, "sliding_window": 9, "max_window_layers": 2}, None),
        ({"use_sliding_window": True, "sliding_window": 9, "max_window_layers": 0}, 9),
    ],
)
@pytest.mark.parametrize("family", ["qwen2", "qwen3"])
def test_the_window_of_a_qwen(values, family, changes, window):
    written = values(family, **changes)
    assert config_of(written | changes).window == window
    assert (
        config_of({name: value for name, value in (written | changes).items() if name != "layer_types"}).window
        == window
    )


YARN = {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6}
REFUSED = [
    ("gpt_neox", {"attention_bias": False}, "attention_bias is False"),
    ("gpt_neox", {"hidden_act": "tanh"}, "hidden_act is 'tanh'"),
    ("llama", {"attention_bias": True}, "mlp_bias is False"),
    ("llama", {"mlp_bias": True}, "mlp_bias is True"),
    ("llama", {"hidden_act": "quick_gelu"}, "hidden_act is 'quick_gelu'"),
    ("llama", {"rope_parameters": YARN}, "rope_type is 'yarn'"),
    ("llama", {"rope_parameters": None, "rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_type is 'dynamic'"),
    ("llama", {"rope_parameters": {"rope_type": "linear"}}, "no factor"),
    ("llama", {"rope_parameters": {"rope_theta": 1e4, "mrope_section": [1, 2]}}, "mrope_section"),
    ("llama", {"rope_parameters": [1]}, r"rotary positions are \[1\]"),
    ("llama", {"partial_rotary_factor": 0.5, "rope_parameters": None}, "partial_rotary_factor is 0.5"),
    ("llama", {"hidden_size": None}, "no hidden_size"),
    ("llama", {"quantization_config": {"bits": 4}}, "quantised"),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 9, "max_window_layers": 1, "layer_types": None},
     "max_window_layers=1"),
    ("qwen3", {"layer_types": ["full_attention", "sliding_attention"]}, "full_attention and sliding_attention"),
    ("qwen3", {"layer_types": ["sliding_attention"] * 2}, "sliding_attention, with use_sliding_window=False"),
    ("qwen3", {"attention_bias": True}, "attention_bias is True"),
    ("mistral", {"layer_types": ["full_attention"] * 2}, "layer_types is"),
    ("mistral", {"sliding_window": 0}, "GPTConfig.window=0"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "changes", "message"), REFUSED, ids=str)
def test_what_the_model_does_not_compute_is_refused(tiny, tmp_path, family, changes, message):
    tiny(family).save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(ValueError, match=f"cannot be opened as a checkpoint: .*{message}"):
        load_pretrained(tmp_path)


SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
NONSENSE = [-1, 2.5, "8", True, [8], {"8": 8}, 10**30, float("nan")]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_nonsense_in_any_size_is_refused(tiny, tmp_path, family):
    model = tiny(family)
    model.save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    written = json.loads(file.read_text())
    for size in SIZES:
        name = model.config.attribute_map.get(size, size)
        name = "n_inner" if (family, size) == ("gpt2", "intermediate_size") else name
        assert name in written
        for value in NONSENSE:
            file.write_text(json.dumps(written | {name: value}))
            with pytest.raises(ValueError, match="cannot be opened as a checkpoint"):
                load_pretrained(tmp_path)
