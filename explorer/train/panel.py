"""The live part of the Train page: the chosen run, its curves, its sample and its heads."""

from contextlib import suppress

import streamlit as st

from explorer import state
from explorer.choice import choose
from explorer.components.attention_view.linked import linked_view
from explorer.components.attention_view.packing import sharpest
from explorer.opened import Opened, open_run, references, runs_folder
from explorer.places import is_read_only
from explorer.shared import examples, patterns, widgets
from explorer.shared.choices import RUN
from explorer.train import progress
from explorer.train.curves import draw_curves, draw_more_metrics
from explorer.train.runs import folders
from gpt import Run

SAMPLE_HEIGHT = 300  # pixels
EXAMPLE = "shakespeare-char"  # shown before the first run


def _own_runs() -> list[str]:
    """List the names of the person's runs that can be opened, the newest first."""
    return [ref.removeprefix("runs/") for ref in references() if ref.startswith("runs/")]


def chosen_run() -> Run | None:
    """Return the shown run. `draw_run` explains what is wrong with a run that cannot be opened."""
    name = progress.shown_run(_own_runs())
    with suppress(ValueError):
        return open_run(f"runs/{name}") if name else None
    return None


def draw_run() -> None:
    """Draw the chosen run; it is drawn again each second while any run is live."""
    progress.while_live(_draw_run)


def _draw_run() -> None:
    names = _own_runs()
    shown = progress.shown_run(names)
    progress.warn_of_unknown_run(names)
    if shown is None:
        return _draw_example()
    picker, buttons = st.columns([2, 3], vertical_alignment="bottom")
    with picker:
        _pick_run(names, shown)
    with widgets.guarded():
        run = open_run(f"runs/{shown}")
        status = run.status
        with buttons.container(horizontal=True, vertical_alignment="center"):
            progress.draw_buttons(run, status)
        progress.draw_progress(run, status)
        _draw_curves_and_sample(run)


def _draw_example() -> None:
    """Draw the training of a shipped model while the person has no run."""
    run = open_run(EXAMPLE)
    start = "Press *Start* above; the default settings train a small GPT in about a minute. "
    st.markdown(
        f"**No run yet.** {'' if is_read_only() else start}Below is the training of the shipped model *{run.name}*."
    )
    _draw_curves_and_sample(run)


def _draw_curves_and_sample(run: Run) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left, widgets.guarded():
        draw_curves(run)
        draw_more_metrics(run)
    with right:
        draw_sample(run)
        with st.container(horizontal=True):
            progress.link_to_lenses(run)


def _pick_run(names: list[str], shown: str) -> None:
    """Draw the runs with their states. A selectbox knows options by their labels, so new labels need a new key."""
    labels = {name: _label(name) for name in names}
    key = f"train:run:{shown}:{hash(tuple(labels.values()))}"
    name = st.selectbox("Run", names, names.index(shown), format_func=labels.__getitem__, key=key)
    if name != shown:
        choose({RUN: name})
        st.rerun()


def _label(name: str) -> str:
    run = folders.open_entry(runs_folder() / name).run
    return f"{run.label} · {progress.STATE_NAMES[run.status.state].lower()}" if run else f"{name} · cannot be read"


def draw_sample(run: Run) -> None:
    """Draw the text that the run wrote at its newest snapshot."""
    samples = run.samples()
    newest = samples[-1] if samples else {}
    st.markdown(f"Sample after step {newest['step']:,}" if "step" in newest else "Sample")
    st.code(str(newest.get("text", " ")), language=None, wrap_lines=True, height=SAMPLE_HEIGHT)
    if run.objective.translates:
        widgets.caption("The model translates the same validation sources at each snapshot.", "1:42:39")
    else:
        widgets.caption("The newest snapshot wrote this text. Each snapshot uses the same seed.", "0:22:11")


def draw_heads() -> None:
    """Draw the chosen run's heads at its newest snapshot.

    The prompt is outside the part that is drawn again each second: a redraw would lose letters while a person types.
    """
    run = chosen_run()
    if run is None:
        return
    if run.objective.translates:
        st.caption("This model translates. Its three kinds of attention are on the page *Encoder and decoder*.")
    elif not run.recipe.model.n_layer:
        st.caption("A bigram table has no heads: it reads only the last token.")
    else:
        prompt = widgets.prompt_box(examples.of_model(f"runs/{run.name}"))
        progress.while_live(lambda: _draw_heads(run, prompt))


def _draw_heads(run: Run, prompt: str) -> None:
    steps, ref = run.steps, f"runs/{run.name}"
    if not steps:
        st.caption("The heads appear here after the first snapshot.")
        return
    with widgets.guarded():
        opened = Opened.of(run)
        reading = widgets.reading(opened, prompt)
        if reading is None:
            return
        weights = patterns.attention(opened, reading.ids)
        chosen = widgets.head_choice(*weights.shape[:2])
        opening = state.recall(f"probe:{ref}") or sharpest(weights)
        state.remember(f"probe:{ref}", opening)  # the sharpest head may change; the shown one should not
        causal, key = run.recipe.model.causal, f"probe:{widgets.key_of(run.name)}"
        linked_view(weights, reading.tokens, key=key, look={"head": chosen}, causal=causal, opening=opening)
        widgets.caption(
            f"Every head on this prompt after step {steps[-1]:,}, updated at each snapshot. Click a head to keep it "
            "large.",
            "1:21:59",
        )
