"""How long a rerun of each page takes beside many runs: the time grows with their number, not with its square."""

import shutil
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest
from streamlit.testing.v1 import AppTest

from tests.explorer.conftest import ROOT, trained  # noqa: F401 (a fixture)

COUNTS = (50, 200, 500)
PAGES = ("attention", "train", "compare", "runs", "heads", "interventions", "timetravel")
RERUNS = 3


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_a_rerun_among_many_runs(trained, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("ATTENTION_EXPLORER_RUNS", str(tmp_path))
    rows: dict[str, list[float]] = {page: [] for page in PAGES}
    for count in COUNTS:
        fill(tmp_path, trained / "tiny", count)
        for page in PAGES:
            rows[page].append(rerun(page))
    with capsys.disabled():
        print("\nseconds a rerun with " + ", ".join(map(str, COUNTS)) + " runs")
        for page, times in rows.items():
            print(f"{page:14}" + "".join(f"{seconds:9.3f}" for seconds in times))


def fill(runs: Path, run: Path, count: int) -> None:
    """Copy a run until the folder holds this many."""
    for number in range(len(list(runs.glob("*/config.json"))), count):
        shutil.copytree(run, runs / f"run-{number}")


def rerun(page: str) -> float:
    """Seconds of one rerun, the median of several, after the page was opened once."""
    app = AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=600)
    app.query_params["model"] = "runs/run-0"
    app.run().switch_page(f"../pages/{page}.py").run()
    assert not app.exception
    times = []
    for _ in range(RERUNS):
        started = perf_counter()
        app.run()
        times.append(perf_counter() - started)
    return median(times)
