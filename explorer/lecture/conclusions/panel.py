"""The person's own runs: what each trained, the loss it reached, and its rung of the lecture's ladder."""

from dataclasses import dataclass

import streamlit as st

from explorer.lecture.conclusions.figures import climbed
from explorer.lecture.kit.controls import chapter, metrics, show_cell
from explorer.navigation import PAGES
from explorer.opened import runs_folder
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.choices import RUN
from explorer.train.curves import published_for
from explorer.train.progress import STATE_NAMES, clock, link_to, link_to_lenses, while_live
from explorer.train.race import RUNGS
from explorer.train.runs.folders import list_runs, logged
from gpt import PRESETS, Run
from gpt.train.estimate import count_parameters
from gpt.train.loop import Trainer
from gpt.train.presets import PUBLISHED, Published

ROW, MOST_ROWS = 36, 12  # pixels a row; rows before the table scrolls
COLUMNS = {
    "Run": st.column_config.TextColumn(pinned=True),
    "What": st.column_config.TextColumn(),
    "Text": st.column_config.TextColumn(),
    "State": st.column_config.TextColumn(),
    "Parameters": st.column_config.NumberColumn(format="localized", help="The numbers that training changes."),
    "Steps": st.column_config.NumberColumn(format="localized"),
    "Best loss": st.column_config.NumberColumn(format="%.3f", help="The lowest validation loss, nats a token."),
    "Seconds": st.column_config.NumberColumn(format="%.0f", help="Training time, without the wait for a free slot."),
}


@dataclass(frozen=True)
class Summary:
    """A run in numbers. best: the lowest validation loss, nats a token, or None; seconds of training, or None."""

    run: Run
    best: float | None
    seconds: float | None
    published: Published | None


@chapter("Your runs", "1:54:32", "Look at the models that you trained, and open one to see it again.")
def own_runs() -> None:
    """All runs in a table, the ladder, and links to each; they update while a run is live."""
    while_live(_draw_runs)
    show_cell("conclusions/run", Trainer.advance)


def _draw_runs() -> None:
    summaries = []
    for entry in list_runs(runs_folder()):
        if entry.run is None:
            st.caption(f"**{widgets.plain(entry.name)}** cannot be read: {widgets.plain(entry.error, longest=300)}")
        else:
            summaries.append(_summary(entry.run))
    if not summaries:
        advice = "Start with a table that trains in seconds, or with several rungs at once."
        widgets.empty_state("You have trained nothing yet.", advice)
        st.page_link(PAGES / "bigram.py", label="Train the bigram", icon=":material/table_chart:")
        st.page_link(PAGES / "race.py", label="Race up the ladder", icon=":material/flag:")
        return
    _totals(summaries)
    height = ROW * (min(len(summaries), MOST_ROWS) + 1)
    st.dataframe([_row(summary) for summary in summaries], column_config=COLUMNS, hide_index=True, height=height)
    _links(summaries)
    _ladder(summaries)


def _summary(run: Run) -> Summary:
    losses, spent = (logged(run.folder).series(name)[1].tolist() for name in ("val_loss", "elapsed"))
    return Summary(run, min(losses, default=None), spent[-1] if spent else None, published_for(run))


def _totals(summaries: list[Summary]) -> None:
    read = sum(s.run.status.step * s.run.recipe.batch_size * s.run.recipe.model.block_size for s in summaries)
    values = {
        "Runs": f"{len(summaries):,}",
        "Steps taken": f"{sum(s.run.status.step for s in summaries):,}",
        "Tokens read": f"{read:,}",
        "Time of training": clock(sum(s.seconds or 0 for s in summaries)),
    }
    metrics(values)


def _row(summary: Summary) -> dict[str, object]:
    run, recipe, status = summary.run, summary.run.recipe, summary.run.status
    parameters = count_parameters(recipe.model, run.objective.kind)
    return {
        "Run": run.label,
        "What": recipe.about or "–",
        "Text": recipe.text,
        "State": STATE_NAMES[status.state],
        "Parameters": min(parameters, 2**63 - 1),  # a table's numbers have 64 bits
        "Steps": status.step,
        "Best loss": summary.best,
        "Seconds": summary.seconds,
    }


def _links(summaries: list[Summary]) -> None:
    runs = {summary.run.name: summary.run for summary in summaries}
    shown, _ = RUN.check(options=list(runs), default=next(iter(runs)))
    labels = {name: run.label for name, run in runs.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bound = RUN.bound(shown, labels, label="Open", width=280)
        st.selectbox(options=list(runs), format_func=labels.__getitem__, **bound)
        link_to("train.py", "Train", ":material/show_chart:", runs[shown])
        link_to_lenses(runs[shown])


@chapter("Your ladder", "1:37:49", "Which rung have you reached, and which is next?")
def _ladder(summaries: list[Summary]) -> None:
    """The best run on every rung beside its published loss."""
    names = {rung: f"rung-{rung}" for rung in RUNGS}
    rungs = {PUBLISHED[name]: f"Rung {rung} · {PRESETS[name].about.split(':')[0]}" for rung, name in names.items()}
    reached: dict[str, tuple[float, str]] = {}
    for summary in sorted((s for s in summaries if s.best is not None), key=lambda s: s.best or 0.0):
        if summary.published in rungs:
            reached.setdefault(rungs[summary.published], (summary.best or 0.0, summary.run.name))
    published = {name: rung.loss for rung, name in rungs.items()}
    chart(climbed(published, reached), key="conclusions:ladder", alt="Your losses against the lecture's, rung by rung")
    st.caption(
        f"{len(reached)} of {len(rungs)} rungs. Only runs on Tiny Shakespeare's characters count. Runs that stop "
        "earlier than the lecture's count too."
    )
    st.page_link(PAGES / "race.py", label="Train the rungs that are missing", icon=":material/flag:")
    show_cell("conclusions/rung")
