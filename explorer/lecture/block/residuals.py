"""Residual connections: how much gradient reaches each block, before training and after a hundred steps."""

from itertools import product

import numpy as np
import streamlit as st

from explorer.lecture.block.figures import gradients_by_depth
from explorer.lecture.kit.controls import after_guess, chapter, choose, guess, show_code
from explorer.lecture.kit.together import held_out, untrained
from explorer.lecture.kit.training import train_together
from explorer.shared import loading, widgets
from explorer.shared.chart import chart
from gpt import GPT, GPTConfig, Recipe, Run
from gpt.lens.learning import gradient_norms
from gpt.model.block import Block

DEPTHS = (2, 4, 8, 12, 16)
LESS = ("no less", "10 × less", "1,000 × less", "a million × less", "practically none")
STEPS = 100
ROWS = 8  # of validation text
FLAT = 10  # times, within which two norms count as alike
BEFORE, AFTER = "at initialisation", f"after {STEPS} steps"
BARE, NORM_ONLY = "no residual, no norm", "no residual, layernorm"


def recipes(depth: int) -> dict[str, Recipe]:
    """Four models of this many blocks, with and without the residual path and layernorm: label → recipe."""
    found = {}
    for residual, norm in product((True, False), ("pre", "none")):
        label = f"{'residual' if residual else 'no residual'}, {'layernorm' if norm == 'pre' else 'no norm'}"
        model = GPTConfig(block_size=16, n_layer=depth, n_head=2, n_embd=32, residual=residual, norm=norm)
        found[label] = Recipe(
            label, model, steps=STEPS, batch_size=16, eval_every=STEPS, eval_batches=10, log_every=5, snapshots=1
        )
    return found


def gradients() -> None:
    """The norm of the gradient at every block, with and without the residual path and the norm."""
    if not chapter(
        "Residual connections: a road for gradients",
        "1:26:48",
        "First guess: in an untrained model of 8 blocks without residual path and norm, how much less gradient reaches the first block "
        "than the last?",
    ):
        return
    guessed = guess("block:residual", "The first block gets", LESS)
    if guessed is None:
        return
    left, right = st.columns(2)
    with left:
        depth = choose("Blocks", DEPTHS, 8, "depth")
    with right:
        moment = choose("Measured", [BEFORE, AFTER], BEFORE, "moment")
    asked = recipes(depth)
    if moment == BEFORE:
        models = {label: untrained(recipe) for label, recipe in asked.items()}
        _draw(models, depth, after_guess(guessed))
    else:
        about = f"Four models of {depth} blocks, {STEPS} steps each."
        train_together(f"depth-{depth}", asked, lambda runs: _after_training(runs, depth), about=about)
    show_code(Block.join, gradient_norms)


def _after_training(runs: dict[str, Run], depth: int) -> None:
    if not any(run.steps for run in runs.values()):
        widgets.empty_state("No model is trained yet.", "Press *Train*; the four take a few seconds each.")
        return
    _draw({label: loading.load_model(f"runs/{run.name}") for label, run in runs.items() if run.steps}, depth, "")


def _draw(models: dict[str, GPT], depth: int, opening: str) -> None:
    tokens = held_out(recipes(depth)[BARE], ROWS)
    found = {label: gradient_norms(model, tokens).numpy() for label, model in models.items()}
    chart(
        gradients_by_depth(found),
        key="block:gradients",
        alt="Gradient norm at every block, with and without residual path",
    )
    if BARE not in found:
        return
    st.caption(
        f"{opening}The gradient of the loss on {ROWS} rows of validation text. Without either, the first of {depth} blocks gets "
        f"{1 / _share(found[BARE]):,.1e} × less than the last. With the residual path, an addition hands the gradient on unchanged. "
        f"{_others(found)}"
    )


def _others(found: dict[str, np.ndarray]) -> str:
    """How much the first block gets in the other models: layernorm by itself also keeps gradients alive."""
    others = ", ".join(f"{_share(norms):.2g} × with “{label}”" for label, norms in found.items() if label != BARE)
    is_flat = NORM_ONLY in found and 1 / FLAT < _share(found[NORM_ONLY]) < FLAT
    norm_only = " Layernorm by itself is as flat a road: it makes a small signal large again at every block." * is_flat
    return f"The others' first block, against their last: {others}.{norm_only}" if others else ""


def _share(norms: np.ndarray) -> float:
    """How much gradient the first block gets, as a share of the last one's."""
    return max(float(norms[0]), 1e-30) / float(norms[-1])
