"""Small trainings inside a page of the lecture: in the same processes as all others, and seen by everybody who looks."""

from collections.abc import Callable, Iterator
from functools import partial

import streamlit as st

from explorer.figures.export import file_name
from explorer.lecture.kit.classroom import hidden
from explorer.shared import loading, widgets
from explorer.train import jobs
from explorer.train.curves import draw_curves
from explorer.train.progress import draw_group_buttons, draw_progress, while_live
from explorer.train.runs import trash
from gpt import Corpus, Recipe, Run

CURVES = 560  # pixels for a run's curves and their caption


def train_together(
    name: str,
    recipes: dict[str, Recipe],
    draw: Callable[[dict[str, Run]], None],
    *,
    about: str,
    corpus: Corpus | None = None,
) -> None:
    """Let the person train these recipes, stop them, and train them again; what is there already is shown at once.

    name: of this training, unlike that of any other page's; its runs are called lecture-{name}-{label}. recipes: label → recipe.
    draw: called with label → run for those that have logged or saved something, possibly none yet, at once and then each second
    while any run is live; give its charts fixed keys. about: Markdown that says what is trained, and how long it takes.
    corpus: their text, where the recipes only name it.
    """
    while_live(partial(_follow, name, recipes, draw, about, corpus))


def trained(name: str, label: str) -> Run | None:
    """The run of a training of this name and label, where it has a snapshot to look into."""
    run = _opened({label: _run_name(name, label)}).get(label)
    return run if run and run.steps else None


def losses(run: Run | None) -> None:
    """A run's curves, in room that is there before them."""
    if run is None:
        widgets.empty_state("There is no curve yet.", "Press *Train*; the loss is drawn here as it falls.", CURVES)
        return
    with st.container(height=CURVES, border=False):
        draw_curves(run)


def _run_name(name: str, label: str) -> str:
    return file_name("lecture", name, label).lower()


def _follow(
    name: str, recipes: dict[str, Recipe], draw: Callable[[dict[str, Run]], None], about: str, corpus: Corpus | None
) -> None:
    names = {label: _run_name(name, label) for label in recipes}
    runs = _opened(names)
    st.markdown(about)
    if not hidden("training"):
        with st.container(horizontal=True):
            _train(name, {names[label]: recipe for label, recipe in recipes.items()}, corpus)
            draw_group_buttons(list(runs.values()), f"lecture:{name}")
    for label, recipe in recipes.items():
        title = f"**{widgets.plain(label)}**"
        if label in runs:
            draw_progress(runs[label], runs[label].status, title)
        else:
            st.progress(0.0, text=f"{title} · not trained yet · {recipe.steps:,} steps")
    _tell_changes({label: (run.recipe, recipes[label]) for label, run in runs.items()})
    with widgets.guarded():
        draw({label: run for label, run in runs.items() if run.steps or run.metrics()})


def _opened(names: dict[str, str]) -> dict[str, Run]:
    """The runs that are there, by label; what is wrong with one that cannot be opened is told."""
    found = {}
    for label, name in names.items():
        if f"runs/{name}" in loading.models():
            with widgets.guarded():
                found[label] = loading.load_run(f"runs/{name}")
    return found


def _train(name: str, recipes: dict[str, Recipe], corpus: Corpus | None) -> None:
    """The button that makes the runs, in place of those that were there. recipes: the run's name → its recipe."""
    folder = loading.runs_folder()
    there = [run for run in recipes if (folder / run).exists()]
    live = any(run.name in recipes for run in jobs.live(folder))
    label, icon = ("Train again", "replay") if there else ("Train", "play_arrow")
    pressed = st.button(
        label, icon=f":material/{icon}:", type="primary", disabled=live, key=widgets.once(f"lecture:{name}:train")
    )
    if not pressed or live:  # somebody else may have pressed it meanwhile
        return
    with widgets.acting(f"lecture:{name}:train", "Preparing the text …"):
        for run in there:
            trash.delete(folder, run)
        for run, recipe in recipes.items():
            jobs.create(folder, run, recipe, corpus)
        st.rerun()


def _tell_changes(recipes: dict[str, tuple[Recipe, Recipe]]) -> None:
    """Say where what is shown was trained by another recipe than is asked for now. recipes: label → (its own, the wanted one)."""
    for label, (trained, wanted) in recipes.items():
        told = ", ".join(f"{field} {old} (asked for now: {new})" for field, old, new in _differences(trained, wanted))
        if told:
            st.info(
                f"{widgets.plain(label)} is shown as it was trained, with {widgets.plain(told, longest=300)}. "
                "*Train again* takes what is asked for now."
            )


def _differences(trained: Recipe, wanted: Recipe) -> Iterator[tuple[str, object, object]]:
    """The fields that differ, of the recipe and of its model, with both values; what a run fills in itself is left out."""
    old, new = ({**vars(recipe), **vars(recipe.model)} for recipe in (trained, wanted))
    for field in sorted(old.keys() - {"about", "model", "vocab_size"}):
        if old[field] != new[field]:
            yield field, old[field], new[field]
