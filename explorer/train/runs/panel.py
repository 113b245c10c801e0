"""The Runs page: all runs in one table, and the actions of the chosen one."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from explorer import state
from explorer.choice import choose
from explorer.figures.curves import Numbers, running_mean
from explorer.opened import SHIPPED, runs_folder
from explorer.places import is_read_only
from explorer.shared import widgets
from explorer.shared.choices import RUN
from explorer.shared.fragment import fragment
from explorer.shared.outline import Stamp, stamp
from explorer.train import jobs, progress
from explorer.train.runs import dialogs, folders
from explorer.train.workers import starting_words
from gpt.machine import bytes_in_words

PERIOD = 3.0  # seconds between two checks for changes while nothing trains
POINTS = 60  # of a sparkline
ROW, MOST_ROWS = 36, 14  # pixels per row; rows before the table scrolls
COLUMNS = {
    "Run": st.column_config.TextColumn(pinned=True),
    "State": st.column_config.TextColumn(help="Waiting runs start in the order in which they were added."),
    "Step": st.column_config.ProgressColumn(
        "Progress", format="percent", min_value=0, max_value=1, help="Steps done, as a share of all steps."
    ),
    "At": st.column_config.TextColumn("Step", width=130),
    "Loss": st.column_config.NumberColumn(
        format="%.3f", help="Last validation loss, in nats per token. On the same text, lower is better."
    ),
    "Curve": st.column_config.LineChartColumn("Training loss", width="medium", help="Running mean over the steps."),
    "Left": st.column_config.TextColumn("Time left", width="small"),
    "Size": st.column_config.TextColumn(width="small", help="Size of the run's folder on disk."),
    "From": st.column_config.TextColumn(
        "Parent", width="medium", help="The run and step that the first weights come from."
    ),
}


def draw_runs() -> None:
    """Draw the table and the chosen run. They are drawn again while a run is live, and when somebody changes a run."""
    widgets.only_shows()
    runs = runs_folder()
    times = folders.state_times(runs)
    progress.while_live(lambda: _draw_entries(folders.list_runs(runs)))

    def check() -> None:
        if folders.state_times(runs) != times:
            st.rerun()

    if not jobs.live(runs):
        fragment(check, run_every=PERIOD)
    dialogs.draw_dialog()


def _draw_entries(entries: list[folders.Entry]) -> None:
    if not entries:
        start = "Start one on the *Train* page. Everyone on this server sees it here."
        widgets.empty_state("No run yet.", "" if is_read_only() else start)
        dialogs.draw_import_button()
        dialogs.draw_undo()
        st.markdown("These models ship with the app:")
        return _draw_rows([_row(entry, []) for entry in folders.list_runs(SHIPPED)], key="runs:shipped")
    _draw_table(entries)
    names = [entry.name for entry in entries]
    labels = {entry.name: entry.label for entry in entries}
    progress.warn_of_unknown_run(names)
    shown = progress.shown_run(names)
    entry = next(entry for entry in entries if entry.name == shown)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(options=names, format_func=labels.__getitem__, **RUN.bound(shown, labels, width=280))
        is_busy = entry.run is not None and (entry.run.is_held or jobs.is_starting(entry.run))
        if entry.run:
            progress.draw_buttons(entry.run, entry.run.status)
        dialogs.draw_buttons(entry, possible=not is_busy)
        dialogs.draw_import_button()
    dialogs.draw_undo()
    if entry.run is None:
        st.error(widgets.plain(entry.error, longest=1000), icon=":material/error:")
        return
    with st.container(horizontal=True):
        progress.link_to("train.py", "Train", ":material/show_chart:", entry.run)
        progress.link_to_lenses(entry.run)
    progress.show_reason(entry.run.status, st.caption)


def _draw_table(entries: list[folders.Entry]) -> None:
    """Draw the table; a click on a row chooses its run."""
    waiting = [run.name for run in jobs.live(runs_folder()) if run.status.state == "queued"]
    names = [entry.name for entry in entries]
    key = f"runs:{hash(tuple(names))}"  # a selection is a row's number, so another order is another table
    height = ROW * (min(len(entries), MOST_ROWS) + 1)
    rows = [_row(entry, waiting) for entry in entries]
    selected = _draw_rows(rows, key, height=height, on_select="rerun", selection_mode="single-row").selection.rows
    if selected and selected != state.recall(key) and selected[0] < len(names):
        choose({RUN: names[selected[0]]})
    state.remember(key, selected)
    st.caption("Loss is in nats per token. Click the box before a run, or choose it below.")


def _draw_rows(rows: list[dict[str, Any]], key: str, **more: Any) -> Any:
    columns = {name: [row.get(name) for row in rows] for name in COLUMNS}
    return st.dataframe(columns, column_config=COLUMNS, hide_index=True, placeholder="", key=key, **more)


def _row(entry: folders.Entry, waiting: list[str]) -> dict[str, Any]:
    size = {"Run": entry.label, "Size": bytes_in_words(folders.size(entry.folder))}
    if entry.run is None:
        return size | {"State": "Damaged"}
    run, status = entry.run, entry.run.status
    steps = run.recipe.steps
    summary = _summary(run.folder, steps, stamp(run.folder / "metrics.jsonl"))
    state_name = progress.STATE_NAMES[status.state]
    if run.name in waiting:
        state_name = starting_words(run) if jobs.is_starting(run) else f"Waiting, no. {waiting.index(run.name) + 1}"
    left = summary["left"] if status.state == "running" else None
    return size | {
        "State": state_name,
        "Step": min(status.step / steps, 1),
        "At": f"{status.step:,} of {steps:,}",
        "Loss": summary["loss"],
        "Curve": summary["curve"],
        "Left": progress.clock(left) if left is not None else "",
        "From": f"{run.parent.run}, step {run.parent.step:,}" if run.parent else "",
    }


@lru_cache(maxsize=folders.MOST)
def _summary(folder: Path, steps: int, stamp: Stamp) -> dict[str, Any]:
    """Return the last validation loss, the sparkline and the time left, computed again when the metrics change."""
    numbers = folders.logged(folder)
    losses = numbers.series("val_loss")[1]
    return {
        "loss": losses[-1] if len(losses) else None,
        "curve": sparkline(numbers.series("train_loss")[1]),
        "left": progress.seconds_left(numbers, steps),
    }


def sparkline(losses: Numbers) -> list[float]:
    """Return a running mean of the losses, thinned to at most `POINTS`; the last value is always kept."""
    means = running_mean(losses)
    stride = -(-len(means) // POINTS) or 1
    return means[::-1][::stride][::-1].tolist()
