"""How time, bytes and memory grow with the number of runs, and with the rows that a run has logged."""

import json
import shutil
import tracemalloc
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.figures.curves import loss_curves
from gpt.train.files import append_line
from gpt.train.tail import Tail
from tests.explorer.conftest import ROOT, trained  # noqa: F401 (a fixture)

COUNTS = (10, 100, 1000)
ROWS = (1_000, 10_000, 100_000, 1_000_000)
PAGES = ("attention", "train", "compare", "runs", "heads", "interventions", "timetravel")
RERUNS = 3


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_a_rerun_among_many_runs(trained, tmp_path, monkeypatch, report):  # noqa: F811
    monkeypatch.setenv("ATTENTION_EXPLORER_RUNS", str(tmp_path))
    rows: dict[str, list[float]] = {page: [] for page in PAGES}
    for count in COUNTS:
        fill(tmp_path, trained / "tiny", count)
        for page in PAGES:
            rows[page].append(rerun(page))
    for page, times in rows.items():
        what = f"a rerun of {page}, {' → '.join(map(str, COUNTS))} runs"
        report(
            what,
            in_milliseconds(times),
            f"{COUNTS[0]} runs",
            times[-1] / times[0],
            f"exponent {exponent(COUNTS, times):.2f}, ≤ 1",
        )


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_many_rows_of_metrics(tmp_path, report):
    loss_curves(([0], [1.0]), ([0], [1.0]), steps=1)  # the first figure imports Plotly
    first, again, drawn, peaks, sizes = [], [], [], [], []
    for count in ROWS:
        path = tmp_path / f"{count}.jsonl"
        write_rows(path, count)
        tail, began = Tail(path), perf_counter()
        tail.read()
        first.append(perf_counter() - began)
        append_line(path, row(count))
        began = perf_counter()
        numbers = tail.read()
        again.append(perf_counter() - began)
        assert len(numbers.series("train_loss")[0]) == count + 1
        tracemalloc.start()
        began = perf_counter()
        figure = loss_curves(numbers.series("train_loss"), numbers.series("val_loss"), steps=10 * count)
        drawn.append(perf_counter() - began)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sizes.append(len(figure.to_json()))
    counts = " → ".join(f"{count:,}" for count in ROWS)
    for what, times in (("read at first", first), ("read on after one more row", again), ("drawn as curves", drawn)):
        grows = f"exponent {exponent(ROWS, times):.2f}, ≤ 1"
        report(
            f"{counts} rows of metrics {what}", in_milliseconds(times), f"{ROWS[0]:,} rows", times[-1] / times[0], grows
        )
    kilobytes, megabytes = (" → ".join(f"{n / unit:,.1f}" for n in ns) for ns, unit in ((sizes, 1e3), (peaks, 1e6)))
    what = f"{counts} rows of metrics: the figure"
    report(
        what, f"{kilobytes} KB sent", f"{ROWS[0]:,} rows", sizes[-1] / sizes[0], f"exponent {exponent(ROWS, sizes):.2f}"
    )
    what = f"{counts} rows of metrics: memory to draw"
    report(
        what, f"{megabytes} MB", f"{ROWS[0]:,} rows", peaks[-1] / peaks[0], f"exponent {exponent(ROWS, peaks):.2f}, ≤ 1"
    )


def row(number: int) -> dict[str, float]:
    """Return a row as the trainer logs it."""
    loss = 2 + 2 / (1 + number / 500)
    return {
        "step": 10 * number,
        "train_loss": loss,
        "lr": 1e-3,
        "grad_norm": 1.0,
        "tokens_per_s": 5e4,
        "elapsed": 0.1 * number,
    }


def write_rows(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps(row(number)) + "\n" for number in range(count))


def exponent(counts: tuple[int, ...], amounts: list[float]) -> float:
    """Return p of amount ≈ c · countᵖ: the slope of a line through the logarithms."""
    return float(np.polyfit(np.log(counts), np.log(amounts), 1)[0])


def in_milliseconds(times: list[float]) -> str:
    return " → ".join(f"{1000 * seconds:,.1f}" for seconds in times) + " ms"


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
