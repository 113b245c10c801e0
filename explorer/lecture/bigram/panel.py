"""The bigram: the loss of a model that knows nothing, its table trained and counted, and noise against averages."""

import math

import streamlit as st
import torch

from explorer import state
from explorer.lecture.bigram.figures import next_token_table, noisy_and_averaged
from explorer.lecture.kit.controls import after_guess, chapter, choose, guess, metrics, show_code
from explorer.lecture.kit.training import losses, train_together, trained
from explorer.shared import loading, texts, widgets
from explorer.shared.chart import chart
from explorer.train.curves import series
from gpt import PRESETS, Bigram, Run, build_model, generate, load_corpus, loss_of
from gpt.text.tokenizer import Tokenizer
from gpt.train.loop import Trainer
from gpt.train.objectives.language import estimate_loss

NAME, LABEL = "bigram", "table"
RECIPE = PRESETS["rung-1"].changed(
    about="Bigram table, trained within seconds", steps=800, lr=1e-1, schedule="linear", final_lr=0.0, eval_every=100, eval_batches=100,
    log_every=1, snapshots=12,
)  # fmt: skip
LOSSES = ("0", "1", "2.5", "4.2", "8")
BEFORE, NOW = "before training", "now"
SAMPLE = 200  # tokens
WINDOW = 30  # batches


def tokenizer() -> Tokenizer:
    """The text's own characters."""
    return texts.characters(load_corpus(RECIPE.text).text)


def untrained() -> Bigram:
    """The table as training begins with it."""
    torch.manual_seed(RECIPE.seed)
    return build_model(RECIPE.changed(vocab_size=tokenizer().vocab_size).model).eval().requires_grad_(False)


def counted() -> Bigram:
    """The closed form: the shares that the training text has."""
    train, _ = texts.halves(load_corpus(RECIPE.text).text)
    return Bigram.from_counts(train, untrained().config).eval().requires_grad_(False)


def knowing_nothing() -> None:
    """The loss of an untrained table, of one that holds all for equally likely, and the logarithm that it is."""
    V = tokenizer().vocab_size
    if not chapter(
        "The loss of a model that knows nothing",
        "0:22:11",
        f"The loss is −log of the probability that the model gave to what came, in nats, on average. First guess: what is it for an "
        f"untrained table of {V} characters?",
    ):
        return
    guessed = guess("bigram:loss", "The loss is about", LOSSES)
    if guessed is None:
        return
    _, held_out = texts.halves(load_corpus(RECIPE.text).text)
    model, even = untrained(), untrained()
    even.table.weight.zero_()
    measured = {
        f"ln {V}": math.log(V),
        "All equally likely": estimate_loss(even, held_out, RECIPE),
        "The untrained table": estimate_loss(model, held_out, RECIPE),
    }
    metrics({name: f"{loss:.4f}" for name, loss in measured.items()})
    st.caption(
        f"{after_guess(guessed)}Measured on {RECIPE.eval_batches} batches of validation text. Who holds all {V} for equally likely "
        f"loses −ln(1/{V}) each time. The untrained table loses {measured['The untrained table'] - math.log(V):.2f} more: its random "
        "numbers make it sure of things that are not so."
    )
    show_code(Bigram.forward, loss_of, estimate_loss)


def training() -> None:
    """Train the table, and see it become the one that counting gives."""
    if not chapter(
        "Training against counting",
        "0:34:53",
        "Train the table and watch: rows of noise turn into the shares that the text has.",
    ):
        return
    script = PRESETS["rung-1"]
    about = (
        f"{RECIPE.steps} steps of {RECIPE.batch_size} chunks: a few seconds, most of them the start of its own process. The "
        f"lecture's script, at {widgets.lecture_link('0:38:00')}, takes {script.steps:,} steps at a {RECIPE.lr / script.lr:.0f} × lower "
        "learning rate."
    )
    train_together(NAME, {LABEL: RECIPE}, _compared, about=about)
    show_code(Trainer.advance, Bigram.from_counts)


