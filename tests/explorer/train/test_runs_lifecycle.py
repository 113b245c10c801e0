"""Runs deleted, renamed and forked, beside workers, other servers, and folders that are damaged."""

import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from explorer.opened import references
from explorer.train import jobs, workers
from explorer.train.runs import folders, trash
from gpt import Corpus, GPTConfig, Recipe, create_run, load_run

TEXT = Corpus("own", "the quick brown fox jumps over the lazy dog, and the dog sleeps on.\n" * 40, "a test")
TINY = Recipe(
    model=GPTConfig(block_size=8, n_layer=1, n_head=2, n_embd=8), text="own", steps=30, batch_size=4, eval_batches=1
)
HOLDER = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]): print('held', flush=True); sys.stdin.read()"


pytestmark = pytest.mark.usefixtures("nothing_starts")


@pytest.fixture
def runs(trained, tmp_path):
    """Two trained runs, `tiny` and `table`."""
    return shutil.copytree(trained, tmp_path / "runs")


@pytest.fixture
def held(runs):
    """`tiny`, held by another process as a worker holds it."""
    holding = [sys.executable, "-c", HOLDER, load_run(runs / "tiny").lock.lock_file]
    holder = subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    yield load_run(runs / "tiny")
    holder.communicate(b"")


def names(runs) -> set[str]:
    return {entry.name for entry in folders.list_runs(runs)}


def test_a_deleted_run_is_gone_and_nobody_who_still_looks_brings_it_back(runs):
    stale = load_run(runs / "tiny")
    trash.delete(runs, "tiny")
    assert names(runs) == {"table"}
    trash.clear(runs.glob(".deleted*"))
    assert not list(runs.glob(".deleted*"))
    for act in (jobs.pause, jobs.resume, jobs.stop):
        act(stale)
    assert not stale.is_held and stale.status.state == "queued"
    jobs.advance(runs)
    assert not (runs / "tiny").exists()
    jobs.create(runs, "tiny", TINY, TEXT)


def test_a_click_that_comes_too_late_leaves_no_request_behind(runs):
    run = load_run(runs / "tiny")
    jobs.pause(run)
    jobs.stop(run)
    assert run.status.state == "finished" and not run.pause_request.exists() and not run.stop_request.exists()


def test_what_a_crash_left_of_a_deletion_is_nobodys_run(runs, monkeypatch):
    monkeypatch.setenv("ATTENTION_EXPLORER_RUNS", str(runs))
    load_run(runs / "tiny").set_status("queued")
    (runs / "tiny").rename(runs / f"{trash.DELETED}1")
    assert names(runs) == {"table"} and jobs.live(runs) == [] and list(folders.state_times(runs)) == ["table"]
    assert [ref for ref in references() if ref.startswith("runs/")] == ["runs/table"]
    trash.delete(runs, "table")
    assert [entry.name for entry in trash.deleted(runs)] == ["table"]
    trash.clear(entry.folder for entry in trash.deleted(runs))
    assert {path.name for path in runs.iterdir()} <= {".queue"}


def test_a_run_that_trains_is_neither_deleted_nor_renamed(runs, held):
    before = {path: path.read_bytes() for path in held.folder.rglob("*") if path.is_file()}
    for act in (lambda: trash.delete(runs, "tiny"), lambda: jobs.rename(runs, "tiny", "other")):
        with pytest.raises(ValueError, match="'tiny' is being trained; stop it first"):
            act()
    assert before == {path: path.read_bytes() for path in held.folder.rglob("*") if path.is_file()}
    assert held.is_held


def test_a_run_whose_worker_is_being_started_is_left_alone(runs):
    with workers.launching_lock(load_run(runs / "tiny")), pytest.raises(ValueError, match="stop it first"):
        trash.delete(runs, "tiny")
    trash.delete(runs, "tiny")


def test_what_ships_is_never_deleted_nor_renamed(tmp_path):
    shipped = jobs.ROOT / "assets" / "models"
    (tmp_path / "linked").symlink_to(shipped / "induction")
    for act in (trash.delete, lambda runs, name: jobs.rename(runs, name, "other")):
        with pytest.raises(ValueError, match="ships with the app"):
            act(shipped, "induction")
        with pytest.raises(ValueError, match="ships with the app"):
            act(tmp_path, "linked")
    assert load_run(shipped / "induction").steps


def test_a_link_is_deleted_and_not_what_it_points_to(runs, tmp_path):
    jobs.create(tmp_path / "elsewhere", "far", TINY, TEXT)
    (runs / "near").symlink_to(tmp_path / "elsewhere" / "far")
    trash.delete(runs, "near")
    assert names(runs) == {"tiny", "table"} and load_run(tmp_path / "elsewhere" / "far").recipe


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../runs/tiny", "tiny/snapshots", "nobody", ".deleted", "holiday", "/etc"]
)
def test_what_is_no_run_is_never_deleted_nor_renamed(runs, name):
    (runs / "holiday").mkdir()
    (runs / "holiday" / "beach.png").touch()
    before = sorted(runs.rglob("*"))
    for act in (lambda: trash.delete(runs, name), lambda: jobs.rename(runs, name, "other")):
        with pytest.raises(ValueError, match="there is no run called"):
            act()
    assert set(before) <= set(runs.rglob("*"))


@pytest.mark.parametrize("new", ["", "..", "a/b", "table", "x" * 61, "tiny"])
def test_a_run_is_not_renamed_to_what_cannot_be_a_name(runs, new):
    with pytest.raises(ValueError):
        jobs.rename(runs, "tiny", new)
    assert names(runs) == {"tiny", "table"}


