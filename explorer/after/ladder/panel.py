"""The ladder goes on: what each rung gains over seeds, one rung in training, and its experts."""

from functools import partial

import numpy as np
import streamlit as st

from explorer.after.ladder.figures import Step, expert_tiles, gain_ladder
from explorer.after.ladder.finished import Trained, read_experts, read_ladder
from explorer.after.ladder.gains import LADDER, NUMBERS, rung_gains, rung_title, verdict
from explorer.choice import Choice
from explorer.figures import style
from explorer.figures.bands import Band, bands
from explorer.lecture.kit.controls import chapter, draw_table, metrics, pick, show_cell
from explorer.lecture.kit.training import train_together
from explorer.navigation import PAGES
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.source import rung_lines
from explorer.train.runs.folders import logged
from gpt import Run
from gpt.after.ladder import Gain, chosen_experts, paired_gain
from gpt.model.experts import Experts
from gpt.train.ladder import FIRST

RUNG = Choice("later-rung", int, options=tuple(NUMBERS.values()), default=9, label="Rung")
SEED = Choice("ladder-seed", int, 0, 9999, default=5, label="Seed", help="It decides the first weights and batches.")
LAYER = Choice("experts-layer", int, options=tuple(range(LADDER[FIRST].model.n_layer)), default=0, label="Layer")
LABEL = "one more seed"
TALL = 1.2  # nats of the axis of the bands
CELLS = {
    8: "ladder/rms", 9: "ladder/rotary", 10: "ladder/swiglu", 11: "ladder/norms", 12: "ladder/grouped",
    13: "ladder/window", 14: "ladder/muon", 15: "ladder/experts",
}  # fmt: skip


@chapter(
    "What each rung gains",
    "ladder",
    "Each rung adds one part of today's models to the rung above. Which parts gain more than the noise of the seeds?",
)
def gains() -> None:
    """The gain of each rung over the one before, with its 95 % interval."""
    trained = read_ladder()
    steps = rung_gains(trained)
    if not steps:
        widgets.empty_state("There are no finished runs.", "`make models` trains them.", 300)
        return
    drawn = [Step(rung_title(name), gain.mean, *gain.interval, verdict(gain)) for name, gain in steps.items()]
    chart(gain_ladder(drawn), key="ladder:gains", alt="Gain of each rung over the one before")
    first, *_, last = (rung.losses.mean() for rung in trained.values())
    fewest, most = (extreme(gain.n for gain in steps.values()) for extreme in (min, max))
    n = f"{most}" if fewest == most else f"{fewest} to {most}"
    st.caption(
        f"A bar is the mean gain over {n} seeds, each compared with the same seed of the rung before. The line is the "
        f"95 % interval of the mean. Where it has zero ({style.word(style.MUTED)}), the rung gains nothing that these "
        f"seeds can show. All rungs together: from {first:.3f} to {last:.3f} nats per character. Other sizes have "
        "other gains: a window and grouped queries save memory in long contexts, and these contexts are short."
    )
    with st.expander("All numbers"):
        draw_table([_row(name, trained[name], gain) for name, gain in steps.items()], 4, "ladder:numbers")
    with st.container(horizontal=True):
        st.page_link(PAGES / "race.py", label="Rungs 1 to 7: the ladder race", icon=":material/flag:")
        st.page_link(PAGES / "seeds.py", label="Why one seed is not enough: Seeds", icon=":material/casino:")
    show_cell("ladder/gain", paired_gain)


def _row(name: str, rung: Trained, gain: Gain) -> dict[str, object]:
    return {
        "rung": rung_title(name), "loss": float(rung.losses.mean()), "gain": gain.mean, "± (95 %)": gain.half_width,
        "parameters": rung.parameters, "used by a token": rung.active, "tokens read": rung.tokens, "seeds": gain.n,
    }  # fmt: skip


@chapter(
    "One rung and the one before",
    "ladder",
    "Pick a rung. Do the two bands overlap at the end? Then train it with a seed of your own.",
)
def one_rung() -> None:
    """The bands of a rung and the one before, and its training."""
    seed = SEED.read()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        number = pick(RUNG)
        st.number_input(step=1, width=200, **SEED.bound(seed))
    name = f"rung-{number}"
    recipe = LADDER[name].changed(seed=seed)
    about = (
        f"**{recipe.about}.** {recipe.steps:,} steps of {recipe.batch_size} × {recipe.model.block_size} characters: "
        "about 10 seconds on one core, for rung 15 half a minute."
    )
    train_together(f"ladder-{number}", {LABEL: recipe}, partial(_draw_bands, name), about=about)
    show_cell(CELLS[number], rung_lines(number))


def _draw_bands(name: str, runs: dict[str, Run]) -> None:
    names, trained = list(LADDER), read_ladder()
    pair = {each: trained[each] for each in (names[names.index(name) - 1], name) if each in trained}
    drawn = [
        Band(_band_name(each, rung), style.ACCENT if each == name else style.MUTED, rung.steps, rung.curves)
        for each, rung in pair.items()
    ]
    own = {f"yours (seed {run.recipe.seed})": logged(run.folder).series("val_loss") for run in runs.values()}
    figure = bands(drawn, own, x_title="step", y_title="validation loss, nats per character")
    low = min((float(np.min(rung.curves)) for rung in pair.values()), default=1.8) - 0.05
    figure.update_yaxes(range=[low, low + TALL])
    chart(figure, key="ladder:bands", alt=f"Validation losses of {' and '.join(pair)} over the steps")
    if len(pair) < 2:
        return
    before, rung = pair.values()
    metrics({
        "Parameters used by a token": f"{rung.active:,}", "… in the rung before": f"{before.active:,}",
        "Characters read, both": f"{rung.tokens:,}",
    })  # fmt: skip
    more = "" if rung.active == rung.parameters else f" All experts together have {rung.parameters:,} parameters."
    st.caption(
        f"A band reaches from the lowest to the highest of {len(rung.seeds)} seeds; the line is their median. Both "
        f"rungs read the same batches. The axis leaves out the first losses.{more}"
    )


def _band_name(name: str, rung: Trained) -> str:
    return f"{rung_title(name) if name in NUMBERS else '7, small'} ({len(rung.seeds)} seeds)"


@chapter(
    "Which character goes to which expert",
    "ladder",
    "Rung 15 has four MLPs in each block, and each token uses one. Which characters share an expert?",
)
def experts() -> None:
    """The share of each character that goes to each expert."""
    layer = pick(LAYER)
    characters, shares = read_experts()
    if not characters:
        widgets.empty_state("There is no finished run of rung 15.", "`make models` trains it.", 280)
        return
    figure = expert_tiles(characters, shares[layer])
    chart(figure, key="ladder:experts", alt=f"Which character goes to which expert of layer {layer}")
    st.caption(
        "A character is in the row of the expert that gets most of its tokens, on validation text; a darker tile is a "
        "larger share. Nobody tells the router what a vowel is: it learns what lowers the loss."
    )
    show_cell("ladder/balance", Experts.forward, chosen_experts)
