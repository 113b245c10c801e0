"""Positional encoding: how similar positions are to a model, and the loss of models without positions."""

from typing import cast

import streamlit as st
import torch

from explorer.choice import Choice
from explorer.figures import style
from explorer.figures.matrix import number_grid, similarity_map
from explorer.figures.tokens import escaped, visible
from explorer.lecture.kit.controls import chapter, draw_table, pick, show_cell
from explorer.lecture.kit.finished import finished_weights
from explorer.lecture.kit.training import draw_losses, train_together, trained, trained_model
from explorer.opened import Opened, open_model
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.shared.model_list import prompted
from gpt import GPT, PRESETS, Run, load_corpus
from gpt.by_hand import embedding_tables
from gpt.model.positions import sinusoids

NAME, SMALL = "positions", "sinusoidal, small"
SWITCHES = {
    "learned": {"positions": "learned"},
    "sinusoidal": {"positions": "sinusoidal", "amplitude": 0.2},
    SMALL: {"positions": "sinusoidal", "amplitude": 0.02},
    "none": {"positions": "none"},
}
LENGTH = {
    "block_size": 32, "lr": 4e-3, "schedule": "linear", "final_lr": 0.0, "eval_every": 60, "eval_batches": 40,
    "snapshots": 2,
}  # fmt: skip
STEPS = 600
RECIPES = {
    kind: PRESETS["rung-6"].changed(about=f"Positions: {kind}", steps=STEPS, **LENGTH, **switches)
    for kind, switches in SWITCHES.items()
}
SEEDS = (1337, 1, 2)
MEASURED = {"learned": 2.12, "sinusoidal": 2.17, SMALL: 2.26, "none": 2.28}  # mean validation losses of `command(kind)`
SHIPPED, HERE, FIXED = "learned, ready-made", "learned below", "sinusoidal"
T, C = 8, 32  # the lecture's
LETTER = Choice("added-letter", default="t", label="Token")
FIRST = Choice("position-a", options=range(T), default=0, label="Position")
OTHER = Choice("position-b", options=range(T), default=5, label="Another position")
READABLE = 8  # features whose numbers are written in their cells
POSITIONS = Choice("position-vectors", options=(SHIPPED, HERE, FIXED), default=SHIPPED, label="Positions")


@chapter(
    "Token plus position",
    "1:00:18",
    "Pick a token and two positions. The model adds a row of each table. Is the sum the same at both positions?",
)
def added() -> None:
    """The vectors of one token and of two positions, and their sums."""
    tokenizer = texts.characters(load_corpus("tinyshakespeare").text)
    letters = tokenizer.tokens(range(tokenizer.vocab_size))
    letter = LETTER.read(options=letters)
    places = [FIRST.read(), OTHER.read()]
    columns = st.columns(3, gap="medium")
    columns[0].selectbox(options=letters, format_func=visible, **LETTER.bound(letter))
    for column, choice, place in zip(columns[1:], (FIRST, OTHER), places, strict=True):
        column.selectbox(options=range(T), **choice.bound(place))
    tokens, positions = embedding_tables(tokenizer.vocab_size, T, C)
    tok_emb = tokens[letters.index(letter)]
    rows = {f"tok_emb {visible(letter)}": tok_emb}
    for place in dict.fromkeys(places):
        rows |= {f"pos_emb {place}": positions[place], f"sum at {place}": tok_emb + positions[place]}
    _draw_sums(rows)
    one, other = (tok_emb + positions[place] for place in places)
    st.caption(
        f"{_terms(tok_emb, positions, places[0])} {_terms(tok_emb, positions, places[1])} Between the two sums, "
        f"{int((one != other).sum())} of {C} features differ. Their difference is that of the two positions, whatever "
        f"the token. The tables are untrained, with the lecture's shapes: {tokenizer.vocab_size} × {C} and {T} × {C}. "
        "In a batch of 4 rows, all rows add the same 8 positions."
    )
    show_cell("positions/sum", embedding_tables, GPT.stream)


def _draw_sums(rows: dict[str, torch.Tensor]) -> None:
    """The first features with their numbers, and all features as colours. rows: name → (C,)."""
    values, names = torch.stack(list(rows.values())).numpy(), [escaped(name) for name in rows]
    sums = [(row, i) for row, name in enumerate(rows) if name.startswith("sum") for i in range(READABLE)]
    for column, count in zip(st.columns(2, gap="medium"), (READABLE, C), strict=True):
        with column:
            st.markdown(f"**{'All' if count == C else 'The first'} {count} features**")
            look = {"rows": "", "columns": "feature", "most_numbers": READABLE, "row_names": names}
            figure = number_grid(values[:, :count], marked=sums if count < C else (), **look)
            chart(figure, key=f"positions:sum:{count}", alt=f"Token and position added, {count} features")