def test_a_renamed_run_is_the_same_one_and_its_forks_know_it(runs):
    before = load_run(runs / "tiny")
    before_rows, steps = before.metrics(), before.steps
    child = jobs.fork(runs, "child", before, 2, steps=5)
    stranger = jobs.fork(runs, "stranger", load_run(runs / "table"), 2, steps=5)
    made = (child.folder / "config.json").stat().st_mtime_ns
    jobs.rename(runs, "tiny", "lesson")
    after = load_run(runs / "lesson")
    assert after.metrics() == before_rows and after.steps == steps and not (runs / "tiny").exists()
    assert load_run(child.folder).parent == replace(child.parent, run="lesson")
    assert (child.folder / "config.json").stat().st_mtime_ns == made, "it stands where it stood in the list"
    assert load_run(stranger.folder).parent == stranger.parent
    trash.delete(runs, "lesson")
    assert load_run(child.folder).parent.run == "lesson"


def test_a_fork_queues_and_what_cannot_be_forked_leaves_nothing(runs):
    parent = load_run(runs / "tiny")
    assert jobs.fork(runs, "child", parent, 2, steps=5, lr=0.5).status.state == "queued"
    with pytest.raises(ValueError, match="n_layer=7"):
        jobs.fork(runs, "other", parent, 2, n_layer=7)
    with pytest.raises(ValueError, match="already"):
        jobs.fork(runs, "child", parent, 2, steps=5)
    assert names(runs) == {"tiny", "table", "child"} and not (runs / "other").exists()


def _break_config(folder):
    (folder / "config.json").write_text("{")


def _half_written(folder):
    (folder / "config.json").unlink()


def _no_tokenizer(folder):
    (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize("damage", [_break_config, _half_written, _no_tokenizer])
def test_a_damaged_folder_is_listed_with_its_reason_and_can_be_deleted(runs, damage):
    damage(runs / "tiny")
    entries = {entry.name: entry for entry in folders.list_runs(runs)}
    assert entries["tiny"].run is None and "tiny" in entries["tiny"].error and entries["table"].run.steps
    assert jobs.live(runs) == []
    trash.delete(runs, "tiny")
    assert names(runs) == {"table"}


def test_runs_are_listed_newest_first_and_a_missing_folder_has_none(runs, tmp_path):
    create_run(runs / "new", TINY, TEXT)
    assert next(iter(folders.list_runs(runs))).name == "new" and len(folders.list_runs(runs)) == 3
    assert folders.list_runs(tmp_path / "nowhere") == []
    with pytest.raises(ValueError, match="no run called"):
        trash.delete(tmp_path / "nowhere", "tiny")
    assert not (tmp_path / "nowhere").exists()


def test_many_that_delete_at_once_delete_once(runs):
    outcomes = []

    def delete() -> None:
        try:
            outcomes.append(trash.delete(runs, "tiny"))
        except ValueError as error:
            outcomes.append(str(error))

    workers = [threading.Thread(target=delete) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert outcomes.count(None) == 1 and all("no run called" in error for error in outcomes if error)


def test_a_size_is_what_the_files_take(runs):
    assert folders.size(runs / "tiny") >= sum(file.stat().st_size for file in (runs / "tiny" / "snapshots").iterdir())
    assert folders.size(runs / "nobody") == 0


def test_a_deletion_can_be_undone_for_a_while(runs, monkeypatch):
    before = {path.relative_to(runs): path.read_bytes() for path in (runs / "tiny").rglob("*") if path.is_file()}
    trash.delete(runs, "tiny")
    (entry,) = trash.deleted(runs)
    assert trash.restore(entry) == "tiny" and names(runs) == {"tiny", "table"} and not trash.deleted(runs)
    assert (
        before.items()
        <= {path.relative_to(runs): path.read_bytes() for path in (runs / "tiny").rglob("*") if path.is_file()}.items()
    )
    with pytest.raises(ValueError, match="restored already"):
        trash.restore(entry)
    trash.delete(runs, "tiny")
    later = time.time() + trash.UNDO_SECONDS + 1
    monkeypatch.setattr(trash.time, "time", lambda: later)
    assert not trash.deleted(runs)
    trash.delete(runs, "table")
    assert not [path for path in runs.iterdir() if path.is_dir() and "tiny" in path.name], (
        "what is older is cleared away"
    )


def test_a_restored_run_whose_name_is_taken_gets_another(runs):
    trash.delete(runs, "tiny")
    jobs.create(runs, "tiny", TINY, TEXT)
    (entry,) = trash.deleted(runs)
    assert trash.restore(entry) == "tiny-2" and load_run(runs / "tiny-2").steps


def test_of_two_runs_deleted_under_one_name_each_is_restored(runs):
    for _ in range(2):
        jobs.create(runs, "twin", TINY, TEXT)
        trash.delete(runs, "twin")
    assert [trash.restore(entry) for entry in trash.deleted(runs)] == ["twin", "twin-2"]


def test_a_name_that_fills_a_folders_is_deleted_too(runs):
    shutil.copytree(runs / "tiny", runs / (250 * "x"))
    trash.delete(runs, 250 * "x")
    assert names(runs) == {"tiny", "table"} and len(trash.deleted(runs)) == 1


def test_a_folder_is_read_again_only_when_it_changes(runs):
    first = folders.list_runs(runs)
    assert all(again is entry for again, entry in zip(folders.list_runs(runs), first, strict=True))
    size = folders.size(runs / "tiny")
    (runs / "tiny" / "metrics.jsonl").open("a").write("x")
    assert folders.size(runs / "tiny") == size + 1
    (runs / "tiny" / "config.json").write_text("{")
    assert next(entry for entry in folders.list_runs(runs) if entry.name == "tiny").run is None
