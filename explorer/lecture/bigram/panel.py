"""The bigram: the loss before training, its table trained and counted, and the noise of single batches."""

import math
from typing import cast

import streamlit as st
import torch

from explorer.choice import Choice
from explorer.lecture.bigram.figures import next_token_table, noisy_and_averaged
from explorer.lecture.kit.controls import chapter, metrics, pick, show_cell
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.lecture.kit.training import (
    draw_loss,
    finished_sentence,
    grey_unless,
    logged_or_finished,
    train_together,
    trained,
)
from explorer.opened import Opened
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from gpt import PRESETS, Bigram, Run, build_model, generate, load_corpus, loss_of
from gpt.text.batches import draw_batch
from gpt.text.tokenizer import Tokenizer
from gpt.train.loop import Trainer
from gpt.train.objectives.language import estimate_loss
from gpt.train.tail import Logged

NAME, LABEL = "bigram", "table"
RECIPE = PRESETS["rung-1"].changed(
    about="Bigram table, trained within seconds", steps=800, lr=1e-1, schedule="linear", final_lr=0.0, eval_every=100,
    eval_batches=100,
    log_every=1, snapshots=12,
)  # fmt: skip
BEFORE, NOW = "before training", "now"
TABLE = Choice("table", options=(BEFORE, NOW), default=NOW, label="The model's table")
WINDOW = Choice("window", int, 1, default=30, label="Batches in a mean")
LONGEST = 200  # batches in a mean
SAMPLES = {BEFORE: 100, NOW: 500, "counted": 500}  # tokens, as in the lecture


def tokenizer() -> Tokenizer:
    """One token for each character of the text."""
    return texts.characters(load_corpus(RECIPE.text).text)


def untrained() -> Bigram:
    """The table before its first step."""
    torch.manual_seed(RECIPE.seed)
    model = build_model(RECIPE.changed(vocab_size=tokenizer().vocab_size).model)
    return cast(Bigram, model).eval().requires_grad_(False)


def lectures_batch() -> torch.Tensor:
    """The video's first batch: 4 chunks of 8 tokens and a target, (4, 9)."""
    train, _ = texts.halves(load_corpus(RECIPE.text).text)
    x, y = draw_batch(train, 4, 8, torch.Generator().manual_seed(RECIPE.seed))
    return torch.cat((x, y[:, -1:]), dim=1)


def counted() -> Bigram:
    """The table of the pair frequencies in the training text."""
    train, _ = texts.halves(load_corpus(RECIPE.text).text)
    return Bigram.from_counts(train, untrained().config).eval().requires_grad_(False)


@chapter(
    "The loss before training",
    "0:22:11",
    "The loss is the mean of −log of the probability that the model gave to the next token, in nats.",
    "First guess: what is the loss of an untrained table of all the text's characters?",
)
def untrained_loss() -> None:
    """The loss of an untrained table, of a uniform one, and ln V."""
    V = tokenizer().vocab_size
    guessed = guess("bigram:loss", "The loss, in nats, is about")
    if guessed is None:
        return
    _, validation = texts.halves(load_corpus(RECIPE.text).text)
    model, uniform, batch = untrained(), untrained(), lectures_batch()
    uniform.table.weight.zero_()
    measured = {
        "The lecture's batch": loss_of(model(batch[:, :-1]), batch[:, 1:]).item(),
        f"ln {V}": math.log(V),
        "All equally likely": estimate_loss(uniform, validation, RECIPE),
        "The untrained table": estimate_loss(model, validation, RECIPE),
    }
    show_verdict("bigram:loss", guessed, measured["The lecture's batch"])
    metrics({name: f"{loss:.4f}" for name, loss in measured.items()})
    st.caption(
        f"The lecture's batch has 4 × 8 tokens, of seed {RECIPE.seed}; the others are measured on "
        f"{RECIPE.eval_batches} batches of validation text. A uniform guess over "
        f"{V} characters has the loss −ln(1/{V}). The loss of the untrained table is "
        f"{measured['The untrained table'] - math.log(V):.2f} higher: its random numbers give some wrong characters a "
        "high probability."
    )
    show_cell("bigram/table", Bigram.forward, loss_of, estimate_loss)


