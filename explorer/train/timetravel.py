"""A run over its snapshots: what is loaded of them, what is said of them, and the film that shows them."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer import state
from explorer.components.film import Film, Look, packing, play
from explorer.explore.heads.panel import MEANING, clearest, probe_note
from explorer.figures.curves import running_mean, thinned
from explorer.navigation import PAGES
from explorer.shared import examples, lenses, loading, texts, widgets
from explorer.shared.fragment import fragment
from explorer.train import fork as forking
from explorer.train import jobs
from explorer.train.runs.folders import logged
from gpt import Run
from gpt.lens.history import Rise, largest_rise
from gpt.train.tail import Logged

DEFAULT = "induction"
PERIOD = 2.0  # seconds between two looks for new snapshots
PATIENCE = 0.5  # seconds of loading before a progress bar shows
BYTES = 24_000_000  # of patterns that a film may send to the browser
MOST_SNAPSHOTS = 120
FEWEST_SNAPSHOTS = 20  # kept before the prompt is shortened
MOST_POINTS = 500  # of a loss curve
N_ANSWERS = 10  # next tokens whose bars are shown


class Reel(NamedTuple):
    """What could be read of a run's snapshots, and what could not."""

    steps: list[int]  # S
    tokens: Sequence[str]  # T
    frames: list[tuple[np.ndarray, np.ndarray]]  # S, as `lenses.frame` has them
    scores: dict[str, np.ndarray]  # kind → (S, n_layer, n_head); {} where there are none
    notes: list[str]  # Markdown


def run_and_prompt() -> tuple[str, str]:
    """The prompt and the run in one row; returns the run's reference and the prompt."""
    left, right = st.columns([5, 2])
    with right:
        ref = widgets.model_picker(label="Run", default=DEFAULT)
    if ref is None:
        widgets.no_model()
    run = state.choice("run")
    if run is not None and f"runs/{run}" != ref:
        state.choose(run=None)  # that the Train page shows; the link of this page would name two runs
    with left:
        return ref, widgets.prompt_box(examples.of_model(ref))


def known_steps(ref: str) -> list[int]:
    """The steps of the snapshots that this session plays; those that come while it looks wait until they are asked for."""
    there = loading.load_run(ref).steps
    known = state.recall(f"film:steps:{ref}") or there
    if not set(known) <= set(there):
        known = there
    state.remember(f"film:steps:{ref}", known)
    return known


def newcomers(ref: str, known: Sequence[int]) -> None:
    """While the run trains: how many snapshots have come since those that are `known`, and a button that adds them."""
    run = loading.load_run(ref)
    is_live = run.status.state in jobs.LIVE

    def look() -> None:
        new = len(set(run.steps) - set(known))
        if (run.status.state in jobs.LIVE) != is_live or (new and not known):
            st.rerun()
        label = f"{widgets.count(new, 'new snapshot')}: load"
        if new and st.button(label, icon=":material/download:", key=f"more:{ref}"):
            state.remember(f"film:steps:{ref}", None)
            st.rerun()
        elif is_live and not new:
            st.caption("This run is training; its next snapshot will be offered here.")

    fragment(look, run_every=PERIOD if is_live else None)


def load(ref: str, reading: loading.Reading, steps: Sequence[int]) -> Reel:
    """Look at every snapshot, behind a progress bar where that takes a while; one that cannot be read is left out and named."""
    run = loading.load_run(ref)
    model = run.recipe.model
    kept, T = fitting(steps, model.n_layer * model.n_head, len(reading.ids), causal=model.causal)
    notes = []
    if len(kept) < len(steps):
        notes.append(f"{len(kept)} of {len(steps)} snapshots are shown, evenly spread, so that the film stays small.")
    if len(reading.ids) > T:
        notes.append(f"The last {T} of {len(reading.ids)} tokens are read, so that the film stays small.")
    frames = {}
    for step in _with_progress(kept, "Looking at snapshot"):
        try:
            frames[step] = lenses.frame(run, step, reading.ids[-T:])
        except ValueError as error:
            notes.append(f"The snapshot of step {step:,} is left out: {widgets.plain(str(error), longest=300)}")
    scores = {}
    try:
        if model.n_layer and frames:
            scores = _scores(ref, list(frames))
    except ValueError as error:
        notes.append(f"There are no score curves: {widgets.plain(str(error), longest=300)}")
    return Reel(list(frames), reading.tokens[-T:], list(frames.values()), scores, notes)


