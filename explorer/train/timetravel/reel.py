"""What a film shows: the snapshots of a run, read one after another."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer.components.film import Film, packing
from explorer.explore.heads.panel import MEANING, clearest_head
from explorer.figures.curves import running_mean, thinned
from explorer.opened import Opened
from explorer.shared import texts, widgets
from explorer.shared.cache import cached
from explorer.shared.prompt import Reading
from explorer.train.runs.folders import logged
from gpt import Run
from gpt.lens.history import Rise, largest_rise
from gpt.train.tail import Logged

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
    frames: list[tuple[np.ndarray, np.ndarray]]  # S, as `read_frame` returns them
    scores: dict[str, np.ndarray]  # kind → (S, n_layer, n_head); may be {}
    notes: list[str]  # Markdown


def load_reel(opened: Opened, reading: Reading, steps: Sequence[int]) -> Reel:
    """Read every snapshot, with a progress bar if it takes long. A damaged snapshot is left out, with a note."""
    model = opened.config
    chosen, T = fitting(steps, model.n_layer * model.n_head, len(reading.ids), causal=model.causal)
    notes = []
    if len(chosen) < len(steps):
        notes.append(f"The film shows {len(chosen)} of {len(steps)} snapshots, evenly spaced, to stay small.")
    if len(reading.ids) > T:
        notes.append(f"The film shows the last {T} of {len(reading.ids)} tokens, to stay small.")
    frames = {}
    for step in _with_progress(chosen, "Reading snapshot"):
        try:
            frames[step] = read_frame(opened.at(step), reading.ids[-T:])
        except ValueError as error:
            notes.append(f"The snapshot of step {step:,} is left out: {widgets.plain(str(error), longest=300)}")
    scores = {}
    try:
        if model.n_layer and frames:
            scores = _scores(opened, list(frames))
    except ValueError as error:
        notes.append(f"No score curves: {widgets.plain(str(error), longest=300)}")
    return Reel(list(frames), reading.tokens[-T:], list(frames.values()), scores, notes)


def _scores(opened: Opened, steps: Sequence[int]) -> dict[str, np.ndarray]:
    """Return kind → (S, n_layer, n_head)."""
    text = texts.probe_text(opened)
    per_step = [read_scores(opened.at(step), text) for step in _with_progress(steps, "Scoring snapshot")]
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


@cached(max_entries=600, max_size="256MB")
def read_frame(opened: Opened, ids: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Run a snapshot on the prompt: its patterns, encoded for the film, and the next token's (vocab_size,)
    probabilities.

    Raises ValueError if the snapshot is gone or damaged.
    """
    import torch

    from gpt.lens import history

    frame = history.frame(opened.load_model(), torch.tensor(ids))
    return packing.encode(frame.patterns.numpy(), causal=opened.config.causal), frame.probabilities.numpy()


@cached(max_entries=600)
def read_scores(opened: Opened, text: str) -> dict[str, np.ndarray]:
    """Compute every head's scores at a snapshot, on the probe set of this validation text.

    Raises ValueError if the snapshot cannot be read, or a probe text has fewer than two tokens.
    """
    from gpt.lens import heads

    probe = heads.probe_set(opened.tokenizer, opened.config.block_size, text)
    return {kind: scores.numpy() for kind, scores in heads.head_scores(opened.load_model(), probe).items()}


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
    """Return the losses up to step `last`, in nats per token: of each batch, their running mean, and validation."""
    numbers = numbers.before(last + 1)
    steps, batch = numbers.series("train_loss")
    some = thinned(batch, MOST_POINTS)
    curves = {"batch": (steps, batch), "mean": (steps, running_mean(batch))}
    thin = {name: (x[some].tolist(), y[some].tolist()) for name, (x, y) in curves.items()}
    return thin | {"validation": tuple(values.tolist() for values in numbers.series("val_loss"))}


def _with_progress(steps: Sequence[int], doing: str) -> Iterator[int]:
    """Yield the steps, with a progress bar once they take longer than `PATIENCE`."""
    place, started = st.empty(), time.monotonic()
    for i, step in enumerate(steps):
        if time.monotonic() - started > PATIENCE:
            place.progress(i / len(steps), text=f"{doing} {i + 1} of {len(steps)} …")
        yield step
    place.empty()
