"""A folder of safetensors, in one file or several, whole or damaged."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from gpt import load_pretrained
from gpt.checkpoints import FAMILIES, tensors
from gpt.checkpoints.folder import read_folder
from gpt.machine import PROCESS

FILE, INDEX = "model.safetensors", "model.safetensors.index.json"
REFUSED = "cannot be opened as a checkpoint: .*"


@pytest.fixture
def folder(tiny, tmp_path) -> Path:
    """A tiny Llama in one file."""
    tiny("llama").save_pretrained(tmp_path / "llama")
    return tmp_path / "llama"


@pytest.fixture
def sharded(tiny, tmp_path) -> Path:
    """A tiny Llama in several files."""
    tiny("llama").save_pretrained(tmp_path / "sharded", max_shard_size="20kB")
    return tmp_path / "sharded"


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("model-*.safetensors"))


def change_index(folder: Path, name: str, file: object) -> None:
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"][name] = file
    (folder / INDEX).write_text(json.dumps(index))


def test_one_file_and_several_hold_the_same_model(folder, sharded, ids):
    assert len(shards(sharded)) > 2 and not (sharded / FILE).exists()
    idx = ids(vocab_size=61)
    assert torch.equal(load_pretrained(folder).model(idx), load_pretrained(sharded).model(idx))


def test_shapes_come_from_headers(sharded):
    _, found = read_folder(sharded)
    assert found.shape("model.layers.1.mlp.gate_proj.weight") == (40, 32)
    assert "lm_head.weight" in found.names and len(found.names) == 21


def test_a_missing_shard_is_named(sharded):
    shards(sharded)[1].unlink()
    with pytest.raises(ValueError, match=f"{REFUSED}no file 'model-00002-of-.*get it again"):
        load_pretrained(sharded)


def test_an_index_that_does_not_fit_its_files_is_refused(sharded):
    change_index(sharded, "model.norm.weight", shards(sharded)[0].name)
    with pytest.raises(ValueError, match=f"{REFUSED}model-00001-of-.* has no tensor 'model.norm.weight'"):
        load_pretrained(sharded)


@pytest.mark.parametrize(
    "path", ["../llama/model.safetensors", "sub/../../llama/model.safetensors", "{folder}/model.safetensors"]
)
def test_an_index_cannot_lead_out_of_the_folder(folder, sharded, path):
    path = path.format(folder=folder)
    change_index(sharded, "model.norm.weight", path)
    with pytest.raises(ValueError, match=f"{REFUSED}leads out of the folder"):
        load_pretrained(sharded)


@pytest.mark.parametrize("name", ["config.json", FILE])
def test_a_link_cannot_lead_out_of_the_folder(folder, tmp_path, name):
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(ValueError, match=f"{REFUSED}{name}' leads out of the folder"):
        load_pretrained(folder)


def test_the_links_of_a_hub_cache_are_followed(folder, tmp_path, ids):
    expected = load_pretrained(folder).model(ids(vocab_size=61))
    snapshot, blobs = tmp_path / "models--a--b" / "snapshots" / "abc", tmp_path / "models--a--b" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for name in ("config.json", FILE):
        (folder / name).rename(blobs / name)
        (snapshot / name).symlink_to(Path("../../blobs") / name)
    assert torch.equal(load_pretrained(snapshot).model(ids(vocab_size=61)), expected)


@pytest.mark.parametrize(
    "index", [b"{", b"[]", b"{}", b'{"weight_map": ["model.safetensors"]}', b'{"weight_map": {"a": 1}}']
)
def test_a_damaged_index_is_refused(sharded, index):
    (sharded / INDEX).write_bytes(index)
    with pytest.raises(ValueError, match=f"{REFUSED}{INDEX}"):
        load_pretrained(sharded)


@pytest.mark.parametrize("name", ["config.json", FILE])
def test_a_pipe_or_a_folder_is_not_waited_for(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(ValueError, match=f"{REFUSED}no file '{name}'"):
        load_pretrained(folder)
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(ValueError, match=f"{REFUSED}no file '{name}'"):
        load_pretrained(folder)


def test_a_config_of_50_gb_is_not_read(folder):
    with (folder / "config.json").open("wb") as file:
        file.truncate(50 * 10**9)
    with pytest.raises(ValueError, match=f"{REFUSED}config.json is larger than 100 MB"):
        load_pretrained(folder)


@pytest.mark.parametrize("size", [0, 7, 100, -1])
def test_truncated_weights_are_refused(folder, size):
    file = folder / FILE
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ValueError, match=REFUSED):
        load_pretrained(folder)


NORM, MLP = "model.norm.weight", "model.layers.0.mlp"
WRONG = [
    ({NORM: None}, f"it has no tensor '{NORM}'"),
    ({NORM: None, **{f"{MLP}.{name}_proj.weight": None for name in ("up", "down", "gate")}},
     f"it has no tensor '{MLP}.down_proj.weight', .* and 1 more"),
    ({NORM: torch.ones(31)}, rf"{NORM} has shape \[31\], which does not fit"),
    ({NORM: torch.ones(1, 32)}, r"has shape \[1, 32\], which does not fit"),
    ({"model.layers.0.self_attn.q_proj.weight": torch.ones(32)},
     r"q_proj.weight has shape \[32\], model.layers.0.self_attn.k_proj.weight has shape \[16, 32\]"),
    ({NORM: torch.ones(32, dtype=torch.int8)}, "holds torch.int8"),
    ({"model.layers.0.adapter.weight": torch.ones(3)}, "this model does not read: 'model.layers.0.adapter"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), WRONG, ids=[message for _, message in WRONG])
def test_tensors_that_are_not_the_models_are_refused(folder, changes, message):
    held = load_file(folder / FILE) | changes
    save_file({name: tensor for name, tensor in held.items() if tensor is not None}, folder / FILE)
    with pytest.raises(ValueError, match=REFUSED + message):
        load_pretrained(folder)


def test_masks_and_angles_of_old_files_are_passed_over(folder, ids):
    expected = load_pretrained(folder).model(ids(vocab_size=61))
    held = load_file(folder / FILE)
    save_file(held | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}, folder / FILE)
    assert torch.equal(load_pretrained(folder).model(ids(vocab_size=61)), expected)


def test_bfloat16_takes_half_the_memory(folder, ids):
    whole, half = (load_pretrained(folder, dtype=dtype).model for dtype in ("float32", "bfloat16"))
    assert {parameter.dtype for parameter in half.parameters()} == {torch.bfloat16}
    logits = half(ids(vocab_size=61))
    torch.testing.assert_close(logits.float(), whole(ids(vocab_size=61)), atol=0.3, rtol=0.1)
    with pytest.raises(ValueError, match="dtype='float16' is not known; choose one of float32, bfloat16"):
        load_pretrained(folder, dtype="float16")


def test_the_model_is_no_view_of_the_file(folder, ids):
    model = load_pretrained(folder).model
    expected = model(ids(vocab_size=61))
    file = folder / FILE
    with file.open("r+b") as opened:
        opened.seek(5000)
        opened.write(bytes(file.stat().st_size - 5000))
    assert torch.equal(model(ids(vocab_size=61)), expected)


def test_a_model_that_is_larger_than_memory_is_refused_before_it_is_read(folder, monkeypatch):
    whole = PROCESS + 4 * load_pretrained(folder).model.n_params

    def read(*_):
        raise AssertionError("a tensor was read")

    monkeypatch.setattr("gpt.checkpoints.folder.Safetensors.read", read)
    for memory, remedy in ((whole, "Open it with dtype='bfloat16'"), (PROCESS, "Open a smaller model")):
        monkeypatch.setattr(tensors, "machine_memory", lambda device, memory=memory: memory)
        with pytest.raises(ValueError, match=f"need 400 MB of memory in float32; this machine has 400 MB. {remedy}"):
            load_pretrained(folder)


class Headers:
    """The headers of a model's tensors, without their numbers."""

    def __init__(self, values: dict) -> None:
        with torch.device("meta"):
            state = AutoModelForCausalLM.from_config(CONFIG_MAPPING["llama"](**values)).state_dict()
        self.shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
        self.names, self.shape = set(self.shapes), self.shapes.__getitem__


def test_seven_billion_parameters_do_not_fit_8_gb(monkeypatch):
    """The sizes of Llama 2 7B are the defaults of its config."""
    values = {"model_type": "llama"} | CONFIG_MAPPING["llama"]().to_dict()
    message = "its 6.7 billion parameters need 27.. GB of memory in float32; this machine has 8.0 GB. Open a smaller"
    monkeypatch.setattr(tensors, "machine_memory", lambda device: 8 * 10**9)
    with pytest.raises(ValueError, match=message):
        tensors.read_model(values, Headers(values), FAMILIES)


def test_progress_is_in_bytes_and_cancels(folder):
    steps = []
    load_pretrained(folder, progress=lambda *step: steps.append(step))
    dones, totals, _ = zip(*steps, strict=True)
    assert list(dones) == sorted(dones) and set(totals) == {dones[-1]}
    assert dones[-1] == sum(4 * tensor.numel() for tensor in load_file(folder / FILE).values())

    class Cancelled(Exception):
        pass

    def cancel(*_):
        raise Cancelled

    with pytest.raises(Cancelled):
        load_pretrained(folder, progress=cancel)