def _scores(ref: str, steps: Sequence[int]) -> dict[str, np.ndarray]:
    """Kind → (S, n_layer, n_head)."""
    run, probe = loading.load_run(ref), texts.probe_text(ref)
    found = [lenses.snapshot_scores(run, step, probe) for step in _with_progress(steps, "Scoring snapshot")]
    return {kind: np.stack([scores[kind] for scores in found]) for kind in MEANING}


def fitting(steps: Sequence[int], n_heads: int, T: int, *, causal: bool) -> tuple[list[int], int]:
    """As many snapshots and tokens as a film may hold: the steps that stay, evenly thinned, and how many last tokens.

    n_heads: of all layers together.
    """
    size = n_heads * packing.cells(T, causal=causal)
    room = BYTES // max(size, 1)
    most = min(len(steps), MOST_SNAPSHOTS, max(room, FEWEST_SNAPSHOTS))
    kept = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, most).round().astype(int))]
    while T > 1 and len(kept) * n_heads * packing.cells(T, causal=causal) > BYTES:
        T -= 1
    return kept, T


def show(ref: str, reel: Reel) -> Look:
    """The film itself; returns what the person looks at, which the address then holds."""
    run = loading.load_run(ref)
    for note in reel.notes:
        st.caption(note)
    if len(reel.steps) == 1:
        st.caption("Only one snapshot of this run can be shown, so there is no film to play; *induction* has forty.")
    film = film_of(run, reel)
    n_layer, n_head = film.codes.shape[1:3]
    head = widgets.head_choice(n_layer, n_head) if n_layer else None
    wanted = state.number("step") if state.choice("step") is not None else film.steps[-1]
    step = nearest(film.steps, wanted)
    if step != wanted:
        st.caption(f"There is no snapshot of step {wanted:,} here; the nearest is that of step {step:,}.")
        state.choose(step=step)
    pinned = nearest(film.steps, state.number("pinned")) if state.choice("pinned") is not None else None
    score = state.choice("score")
    asked = Look(step, head, pinned, score if score in film.scores else None)
    look = play(film, asked, key=f"film:{widgets.key_of(ref)}")
    if look != asked:
        layer, index = look.head or (None, None)
        heads = {"layer": layer, "head": index} if n_layer else {}
        state.choose(step=look.step, pinned=look.pinned, score=look.kind, **heads)
    return look


def film_of(run: Run, reel: Reel) -> Film:
    """All that the film shows, from what was read of the run."""
    probabilities = np.stack([row for _, row in reel.frames])  # (S, vocab_size)
    finite = np.nan_to_num(probabilities)
    answers = np.argsort(-finite.max(0), kind="stable")[:N_ANSWERS]  # that are ever the likeliest …
    answers = answers[np.argsort(-finite[-1, answers], kind="stable")]  # … in the newest snapshot's order
    likeliest = finite.argmax(1)
    written = {row["step"]: str(row.get("text", "")) for row in run.samples()}
    rises = {kind: rise_of(kind, reel.steps, values) for kind, values in reel.scores.items()}
    kind = next((kind for kind in ("induction", *rises) if rises.get(kind)), "induction")
    top = rises.get(kind)
    last = {kind: values[-1] for kind, values in reel.scores.items()}
    return Film(
        steps=reel.steps,
        codes=np.stack([codes for codes, _ in reel.frames]),
        causal=run.recipe.model.causal,
        tokens=reel.tokens,
        answers=run.tokenizer.tokens(answers.tolist()),
        probabilities=probabilities[:, answers],
        likeliest=list(
            zip(
                run.tokenizer.tokens(likeliest.tolist()),
                probabilities[np.arange(len(likeliest)), likeliest],
                strict=True,
            )
        ),
        samples=[written.get(step) for step in reel.steps],
        losses=losses(logged(run.folder), reel.steps[-1]),
        scores=reel.scores,
        words={kind: words(kind, rise) for kind, rise in rises.items()},
        spans={kind: (rise.start, rise.end) for kind, rise in rises.items() if rise},
        opening=(top.layer, top.head) if top else clearest(last) if last else (0, 0),
        kind=kind,
    )


