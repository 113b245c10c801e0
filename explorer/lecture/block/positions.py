"""Positional encoding: how alike positions are to a model, and what a model without them loses."""

import streamlit as st
import torch

from explorer.figures import style
from explorer.figures.matrix import similarity_map
from explorer.lecture.kit.controls import chapter, choose, part, show_code
from explorer.lecture.kit.together import losses_together
from explorer.lecture.kit.training import train_together, trained
from explorer.shared import loading, widgets
from explorer.shared.chart import chart
from gpt import GPT, PRESETS, Run
from gpt.model.positions import sinusoids

NAME, SMALL = "positions", "sinusoidal, small"
SWITCHES = {
    "learned": {"positions": "learned"},
    "sinusoidal": {"positions": "sinusoidal", "amplitude": 0.2},
    SMALL: {"positions": "sinusoidal", "amplitude": 0.02},
    "none": {"positions": "none"},
}
LENGTH = {
    "block_size": 32,
    "lr": 4e-3,
    "schedule": "linear",
    "final_lr": 0.0,
    "eval_every": 60,
    "eval_batches": 40,
    "snapshots": 2,
}
STEPS = 600
RECIPES = {
    kind: PRESETS["rung-6"].changed(about=f"Positions: {kind}", steps=STEPS, **LENGTH, **switches)
    for kind, switches in SWITCHES.items()
}
SEEDS = (1337, 1, 2)
MEASURED = {
    "learned": 2.12,
    "sinusoidal": 2.17,
    SMALL: 2.26,
    "none": 2.28,
}  # validation losses of `command(kind)`, their mean
SHIPPED, HERE, FIXED = "learned, ready-made", "learned below", "sinusoidal"


def similarity() -> None:
    """How alike the vectors of any two positions are: learned in a model that ships or in the one trained here, or sinusoids."""
    if not chapter(
        "Positional encoding",
        "1:00:18",
        "Which positions does a model hold for alike? Choose how its positions are made.",
    ):
        return
    kind = choose("Positions", [SHIPPED, HERE, FIXED], SHIPPED, "vectors")
    vectors, made = _vectors(kind)
    if vectors is None:
        widgets.empty_state("There are no learned positions yet.", "Press *Train* below; it takes less than a minute.")
        return
    cosines = torch.nn.functional.cosine_similarity(vectors[:, None], vectors[None], dim=-1)
    chart(
        similarity_map(cosines.numpy(), axis="position"),
        key="block:similarity",
        alt="Cosine of every two positions' vectors",
    )
    st.caption(
        f"The cosine between the vectors of any two of {len(vectors)} positions, {made}. "
        f"{style.ABOVE.capitalize()}: alike; {style.BELOW}: opposite."
    )
    show_code(sinusoids)


def _vectors(kind: str) -> tuple[torch.Tensor | None, str]:
    """(T, C) and how they came about; None where there are none."""
    if kind == FIXED:
        shape = RECIPES["sinusoidal"].model
        return sinusoids(shape.block_size, shape.n_embd), "sines and cosines of falling frequency, never trained"
    if kind == HERE:
        run = trained(NAME, "learned")
        ref = f"runs/{run.name}" if run else None
    else:
        ref = next((ref for ref in loading.prompted() if hasattr(loading.load_model(ref), "pos_embed")), None)
    return (loading.load_model(ref).pos_embed, f"as {widgets.plain(ref)} has learned them") if ref else (None, "")


def training() -> None:
    """The same small model with learned positions, with sinusoids of two sizes, and with no positions, side by side."""
    if not part("Trained with and without", "1:00:18"):
        return
    recipe = RECIPES["none"]
    about = (
        f"{len(RECIPES)} models of {recipe.model.n_layer} blocks, equal but for their positions: {recipe.steps} steps each on contexts of "
        f"{recipe.model.block_size} characters. Sinusoids have an amplitude of {_amplitude('sinusoidal')}, or of {_amplitude(SMALL)}: the "
        "size that tokens begin with. Which model does worst, and how much worse?"
    )
    train_together(NAME, RECIPES, _losses, about=about)
    show_code(GPT.forward)


def _losses(runs: dict[str, Run]) -> None:
    losses_together(runs, list(RECIPES), "block:positions:losses")
    rows = [_lengths(label, run) for label, run in runs.items() if run.steps]
    if not rows:
        return
    numbers = {name: st.column_config.NumberColumn(format="%.2f") for name in rows[0] if name != "positions"}
    st.dataframe(rows, hide_index=True, column_config=numbers, key="block:positions:lengths")
    st.caption(
        "The mean length of the two vectors that are added at the input. Sinusoids keep their size: those that begin as small as tokens "
        "are outgrown by them. Learned positions grow along. “none” is not helpless: under the mask, token t reads from t + 1 tokens, "
        "so the model still learns something of order."
    )
    reached = ", ".join(f"{label} {loss:.2f}" for label, loss in MEASURED.items())
    st.caption(
        f"Measured: validation losses in nats a character, the mean of {len(SEEDS)} seeds: {reached}. Small sinusoids lose by their "
        "size, not by their kind. The command for one of them:"
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
    """How long the vectors of tokens and of positions have become."""
    model = loading.load_model(f"runs/{run.name}")
    tokens, places = model.embed.weight, getattr(model, "pos_embed", None)
    return {
        "positions": label,
        "length of a token's vector": tokens.norm(dim=-1).mean().item(),
        "length of a position's": None if places is None else places.norm(dim=-1).mean().item(),
    }
