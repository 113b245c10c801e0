"""Scaling up: what dropout is for, what the lecture's last and largest model takes, and the whole ladder in numbers."""

import streamlit as st

from explorer.lecture.kit.controls import chapter, choose, show_code
from explorer.lecture.kit.together import CURVES
from explorer.lecture.kit.training import train_together
from explorer.lecture.scaling.figures import loss_gaps
from explorer.navigation import PAGES
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.train.curves import series
from gpt import PRESETS, Corpus, GPTConfig, Recipe, Run, load_corpus
from gpt.model.mlp import MLP
from gpt.train.estimate import count_parameters
from gpt.train.machine import bytes_in_words
from gpt.train.presets import PUBLISHED

NAME, CHARACTERS = "dropout", 12_000
SHORT = f"tinyshakespeare, first {CHARACTERS:,} characters"
DROPOUTS = {"no dropout": 0.0, "dropout 0.2": 0.2}
MEASURED = 24  # stretches of each half of the text
BYTES = 4  # of a float32
COPIES = 4  # weights, gradients, and the two running means that AdamW keeps
A100 = "15 minutes on an A100"  # lecture 1:37:49


def recipes() -> dict[str, Recipe]:
    """The same model on the same short text, with dropout and without: label → recipe."""
    model = GPTConfig(block_size=32, n_layer=3, n_head=4, n_embd=64)
    return {
        label: Recipe(
            label, model, text=SHORT, steps=500, batch_size=32, optimizer="muon", lr=1e-2, eval_every=25, eval_batches=20, snapshots=4,
        ).changed(dropout=share)
        for label, share in DROPOUTS.items()
    }  # fmt: skip


def dropout() -> None:
    """Two models that read a short text over and over: where they learn it by heart, and what dropout does to that."""
    recipe = recipes()["no dropout"]
    if not chapter(
        "Dropout: learning less by heart", "1:37:49", "Train the two and watch the validation loss: it falls, and then?"
    ):
        return
    share = max(DROPOUTS.values())
    times = recipe.steps * recipe.batch_size * recipe.model.block_size / (0.9 * CHARACTERS)
    about = (
        f"The same model twice, on the first {CHARACTERS:,} characters of the text: so little that in {recipe.steps} steps it is "
        f"read about {times:.0f} times over. Dropout sets a random {share:.0%} of the activations to zero at each step, and divides the "
        f"others by 1 − {share:g} = {1 - share:g}, so that their mean stays. In use, nothing is dropped and nothing divided."
    )
    whole = load_corpus("tinyshakespeare")
    short = Corpus(SHORT, whole.text[:CHARACTERS], whole.source)
    train_together(NAME, recipes(), _gaps, about=about, corpus=short)
    show_code(MLP.forward)


def _gaps(runs: dict[str, Run]) -> None:
    if not runs:
        widgets.empty_state(
            "There is no curve yet.", "Press *Train*; both losses of both models are drawn here.", CURVES
        )
        return
    rows = {label: runs[label].metrics() if label in runs else [] for label in DROPOUTS}
    curves = {label: (series(logged, "train_loss"), series(logged, "val_loss")) for label, logged in rows.items()}
    steps = max(run.recipe.steps for run in runs.values())
    chart(
        loss_gaps(curves, steps=steps), key="scaling:gaps", alt="Training and validation loss, with dropout and without"
    )
    st.caption(
        "Thick: on the validation text; dotted: on the batches that are trained on, with dropout at work. The measured losses below "
        "are taken in use, where nothing is dropped."
    )
    measured = [_measured(label, run) for label, run in runs.items() if run.steps]
    numbers = {
        name: st.column_config.NumberColumn(format="%.3f") for name in ("training text", "validation text", "gap")
    }
    st.dataframe(measured, hide_index=True, column_config=numbers, key="scaling:measured")


def _measured(label: str, run: Run) -> dict[str, str | float | int]:
    """The newest snapshot's loss on stretches of either half of its text, evenly spread."""
    ref, length = f"runs/{run.name}", run.recipe.model.block_size
    train, held_out = (
        texts.loss(ref, tuple(part[start : start + length] for start in _starts(len(part) - length)))[0]
        for part in texts.parts(ref)
    )
    return {
        "model": label,
        "at step": run.steps[-1],
        "training text": train,
        "validation text": held_out,
        "gap": held_out - train,
    }


def _starts(last: int) -> list[int]:
    return [last * i // (MEASURED - 1) for i in range(MEASURED)]


def largest() -> None:
    """What rung 7 takes: parameters, memory, and so a GPU."""
    if not chapter(
        "The largest rung",
        "1:37:49",
        "Choose a rung and see how many parameters it has, and what its training needs to hold.",
    ):
        return
    rung = choose("Rung", range(2, 8), 7, "rung")
    preset = PRESETS[f"rung-{rung}"]
    model, parameters = preset.model, count_parameters(preset.model)
    batch = preset.batch_size * model.block_size
    patterns = BYTES * model.n_layer * model.n_head * preset.batch_size * model.block_size**2
    shown = {
        "Parameters": (f"{parameters:,}", "Counted on the module itself, without making room for its weights."),
        "Weights, gradients, AdamW": (
            bytes_in_words(COPIES * BYTES * parameters),
            "Four numbers a parameter, four bytes each.",
        ),
        "Tokens in a batch": (f"{batch:,}", "batch_size × block_size."),
        "Attention patterns of a batch": (bytes_in_words(patterns), PATTERNS),
    }
    for column, (name, (value, told)) in zip(st.columns(4), shown.items(), strict=True):
        column.metric(name, value, help=told)
    work = 6 * parameters * batch * preset.steps
    st.caption(
        f"n_layer {model.n_layer}, n_head {model.n_head}, n_embd {model.n_embd}, block_size {model.block_size}, dropout {model.dropout}. "
        f"About 6 operations a parameter and token: {work:.1e} in all over {preset.steps:,} steps, "
        f"{work / _work('rung-6'):,.0f} times rung 6. A GPU does such products many thousand at a time; the lecture's rung 7 took {A100}."
    )
    st.page_link(PAGES / "train.py", label="Train it: choose rung-7", icon=":material/show_chart:")


def _work(name: str) -> float:
    preset = PRESETS[name]
    return 6 * count_parameters(preset.model) * preset.batch_size * preset.model.block_size * preset.steps


def ladder() -> None:
    """Every rung: what it adds, its size, and what was published for it."""
    if not chapter("The whole ladder", "1:37:49", "Read down the losses: which step bought most?"):
        return
    rows, above = [], None
    for rung in range(1, 8):
        preset, published = PRESETS[f"rung-{rung}"], PUBLISHED[f"rung-{rung}"]
        rows.append(
            {
                "rung": rung,
                "adds": preset.about.removeprefix("… "),
                "parameters": count_parameters(preset.model),
                "loss in the lecture": published.loss,
                "less than before": "" if above is None else f"{above - published.loss:.2f}",
                "shown at": published.chapter,
            }
        )
        above = published.loss
    columns = {
        "parameters": st.column_config.NumberColumn(format="localized"),
        "loss in the lecture": st.column_config.NumberColumn(format="%.2f"),
        "less than before": st.column_config.TextColumn(alignment="right"),
    }
    st.dataframe(rows, hide_index=True, column_config=columns, key="scaling:ladder")
    st.caption("Validation losses on Tiny Shakespeare in nats a character.")
    st.page_link(PAGES / "race.py", label="Race the rungs", icon=":material/flag:")


PATTERNS = (
    "One weight for each pair of tokens, head and layer, four bytes each: what torch's fused kernel never writes down."
)
