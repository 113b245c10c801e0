"""Small trainings on a page of the lecture. They run in processes of their own, and every visitor sees them."""

from collections.abc import Callable, Iterator
from functools import partial

import streamlit as st

from explorer.figures.export import file_name
from explorer.lecture.kit.classroom import hidden
from explorer.opened import OWN, open_run, runs_folder
from explorer.shared import widgets
from explorer.train import jobs
from explorer.train.curves import draw_curves
from explorer.train.progress import draw_group_buttons, draw_progress, while_live
from explorer.train.runs import trash
from gpt import Corpus, Recipe, Run

CURVES = 560  # pixels of a run's curves and their caption


def train_together(
    name: str,
    recipes: dict[str, Recipe],
    draw: Callable[[dict[str, Run]], None],
    *,
    about: str,
    corpus: Corpus | None = None,
) -> None:
    """Let the person train these recipes, stop them, and train them again.

    name: of this training, on no other page; its runs are called lecture-{name}-{label}. recipes: label → recipe.
    draw: called at once, and each second while a run is live, with label → run for the runs that have logged or saved
    something; give its charts fixed keys. about: Markdown that says what is trained, and how long it takes.
    corpus: the text, where the recipes only name it.
    """
    while_live(partial(_follow, name, recipes, draw, about, corpus))


def trained(name: str, label: str) -> Run | None:
    """The run of this training with this label; None before its first snapshot."""
    run = _opened({label: _run_name(name, label)}).get(label)
    return run if run and run.steps else None


def draw_loss(run: Run | None) -> None:
    """Draw a run's curves, or an empty state of the same height."""
    if run is None:
        widgets.empty_state("There is no curve yet.", "Press *Train* to see the loss here.", CURVES)
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
    _show_changes({label: (run.recipe, recipes[label]) for label, run in runs.items()})
    with widgets.guarded():
        draw({label: run for label, run in runs.items() if run.steps or run.metrics()})


def _opened(names: dict[str, str]) -> dict[str, Run]:
    """The runs that exist: label → run. One that cannot be opened shows its error."""
    runs = {}
    for label, name in names.items():
        if (runs_folder() / name).exists():
            with widgets.guarded():
                runs[label] = open_run(f"{OWN}{name}")
    return runs


def _train(name: str, recipes: dict[str, Recipe], corpus: Corpus | None) -> None:
    """The button that creates the runs and replaces earlier ones. recipes: name of the run → recipe."""
    folder = runs_folder()
    earlier = [run for run in recipes if (folder / run).exists()]
    live = any(run.name in recipes for run in jobs.live(folder))
    label, icon = ("Train again", "replay") if earlier else ("Train", "play_arrow")
    pressed = st.button(
        label, icon=f":material/{icon}:", type="primary", disabled=live, key=widgets.once(f"lecture:{name}:train")
    )
    if not pressed or live:  # another visitor may have pressed it meanwhile
        return
    with widgets.acting(f"lecture:{name}:train", "Preparing the text …"):
        for run in earlier:
            trash.delete(folder, run)
        for run, recipe in recipes.items():
            jobs.create(folder, run, recipe, corpus)
        st.rerun()


def _show_changes(recipes: dict[str, tuple[Recipe, Recipe]]) -> None:
    """Say which runs were trained with another recipe than this page's. recipes: label → (the run's, the page's)."""
    for label, (trained, wanted) in recipes.items():
        changes = ", ".join(
            f"{field} {old} (asked for now: {new})" for field, old, new in _differences(trained, wanted)
        )
        if changes:
            st.info(
                f"{widgets.plain(label)} was trained with {widgets.plain(changes, longest=300)}. "
                "*Train again* uses the new values."
            )


def _differences(trained: Recipe, wanted: Recipe) -> Iterator[tuple[str, object, object]]:
    """The fields of recipe and model that differ, with both values, without those that a run fills in itself."""
    old, new = ({**vars(recipe), **vars(recipe.model)} for recipe in (trained, wanted))
    for field in sorted(old.keys() - {"about", "model", "vocab_size"}):
        if old[field] != new[field]:
            yield field, old[field], new[field]