def _compared(runs: dict[str, Run]) -> None:
    run = runs.get(LABEL)
    saved = run is not None and bool(run.steps)
    models = {BEFORE: untrained(), "counted": counted()}
    models[NOW] = loading.load_model(f"runs/{run.name}") if saved else models[BEFORE]
    shown = choose("The model's table", [BEFORE, NOW], NOW, "table")
    at = f"after step {run.steps[-1]:,}" if saved and shown == NOW else "before the first step"
    left, right = st.columns(2, gap="medium")
    with left:
        _table(models[shown], "model", f"The model's table {at}")
    with right:
        _table(models["counted"], "counted", "Counted in the training text, not trained")
    apart = {name: _apart(models[name], models["counted"]) for name in (BEFORE, NOW)}
    widgets.caption(
        "A row holds the probabilities of what follows one character. On average over the text, the model's table and the counted one "
        f"disagree about {apart[BEFORE]:.1%} of the probability before training, about {apart[NOW]:.1%} now.",
        "0:34:53",
    )
    _samples(models)
    losses(run)


def _table(model: Bigram, key: str, title: str) -> None:
    st.markdown(f"**{title}**")
    known = tokenizer()
    probabilities, dark = model.table.weight.softmax(-1).numpy(), st.context.theme.type == "dark"
    figure = next_token_table(probabilities, known.tokens(range(known.vocab_size)), dark=dark)
    chart(figure, key=f"bigram:{key}", alt=title)


def _apart(model: Bigram, other: Bigram) -> float:
    """The share of the probability that lies elsewhere, averaged over the characters of the training text."""
    train, _ = texts.halves(load_corpus(RECIPE.text).text)
    share = torch.bincount(train, minlength=model.config.vocab_size) / len(train)
    gap = (model.table.weight.softmax(-1) - other.table.weight.softmax(-1)).abs().sum(1) / 2
    return float(share @ gap)


def _samples(models: dict[str, Bigram]) -> None:
    for column, name in zip(st.columns(3, gap="medium"), (BEFORE, NOW, "counted"), strict=True):
        column.markdown(f"**It writes, {name}**")
        column.code(_sample(models[name]), language=None, wrap_lines=True, height=200)
    st.caption(
        f"{SAMPLE} characters each, the same seed: it is the table that differs. One character of context makes no words."
    )


def _sample(model: Bigram) -> str:
    steps = generate(model, torch.zeros(1, dtype=torch.long), SAMPLE, seed=RECIPE.seed)
    return tokenizer().decode([step.token for step in steps])


def noise() -> None:
    """The loss of each batch against the mean of many."""
    if not chapter(
        "One batch is noise, many are a measurement",
        "0:38:00",
        "Widen the window until you can tell whether the loss still falls.",
    ):
        return
    run = trained(NAME, LABEL)
    steps, batches = series(run.metrics(), "train_loss") if run else ([], [])
    if len(batches) < 2:
        widgets.empty_state(
            "There are no batches yet.", "Press *Train* above; the losses of its batches appear here once it has ended."
        )
        return
    longest = min(200, len(batches))
    shown = min(state.number("window") or WINDOW, longest)
    window = st.slider("Batches in a mean", 1, longest, **state.bound("window", shown))
    chart(
        noisy_and_averaged(steps, batches, window), key="bigram:noise", alt="Loss of each batch and their running mean"
    )
    late = torch.tensor(batches[-longest:])
    st.caption(
        f"Over the last {longest} batches single losses scatter by ±{late.std():.3f} nats around {late.mean():.3f}; a mean of "
        f"{window} by about ±{late.std() / math.sqrt(window):.3f}. The estimated losses above are means over {run.recipe.eval_batches} "
        "batches, the lecture's over 200."
    )
    show_code(estimate_loss)
