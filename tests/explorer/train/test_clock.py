"""A clock that goes back between two looks of the app: lists keep their order, and a deleted run can be restored."""

import os
import time

import pytest

from explorer.train import jobs
from explorer.train.runs import folders, trash
from gpt import load_run

DAY = 86_400

pytestmark = pytest.mark.usefixtures("nothing_starts")


@pytest.fixture
def yesterday(monkeypatch):
    now, now_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: now() - DAY)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() - DAY * 10**9)


def names(runs) -> list[str]:
    return [entry.name for entry in folders.list_runs(runs)]


def test_runs_of_the_same_time_have_one_order_and_a_new_state_does_not_change_it(runs):
    for name in ("b", "c", "a"):
        jobs.create(runs, name, load_run(runs / "tiny").recipe, load_run(runs / "tiny").corpus())
    for folder in runs.glob("[!.]*"):
        os.utime(folder / "config.json", (1e9, 1e9))
    assert names(runs) == ["a", "b", "c", "table", "tiny"]
    load_run(runs / "b").set_status("stopped", 0)
    os.utime(runs / "b" / "status.json", (5e8, 5e8))
    assert names(runs) == ["a", "b", "c", "table", "tiny"]


def test_a_run_that_was_deleted_in_the_future_can_be_restored(runs, request):
    trash.delete(runs, "table")
    request.getfixturevalue("yesterday")
    trash.delete(runs, "tiny")
    assert {entry.name for entry in trash.deleted(runs)} == {"table", "tiny"}
    assert {trash.restore(entry) for entry in trash.deleted(runs)} == {"table", "tiny"}


@pytest.mark.parametrize("page", ["runs", "train", "wall", "timetravel", "race"])
def test_pages_open_where_every_file_is_from_the_future(runs, open_app, page):
    load_run(runs / "tiny").set_status("running", 1)
    (runs / "tiny" / ".lock").touch()
    for file in runs.rglob("*"):
        os.utime(file, (4e9, 4e9))
    app = open_app(run="tiny").switch_page(f"../pages/{page}.py").run()
    assert not app.exception and not any("-" in str(each.value)[:1] for each in app.metric)
