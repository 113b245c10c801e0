"""The parts of a Transformer block: a feedforward layer, and each rung of the ladder beside the rung below."""

from functools import partial

import streamlit as st

from explorer.lecture.kit.controls import RUNG, chapter, pick, show_cell
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.lecture.kit.training import draw_losses, train_together
from explorer.navigation import PAGES
from explorer.shared import widgets
from explorer.shared.source import rung_lines
from gpt import PRESETS, Recipe, Run
from gpt.model.mlp import MLP
from gpt.train.presets import PUBLISHED

REACHED = {"2.28, the same": 2.28, "2.24": 2.24, "2.1": 2.1, "1.9": 1.9, "1.5": 1.5}
RUNGS = range(2, 6)  # for layernorm, 1,000 steps are not enough
ADDED = {2: "head/head", 3: "multihead/heads", 4: "block/feedforward", 5: "block/block"}  # rung → the cell of its part
RATE, TABLE_RATE = 1e-2, 1e-1  # learning rates for 1,000 steps, of a model and of the bigram table


@chapter(
    "Feedforward: each token computes for itself",
    "1:24:25",
    "Attention gathers; the feedforward layer works on the result, one token at a time.",
    "First guess: rung 3 of the ladder has no feedforward layer and reaches a loss of "
    f"{PUBLISHED['rung-3'].loss:.2f} nats a character. What does rung 4 reach, with it?",
)
def feedforward() -> None:
    """The loss with and without the feedforward layer, and where to train both."""
    guessed = guess("block:feedforward", "Rung 4 reaches", REACHED)
    if guessed is None:
        return
    show_verdict("block:feedforward", guessed, PUBLISHED["rung-4"].loss, REACHED)
    for column, rung in zip(st.columns(2), (3, 4), strict=True):
        title = f"Rung {rung}: {_addition(rung)}"
        column.metric(title, f"{PUBLISHED[f'rung-{rung}'].loss:.2f}", help="Validation loss, nats a character.")
    steps = f"after {PRESETS['rung-3'].steps:,} steps each"
    st.caption(f"Validation losses in the lecture, in nats a character, {steps}.")
    st.page_link(PAGES / "race.py", label="Race them in Ladder race: choose 3 and 4", icon=":material/flag:")
    show_cell("block/feedforward", MLP)


def recipe(rung: int) -> Recipe:
    """The rung's model with a recipe of a few seconds."""
    return PRESETS[f"rung-{rung}"].changed(
        steps=1000, lr=TABLE_RATE if rung == 1 else RATE, schedule="linear", final_lr=0.0, eval_every=100,
        eval_batches=60,
        snapshots=2,
    )  # fmt: skip


def pair(rung: int) -> dict[str, Recipe]:
    """The recipes of the rung and of the one before it."""
    return {f"rung {each}": recipe(each) for each in (rung - 1, rung)}


@chapter(
    "Rung by rung",
    "1:21:59",
    "Choose a rung, and train the model with the new part and without. How much lower is the loss?",
)
def rung_by_rung() -> None:
    """A rung, trained together with the one before it."""
    rung = pick(RUNG, options=RUNGS, default=3)
    added = _addition(rung)
    about = (
        f"Rung {rung}: {added[:1].lower()}{added[1:]}. {recipe(rung).steps:,} steps each, at a higher learning rate "
        f"than the lecture's, which takes {PRESETS[f'rung-{rung}'].steps:,}."
    )
    train_together(f"rung-{rung}", pair(rung), partial(_compared, rung), about=about)
    show_cell(ADDED[rung], rung_lines(rung))


def _addition(rung: int) -> str:
    """What the rung adds to the one below."""
    return PRESETS[f"rung-{rung}"].about.removeprefix("… ")


def _compared(rung: int, runs: dict[str, Run]) -> None:
    draw_losses(f"rung-{rung}", runs, [f"rung {rung - 1}", f"rung {rung}"], "rungs:losses")
    below, this = (PUBLISHED[f"rung-{each}"] for each in (rung - 1, rung))
    reached = f"rung {rung - 1} reaches {below.loss:.2f} nats a character and rung {rung} {this.loss:.2f}"
    widgets.caption(f"In the lecture {reached}.", this.chapter)
