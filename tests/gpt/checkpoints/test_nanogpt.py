"""nanoGPT's ckpt.pt: the same logits as its model.py, and nothing is executed."""

import math
import pickle
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from gpt import load_pretrained

SIZES = {"n_layer": 2, "n_head": 3, "n_embd": 24, "block_size": 16, "vocab_size": 29, "dropout": 0.0}
PARTS = {"attn.c_attn": (72, 24), "attn.c_proj": (24, 24), "mlp.c_fc": (96, 24), "mlp.c_proj": (24, 96)}


def state_dict(bias: bool) -> dict[str, torch.Tensor]:
    """Random weights under the names that nanoGPT's model.py has."""
    shapes = {"transformer.wte.weight": (29, 24), "transformer.wpe.weight": (16, 24)}
    norms = [f"transformer.h.{layer}.ln_{i}" for layer in range(2) for i in (1, 2)] + ["transformer.ln_f"]
    linear = {f"transformer.h.{layer}.{part}": shape for layer in range(2) for part, shape in PARTS.items()}
    for name, shape in {**dict.fromkeys(norms, (24,)), **linear}.items():
        shapes |= {f"{name}.weight": shape} | ({f"{name}.bias": shape[:1]} if bias else {})
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.randn(shape, generator=generator) * 0.3 for name, shape in shapes.items()}
    return state | {"lm_head.weight": state["transformer.wte.weight"]}


def logits_of(state: dict[str, torch.Tensor], idx: torch.Tensor) -> torch.Tensor:
    """The forward pass of nanoGPT's model.py."""

    def linear(x, name):
        return F.linear(x, state[f"{name}.weight"], state.get(f"{name}.bias"))

    def norm(x, name):
        return F.layer_norm(x, (24,), state[f"{name}.weight"], state.get(f"{name}.bias"), 1e-5)

    B, T = idx.shape
    x = state["transformer.wte.weight"][idx] + state["transformer.wpe.weight"][:T]
    for block in ("transformer.h.0", "transformer.h.1"):
        q, k, v = linear(norm(x, f"{block}.ln_1"), f"{block}.attn.c_attn").split(24, dim=2)
        q, k, v = (t.view(B, T, 3, 8).transpose(1, 2) for t in (q, k, v))
        scores = (q @ k.transpose(-2, -1) / math.sqrt(8)).masked_fill(~torch.ones(T, T).tril().bool(), -torch.inf)
        gathered = (scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, 24)
        x = x + linear(gathered, f"{block}.attn.c_proj")
        x = x + linear(F.gelu(linear(norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")), f"{block}.mlp.c_proj")
    return F.linear(norm(x, "transformer.ln_f"), state["lm_head.weight"])


def write(file: Path, bias: bool = True, prefix: str = "", **changes) -> dict[str, torch.Tensor]:
    state = state_dict(bias)
    arguments = SIZES | {"bias": bias}
    torch.save(
        {"model": {prefix + name: tensor for name, tensor in state.items()}, "optimizer": {"state": {}},
         "model_args": arguments, "iter_num": 10, "best_val_loss": torch.tensor(1.5), "config": {"dataset": "x"}}
        | changes, file,
    )  # fmt: skip
    return state


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
def test_the_logits_are_nanogpts(tmp_path, bias, prefix):
    state = write(tmp_path / "ckpt.pt", bias, prefix)
    opened = load_pretrained(tmp_path / "ckpt.pt")
    idx = torch.randint(29, (2, 16), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(opened.model(idx), logits_of(state, idx), atol=1e-5, rtol=0)
    assert opened.tokenizer is None and opened.model.unembed.weight is opened.model.embed.weight


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_in_a_pickle_is_not_executed(tmp_path):
    file, touched = tmp_path / "ckpt.pt", tmp_path / "executed"
    write(file, config=Touch(touched))
    with pytest.raises(ValueError, match="holds more than tensors and plain values, or is damaged"):
        load_pretrained(file)
    file.write_bytes(pickle.dumps(Touch(touched)))
    with pytest.raises(ValueError, match="cannot be opened as a checkpoint"):
        load_pretrained(file)
    assert not touched.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_args": None}, "no ckpt.pt of nanoGPT"),
        ({"model": [1]}, "no ckpt.pt of nanoGPT"),
        ({"model": {"transformer.wte.weight": 3}}, "more than floating-point tensors"),
        ({"model_args": SIZES | {"n_layer": 3}}, "it has no tensor 'transformer.h.2"),
        ({"model_args": SIZES | {"n_layer": 1}}, "does not read: 'transformer.h.1"),
        ({"model_args": SIZES | {"n_embd": 48}}, "does not fit config.json"),
        ({"model_args": {"n_layer": 2}}, "no vocab_size"),
    ],
)
def test_what_is_not_nanogpts_is_refused(tmp_path, changes, message):
    write(tmp_path / "ckpt.pt", **changes)
    with pytest.raises(ValueError, match=f"cannot be opened as a checkpoint: .*{message}"):
        load_pretrained(tmp_path / "ckpt.pt")


@pytest.mark.parametrize("size", [0, 10, 3000])
def test_a_truncated_file_is_refused(tmp_path, size):
    file = tmp_path / "ckpt.pt"
    write(file)
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ValueError, match="cannot be opened as a checkpoint"):
        load_pretrained(file)
