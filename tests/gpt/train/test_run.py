import json
import os
import shutil
import stat

import pytest
import torch
from safetensors.torch import load_file

from gpt import Corpus, RunError, build_model, create_run, load_corpus, load_run
from gpt.train.files import write_json, write_tensors
from gpt.train.fork import fork_run
from gpt.train.loop import train


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


@pytest.mark.parametrize(("age", "state"), [(5, "running"), (500, "interrupted")])
def test_a_run_that_may_only_be_read_is_known_by_what_its_worker_writes(folder, monkeypatch, age, state):
    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    run = load_run(folder)
    run.set_status("running", 12)
    (folder / ".lock").touch()  # every worker leaves one
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
def test_an_alien_status_is_read_from_the_snapshots(folder, status):
    (folder / "status.json").write_text(status)
    assert (load_run(folder).status.state, load_run(folder).status.step) == ("finished", 30)


def test_files_that_are_no_snapshots_are_overlooked(folder):
    for name in ("notes.txt", "best.safetensors", "000040.safetensors.new", "-1.safetensors"):
        (folder / "snapshots" / name).touch()
    assert load_run(folder).steps == [0, 30]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"state": "dancing", "step": 1, "why": ""}', '{"state": "running"}',
        '{"state":"failed","step":Infinity,"why":""}'],
)  # fmt: skip
def test_a_damaged_status_is_read_from_the_snapshots(folder, content):
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
