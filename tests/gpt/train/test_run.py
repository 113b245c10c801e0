import json
import os
import pickle
import shutil
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gpt import Corpus, RunError, build_model, create_run, load_corpus, load_run
from gpt.train.files import write_json, write_tensors
from gpt.train.fork import fork_run
from gpt.train.loop import train


@pytest.fixture(scope="module")
def good(tmp_path_factory, recipe, corpus) -> Path:
    """A run of two snapshots, without training."""
    run = create_run(tmp_path_factory.mktemp("runs") / "good", recipe(), corpus)
    torch.manual_seed(0)
    for step in (0, 30):
        write_tensors(run.snapshot_path(step), build_model(run.recipe.model).state_dict())
    run.set_status("finished", 30)
    return run.folder


@pytest.fixture
def folder(good, tmp_path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "run"))


def change_config(folder: Path, **fields) -> None:
    """Change fields of the recipe, or, where it has no such field, of its model."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for name, value in fields.items():
        (config["recipe"] if name in config["recipe"] else config["recipe"]["model"])[name] = value
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def test_a_good_run_opens(folder):
    run = load_run(str(folder))
    assert run.name == "run" and run.steps == [0, 30] and run.status.state == "finished"
    model = run.model()
    assert not model.training and not any(parameter.requires_grad for parameter in model.parameters())
    assert torch.equal(model.unembed.weight, load_file(run.snapshot_path(30))["unembed.weight"])
    assert not torch.equal(model.unembed.weight, run.model(0).unembed.weight)


def test_a_snapshot_that_is_not_there_is_named(folder):
    with pytest.raises(RunError, match="no snapshot of step 7; it has 0, 30"):
        load_run(folder).model(7)
    shutil.rmtree(folder / "snapshots")
    with pytest.raises(RunError, match="no snapshot yet"):
        load_run(folder).model()


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
        b"", b"{", b"null", b"[]", b"5", b'"x"', b"{}", b"\xff\xfe\x00", b"\x80\x04\x95", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000,
        b'{"format": 99, "recipe": {}, "kind": "words"}', b'{"format": [], "recipe": 5, "kind": {}}', b'{"format": 1, "recipe": ["a"]}',
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
    [{"steps": 0}, {"lr": float("nan")}, {"text": 5}, {"n_head": 3}, {"n_layer": -1}, {"n_embd": "8"}, {"norm": ["pre"]}],
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
        {"n_embd": 10**9}, {"n_embd": 10**6}, {"n_embd": 2 * 10**30}, {"n_layer": 10**9}, {"n_layer": 2}, {"n_layer": 0},
        {"block_size": 10**9}, {"block_size": 10**30}, {"block_size": 10**9, "positions": "sinusoidal"}, {"block_size": 9},
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


@pytest.mark.parametrize(("age", "state"), [(5, "running"), (500, "interrupted")])
def test_a_run_that_may_only_be_read_is_known_by_what_its_worker_writes(folder, monkeypatch, age, state):
    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    run = load_run(folder)
    run.set_status("running", 12)
    written = (folder / "status.json").stat().st_mtime
    monkeypatch.setattr("gpt.train.run.FileLock.acquire", read_only)
    monkeypatch.setattr("gpt.train.run.time.time", lambda: written + age)
    assert run.status.state == state


@pytest.mark.parametrize("name", ["7", "0000030", "٠٠٠٠٣٠", "-00030", "1e6", "9" * 16, "000030.new"])
def test_what_is_no_snapshot_is_passed_over(folder, name):
    (folder / "snapshots" / f"{name}.safetensors").touch()
    assert load_run(folder).steps == [0, 30]


@pytest.mark.parametrize(
    "status", ['{"state": "running", "step": -5, "why": ""}', '{"state": "stopped", "step": 1e999, "why": ""}', "[]"]
)
def test_an_alien_status_is_told_from_the_snapshots(folder, status):
    (folder / "status.json").write_text(status)
    assert (load_run(folder).status.state, load_run(folder).status.step) == ("finished", 30)


def test_half_a_character_is_nowhere(folder):
    (folder / "samples.jsonl").write_text('{"step": 1, "text": "\\ud800"}\n{"step": 2, "text": "\\ud83d\\ude42"}\n')
    assert load_run(folder).samples() == [{"step": 2, "text": "🙂"}]
    change_config(folder, about="x")
    config = (folder / "config.json").read_text(encoding="utf-8")
    (folder / "config.json").write_text(config.replace('"about": "x"', '"about": "\\udfff"'), encoding="utf-8")
    with pytest.raises(RunError, match="run 'run' cannot be read"):
        load_run(folder)


class Touch:
    """Whoever unpickles it creates the file."""

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
    ids=["empty", "last byte", "header", "noise", "html", "folder", "link", "huge header", "dangling", "renamed", "extra", "turned"],
)  # fmt: skip
def test_a_damaged_or_alien_snapshot_is_refused_and_the_other_still_opens(folder, damage):
    run = load_run(folder)
    damage(run.snapshot_path(30))
    with pytest.raises(RunError, match="its snapshot of step 30"):
        run.model()
    assert run.model(0)


def test_files_that_are_no_snapshots_are_overlooked(folder):
    for name in ("notes.txt", "best.safetensors", "000040.safetensors.new", "-1.safetensors"):
        (folder / "snapshots" / name).touch()
    assert load_run(folder).steps == [0, 30]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"state": "dancing", "step": 1, "why": ""}', '{"state": "running"}', '{"state":"failed","step":Infinity,"why":""}'],
)  # fmt: skip
def test_a_damaged_status_is_told_from_the_snapshots(folder, content):
    (folder / "status.json").write_text(content)
    status = load_run(folder).status
    assert (status.state, status.step) == ("finished", 30)


def test_torn_and_alien_lines_are_forgiven(folder):
    lines = [
        '{"step": 0, "train_loss": 4.2}',
        "",
        "null",
        "[1]",
        '{"loss": 3}',
        '{"step": "1"}',
        "[" * 5000,
        "\0",
        '{"step": 2}',
        '{"step": 3, "tr',
    ]
    (folder / "metrics.jsonl").write_text("\n".join(lines))
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(b"\xff\xfe")
    assert load_run(folder).metrics() == [{"step": 0, "train_loss": 4.2}, {"step": 2}]
    assert load_run(folder).samples() == []


def test_a_folder_with_something_in_it_is_not_made_a_run(tmp_path, recipe, corpus):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    with pytest.raises(RunError, match=r"is not empty.*--resume"):
        create_run(tmp_path / "mine", recipe(), corpus)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["diary.txt"]
    (tmp_path / "file").touch()
    for taken in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RunError, match="is not empty or no folder"):
            create_run(taken, recipe(), corpus)


def test_an_empty_folder_is_made_a_run(tmp_path, recipe, corpus):
    (tmp_path / "mine").mkdir()
    assert create_run(tmp_path / "mine", recipe(), corpus).status.state == "queued"
    assert load_run(tmp_path / "mine").recipe.text == corpus.name


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"good": "é🙂"})
    with pytest.raises(TypeError):
        write_json(path, object())
    assert json.loads(path.read_text(encoding="utf-8")) == {"good": "é🙂"}


@pytest.mark.parametrize("name", ["sorting", "tinyshakespeare"])
def test_the_text_that_is_handed_in_is_kept_whatever_it_is_called(tmp_path, recipe, corpus, name):
    own = Corpus(name, corpus.text, "me")
    run = load_run(create_run(tmp_path / "run", recipe(), own).folder)
    assert run.corpus().text == corpus.text and run.corpus().name == run.recipe.text == f"{name} (own text)"
    write_tensors(run.snapshot_path(0), build_model(run.recipe.model).state_dict())
    assert fork_run(run, 0, tmp_path / "child").corpus().text == corpus.text
    other = fork_run(run, 0, tmp_path / "other", Corpus(run.recipe.text, corpus.text[::-1], "me"))
    assert other.corpus().text == corpus.text[::-1]


def test_a_generated_text_of_another_seed_is_kept(tmp_path, recipe):
    drawn = load_corpus("sorting", seed=5)
    run = create_run(tmp_path / "run", recipe(), drawn)
    assert load_run(run.folder).corpus().text == drawn.text != load_corpus("sorting").text


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_whoever_can_read_the_config_can_read_every_file(recipe, corpus, tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        run = create_run(tmp_path / "run", recipe(steps=2, snapshots=2), corpus)
        train(run, torch.device("cpu"))
    finally:
        os.umask(before)
    written = [file for file in run.folder.rglob("*") if file.is_file() and file.name != ".lock"]
    assert {file.suffix for file in written} >= {".json", ".jsonl", ".txt", ".safetensors"}
    assert {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in written} == {
        file.name: oct(mode) for file in written
    }
