"""Time travel: the snapshots of a run as a film."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer import state
from explorer.choice import Choice, choose
from explorer.components.film import Film, Look, packing, play
from explorer.explore.heads.panel import MEANING, clearest_head, describe_probe
from explorer.figures.curves import running_mean, thinned
from explorer.navigation import PAGES
from explorer.opened import Opened
from explorer.shared import examples, lenses, loading, texts, widgets
from explorer.shared.choices import HEAD, LAYER, RUN, SCORE
from explorer.shared.fragment import fragment
from explorer.train import jobs
from explorer.train.fork import fork_here
from explorer.train.runs.folders import logged
from gpt import Run
from gpt.lens.history import Rise, largest_rise
from gpt.train.tail import Logged

DEFAULT = "induction"
STEP = Choice("step", int, 0, label="Step")
PINNED = Choice("pinned", int, 0, label="Step to compare with")
PERIOD = 2.0  # seconds between two checks for new snapshots
PATIENCE = 0.5  # seconds of loading before a progress bar appears
BYTES = 24_000_000  # largest size of the patterns that a film sends to the browser
MOST_SNAPSHOTS = 120
FEWEST_SNAPSHOTS = 20  # a film with fewer shortens the prompt instead
MOST_POINTS = 500  # of a loss curve
N_ANSWERS = 10  # next tokens with a bar


class Reel(NamedTuple):
    """What was read from a run's snapshots, and notes on what could not be read."""

    steps: list[int]  # S
    tokens: Sequence[str]  # T
    frames: list[tuple[np.ndarray, np.ndarray]]  # S, as `lenses.frame` returns them
    scores: dict[str, np.ndarray]  # kind → (S, n_layer, n_head); may be {}
    notes: list[str]  # Markdown


def run_and_prompt() -> tuple[str, str]:
    """Draw the prompt and the run in one row; returns the run's reference and the prompt."""
    left, right = st.columns([5, 2])
    with right:
        ref = widgets.model_picker(label="Run", default=DEFAULT)
    if ref is None:
        widgets.no_model()
    if RUN.text is not None and f"runs/{RUN.text}" != ref:
        choose({RUN: None})  # the Train page's run; else the link of this page would name two runs
    with left:
        return ref, widgets.prompt_box(examples.of_model(ref))


def known_steps(ref: str) -> list[int]:
    """Return the steps of the snapshots in this session's film. New snapshots are added when the person asks for them."""
    steps = loading.load_run(ref).steps
    known = state.recall(f"film:steps:{ref}") or steps
    if not set(known) <= set(steps):
        known = steps
    state.remember(f"film:steps:{ref}", known)
    return known


def offer_new_snapshots(ref: str, known: Sequence[int]) -> None:
    """While the run trains, draw a button that adds the snapshots that are not `known`."""
    run = loading.load_run(ref)
    is_live = run.status.state in jobs.LIVE

    def check() -> None:
        new = len(set(run.steps) - set(known))
        if (run.status.state in jobs.LIVE) != is_live or (new and not known):
            st.rerun()
        label = f"{widgets.count(new, 'new snapshot')}: load"
        if new and st.button(label, icon=":material/download:", key=f"more:{ref}"):
            state.remember(f"film:steps:{ref}", None)
            st.rerun()
        elif is_live and not new:
            st.caption("This run is training. A button for its next snapshot will appear here.")

    fragment(check, run_every=PERIOD if is_live else None)


def load(ref: str, reading: loading.Reading, steps: Sequence[int]) -> Reel:
    """Read every snapshot, with a progress bar if it takes long. A snapshot that cannot be read is left out, with a note."""
    run = loading.load_run(ref)
    model = run.recipe.model
    chosen, T = fitting(steps, model.n_layer * model.n_head, len(reading.ids), causal=model.causal)
    notes = []
    if len(chosen) < len(steps):
        notes.append(f"The film shows {len(chosen)} of {len(steps)} snapshots, evenly spaced, to stay small.")
    if len(reading.ids) > T:
        notes.append(f"The film shows the last {T} of {len(reading.ids)} tokens, to stay small.")
    frames = {}
    for step in _with_progress(chosen, "Reading snapshot"):
        try:
            frames[step] = lenses.frame(Opened.of(run, step), reading.ids[-T:])
        except ValueError as error:
            notes.append(f"The snapshot of step {step:,} is left out: {widgets.plain(str(error), longest=300)}")
    scores = {}
    try:
        if model.n_layer and frames:
            scores = _scores(ref, list(frames))
    except ValueError as error:
        notes.append(f"No score curves: {widgets.plain(str(error), longest=300)}")
    return Reel(list(frames), reading.tokens[-T:], list(frames.values()), scores, notes)


def _scores(ref: str, steps: Sequence[int]) -> dict[str, np.ndarray]:
    """Return kind → (S, n_layer, n_head)."""
    run, text = loading.load_run(ref), texts.probe_text(ref)
    per_step = [
        lenses.snapshot_scores(Opened.of(run, step), text) for step in _with_progress(steps, "Scoring snapshot")
    ]
    return {kind: np.stack([scores[kind] for scores in per_step]) for kind in MEANING}


def fitting(steps: Sequence[int], n_heads: int, T: int, *, causal: bool) -> tuple[list[int], int]:
    """Return as many snapshots and tokens as fit into a film: steps, evenly thinned, and the number of last tokens.

    n_heads: of all layers together.
    """
    size = n_heads * packing.cells(T, causal=causal)
    room = BYTES // max(size, 1)
    most = min(len(steps), MOST_SNAPSHOTS, max(room, FEWEST_SNAPSHOTS))
    chosen = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, most).round().astype(int))]
    while T > 1 and len(chosen) * n_heads * packing.cells(T, causal=causal) > BYTES:
        T -= 1
    return chosen, T


