import math
import struct

import gguf
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from transformers import CONFIG_MAPPING as CONFIGS
from transformers import AutoModelForCausalLM
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from gpt import load_pretrained
from gpt.checkpoints.gguf import read_gguf
from tests.gpt.checkpoints.gguf_files import write_gguf

SHARED = {"vocab_size": 96, "max_position_embeddings": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
LLAMA = SHARED | {"hidden_size": 64, "intermediate_size": 96, "num_key_value_heads": 2, "rms_norm_eps": 1e-6}
MODELS = {
    "llama": LLAMA | {"tie_word_embeddings": True, "rope_parameters": {"rope_type": "default", "rope_theta": 1e5}},
    "mistral": LLAMA | {"sliding_window": 5, "head_dim": 8},
    "qwen2": LLAMA,
    "qwen3": LLAMA | {"head_dim": 32},
    "gpt2": {"vocab_size": 96, "n_positions": 64, "n_embd": 64, "n_layer": 2, "n_head": 4},
    "gpt_neox": SHARED | {"hidden_size": 64, "intermediate_size": 128},
}
# the largest error of a number in a block, as a share of the block's largest number
ERRORS = {Kind.F16: 1e-3, Kind.BF16: 8e-3, Kind.Q8_0: 1 / 127, Kind.Q5_1: 1 / 15, Kind.Q5_0: 1 / 15, Kind.Q4_1: 2 / 15,
          Kind.Q4_0: 2 / 15}  # fmt: skip


def theirs(model_type: str, **changes):
    torch.manual_seed(0)
    config = CONFIGS[model_type](**MODELS[model_type] | changes)
    model = AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter += torch.randn_like(parameter) * 0.1
    return model


@pytest.mark.parametrize("model_type", MODELS)
def test_every_tensor_is_hugging_faces(tmp_path, model_type):
    reference = theirs(model_type)
    values, tensors, tokenizer = read_gguf(write_gguf(tmp_path / "tiny.gguf", reference))
    state = reference.state_dict()
    if reference.config.tie_word_embeddings:
        del state["lm_head.weight"]
    if model_type == "gpt_neox":
        state["embed_out.weight"] = state.pop("lm_head.weight")  # its name in the files of Pythia
    assert tensors.names == set(state) and tokenizer is None and tensors.bits is None
    for name, expected in state.items():
        assert tensors.shape(name) == tuple(expected.shape)
        torch.testing.assert_close(tensors.read(name), expected, atol=0, rtol=0)
    expected_values = reference.config.to_dict()
    differing = {name: value for name, value in values.items() if expected_values.get(name, value) != value}
    assert differing.items() <= {"n_inner": 256}.items() and values["model_type"] == model_type


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.name)
def test_quantised_tensors_are_within_the_quantisations_error(tmp_path, kind):
    reference = theirs("llama")
    tensors = read_gguf(write_gguf(tmp_path / "tiny.gguf", reference, kind))[1]
    for name in tensors.names:
        expected, found = reference.state_dict()[name], tensors.read(name)
        error = (found - expected).abs().max() / expected.abs().max()
        assert error <= ERRORS[kind]
        assert error > 0 or expected.dim() == 1  # norms are float32
    assert tensors.bits == (int(kind.name[1]) if kind.name.startswith("Q") else None)


def test_k_quants_are_read(tmp_path):
    file, kinds = tmp_path / "tiny.gguf", (Kind.Q2_K, Kind.Q3_K, Kind.Q4_K, Kind.Q5_K, Kind.Q6_K)
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(file, "llama")
    for key in ("block_count", "embedding_length", "attention.head_count", "feed_forward_length", "context_length"):
        writer.add_uint32(f"llama.{key}", 256 if key == "embedding_length" else 1)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    blocks = {}
    for name, kind in zip(("ffn_gate", "ffn_up", "ffn_down", "attn_v", "attn_output"), kinds, strict=True):
        blocks[name] = random.integers(0, 60, (3, gguf.GGML_QUANT_SIZES[kind][1]), np.uint8)
        writer.add_tensor(f"blk.0.{name}.weight", blocks[name], raw_dtype=kind)
    writer.add_tensor("token_embd.weight", np.zeros((3, 256), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    tensors = read_gguf(file)[1]
    for name, kind in zip(("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj", "self_attn.v_proj"), kinds, strict=False):
        tensor = tensors.read(f"model.layers.0.{name}.weight")
        assert tensors.shape(f"model.layers.0.{name}.weight") == tensor.shape == (3, 256)
        stored = blocks[
            {"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}.get(name, "attn_v")
        ]
        np.testing.assert_array_equal(tensor.numpy(), gguf.dequantize(stored, kind))


def test_the_rotations_scaling_of_llama_3_is_read_from_its_factors(tmp_path):
    scaling = {
        "rope_type": "llama3", "rope_theta": 5e5, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }  # fmt: skip
    reference = theirs("llama", rope_parameters=scaling, head_dim=64)
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](reference.config, "cpu")
    factors = 5e5 ** -(torch.arange(0, 64, 2) / 64) / scaled
    file = write_gguf(tmp_path / "tiny.gguf", reference, extra={"rope_freqs.weight": factors})
    values, tensors, _ = read_gguf(file)
    assert values["rope_scaling"] == {
        name: pytest.approx(value) for name, value in scaling.items() if name != "rope_theta"
    }
    assert values["rope_theta"] == 5e5 and tensors.names == set(theirs("llama").state_dict()) - {"lm_head.weight"}
    factors[5] *= 1.5
    with pytest.raises(ValueError, match=r"rope_freqs\.weight scales the rotation in another way than Llama 3\.1"):
        read_gguf(write_gguf(file, reference, extra={"rope_freqs.weight": factors}))


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.5, 0.999])
def test_a_file_that_ends_early_says_so(tmp_path, share):
    file = write_gguf(tmp_path / "tiny.gguf", theirs("llama"))
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="it is no GGUF file that can be read"):
        read_gguf(file)


