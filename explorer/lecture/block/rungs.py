"""The rungs of the lecture's ladder up to residual connections, each trained beside the one below it: what one part of a block buys."""

from functools import partial

from explorer.lecture.kit.controls import chapter, choose, show_code
from explorer.lecture.kit.together import losses_together
from explorer.lecture.kit.training import train_together
from explorer.shared import widgets
from explorer.shared.source import rung_lines
from gpt import PRESETS, Recipe, Run
from gpt.train.presets import PUBLISHED

RUNGS = (2, 3, 4, 5)  # what layernorm buys takes more steps than a lesson has
RATE, TABLES_RATE = (
    1e-2,
    1e-1,
)  # learning rates that a thousand steps are enough with, of models and of the bigram table


def recipe(rung: int) -> Recipe:
    """The rung's own model, trained within seconds."""
    return PRESETS[f"rung-{rung}"].changed(
        steps=1000, lr=TABLES_RATE if rung == 1 else RATE, schedule="linear", final_lr=0.0, eval_every=100, eval_batches=60, snapshots=2,
    )  # fmt: skip


def rung_by_rung() -> None:
    """A rung, trained together with the one before it."""
    if not chapter(
        "Rung by rung",
        "1:21:59",
        "Choose what is added, guess how much it buys, and train the model with it and without.",
    ):
        return
    rung = choose("Rung", RUNGS, 3, "rung")
    pair = {_label(each): recipe(each) for each in (rung - 1, rung)}
    added = PRESETS[f"rung-{rung}"].about.removeprefix("… ")
    about = (
        f"Rung {rung}: {added[:1].lower()}{added[1:]}. {pair[_label(rung)].steps:,} steps each, at a higher learning rate than the "
        f"lecture's, which takes {PRESETS[f'rung-{rung}'].steps:,}."
    )
    train_together(f"rung-{rung}", pair, partial(_compared, rung), about=about)
    show_code(rung_lines(rung))


def _label(rung: int) -> str:
    return f"rung {rung}"


def _compared(rung: int, runs: dict[str, Run]) -> None:
    losses_together(runs, [_label(rung - 1), _label(rung)], "rungs:losses")
    below, this = (PUBLISHED[f"rung-{each}"] for each in (rung - 1, rung))
    widgets.caption(
        f"In the lecture rung {rung - 1} reaches {below.loss:.2f} nats a character and rung {rung} {this.loss:.2f}.",
        this.chapter,
    )
