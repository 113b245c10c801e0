"""Muon: a real gradient, one Newton–Schulz step at a time; momentum; and which parameters Muon moves."""

from functools import partial
from typing import NamedTuple, cast

import streamlit as st
import torch
from torch import Tensor

from explorer.after.muon.figures import BAND_COLOR, agreement_curves, matrix_map, owner_bars, ride, spectrum
from explorer.choice import Choice
from explorer.figures import style
from explorer.lecture.kit.controls import chapter, metrics, show_cell, unroll
from explorer.opened import DEFAULT, Opened, open_model
from explorer.shared import texts, widgets
from explorer.shared.cache import cached
from explorer.shared.chart import chart
from gpt import GPT, build_model
from gpt.after.muon import BAND, Walk, agreements, gradient, homes, polynomial, walk
from gpt.text.batches import TRAIN_SHARE, draw_batch
from gpt.train.optim import MUON_MOMENTUM, Muon, block_matrices, gram_polynomial, make_muon, orthogonalize

WEIGHTS = Choice("weights-at", int, label="Weights at step", help="Step 0: the weights before training.")
MATRIX = Choice("moved-matrix", label="Weight matrix", help="All matrices that Muon moves in this model.")
FIRST = "blocks.0.mlp.down.weight"
LAST, MUONS_STEPS = 10, 5
CORNER = 48  # rows and columns of a matrix that are drawn
ROWS, LENGTH = 8, 64  # of a batch
CHARACTERS = 100_000  # of the training text, from which batches are drawn
BATCHES, SMALL = 16, 4  # batches of a mean; rows of each
SEED = 1337
EMPTY = 1e-6  # a singular value below it is 0 up to rounding
ZERO = "The last value is 0 up to rounding, and stays so: layernorm subtracts the mean, so no gradient goes there. "
JORDAN = "[Jordan 2024](https://kellerjordan.github.io/posts/muon/)"


class Subject(NamedTuple):
    """The weight matrix whose gradient is followed: a model, the step of its weights, the matrix's name."""

    opened: Opened
    step: int
    name: str


@chapter(
    "One Newton–Schulz step at a time",
    "muon",
    "This is the gradient of one weight matrix. Step on: which singular values grow, and where do they stop?",
)
def steps() -> Subject | None:
    """The singular values of a real gradient and the matrix itself, after each step."""
    chosen = _pick_subject()
    if chosen is None:
        return None
    walked = _walked(*chosen)
    unroll("muon", LAST, partial(_draw_step, walked))
    low, high = BAND
    is_empty = walked.values[0, -1] < EMPTY and chosen.opened.config.norm == "pre"
    st.caption(
        "A gradient often has few large singular values, and a plain step moves the matrix in these few directions. "
        f"Muon makes all values nearly equal, so rare directions learn too. Values from {low} to {high} stay there "
        f"({style.word(BAND_COLOR)}). Muon takes {MUONS_STEPS} steps. The SVD gives U Vᵀ, with every value exactly 1, "
        "but takes longer. "
        f"{ZERO if is_empty else ''}Sources: {JORDAN}; Bernstein and Newhouse 2024, "
        "[arXiv:2409.20325](https://arxiv.org/abs/2409.20325): U Vᵀ is the steepest step under a limit on its largest "
        "singular value."
    )
    show_cell("muon/step", gram_polynomial, orthogonalize)
    return chosen


def _pick_subject() -> Subject | None:
    """Let the person pick model, weights and matrix. None, below an explanation, where a model has no matrices."""
    left, middle, right = st.columns([3, 2, 3], gap="medium")
    with left:
        ref = widgets.model_picker(default=DEFAULT, real=False)
    if ref is None:
        widgets.no_model()
    opened = open_model(ref)
    if not opened.config.n_layer:
        widgets.empty_state("A bigram table has no matrices that Muon moves.", "Pick a Transformer.")
        return None
    names = list(block_matrices(opened.model))
    stages = weight_steps(opened)
    step, name = WEIGHTS.read(options=stages, default=stages[0]), MATRIX.read(options=names, default=_first(names))
    middle.select_slider(options=stages, **WEIGHTS.bound(step, disabled=len(stages) < 2))
    right.selectbox(options=names, format_func=short_name, **MATRIX.bound(name))
    return Subject(opened, step, name)


def weight_steps(opened: Opened) -> list[int]:
    """The steps whose weights are here: the snapshots, and step 0 where a seed gave the first weights."""
    run = opened.run
    first = [] if run.recipe.start or run.began_at else [0]
    return sorted({*first, *run.steps})


def short_name(name: str) -> str:
    """Name a matrix by its layer and its part: "blocks.0.mlp.down.weight" → "layer 0 · mlp.down"."""
    _, layer, *part, _ = name.split(".")
    return f"layer {layer} · {'.'.join(part)}"


def _first(names: list[str]) -> str:
    return FIRST if FIRST in names else names[0]


def _default_subject() -> Subject:
    return Subject(open_model(DEFAULT), 0, FIRST)


def default_walk() -> Walk:
    """The walk that the page opens with."""
    return _walked(*_default_subject())


@cached(max_entries=32, shared=True)
def _walked(opened: Opened, step: int, name: str) -> Walk:
    [first] = _gradients(opened, step, name, ROWS, 1)
    return walk(first, LAST, CORNER)


@cached(max_entries=32)
def _agreements(opened: Opened, step: int, name: str) -> tuple[list[float], list[float]]:
    both = _gradients(opened, step, name, SMALL, 2 * BATCHES)
    return agreements(both[:BATCHES], both[BATCHES:])