@chapter(
    "Training against counting",
    "0:34:53",
    "Train the table and watch: rows of noise turn into the pair frequencies of the text.",
)
def training() -> None:
    """Train the table, and compare it with the counted one."""
    script = PRESETS["rung-1"]
    about = (
        f"{RECIPE.steps} steps of {RECIPE.batch_size} chunks take a few seconds, most of them before the first "
        f"step. The lecture's script, at {widgets.lecture_link('0:38:00')}, takes {script.steps:,} steps at a "
        f"{RECIPE.lr / script.lr:.0f} × lower learning rate."
    )
    train_together(NAME, {LABEL: RECIPE}, _compared, about=about)
    show_cell("bigram/train", Trainer.advance)
    show_cell("bigram/count", Bigram.from_counts, title="Show the code of counting")


def _compared(runs: dict[str, Run]) -> None:
    run = runs.get(LABEL)
    step = run.steps[-1] if run and run.steps else None
    models = {BEFORE: untrained(), "counted": counted()}
    models[NOW] = cast(Bigram, Opened.of(run).model) if run and step is not None else models[BEFORE]
    shown = pick(TABLE)
    at = f"after step {step:,}" if step is not None and shown == NOW else "before the first step"
    left, right = st.columns(2, gap="medium")
    with left:
        _table(models[shown], "model", f"The model's table {at}")
    with right:
        _table(models["counted"], "counted", "Counted in the training text, not trained")
    apart = {name: _apart(models[name], models["counted"]) for name in (BEFORE, NOW)}
    widgets.caption(
        "A row has the probabilities of the next character after one character. On average over the text, the "
        f"model's table and the counted one differ in {apart[BEFORE]:.1%} of the probability before training, and in "
        f"{apart[NOW]:.1%} now.",
        "0:34:53",
    )
    _samples(models)
    draw_loss(run, NAME, LABEL)


def _table(model: Bigram, key: str, title: str) -> None:
    st.markdown(f"**{title}**")
    characters = tokenizer()
    probabilities, dark = model.table.weight.softmax(-1).numpy(), st.context.theme.type == "dark"
    figure = next_token_table(probabilities, characters.tokens(range(characters.vocab_size)), dark=dark)
    chart(figure, key=f"bigram:{key}", alt=title)


def _apart(model: Bigram, other: Bigram) -> float:
    """The total variation distance of the two tables' rows, averaged over the characters of the training text."""
    train, _ = texts.halves(load_corpus(RECIPE.text).text)
    share = torch.bincount(train, minlength=model.config.vocab_size) / len(train)
    gap = (model.table.weight.softmax(-1) - other.table.weight.softmax(-1)).abs().sum(1) / 2
    return float(share @ gap)


def _samples(models: dict[str, Bigram]) -> None:
    for column, name in zip(st.columns(3, gap="medium"), (BEFORE, NOW, "counted"), strict=True):
        column.markdown(f"**Sample, {name}**")
        column.code(_sample(models[name], SAMPLES[name]), language=None, wrap_lines=True, height=200)
    lengths = f"{SAMPLES[BEFORE]} and {SAMPLES[NOW]} characters, with the same seed"
    st.caption(f"{lengths}. One character of context is not enough for words.")


def _sample(model: Bigram, length: int) -> str:
    steps = generate(model, torch.zeros(1, dtype=torch.long), length, seed=RECIPE.seed)
    return tokenizer().decode([step.token for step in steps])


@chapter(
    "One batch is noise, a mean of many is not",
    "0:38:00",
    "Widen the window until you can see whether the loss still falls.",
)
def noise() -> None:
    """The loss of each batch beside the mean of many."""
    run = trained(NAME, LABEL)
    runs = {LABEL: run} if run else {}
    steps, batches = logged_or_finished(NAME, runs).get(LABEL, Logged({})).series("train_loss")
    if len(batches) < 2:
        return
    longest = min(LONGEST, len(batches))
    window = WINDOW.read(high=longest)
    st.slider(**WINDOW.bound(window, min_value=1, max_value=longest))
    alt = "Loss of each batch and their running mean"
    figure = grey_unless(bool(runs), noisy_and_averaged(steps, batches, window))
    chart(figure, key="bigram:noise", alt=alt)
    late = torch.tensor(batches[-longest:])
    st.caption(
        f"{finished_sentence(runs)}"
        f"Over the last {longest} batches, single losses vary by ±{late.std():.3f} nats around {late.mean():.3f}. A "
        f"mean of {window} varies by about ±{late.std() / math.sqrt(window):.3f}. The validation losses above are "
        f"means over {RECIPE.eval_batches} batches, the lecture's over 200."
    )
    show_cell("bigram/estimate_loss", estimate_loss)