def _terms(tok_emb: torch.Tensor, positions: torch.Tensor, place: int) -> str:
    """Feature 0 of the sum at this position, term by term."""
    numbers = (tok_emb[0].item(), positions[place, 0].item(), (tok_emb[0] + positions[place, 0]).item())
    token, position, total = (f"({each:.2f})".replace("-", "−") if each < 0 else f"{each:.2f}" for each in numbers)
    return f"Feature 0 at position {place}: {token} + {position} ≈ {total}."


@chapter(
    "Positional encoding", "1:00:18", "Which positions look similar to the model? Choose how its positions are made."
)
def similarity() -> None:
    """The cosines of the vectors of any two positions: learned, or sinusoids."""
    vectors, origin = _vectors(pick(POSITIONS))
    if vectors is None:
        widgets.empty_state("No ready-made model has learned positions.", "Pick another kind of positions.")
        return
    cosines = torch.nn.functional.cosine_similarity(vectors[:, None], vectors[None], dim=-1)
    figure = similarity_map(cosines.numpy(), axis="position")
    chart(figure, key="positions:similarity", alt="Cosine of every two positions' vectors")
    st.caption(
        f"The cosine between the vectors of any two of {len(vectors)} positions, {origin}. "
        f"{style.ABOVE.capitalize()}: similar; {style.BELOW}: opposite."
    )
    show_cell("positions/sinusoids", sinusoids)


def _vectors(kind: str) -> tuple[torch.Tensor | None, str]:
    """(T, C) and their origin; None where there are none."""
    if kind == FIXED:
        shape = RECIPES["sinusoidal"].model
        return sinusoids(shape.block_size, shape.n_embd), "sines and cosines of falling frequency, not trained"
    if kind == HERE:
        run = trained(NAME, "learned")
        if run is None:
            weights = finished_weights(NAME, "learned")
            return weights["pos_embed"], "learned by a finished run of ours; *Train* below learns yours"
        opened = Opened.of(run)
    else:
        models = map(open_model, prompted())
        opened = next((each for each in models if each.config.n_layer and each.config.positions == "learned"), None)
    return (cast(GPT, opened.model).pos_embed, f"learned by {widgets.plain(opened.ref)}") if opened else (None, "")


@chapter("Trained with and without", "1:00:18")
def training() -> None:
    """The same small model with learned positions, with sinusoids of two sizes, and without positions."""
    recipe = RECIPES["none"]
    about = (
        f"{len(RECIPES)} models of {recipe.model.n_layer} blocks differ only in their positions. Each trains "
        f"{recipe.steps} steps on contexts of {recipe.model.block_size} characters. Sinusoids have an amplitude of "
        f"{_amplitude('sinusoidal')}, or of {_amplitude(SMALL)}, the initial size of the token vectors. Which model "
        "has the highest loss, and how much higher is it?"
    )
    train_together(NAME, RECIPES, _losses, about=about)
    show_cell("positions/positions", GPT.stream)


def _losses(runs: dict[str, Run]) -> None:
    draw_losses(NAME, runs, list(RECIPES), "positions:losses")
    rows = [_lengths(label, run) for label, run in runs.items() if run.steps]
    if not rows:
        return
    draw_table(rows, 2, "positions:lengths")
    st.caption(
        "The mean length of the two vectors that the model adds at its input. Sinusoids keep their size. Token "
        "vectors grow, so small sinusoids become small beside them. Learned positions grow too. Under the mask, "
        "token t reads from t + 1 tokens, so the model without positions still learns some order."
    )
    reached = ", ".join(f"{label} {loss:.2f}" for label, loss in MEASURED.items())
    st.caption(
        f"Measured: validation losses in nats a character, the mean of {len(SEEDS)} seeds: {reached}. Small sinusoids "
        "have a higher loss because of their size, not because they are fixed. The command for one of these models:"
    )
    st.code(command("sinusoidal"), language="bash", wrap_lines=True)


def _amplitude(kind: str) -> float | None:
    return RECIPES[kind].model.amplitude


def command(kind: str) -> str:
    """The command line that trains the same model with each of `SEEDS`."""
    switches = " ".join(f"--set {name}={value}" for name, value in (LENGTH | SWITCHES[kind]).items())
    train = f"python -m gpt.train --preset rung-6 --steps {STEPS} {switches} --seed $seed --run runs/{NAME}-$seed"
    return f"for seed in {' '.join(map(str, SEEDS))}; do {train}; done"


def _lengths(label: str, run: Run) -> dict[str, str | float | None]:
    """The mean lengths of the vectors of tokens and of positions."""
    model = trained_model(run)
    tokens, positions = model.embed.weight, getattr(model, "pos_embed", None)
    return {
        "positions": label,
        "length of a token's vector": tokens.norm(dim=-1).mean().item(),
        "length of a position's": None if positions is None else positions.norm(dim=-1).mean().item(),
    }