def _gradients(opened: Opened, step: int, name: str, rows: int, batches: int) -> list[Tensor]:
    """The gradients of one matrix on random batches of the model's training text, (m, n) each."""
    model = opened.at(step).model if step in opened.run.steps else _first_model(opened)
    text = texts.corpus(opened).text
    ids = torch.tensor(opened.tokenizer.encode(text[: min(CHARACTERS, int(TRAIN_SHARE * len(text)))]))
    length = min(LENGTH, opened.config.block_size)
    generator = torch.Generator().manual_seed(SEED)
    drawn = (draw_batch(ids, rows, length, generator) for _ in range(batches))
    return [gradient(cast(GPT, model), name, *batch) for batch in drawn]


def _first_model(opened: Opened) -> GPT:
    """The model with the weights that its training began with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(opened.run.recipe.seed)
        return cast(GPT, build_model(opened.config)).eval()


def _draw_step(walked: Walk, at: int) -> None:
    """The walk after `at` steps."""
    values = walked.values
    m = values.size(1)
    largest, smallest = values[at].max().item(), values[at].min().item()
    metrics(
        {
            "Largest singular value": f"{largest:.3f}",
            "Smallest": f"{smallest:.1e}" if abs(smallest) < 0.001 else f"{smallest:.3f}",
            f"Between {BAND[0]} and {BAND[1]}": f"{walked.inside[at]} of {m}",
            "‖X Xᵀ − I‖": f"{walked.distances[at]:.2f}",
            "‖X − U Vᵀ‖": f"{walked.misses[at]:.2f}",
        }
    )
    left, right = st.columns(2, gap="medium")
    x = torch.linspace(0, 1.25, 101, dtype=values.dtype)
    with left:
        pairs = torch.stack([values[at], polynomial(values[at])])
        figure = ride(pairs.numpy(), (x.numpy(), polynomial(x).numpy()), BAND)
        chart(figure, key="muon:ride", alt="Where the next step moves each singular value")
    with right:
        chart(spectrum(values[at].numpy(), values[0].numpy(), BAND), key="muon:spectrum", alt="Singular values")
    _draw_matrices(walked, at)


def _draw_matrices(walked: Walk, at: int) -> None:
    corner = walked.corners[at]
    shown = {
        "The gradient / its norm": walked.corners[0],
        f"X after {widgets.count(at, 'step')}": corner,
        "U Vᵀ, from the SVD": walked.exact,
    }
    for i, (column, (title, matrix)) in enumerate(zip(st.columns(3, gap="medium"), shown.items(), strict=True)):
        with column:
            st.markdown(f"**{title}**")
            chart(matrix_map(matrix.numpy()), key=f"muon:matrix:{i}", alt=title)
    after = f" Muon stops after {MUONS_STEPS} steps; these go on." if at > MUONS_STEPS else ""
    rows, columns = corner.shape
    st.caption(
        f"The first {rows} × {columns} cells: {style.ABOVE} above zero, {style.BELOW} below. Stripes are large "
        f"directions; equal values have none.{after}"
    )


@chapter(
    "Momentum first, then the step",
    "muon",
    "Take the mean gradient of some batches, and that of as many other batches. How many batches does it take until "
    "their updates agree?",
)
def momentum(chosen: Subject | None) -> None:
    """How well two means of gradients agree, and how well their orthogonal updates."""
    opened, step, name = chosen or _default_subject()
    with st.spinner("Computing gradients …"):
        raw, updates = _agreements(opened, step, name)
    chart(agreement_curves(raw, updates), key="muon:agreement", alt="Cosine of two means of gradients")
    st.caption(
        f"{short_name(name).capitalize()}, weights at step {step}: the updates of 1 batch have a cosine of "
        f"{_signed(updates[0])}, those of {len(updates)} batches {_signed(updates[-1])}; the gradients themselves "
        f"{_signed(raw[0])} and {_signed(raw[-1])}. Small singular values of one batch are mostly noise, and an "
        f"orthogonal update makes them as large as the others. So Muon first averages: its momentum keeps "
        f"{MUON_MOMENTUM} of itself at each step, which is a mean of about {1 / (1 - MUON_MOMENTUM):.0f} gradients. "
        "After training, gradients are mostly noise, and neither agrees."
    )
    show_cell("muon/optimizer", Muon.step, Muon._average)


@cached(max_entries=16)
def _owners(opened: Opened) -> tuple[dict[str, str], dict[str, int]]:
    """The optimizer and the number of parameters of each part, all layers together."""
    of_name = homes(opened.model, opened.run.recipe)
    owner, sizes = {}, {}
    for name, parameter in cast(GPT, opened.model).named_parameters():
        part = f"blocks.*.{name.split('.', 2)[2]}" if name.startswith("blocks.") else name
        owner[part], sizes[part] = of_name[name], sizes.get(part, 0) + parameter.numel()
    return owner, sizes


def _signed(number: float) -> str:
    return f"{number:z.2f}".replace("-", "−")


@chapter(
    "What Muon moves",
    "muon",
    "Which parameters stay with AdamW? The colours are the parameter groups of the real optimizers.",
)
def owners(chosen: Subject | None) -> None:
    """The parameter groups of the real optimizer, for the chosen model."""
    opened = (chosen or _default_subject()).opened
    with st.spinner("Making the optimizers …"):
        owner, sizes = _owners(opened)
    chart(owner_bars(sizes, owner), key="muon:owners", alt="Parameters by optimizer")
    muon = sum(size for part, size in sizes.items() if owner[part] == "Muon")
    st.caption(
        f"Muon moves {muon:,} of {sum(sizes.values()):,} parameters: the matrices of the blocks, which turn one vector "
        "into another. Vectors have no singular values. An embedding is a table: a token changes its own row only. "
        f"Embedding and unembedding learn better with AdamW. Source: {JORDAN}."
    )
    show_cell("muon/groups", make_muon)