def rise_of(kind: str, steps: Sequence[int], scores: np.ndarray) -> Rise | None:
    """Where a kind's score rises most, `gpt.lens.history.largest_rise`; of the entropy, where it falls most."""
    import torch

    sign = -1 if kind == "entropy" else 1
    rise = largest_rise(steps, sign * torch.tensor(scores))
    return rise and rise._replace(low=sign * rise.low, high=sign * rise.high)


def words(kind: str, rise: Rise | None) -> str:
    """What a kind's curves show, in a sentence."""
    change = "fall" if kind == "entropy" else "rise"
    score = kind if kind == "entropy" else f"{kind} score"
    if rise is None:
        return f"No head's {score} {change}s by 0.1 or more between these snapshots."
    low, high = (f"{value:.2f}".replace("-", "−") for value in (rise.low, rise.high))
    return (
        f"The largest {change} of the {score} is between steps {rise.start:,} and {rise.end:,} "
        f"(head L{rise.layer}H{rise.head}: {low} → {high})."
    )


def losses(numbers: Logged, last: int) -> dict[str, tuple[list[float], list[float]]]:
    """The logged losses up to step `last`, nats a token: each batch's, their running mean, and on held-out text."""
    numbers = numbers.before(last + 1)
    steps, batch = numbers.series("train_loss")
    some = thinned(batch, MOST_POINTS)
    curves = {"batch": (steps, batch), "mean": (steps, running_mean(batch))}
    thin = {name: (x[some].tolist(), y[some].tolist()) for name, (x, y) in curves.items()}
    return thin | {"validation": tuple(values.tolist() for values in numbers.series("val_loss"))}


def nearest(steps: Sequence[int], wanted: int) -> int:
    """The step that is closest to `wanted`."""
    return min(steps, key=lambda step: abs(step - wanted))


def fork(ref: str, look: Look) -> None:
    """Train on from the snapshot that is looked at, under other rules."""
    with st.expander(f"Fork here: train on from step {look.step:,}, under other rules", icon=":material/fork_right:"):
        forking.fork_here(loading.load_run(ref), look.step)
        st.page_link(PAGES / "train.py", label="See the fork train", icon=":material/show_chart:")


def details(ref: str, reel: Reel, look: Look) -> None:
    """What the scores are, and every head's at the step that is looked at, as a table."""
    if not reel.scores:
        return
    with st.expander(f"Scores of every head at step {look.step:,}"):
        st.caption(
            "A score is how much more weight a head puts where such a head would read than even attention does: 0 is no more. "
            + probe_note(ref)
        )
        st.markdown("  \n".join(f"**{kind.capitalize()}**: {meaning}" for kind, meaning in MEANING.items()))
        at = reel.steps.index(look.step)
        rows = [
            {"layer": layer, "head": head, **{kind: float(reel.scores[kind][at, layer, head]) for kind in MEANING}}
            for layer, head in np.ndindex(reel.scores["entropy"].shape[1:])
        ]
        numbers = {kind: st.column_config.NumberColumn(format="%+.3f") for kind in MEANING}
        st.dataframe(rows, hide_index=True, column_config=numbers, key="film:scores")


def score_note(reel: Reel) -> str:
    """What the score curves are, where there are any."""
    if not reel.scores or len(reel.steps) == 1:
        return ""
    return (
        " A score is the weight that a head puts where such a head would read, less what even attention puts there; solid lines "
        "are the last layer's heads, dashed ones those of earlier layers."
    )


def _with_progress(steps: Sequence[int], doing: str) -> Iterator[int]:
    """The steps, with a bar that shows once they take longer than `PATIENCE`."""
    place, started = st.empty(), time.monotonic()
    for i, step in enumerate(steps):
        if time.monotonic() - started > PATIENCE:
            place.progress(i / len(steps), text=f"{doing} {i + 1} of {len(steps)} …")
        yield step
    place.empty()