def play_film(ref: str, reel: Reel) -> Look:
    """Draw the film. Returns what the person looks at; the link then holds it."""
    run = loading.load_run(ref)
    for note in reel.notes:
        st.caption(note)
    if len(reel.steps) == 1:
        st.caption("This run has only one snapshot to show, so there is no film to play. The model *induction* has 40.")
    film = film_of(run, reel)
    n_layer, n_head = film.codes.shape[1:3]
    head = widgets.head_choice(n_layer, n_head) if n_layer else None
    wanted, pinned = STEP.read(default=film.steps[-1]), PINNED.read()
    step = nearest(film.steps, wanted)
    if step != wanted:
        st.caption(f"There is no snapshot of step {wanted:,} here; this is the nearest, step {step:,}.")
        choose({STEP: step})
    score = SCORE.check(options=list(film.scores))[0]
    request = Look(step, head, pinned if pinned is None else nearest(film.steps, pinned), score)
    look = play(film, request, key=f"film:{widgets.key_of(ref)}")
    if look != request:
        layer, index = look.head or (None, None)
        heads = {LAYER: layer, HEAD: index} if n_layer else {}
        choose({STEP: look.step, PINNED: look.pinned, SCORE: look.kind, **heads})
    return look


def film_of(run: Run, reel: Reel) -> Film:
    """Build the film from what was read from the run."""
    probabilities = np.stack([row for _, row in reel.frames])  # (S, vocab_size)
    finite = np.nan_to_num(probabilities)
    answers = np.argsort(-finite.max(0), kind="stable")[:N_ANSWERS]  # the likeliest over all snapshots …
    answers = answers[np.argsort(-finite[-1, answers], kind="stable")]  # … in the newest snapshot's order
    likeliest = finite.argmax(1)
    likeliest_p = probabilities[np.arange(len(likeliest)), likeliest]
    samples = {row["step"]: str(row.get("text", "")) for row in run.samples()}
    rises = {kind: find_rise(kind, reel.steps, values) for kind, values in reel.scores.items()}
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
        likeliest=list(zip(run.tokenizer.tokens(likeliest.tolist()), likeliest_p, strict=True)),
        samples=[samples.get(step) for step in reel.steps],
        losses=losses(logged(run.folder), reel.steps[-1]),
        scores=reel.scores,
        sentences={kind: describe_rise(kind, rise) for kind, rise in rises.items()},
        spans={kind: (rise.start, rise.end) for kind, rise in rises.items() if rise},
        opening=(top.layer, top.head) if top else clearest_head(last) if last else (0, 0),
        kind=kind,
    )


def find_rise(kind: str, steps: Sequence[int], scores: np.ndarray) -> Rise | None:
    """Find where a kind's score rises most, as `gpt.lens.history.largest_rise`; the entropy: where it falls most."""
    import torch

    sign = -1 if kind == "entropy" else 1
    rise = largest_rise(steps, sign * torch.tensor(scores))
    return rise and rise._replace(low=sign * rise.low, high=sign * rise.high)


def describe_rise(kind: str, rise: Rise | None) -> str:
    """Return one sentence on a kind's curves."""
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
    """Return the logged losses up to step `last`, in nats per token: of each batch, their running mean, and validation."""
    numbers = numbers.before(last + 1)
    steps, batch = numbers.series("train_loss")
    some = thinned(batch, MOST_POINTS)
    curves = {"batch": (steps, batch), "mean": (steps, running_mean(batch))}
    thin = {name: (x[some].tolist(), y[some].tolist()) for name, (x, y) in curves.items()}
    return thin | {"validation": tuple(values.tolist() for values in numbers.series("val_loss"))}


def nearest(steps: Sequence[int], wanted: int) -> int:
    """Return the step that is closest to `wanted`."""
    return min(steps, key=lambda step: abs(step - wanted))


def draw_fork(ref: str, look: Look) -> None:
    """Draw the form that forks the run at the shown snapshot."""
    with st.expander(f"Fork: continue step {look.step:,} with other settings", icon=":material/fork_right:"):
        fork_here(loading.load_run(ref), look.step)
        st.page_link(PAGES / "train.py", label="See the fork train", icon=":material/show_chart:")


def draw_scores(ref: str, reel: Reel, look: Look) -> None:
    """Draw the meaning of the scores, and a table with every head's scores at the shown step."""
    if not reel.scores:
        return
    with st.expander(f"Scores of every head at step {look.step:,}"):
        st.caption(
            "A score is the weight that a head puts where such a head reads, minus the weight of uniform attention. "
            + describe_probe(ref)
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
    """Return the explanation of the score curves, or "" if there are none."""
    if not reel.scores or len(reel.steps) == 1:
        return ""
    return (
        " A score is the weight that a head puts where such a head reads, minus the weight of uniform attention. "
        "Solid lines: heads of the last layer. Dashed lines: earlier layers."
    )


def _with_progress(steps: Sequence[int], doing: str) -> Iterator[int]:
    """Yield the steps, with a progress bar once they take longer than `PATIENCE`."""
    place, started = st.empty(), time.monotonic()
    for i, step in enumerate(steps):
        if time.monotonic() - started > PATIENCE:
            place.progress(i / len(steps), text=f"{doing} {i + 1} of {len(steps)} …")
        yield step
    place.empty()
