"""Scaling up: dropout, the cost of the lecture's largest model, and the whole ladder in numbers."""

import streamlit as st

from explorer.lecture.kit.controls import RUNG, chapter, draw_table, pick, show_cell
from explorer.lecture.kit.training import finished_sentence, grey_unless, logged_or_finished, train_together
from explorer.lecture.scaling.figures import loss_gaps
from explorer.navigation import PAGES
from explorer.opened import Opened
from explorer.shared import texts
from explorer.shared.chart import chart
from gpt import PRESETS, Corpus, GPTConfig, Recipe, Run, load_corpus
from gpt.machine import bytes_in_words
from gpt.model.mlp import MLP
from gpt.train.estimate import count_parameters
from gpt.train.presets import PUBLISHED
from gpt.train.tail import Logged

NAME, CHARACTERS = "dropout", 12_000
SHORT = f"tinyshakespeare, first {CHARACTERS:,} characters"
DROPOUTS = {"no dropout": 0.0, "dropout 0.2": 0.2}
MEASURED = 24  # chunks of each part of the text
BYTES = 4  # of a float32
COPIES = 4  # weights, gradients, and the two running means of AdamW
A100 = "15 minutes on an A100"  # lecture 1:37:49


def recipes() -> dict[str, Recipe]:
    """The same model on the same short text, with dropout and without: label → recipe."""
    model = GPTConfig(block_size=32, n_layer=3, n_head=4, n_embd=64)
    return {
        label: Recipe(
            label, model, text=SHORT, steps=500, batch_size=32, optimizer="muon", lr=1e-2, eval_every=25,
            eval_batches=20,
        snapshots=4,
        ).changed(dropout=share)
        for label, share in DROPOUTS.items()
    }  # fmt: skip


def short_text() -> Corpus:
    """The first characters of the text."""
    whole = load_corpus("tinyshakespeare")
    return Corpus(SHORT, whole.text[:CHARACTERS], whole.source)


@chapter(
    "Dropout: against learning by heart",
    "1:37:49",
    "Train the two and watch the validation loss. It falls at first; what does it do then?",
)
def dropout() -> None:
    """Two models that read a short text many times, with dropout and without."""
    recipe = recipes()["no dropout"]
    share = max(DROPOUTS.values())
    times = recipe.steps * recipe.batch_size * recipe.model.block_size / (0.9 * CHARACTERS)
    about = (
        f"The same model twice, on the first {CHARACTERS:,} characters of the text. In {recipe.steps} steps it reads "
        f"them about {times:.0f} times. Dropout sets a random {share:.0%} of the activations to zero at each step, "
        f"and divides the others by 1 − {share:g} = {1 - share:g}, so their mean stays the same. In use, there is no "
        "dropout."
    )
    train_together(NAME, recipes(), _gaps, about=about, corpus=short_text())
    show_cell("scaling/dropout", MLP.forward)


def _gaps(runs: dict[str, Run]) -> None:
    numbers = dict.fromkeys(DROPOUTS, Logged({})) | logged_or_finished(NAME, runs)
    curves = {label: (each.series("train_loss"), each.series("val_loss")) for label, each in numbers.items()}
    steps = max(recipe.steps for recipe in recipes().values())
    alt = "Training and validation loss, with dropout and without"
    chart(grey_unless(bool(runs), loss_gaps(curves, steps=steps)), key="scaling:gaps", alt=alt)
    st.caption(
        f"{finished_sentence(runs)}"
        f"Thick: validation loss. Dotted: loss of the training batches, with dropout. The losses in the table are "
        "without dropout."
    )
    measured = [_measured(label, run) for label, run in runs.items() if run.steps]
    if measured:
        draw_table(measured, 3, "scaling:measured")


def _measured(label: str, run: Run) -> dict[str, str | float | int]:
    """The newest snapshot's loss on evenly spread chunks of training and validation text."""
    opened, length = Opened.of(run), run.recipe.model.block_size
    train, validation = (
        texts.loss(opened, tuple(part[start : start + length] for start in _starts(len(part) - length))).nats_per_token
        for part in texts.parts(opened)
    )
    losses = {"training text": train, "validation text": validation, "gap": validation - train}
    return {"model": label, "at step": run.steps[-1], **losses}


def _starts(last: int) -> list[int]:
    return [last * i // (MEASURED - 1) for i in range(MEASURED)]


@chapter(
    "The largest rung",
    "1:37:49",
    "Choose a rung. How many parameters does it have, and how much memory does its training need?",
)
def largest() -> None:
    """The parameters and the memory of a rung, and why rung 7 needs a GPU."""
    rung = pick(RUNG, options=range(2, 8), default=7)
    preset = PRESETS[f"rung-{rung}"]
    model, parameters = preset.model, count_parameters(preset.model)
    batch = preset.batch_size * model.block_size
    patterns = BYTES * model.n_layer * model.n_head * preset.batch_size * model.block_size**2
    memory = bytes_in_words(COPIES * BYTES * parameters)
    shown = {
        "Parameters": (f"{parameters:,}", "Counted on the module, without memory for its weights."),
        "Weights, gradients, AdamW": (memory, "Four numbers a parameter, four bytes each."),
        "Tokens in a batch": (f"{batch:,}", "batch_size × block_size."),
        "Attention patterns of a batch": (bytes_in_words(patterns), PATTERNS),
    }
    for column, (name, (value, help)) in zip(st.columns(4), shown.items(), strict=True):
        column.metric(name, value, help=help)
    work = 6 * parameters * batch * preset.steps
    st.caption(
        f"n_layer {model.n_layer}, n_head {model.n_head}, n_embd {model.n_embd}, block_size {model.block_size}, "
        f"dropout {model.dropout}. About 6 operations a parameter and token: {work:.1e} in {preset.steps:,} steps, "
        f"{work / _work('rung-6'):,.0f} times rung 6. A GPU computes many thousands at once; the lecture's rung 7 "
        f"took {A100}."
    )
    show_cell("scaling/parameters", count_parameters)
    st.page_link(PAGES / "train.py", label="Train it: choose rung-7", icon=":material/show_chart:")


def _work(name: str) -> float:
    preset = PRESETS[name]
    return 6 * count_parameters(preset.model) * preset.batch_size * preset.model.block_size * preset.steps


@chapter("The whole ladder", "1:37:49", "Read down the losses: which rung lowered the loss most?")
def ladder() -> None:
    """Every rung: what it adds, its size, and its published loss."""
    rows, above = [], None
    for rung in range(1, 8):
        preset, published = PRESETS[f"rung-{rung}"], PUBLISHED[f"rung-{rung}"]
        rows.append(
            {
                "rung": rung,
                "adds": preset.about.removeprefix("… "),
                "parameters": count_parameters(preset.model),
                "loss in the lecture": published.loss,
                "lower by": "" if above is None else f"{above - published.loss:.2f}",
                "shown at": published.chapter,
            }
        )
        above = published.loss
    columns = {
        "parameters": st.column_config.NumberColumn(format="localized"),
        "loss in the lecture": st.column_config.NumberColumn(format="%.2f"),
        "lower by": st.column_config.TextColumn(alignment="right"),
    }
    st.dataframe(rows, hide_index=True, column_config=columns, key="scaling:ladder")
    st.caption("Validation losses on Tiny Shakespeare in nats a character.")
    show_cell("scaling/ladder")
    st.page_link(PAGES / "race.py", label="Race the rungs", icon=":material/flag:")


PATTERNS = "One weight of four bytes for each pair of tokens, head and layer. Torch's fused kernel never stores them."