def test_an_array_that_claims_to_be_endless_ends_with_the_file(tmp_path):
    file = tmp_path / "endless.gguf"
    key = b"numbers"
    counts = struct.pack("<4sIQQ", b"GGUF", 3, 0, 1)
    file.write_bytes(counts + struct.pack("<Q", len(key)) + key + struct.pack("<IIQ", 9, 0, 2**60) + bytes(100))
    with pytest.raises(ValueError, match="the file ends before its content does"):
        read_gguf(file)


def test_another_file_is_no_gguf(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"PK\x03\x04" + bytes(5000))
    with pytest.raises(ValueError, match="it is no GGUF file that can be read: GGUF magic invalid"):
        read_gguf(tmp_path / "model.gguf")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"general.architecture": "mamba"}, "its architecture is 'mamba'; only llama, qwen2"),
        ({"block_count": None}, r"its llama\.block_count is missing; convert the model again"),
        ({"attention.head_count": [4, 4]}, r"its llama\.attention\.head_count is a list"),
        ({"expert_count": 8}, "it is a mixture of experts"),
        ({"rope.dimension_count": 8}, "16 features for keys, 16 for values, and 8 are rotated"),
        ({"tokenizer.ggml.model": "t5"}, "its tokenizer is of the kind 't5'; only 'gpt2'"),
        ({"tokenizer.ggml.model": "gpt2"}, r"its tokenizer\.ggml\.tokens is missing"),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_computed_says_why(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        read_gguf(write_gguf(tmp_path / "tiny.gguf", theirs("llama"), **changed))


@pytest.mark.parametrize("name", ["blk.0.ffn_gate_inp.weight", "blk.x.attn_q.weight", "mm.0.weight"])
def test_a_tensor_that_the_architecture_lacks_is_named(tmp_path, name):
    file = write_gguf(tmp_path / "tiny.gguf", theirs("llama"), extra={name: torch.zeros(2, 2)})
    with pytest.raises(ValueError, match=f"it has a tensor '{name}', which a llama of this kind does not have"):
        read_gguf(file)


def test_a_tensor_of_whole_numbers_cannot_be_read(tmp_path):
    file = write_gguf(
        tmp_path / "tiny.gguf", theirs("llama"), extra={"blk.0.attn_q.bias": torch.zeros(64, dtype=torch.int32)}
    )
    tensors = read_gguf(file)[1]
    with pytest.raises(ValueError, match=r"the tensor 'blk\.0\.attn_q\.bias' holds I32, which cannot be read"):
        tensors.read("model.layers.0.self_attn.q_proj.bias")


def test_floats_are_read_as_they_were_written(tmp_path):
    values, _, _ = read_gguf(write_gguf(tmp_path / "tiny.gguf", theirs("llama"), **{"rope.freq_base": math.pi}))
    assert values["rms_norm_eps"] == 1e-6 and values["rope_theta"] == 3.1415927


@pytest.mark.parametrize("model_type", MODELS)
def test_logits_are_transformers(tmp_path, model_type):
    reference = theirs(model_type)
    opened = load_pretrained(write_gguf(tmp_path / "tiny.gguf", reference))
    idx = torch.randint(96, (2, 20), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(opened.model(idx), reference(idx).logits, atol=1e-4, rtol=0)
    assert opened.name == "tiny" and opened.tokenizer is None and opened.bits is None


def test_a_quantised_file_and_safetensors_give_about_the_same_logits(tmp_path):
    reference = theirs("llama")
    reference.save_pretrained(tmp_path / "folder")
    exact = load_pretrained(tmp_path / "folder").model
    idx = torch.randint(96, (2, 20), generator=torch.Generator().manual_seed(1))
    errors = {}
    for kind in (Kind.F32, Kind.Q8_0, Kind.Q4_0):
        opened = load_pretrained(write_gguf(tmp_path / f"{kind.name}.gguf", reference, kind))
        with torch.inference_mode():
            errors[kind] = float((opened.model(idx) - exact(idx)).abs().mean() / exact(idx).abs().mean())
    assert errors[Kind.F32] < 1e-6 and 0 < errors[Kind.Q8_0] < 0.03 and errors[Kind.Q8_0] < errors[Kind.Q4_0] < 0.4
