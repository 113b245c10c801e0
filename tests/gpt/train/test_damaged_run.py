import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gpt import RunError, build_model, load_run


def change_config(folder: Path, **fields) -> None:
    """Change fields of the recipe, or, where it has no such field, of its model."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for name, value in fields.items():
        (config["recipe"] if name in config["recipe"] else config["recipe"]["model"])[name] = value
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../..", "nowhere", "x" * 5000, "a\0b", "\ud800", "~", "C:\\run", "<script>"]
)
def test_what_is_no_run_is_refused(tmp_path, name):
    with pytest.raises(RunError):
        load_run(tmp_path / name)


def test_a_file_or_a_broken_link_is_no_run(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("file", "broken", "loop"):
        with pytest.raises(RunError, match=r"is no run: it has no config\.json"):
            load_run(tmp_path / name)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"null", b"[]", b"5", b'"x"', b"{}", b"\xff\xfe\x00", b"\x80\x04\x95", b"[" * 100_000,
        b'{"a":' * 100_000, b"1" * 5000,
        b'{"format": 99, "recipe": {}, "kind": "words"}', b'{"format": [], "recipe": 5, "kind": {}}',
        b'{"format": 1, "recipe": ["a"]}',
    ],
    ids=lambda content: repr(content[:30]),
)  # fmt: skip
def test_damaged_json_is_refused(folder, file, content):
    (folder / file).write_bytes(content)
    with pytest.raises(RunError, match="run 'run'"):
        load_run(folder)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_a_missing_link_folder_or_giant_is_refused(folder, file):
    path = folder / file
    path.unlink()
    with pytest.raises(RunError, match=file):
        load_run(folder)
    path.symlink_to("/dev/zero")
    with pytest.raises(RunError, match=file):
        load_run(folder)
    path.unlink()
    path.mkdir()
    with pytest.raises(RunError, match=file):
        load_run(folder)
    path.rmdir()
    with path.open("wb") as giant:
        giant.truncate(10**10)  # sparse
    with pytest.raises(RunError, match="larger than 20,000,000 bytes"):
        load_run(folder)


@pytest.mark.parametrize(
    "fields",
    [{"steps": 0}, {"lr": float("nan")}, {"text": 5}, {"n_head": 3}, {"n_layer": -1}, {"n_embd": "8"},
        {"norm": ["pre"]}],
    ids=str,
)  # fmt: skip
def test_bad_values_in_a_config_are_refused(folder, fields):
    change_config(folder, **fields)
    with pytest.raises(RunError, match=next(iter(fields))):
        load_run(folder)


def test_a_tokenizer_of_another_size_is_refused(folder):
    (folder / "tokenizer.json").write_text('{"kind": "char", "alphabet": "abc"}')
    with pytest.raises(RunError, match=r"tokenizer.json has 3 tokens, the model \d+"):
        load_run(folder)


@pytest.mark.parametrize(
    "fields",
    [
        {"n_embd": 10**9}, {"n_embd": 10**6}, {"n_embd": 2 * 10**30}, {"n_layer": 10**9}, {"n_layer": 2},
        {"n_layer": 0},
        {"block_size": 10**9}, {"block_size": 10**30}, {"block_size": 10**9, "positions": "sinusoidal"},
        {"block_size": 9},
        {"positions": "none"}, {"norm": "none"}, {"mlp": False}, {"bias": False},
    ],
    ids=str,
)  # fmt: skip
def test_weights_of_another_model_are_refused_before_memory_is_spent(folder, fields, monkeypatch):
    change_config(folder, **fields)
    run, real = load_run(folder), build_model

    def build(*description):
        model = real(*description)
        assert all(tensor.is_meta for tensor in model.state_dict().values()), "memory was spent"
        return model

    monkeypatch.setattr("gpt.train.run.build_model", build)
    with pytest.raises(RunError):
        run.model()


def test_half_a_character_is_nowhere(folder):
    (folder / "samples.jsonl").write_text('{"step": 1, "text": "\\ud800"}\n{"step": 2, "text": "\\ud83d\\ude42"}\n')
    assert load_run(folder).samples() == [{"step": 2, "text": "🙂"}]
    change_config(folder, about="x")
    config = (folder / "config.json").read_text(encoding="utf-8")
    (folder / "config.json").write_text(config.replace('"about": "x"', '"about": "\\udfff"'), encoding="utf-8")
    with pytest.raises(RunError, match="run 'run' cannot be read"):
        load_run(folder)


class Touch:
    """Unpickling it creates the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_is_never_opened(folder, tmp_path):
    touched = tmp_path / "executed"
    pickle.loads(pickle.dumps(Touch(touched)))
    assert touched.exists()  # the trap works
    touched.unlink()
    for save in (
        lambda path: path.write_bytes(pickle.dumps(Touch(touched))),
        lambda path: torch.save({"x": Touch(touched)}, path),
    ):
        for path in (folder / "snapshots" / "000030.safetensors", folder / "config.json", folder / "tokenizer.json"):
            before = path.read_bytes()
            save(path)
            with pytest.raises(RunError):
                load_run(folder).model()
            path.write_bytes(before)
    assert not touched.exists()


def _huge_header(path: Path) -> None:
    path.write_bytes((2**63 - 1).to_bytes(8, "little") + b"{}")


def _dangling_offsets(path: Path) -> None:
    header = json.dumps(
        {"unembed.weight": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4 * 10**18]}}
    ).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def _renamed_tensor(path: Path) -> None:
    tensors = load_file(path)
    save_file({name.replace("unembed", "lm_head"): tensor for name, tensor in tensors.items()}, path)


def _extra_tensor(path: Path) -> None:
    save_file({**load_file(path), "extra": torch.zeros(3)}, path)


def _turned_tensor(path: Path) -> None:
    save_file(
        {
            name: tensor.T.contiguous() if name == "unembed.weight" else tensor
            for name, tensor in load_file(path).items()
        },
        path,
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:50]),
        lambda path: path.write_bytes(os.urandom(1000)),
        lambda path: path.write_text("<script>alert(1)</script>"),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), path.symlink_to("nowhere")),
        _huge_header, _dangling_offsets, _renamed_tensor, _extra_tensor, _turned_tensor,
    ],
    ids=["empty", "last byte", "header", "noise", "html", "folder", "link", "huge header", "dangling", "renamed",
        "extra", "turned"],
)  # fmt: skip
def test_a_damaged_or_alien_snapshot_is_refused_and_the_other_still_opens(folder, damage):
    run = load_run(folder)
    damage(run.snapshot_path(30))
    with pytest.raises(RunError, match="its snapshot of step 30"):
        run.model()
    assert run.model(0)
