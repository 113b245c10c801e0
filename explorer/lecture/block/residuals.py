"""Residual connections: the gradient at each block, before training and after it."""

from itertools import product

import numpy as np
import streamlit as st

from explorer.choice import Choice
from explorer.lecture.block.figures import gradients_by_depth
from explorer.lecture.kit.controls import chapter, pick, show_cell
from explorer.lecture.kit.finished import finished
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.lecture.kit.training import (
    finished_sentence,
    grey_unless,
    train_together,
    trained_model,
    untrained,
    validation_rows,
)
from explorer.shared.chart import chart
from gpt import GPT, GPTConfig, Recipe, Run
from gpt.lens.learning import gradient_norms
from gpt.model.block import Block

LESS = {"no less": 1.0, "10 × less": 10.0, "1,000 × less": 1e3, "a million × less": 1e6, "almost none": 1e12}
ASKED = 8  # blocks of the question
STEPS = 100
ROWS = 8  # of validation text
FLAT = 10  # times: two norms within this factor count as equal
BEFORE, AFTER = "at initialisation", f"after {STEPS} steps"
BLOCKS = Choice("blocks", options=(2, 4, 8, 12, 16), default=8, label="Blocks")
MEASURED = Choice("measured", options=(BEFORE, AFTER), default=BEFORE, label="Measured")
BARE, NORM_ONLY = "no residual, no norm", "no residual, layernorm"


def recipes(depth: int) -> dict[str, Recipe]:
    """Four models of this many blocks, with and without the residual path and layernorm: label → recipe."""
    recipes = {}
    for residual, norm in product((True, False), ("pre", "none")):
        label = f"{'residual' if residual else 'no residual'}, {'layernorm' if norm == 'pre' else 'no norm'}"
        model = GPTConfig(block_size=16, n_layer=depth, n_head=2, n_embd=32, residual=residual, norm=norm)
        recipes[label] = Recipe(
            label, model, steps=STEPS, batch_size=16, eval_every=STEPS, eval_batches=10, log_every=5, snapshots=1
        )
    return recipes


@chapter(
    "Residual connections: a direct path for gradients",
    "1:26:48",
    "Compare the gradient at the first block and at the last, with residual connections and without.",
    "First guess: take an untrained model of 8 blocks without residual connections and norms. How much less gradient "
    "reaches its first block than its last?",
)
def gradients() -> None:
    """The norm of the gradient at every block, with and without the residual path and the norm."""
    guessed = guess("block:residual", "The first block gets", LESS)
    if guessed is None:
        return
    tokens, bare = validation_rows(recipes(ASKED)[BARE], ROWS), untrained(recipes(ASKED)[BARE])
    show_verdict("block:residual", guessed, 1 / _share(gradient_norms(bare, tokens).numpy()), LESS)
    left, right = st.columns(2)
    with left:
        depth = pick(BLOCKS)
    with right:
        measured = pick(MEASURED)
    if measured == BEFORE:
        _draw({label: untrained(recipe) for label, recipe in recipes(depth).items()}, depth)
    else:
        about = f"Four models of {depth} blocks, {STEPS} steps each."
        train_together(f"depth-{depth}", recipes(depth), lambda runs: _after_training(runs, depth), about=about)
    show_cell("block/block", Block.join, gradient_norms)


def _after_training(runs: dict[str, Run], depth: int) -> None:
    if not any(run.steps for run in runs.values()):
        norms = {label: each.series("gradients")[1] for label, each in finished(f"depth-{depth}").items()}
        _draw_norms(norms, depth, is_own=False)
        return
    _draw({label: trained_model(run) for label, run in runs.items() if run.steps}, depth)


def _draw(models: dict[str, GPT], depth: int) -> None:
    tokens = validation_rows(recipes(depth)[BARE], ROWS)
    _draw_norms({label: gradient_norms(model, tokens).numpy() for label, model in models.items()}, depth)


def _draw_norms(norms: dict[str, np.ndarray], depth: int, is_own: bool = True) -> None:
    """Draw the gradient norms of each model, (depth,). is_own: the person trained the models, or nobody did."""
    alt = "Gradient norm at every block, with and without residual path"
    chart(grey_unless(is_own, gradients_by_depth(norms)), key="block:gradients", alt=alt)
    if BARE not in norms:
        return
    st.caption(
        f"{finished_sentence(norms if is_own else ())}"
        f"The gradient of the loss on {ROWS} rows of validation text. Without residual path and norm, the "
        f"first of {depth} blocks gets {1 / _share(norms[BARE]):,.1e} × less than the last. On the residual path, an "
        f"addition passes the gradient on unchanged. {_others(norms)}"
    )


def _others(norms: dict[str, np.ndarray]) -> str:
    """Say what the first block gets in the other models: layernorm alone also keeps gradients large."""
    others = ", ".join(f"{_share(each):.2g} × with “{label}”" for label, each in norms.items() if label != BARE)
    is_flat = NORM_ONLY in norms and 1 / FLAT < _share(norms[NORM_ONLY]) < FLAT
    norm_only = " Layernorm without residual path also works here: it rescales a small signal at every block." * is_flat
    opening = "The gradient at the first block of the other models, compared with their last"
    return f"{opening}: {others}.{norm_only}" if others else ""


def _share(norms: np.ndarray) -> float:
    """The gradient of the first block as a share of the last one's."""
    return max(float(norms[0]), 1e-30) / float(norms[-1])
