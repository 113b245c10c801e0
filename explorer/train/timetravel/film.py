"""A film of a run's snapshots on one prompt: read one after another, and put together. No Streamlit."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from explorer.components.film import Film, packing
from explorer.explore.heads.names import MEANING, clearest_head
from explorer.figures.curves import running_mean, thinned
from explorer.shared.prompt import Reading

if TYPE_CHECKING:
    from gpt import GPT, Bigram, GPTConfig, Run
    from gpt.lens.history import Rise
    from gpt.text.tokenizer import Tokenizer
    from gpt.train.tail import Logged

BYTES = 24_000_000  # largest size of the patterns that a film sends to the browser
MOST_SNAPSHOTS = 120
FEWEST_SNAPSHOTS = 20  # a film with fewer shortens the prompt instead
MOST_POINTS = 500  # of a loss curve
N_ANSWERS = 10  # next tokens with a bar

Frame = tuple[np.ndarray, np.ndarray]  # patterns, encoded for the film; (vocab_size,) probabilities of the next token
Scores = dict[str, np.ndarray]  # kind → (S, n_layer, n_head); may be {}
Watch = Callable[[Sequence[int], str], Iterable[int]]  # gives the steps one by one, and shows what is done with each


class Reel(NamedTuple):
    """What was read from a run's snapshots, and notes on what could not be read."""

    steps: list[int]  # S
    tokens: Sequence[str]  # T
    frames: list[Frame]  # S
    scores: Scores
    notes: list[str]


def read_reel(
    config: "GPTConfig",
    reading: Reading,
    steps: Sequence[int],
    read_frame: Callable[[int, tuple[int, ...]], Frame],
    read_scores: Callable[[Sequence[int]], Scores],
    *,
    watch: Watch,
    most_bytes: int = BYTES,
) -> Reel:
    """Read every snapshot. A damaged snapshot is left out, with a note.

    read_frame(step, ids): a snapshot on the prompt. read_scores(steps): of these snapshots. Both raise ValueError where
    they cannot read. most_bytes: of all patterns together; a film that is larger has fewer snapshots, then fewer
    tokens.
    """
    n_heads, T = config.n_layer * config.n_head, len(reading.ids)
    chosen, T = fitting(steps, n_heads, T, causal=config.causal, most_bytes=most_bytes)
    notes = []
    if len(chosen) < len(steps):
        notes.append(f"The film shows {len(chosen)} of {len(steps)} snapshots, evenly spaced, to stay small.")
    if len(reading.ids) > T:
        notes.append(f"The film shows the last {T} of {len(reading.ids)} tokens, to stay small.")
    frames = {}
    for step in watch(chosen, "Reading snapshot"):
        try:
            frames[step] = read_frame(step, reading.ids[-T:])
        except ValueError as error:
            notes.append(f"The snapshot of step {step:,} is left out: {error}")
    scores = {}
    try:
        if config.n_layer and frames:
            scores = read_scores(list(frames))
    except ValueError as error:
        notes.append(f"No score curves: {error}")
    return Reel(list(frames), reading.tokens[-T:], list(frames.values()), scores, notes)


def film_of_run(run: "Run", reading: Reading, *, watch: Watch, most_bytes: int = BYTES) -> tuple[Film, list[str]]:
    """Read a run's snapshots from disk and return the film, and notes on what could not be read. Nothing is kept.

    Raises ValueError where no snapshot can be read.
    """

    def read_scores(steps: Sequence[int]) -> Scores:
        text = probe_text(run)
        return stack_scores(
            [scores_of(model_at(run, step), run.tokenizer, text) for step in watch(steps, "Scoring snapshot")]
        )

    def read_frame(step: int, ids: tuple[int, ...]) -> Frame:
        return frame_of(model_at(run, step), ids)

    reel = read_reel(run.recipe.model, reading, run.steps, read_frame, read_scores, watch=watch, most_bytes=most_bytes)
    if not reel.steps:
        raise ValueError(" ".join(reel.notes) or f"run {run.label!r} has no snapshot yet; wait for the first one")
    from gpt.train.tail import Tail

    return film_of(run, reel, Tail(run.folder / "metrics.jsonl").read()), reel.notes


