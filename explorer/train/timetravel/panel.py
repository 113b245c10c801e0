"""Time travel: the snapshots of a run as a film."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer import state
from explorer.choice import Choice, choose
from explorer.components.film import Look, play
from explorer.explore.heads.names import MEANING
from explorer.explore.heads.panel import describe_probe
from explorer.navigation import PAGES
from explorer.opened import Opened, open_model
from explorer.shared import examples, widgets
from explorer.shared.choices import HEAD, LAYER, RUN, SCORE
from explorer.shared.fragment import fragment
from explorer.train import jobs
from explorer.train.fork import fork_here
from explorer.train.runs.folders import logged
from explorer.train.timetravel.film import Reel, film_of

DEFAULT = "induction"
STEP = Choice("step", int, 0, label="Step")
PINNED = Choice("pinned", int, 0, label="Step to compare with")
SCORES = "A score is the weight that a head puts where such a head reads, minus the weight of uniform attention."
PERIOD = 2.0  # seconds between two checks for new snapshots


def run_and_prompt() -> tuple[Opened, str]:
    """Draw the prompt and the run in one row; returns the run's model and the prompt."""
    left, right = st.columns([5, 2])
    with right:
        ref = widgets.model_picker(label="Run", default=DEFAULT, real=False)
    if ref is None:
        widgets.no_model()
    if RUN.text is not None and f"runs/{RUN.text}" != ref:
        choose({RUN: None})  # the Train page's run; else the link of this page would name two runs
    with left:
        prompt = widgets.prompt_box(examples.of_model(ref))
    return open_model(ref), prompt


def known_steps(opened: Opened) -> list[int]:
    """Return the steps of the snapshots in this session's film. New ones are added when the person asks."""
    steps, memory = opened.run.steps, f"film:steps:{opened.ref}"
    known = state.recall(memory) or steps
    if not set(known) <= set(steps):
        known = steps
    state.remember(memory, known)
    return known


def offer_new_snapshots(opened: Opened, known: Sequence[int]) -> None:
    """While the run trains, draw a button that adds the snapshots that are not `known`."""
    run = opened.run
    is_live = run.status.state in jobs.LIVE

    def check() -> None:
        new = len(set(run.steps) - set(known))
        if (run.status.state in jobs.LIVE) != is_live or (new and not known):
            st.rerun()
        label = f"{widgets.count(new, 'new snapshot')}: load"
        if new and st.button(label, icon=":material/download:", key=f"more:{opened.ref}"):
            state.remember(f"film:steps:{opened.ref}", None)
            st.rerun()
        elif is_live and not new:
            st.caption("This run is training. A button for its next snapshot will appear here.")

    fragment(check, run_every=PERIOD if is_live else None)


def play_film(opened: Opened, reel: Reel) -> Look:
    """Draw the film. Returns what the person looks at; the link then holds it."""
    for note in reel.notes:
        st.caption(widgets.plain(note, longest=400))
    if len(reel.steps) == 1:
        st.caption("This run has only one snapshot to show, so there is no film to play. The model *induction* has 40.")
    film = film_of(opened.run, reel, logged(opened.run.folder))
    n_layer, n_head = film.codes.shape[1:3]
    head = widgets.head_choice(n_layer, n_head) if n_layer else None
    wanted, pinned = STEP.read(default=film.steps[-1]), PINNED.read()
    step = nearest(film.steps, wanted)
    if step != wanted:
        st.caption(f"There is no snapshot of step {wanted:,} here; this is the nearest, step {step:,}.")
        choose({STEP: step})
    score = SCORE.check(options=list(film.scores))[0]
    request = Look(step, head, pinned if pinned is None else nearest(film.steps, pinned), score)
    look = play(film, request, key=f"film:{widgets.key_of(opened.ref)}")
    if look != request:
        layer, index = look.head or (None, None)
        heads = {LAYER: layer, HEAD: index} if n_layer else {}
        choose({STEP: look.step, PINNED: look.pinned, SCORE: look.kind, **heads})
    return look


def nearest(steps: Sequence[int], wanted: int) -> int:
    """Return the step that is closest to `wanted`."""
    return min(steps, key=lambda step: abs(step - wanted))


def draw_fork(opened: Opened, look: Look) -> None:
    """Draw the form that forks the run at the shown snapshot."""
    with st.expander(f"Fork: continue step {look.step:,} with other settings", icon=":material/fork_right:"):
        fork_here(opened.run, look.step)
        st.page_link(PAGES / "train.py", label="See the fork train", icon=":material/show_chart:")


def draw_scores(opened: Opened, reel: Reel, look: Look) -> None:
    """Draw the meaning of the scores, and a table with every head's scores at the shown step."""
    if not reel.scores:
        return
    with st.expander(f"Scores of every head at step {look.step:,}"):
        st.caption(f"{SCORES} {describe_probe(opened)}")
        st.markdown("  \n".join(f"**{kind.capitalize()}**: {meaning}" for kind, meaning in MEANING.items()))
        at = reel.steps.index(look.step)
        rows = [
            {"layer": layer, "head": head, **{kind: float(reel.scores[kind][at, layer, head]) for kind in MEANING}}
            for layer, head in np.ndindex(reel.scores["entropy"].shape[1:])
        ]
        numbers = {kind: st.column_config.NumberColumn(format="%+.3f") for kind in MEANING}
        st.dataframe(rows, hide_index=True, column_config=numbers, key="film:scores")


def score_note(reel: Reel) -> str:
    """Return the explanation of the score curves, or "" if there are none."""
    if not reel.scores or len(reel.steps) == 1:
        return ""
    return f" {SCORES} Solid lines: heads of the last layer. Dashed lines: earlier layers."
