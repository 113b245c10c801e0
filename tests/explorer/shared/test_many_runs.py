"""Beside many runs a rerun lists the folder a fixed number of times, and reads again only what has changed."""

import shutil
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from explorer.opened import folder_of
from explorer.shared.model_list import models, prompted

PAGES = ("attention", "train", "compare", "runs", "heads", "interventions", "timetravel")
MOST_LISTINGS = 12  # of the folder of runs, in one rerun
work: Counter[str] = Counter()
watched: list[Path] = []


def count(event: str, arguments: tuple) -> None:
    """Count what Python asks of the system in the watched folder: its listings, and the openings of each kind of
    file.
    """
    if not watched or event not in ("os.listdir", "os.scandir", "open") or not isinstance(arguments[0], str | Path):
        return
    path = Path(arguments[0])
    if path == watched[0]:
        work["listings"] += 1
    elif event == "open" and path.parent.parent == watched[0]:
        work[path.name] += 1


sys.addaudithook(count)


@contextmanager
def counting(runs: Path):
    work.clear()
    watched.append(runs)
    try:
        yield work
    finally:
        watched.clear()


def add(runs: Path, count: int) -> None:
    for number in range(count):
        shutil.copytree(runs / "tiny", runs / f"copy-{len(list(runs.iterdir()))}-{number}")


@pytest.mark.parametrize("page", PAGES)
def test_twice_the_runs_are_no_more_listings_and_twice_the_reads_at_most(runs, open_app, page):
    app = open_app(against="runs/table").switch_page(f"../pages/{page}.py").run()
    found = []
    for more in (10, 12):  # 12, then 24 of them
        add(runs, more)
        app.run()
        with counting(runs) as seen:
            app.run()
        found.append(Counter(seen))
    few, many = found
    assert few["listings"] == many["listings"] <= MOST_LISTINGS
    assert not many["config.json"] or page in ("train", "runs")
    assert all(many[name] <= 2 * few[name] for name in few)


def test_what_comes_and_goes_is_seen_at_the_next_look(runs):
    add(runs, 3)
    before = set(prompted())
    (runs / "tiny").rename(runs / "renamed")
    shutil.rmtree(runs / "table")
    assert set(prompted()) == before - {"runs/tiny", "runs/table"} | {"runs/renamed"}
    assert folder_of("runs/renamed") == runs / "renamed"
    with pytest.raises(ValueError, match="no model called"):
        folder_of("runs/tiny")


def test_a_config_that_is_replaced_is_read_again(runs):
    assert models()["runs/tiny"].label == "runs/tiny · 2 × 3 heads"
    shutil.copy(runs / "table" / "config.json", runs / "tiny" / "config.json")
    assert models()["runs/tiny"].label == "runs/tiny · no heads"
