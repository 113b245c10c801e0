"""Small trainings on a page of the lecture, and their losses. They run in processes of their own.

On a shared server each student trains runs of their own. Without one, they see the teacher's.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import cast

import streamlit as st
import torch
from plotly.graph_objects import Figure
from torch import Tensor

from explorer.figures import style
from explorer.figures.export import file_name
from explorer.figures.race import Racer, race_curves
from explorer.lecture.kit.classroom import hidden, note_hidden
from explorer.lecture.kit.finished import finished, finished_weights
from explorer.opened import OWN, Opened, open_run, runs_folder
from explorer.people.identity import current
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.train import jobs
from explorer.train.curves import draw_curves
from explorer.train.progress import draw_group_buttons, draw_progress, while_live
from explorer.train.runs import trash
from explorer.train.runs.folders import logged
from gpt import GPT, Corpus, Recipe, Run, build_model, load_corpus
from gpt.train.tail import Logged

CURVES, COMPARED = 560, 520  # pixels: of the curves of one run, of several runs, with their caption


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
    run = _opened(_shown_runs(name, [label])).get(label)
    return run if run and run.steps else None


def draw_loss(run: Run | None, name: str, label: str) -> None:
    """Draw a run's curves, or those of the finished run, grey, at the same height. name, label: see `trained`."""
    with st.container(height=CURVES, border=False):
        if run is None:
            draw_losses(name, {}, [label], f"{name}:finished")
        else:
            draw_curves(run)


def untrained(recipe: Recipe) -> GPT:
    """The model with its initial weights."""
    vocab_size = texts.characters(load_corpus(recipe.text).text).vocab_size
    torch.manual_seed(recipe.seed)
    return cast(GPT, build_model(recipe.changed(vocab_size=vocab_size).model)).eval().requires_grad_(False)


def trained_model(run: Run) -> GPT:
    """The model of the run's newest snapshot."""
    return cast(GPT, Opened.of(run).model)


def finished_model(name: str, label: str, recipe: Recipe) -> GPT:
    """The model of a finished run whose weights ship. name, label: see `trained`."""
    model = untrained(recipe)
    model.load_state_dict(finished_weights(name, label))
    return model


def validation_rows(recipe: Recipe, rows: int) -> Tensor:
    """The first chunks of the validation text, (rows, block_size + 1)."""
    _, ids = texts.halves(load_corpus(recipe.text).text)
    length = recipe.model.block_size + 1
    return ids[: rows * length].view(rows, length)


def draw_losses(name: str, runs: dict[str, Run], labels: Sequence[str], key: str) -> None:
    """Draw the runs' losses, each run in its label's colour; without a run, those of finished runs, grey.

    name: of the training; key: of the chart.
    """
    numbers = logged_or_finished(name, runs)
    if not numbers:
        widgets.empty_state("There is no curve yet.", "Press *Train* to see the losses here.", COMPARED)
        return
    racers, end = [], 1.0
    for label, color in zip(labels, style.OKABE_ITO, strict=False):
        metrics = numbers.get(label, Logged({}))
        racers.append(Racer(label, color, metrics.series("train_loss"), metrics.series("val_loss")))
        end = max(end, *metrics.series("val_loss")[0], runs[label].recipe.steps if label in runs else 0)
    figure = grey_unless(bool(runs), race_curves(racers, unit="steps", end=end))
    chart(figure, key=key, alt=f"Losses of {', '.join(labels)} over the steps")
    st.caption(
        f"{finished_sentence(runs)}Thick: validation loss. Thin: running mean of the training loss. The axis leaves "
        "out the first losses."
    )


def logged_or_finished(name: str, runs: dict[str, Run]) -> dict[str, Logged]:
    """Return the metrics of the person's runs, else of the finished runs of this training: label → metrics."""
    return {label: logged(run.folder) for label, run in runs.items()} or finished(name)


def grey_unless(is_own: bool, figure: Figure) -> Figure:
    """Return the figure, grey if its numbers are not the person's own."""
    return figure if is_own else style.grey(figure)


def finished_sentence(runs: Collection[object]) -> str:
    """Say whose curves are drawn, where the person has no run."""
    return "" if runs else f"{style.word(style.MUTED).capitalize()}: finished runs of ours. *Train* draws yours. "


def _own_run(name: str, label: str) -> str:
    """The name of the run that this person trains. A student's ends with a part of their id."""
    person = current()
    return file_name("lecture", name, label, *([] if person.is_teacher else [person.id[:8]])).lower()


def _shown_runs(name: str, labels: Iterable[str]) -> dict[str, str]:
    """The runs of this training that this person sees: label → their own, or the teacher's."""
    own = {label: _own_run(name, label) for label in labels}
    if any((runs_folder() / run).exists() for run in own.values()):
        return own
    return {label: file_name("lecture", name, label).lower() for label in own}


def _follow(
    name: str, recipes: dict[str, Recipe], draw: Callable[[dict[str, Run]], None], about: str, corpus: Corpus | None
) -> None:
    runs = _opened(_shown_runs(name, recipes))
    st.markdown(about)
    if not widgets.only_shows() and not hidden("training"):
        note_hidden("training")
        with st.container(horizontal=True):
            _train(name, {_own_run(name, label): recipe for label, recipe in recipes.items()}, corpus)
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
    key = widgets.once(f"lecture:{name}:train")
    pressed = st.button(label, icon=f":material/{icon}:", type="primary", disabled=live, key=key)
    if not pressed or live:  # it may have been pressed in another tab meanwhile
        return
    with widgets.acting(f"lecture:{name}:train", "Preparing the text …"):
        jobs.check_room(folder, len(recipes))
        for run in earlier:
            trash.delete(folder, run)
        for run, recipe in recipes.items():
            jobs.create(folder, run, recipe, corpus)
        st.rerun()


def _show_changes(recipes: dict[str, tuple[Recipe, Recipe]]) -> None:
    """Say which runs were trained with another recipe than this page's. recipes: label → (the run's, the page's)."""
    for label, (trained, wanted) in recipes.items():
        changed = _differences(trained, wanted)
        changes = ", ".join(f"{field} {old} (asked for now: {new})" for field, old, new in changed)
        if changes:
            values = widgets.plain(changes, longest=300)
            st.info(f"{widgets.plain(label)} was trained with {values}. *Train again* uses the new values.")


def _differences(trained: Recipe, wanted: Recipe) -> Iterator[tuple[str, object, object]]:
    """The fields of recipe and model that differ, with both values, without those that a run fills in itself."""
    old, new = ({**vars(recipe), **recipe.model.to_dict()} for recipe in (trained, wanted))
    for field in sorted(old.keys() - {"about", "model", "vocab_size"}):
        if old[field] != new.get(field):
            yield field, old[field], new.get(field)