def model_at(run: "Run", step: int | None = None) -> "GPT | Bigram":
    """Load the model of a snapshot (None: the newest). Raises ValueError where it does not continue a prompt."""
    if not run.objective.continues_prompt:
        raise ValueError(
            f"run {run.label!r} has the objective {run.recipe.objective!r}, so its model does not continue a prompt; "
            "choose a run of a language model"
        )
    return cast("GPT | Bigram", run.model(step))


def probe_text(run: "Run") -> str:
    """Return the validation text of a run's probe set; "" if it needs none. Raises ValueError if the text is gone."""
    from gpt.lens.heads import probe_kind
    from gpt.text.batches import split_ids

    if probe_kind(run.tokenizer) != "validation text":
        return ""
    return run.tokenizer.decode(split_ids(run.tokenizer.encode(run.corpus().text))[1].tolist())


def fitting(
    steps: Sequence[int], n_heads: int, T: int, *, causal: bool, most_bytes: int = BYTES
) -> tuple[list[int], int]:
    """Return as many snapshots and tokens as fit into a film: steps, evenly thinned, and the number of last tokens.

    n_heads: of all layers together.
    """
    size = n_heads * packing.cells(T, causal=causal)
    room = most_bytes // max(size, 1)
    most = min(len(steps), MOST_SNAPSHOTS, max(room, FEWEST_SNAPSHOTS))
    chosen = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, most).round().astype(int))]
    while T > 1 and len(chosen) * n_heads * packing.cells(T, causal=causal) > most_bytes:
        T -= 1
    return chosen, T


def frame_of(model: "GPT | Bigram", ids: tuple[int, ...]) -> Frame:
    """Run a snapshot on the prompt: its patterns, encoded for the film, and the next token's (vocab_size,)
    probabilities.
    """
    import torch

    from gpt.lens import history

    frame = history.frame(model, torch.tensor(ids))
    return packing.encode(frame.patterns.numpy(), causal=model.config.causal), frame.probabilities.numpy()


def scores_of(model: "GPT | Bigram", tokenizer: "Tokenizer", text: str) -> dict[str, np.ndarray]:
    """Compute every head's scores on the probe set of this validation text: kind → (n_layer, n_head).

    Raises ValueError if a probe text has fewer than two tokens.
    """
    from gpt.lens import heads

    probe = heads.probe_set(tokenizer, model.config.block_size, text)
    return {kind: scores.numpy() for kind, scores in heads.head_scores(model, probe).items()}


def stack_scores(scores: Sequence[dict[str, np.ndarray]]) -> Scores:
    """Stack the scores of S snapshots, each kind → (n_layer, n_head)."""
    return {kind: np.stack([each[kind] for each in scores]) for kind in MEANING}


def film_of(run: "Run", reel: Reel, numbers: "Logged") -> Film:
    """Build the film from what was read from the run. numbers: the run's metrics."""
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
        losses=losses(numbers, reel.steps[-1]),
        scores=reel.scores,
        sentences={kind: describe_rise(kind, rise) for kind, rise in rises.items()},
        spans={kind: (rise.start, rise.end) for kind, rise in rises.items() if rise},
        opening=(top.layer, top.head) if top else clearest_head(last) if last else (0, 0),
        kind=kind,
    )


def find_rise(kind: str, steps: Sequence[int], scores: np.ndarray) -> "Rise | None":
    """Find where a kind's score rises most, as `gpt.lens.history.largest_rise`; the entropy: where it falls most."""
    import torch

    from gpt.lens.history import largest_rise

    sign = -1 if kind == "entropy" else 1
    rise = largest_rise(steps, sign * torch.tensor(scores))
    return rise and rise._replace(low=sign * rise.low, high=sign * rise.high)


def describe_rise(kind: str, rise: "Rise | None") -> str:
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


def losses(numbers: "Logged", last: int) -> dict[str, tuple[list[float], list[float]]]:
    """Return the losses up to step `last`, in nats per token: of each batch, their running mean, and validation."""
    numbers = numbers.before(last + 1)
    steps, batch = numbers.series("train_loss")
    some = thinned(batch, MOST_POINTS)
    curves = {"batch": (steps, batch), "mean": (steps, running_mean(batch))}
    thin = {name: (x[some].tolist(), y[some].tolist()) for name, (x, y) in curves.items()}
    return thin | {"validation": tuple(values.tolist() for values in numbers.series("val_loss"))}
