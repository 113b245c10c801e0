"""All runs in one table, as anybody who looks sees them, and what can be done with the chosen one."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from explorer import state
from explorer.figures.curves import running_mean
from explorer.shared import loading, widgets
from explorer.shared.fragment import fragment
from explorer.train import jobs
from explorer.train import progress as training
from explorer.train.runs import folders as run_folders
from explorer.train.runs import managing
from explorer.train.runs.folders import Found, logged
from gpt import Run
from gpt.train.machine import bytes_in_words

PERIOD = 3.0  # seconds between two looks while nothing trains
POINTS = 60  # of a sparkline
ROW, MOST_ROWS = 36, 14  # pixels a row; rows before the table scrolls
COLUMNS = {
    "Run": st.column_config.TextColumn(pinned=True),
    "State": st.column_config.TextColumn(help="Runs wait for their turn in the order they were started."),
    "Step": st.column_config.ProgressColumn(
        "Progress", format="percent", min_value=0, max_value=1, help="The share of its steps."
    ),
    "At": st.column_config.TextColumn("Step", width=130),
    "Loss": st.column_config.NumberColumn(
        format="%.3f", help="Validation loss, nats a token, as it was last measured: lower is better, on the same text."
    ),
    "Curve": st.column_config.LineChartColumn(
        "Training loss", width="medium", help="A running mean over the steps so far."
    ),
    "Left": st.column_config.TextColumn("Time left", width="small"),
    "Size": st.column_config.TextColumn(width="small", help="Of the run's folder on disk."),
    "From": st.column_config.TextColumn("Begun with", width="medium"),
}


def runs() -> None:
    """The table and the chosen run, followed for as long as any run is live; then what others start or change is waited for."""
    folder = loading.runs_folder()
    seen = jobs.states(folder)
    training.while_live(lambda: _listed(jobs.listing(folder)))
    if not jobs.live(folder):
        fragment(lambda: jobs.states(folder) == seen or st.rerun(), run_every=PERIOD)
    managing.open_dialog()


def _listed(found: list[Found]) -> None:
    if not found:
        widgets.empty_state("No run yet.", "Start one on the *Train* page. Everyone who uses this server sees it here.")
        managing.undo_deletions()
        return _shipped()
    _table(found)
    names = [entry.name for entry in found]
    labels = {entry.name: entry.label for entry in found}
    wanted = state.choice("run")
    if wanted is not None and wanted not in names:
        st.warning(f"There is no run called “{widgets.plain(wanted)}” here.", icon=":material/search_off:")
    shown = training.followed(names)
    entry = found[names.index(shown)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Run", names, width=280, format_func=labels.get, **state.bound("run", shown, labels))
        _actions(entry)
    managing.undo_deletions()
    if entry.run is None:
        st.error(widgets.plain(entry.why, longest=1000), icon=":material/error:")
    else:
        _links_and_reason(entry.run)


def _table(found: list[Found]) -> None:
    waiting = [run.name for run in jobs.live(loading.runs_folder()) if run.status.state == "queued"]
    rows = [_row(entry, waiting) for entry in found]
    names = [entry.name for entry in found]
    height = ROW * (min(len(rows), MOST_ROWS) + 1)
    key = f"runs:{hash(tuple(names))}"  # a selection is a row's number: another order is another table
    columns = {name: [row.get(name) for row in rows] for name in COLUMNS}
    picked = st.dataframe(
        columns, column_config=COLUMNS, hide_index=True, height=height, placeholder="", key=key, on_select="rerun",
        selection_mode="single-row",
    )  # fmt: skip
    chosen = picked.selection.rows
    if chosen and chosen != state.recall(key) and chosen[0] < len(names):
        state.choose(run=names[chosen[0]])
    state.remember(key, chosen)
    st.caption("Loss is in nats a token. Click the box before a run, or choose it below.")


def _shipped() -> None:
    """The models that ship, as an example of the table."""
    st.markdown("These models ship with the app:")
    rows = [_row(entry, []) for entry in run_folders.listing(loading.SHIPPED)]
    columns = {name: [row.get(name) for row in rows] for name in COLUMNS}
    st.dataframe(columns, column_config=COLUMNS, hide_index=True, placeholder="", key="runs:shipped")


def _row(entry: Found, waiting: list[str]) -> dict[str, Any]:
    size = {"Run": entry.label, "Size": bytes_in_words(run_folders.size(entry.folder))}
    if entry.run is None:
        return size | {"State": "Damaged"}
    run, status = entry.run, entry.run.status
    steps = run.recipe.steps
    learned = _learned(run.folder, steps, loading.stamp(run.folder / "metrics.jsonl"))
    word = training.WORDS[status.state]
    if run.name in waiting:
        word = "Starting" if jobs.is_starting(run) else f"Waiting, no. {waiting.index(run.name) + 1}"
    left = learned["left"] if status.state == "running" else None
    return size | {
        "State": word,
        "Step": min(status.step / steps, 1),
        "At": f"{status.step:,} of {steps:,}",
        "Loss": learned["loss"],
        "Curve": learned["curve"],
        "Left": training.clock(left) if left is not None else "",
        "From": f"{run.parent.run}, step {run.parent.step:,}" if run.parent else "",
    }


@lru_cache(maxsize=run_folders.MOST)
def _learned(folder: Path, steps: int, stamp: tuple[int, ...]) -> dict[str, Any]:
    """What a run has learned, looked at again when the stamp of its metrics changes: many look at many runs each second."""
    numbers = logged(folder)
    losses = numbers.series("val_loss")[1]
    return {
        "loss": losses[-1] if len(losses) else None,
        "curve": sparkline(numbers.series("train_loss")[1]),
        "left": training.seconds_left(numbers, steps),
    }


def sparkline(losses: Sequence[float]) -> list[float]:
    """A running mean of the losses, thinned to at most `POINTS`, the last among them."""
    means = running_mean(losses)
    stride = -(-len(means) // POINTS) or 1
    return means[::-1][::stride][::-1].tolist()


def _actions(entry: Found) -> None:
    """What can be asked of the chosen run."""
    if entry.run is None:
        return managing.change_buttons(entry, possible=True)
    training.actions(entry.run, entry.run.status)
    managing.change_buttons(entry, possible=not (entry.run.is_held or jobs.is_starting(entry.run)))


def _links_and_reason(run: Run) -> None:
    """Where else the chosen run can be looked at, and why it ended where that has to be said."""
    with st.container(horizontal=True):
        training.open_in("train.py", "Train", ":material/show_chart:", run)
        training.look_into(run)
    status = run.status
    if status.why and status.state not in jobs.LIVE:
        st.caption(widgets.plain(status.why[:1].upper() + status.why[1:], longest=1000) + widgets.plain("."))
