"""Seeds: the band of one recipe, the birth of the induction head, matched heads, and how many seeds are enough."""

from functools import partial

import numpy as np
import streamlit as st

from explorer.after.seeds.figures import birth_bars, matched_patterns, rising_scores
from explorer.after.seeds.training import LABEL, NAME, SEED, all_seeds, shipped
from explorer.choice import Choice
from explorer.figures import style
from explorer.figures.bands import Band, bands, levels
from explorer.figures.matrix import number_grid
from explorer.figures.tokens import head_name
from explorer.lecture.kit.controls import chapter, metrics, show_cell
from explorer.lecture.kit.training import train_together
from explorer.shared.chart import chart
from explorer.train.runs.folders import logged
from gpt import Run
from gpt.after.seeds import PROMPT, RECIPE, SEEDS, Measured, birth, head_distances, match_heads, seeds_needed
from gpt.lens.heads import THRESHOLD, scores

COUNT = Choice("seeds", int, 1, len(SEEDS), default=len(SEEDS), label="Number of seeds")
BORN = Choice("born", float, 0.1, 0.9, default=THRESHOLD, label="Threshold", help="Of the induction score, 0 to 1.")
ONE = Choice("one", label="First seed")
OTHER = Choice("other", label="Second seed")
DIFFERENCE = Choice("gap", float, 0.001, 1.0, default=0.005, label="Difference of the losses, nats")


@chapter(
    "One recipe, ten seeds",
    "seeds",
    "Move the number of seeds from 1 to 10: where is the band wide? Then train one more seed, and see where it falls.",
)
def curves() -> None:
    """The band of the validation losses, with the person's own seed."""
    count, seed = COUNT.read(), SEED.read()
    left, right = st.columns([3, 1], gap="medium")
    left.slider(**COUNT.bound(count))
    right.number_input(step=1, **SEED.bound(seed))
    about = (
        f"One more seed: a model of {RECIPE.model.n_layer} layers of {RECIPE.model.n_head} heads, {RECIPE.steps:,} "
        "steps on repeated letters, about 15 seconds on one core."
    )
    train_together(NAME, {LABEL: RECIPE.changed(seed=seed)}, partial(_draw_band, count), about=about)
    show_cell("seeds/band", levels)


def _draw_band(count: int, runs: dict[str, Run]) -> None:
    drawn = shipped()[:count]
    losses = np.array([each.losses for each in drawn])
    names = f"{count} seeds" if count > 1 else "1 seed"
    own = {f"yours (seed {run.recipe.seed})": logged(run.folder).series("val_loss") for run in runs.values()}
    recipe = Band(names, style.ACCENT, drawn[0].evaluated, losses)
    figure = bands([recipe], own, x_title="step", y_title="validation loss, nats per letter", shows_seeds=True)
    chart(figure, key="seeds:band", alt=f"Validation losses of {names} of one recipe")
    low, _, high = levels(losses)
    widest = int((high - low).argmax())
    metrics({
        f"Widest, at step {drawn[0].evaluated[widest]}": f"{high[widest] - low[widest]:.3f} nats",
        f"At the end, step {RECIPE.steps:,}": f"{high[-1] - low[-1]:.3f} nats",
    })  # fmt: skip
    st.caption(
        "The band reaches from the lowest to the highest seed; the thick line is their median, a thin line is one "
        "seed. The seed decides the first weights and the order of the batches; nothing else differs."
    )


@chapter(
    "The step at which the head is born",
    "seeds",
    "An induction head finds the same letter before, and reads what came after it. Move the threshold: does the order "
    "of the births change?",
)
def births() -> None:
    """The best induction score of each seed over its snapshots, and when it reaches the threshold."""
    threshold = BORN.read()
    st.slider(step=0.1, **BORN.bound(threshold))
    seeds = all_seeds()
    steps = {name: birth(each.steps, each.induction, threshold) for name, each in seeds.items()}
    best = {name: (each.steps, each.induction.flatten(1).amax(1).numpy()) for name, each in seeds.items()}
    left, right = st.columns([3, 2], gap="medium")
    with left:
        figure = rising_scores(best, steps, threshold)
        chart(figure, key="seeds:scores", alt="Best induction score of each seed over the steps")
    with right:
        chart(birth_bars(steps), key="seeds:births", alt="Step at which each seed's induction head is born")
    born = sorted(step for step in steps.values() if step is not None)
    between = (
        f"between steps {born[0]:.0f} and {born[-1]:.0f}, the median at {np.median(born):.0f}" if born else "nowhere"
    )
    st.caption(
        f"A head is born in {len(born)} of {len(steps)} seeds, {between}. The score is the weight on the token after "
        "the same letter, above uniform attention ([Olsson et al. 2022](https://arxiv.org/abs/2209.11895)). One seed "
        "would tell you one step as if it were a fact of the recipe."
    )
    show_cell("seeds/birth", birth, scores)


@chapter(
    "The same head under another number",
    "seeds",
    "Pick two seeds. Which head of the second does what head 0 of the first does?",
)
def heads() -> None:
    """The heads of two seeds, each beside the one that reads most alike."""
    seeds = all_seeds()
    names = list(seeds)
    one, other = ONE.read(options=names, default=names[0]), OTHER.read(options=names, default=names[1])
    left, right = st.columns(2, gap="medium")
    left.selectbox(options=names, **ONE.bound(one))
    right.selectbox(options=names, **OTHER.bound(other))
    for layer, column in enumerate(st.columns(2, gap="medium")):
        with column:
            _draw_match(layer, (one, seeds[one]), (other, seeds[other]))
    st.caption(
        f"Above are the heads of {one}, below each its partner in {other}, on the text {PROMPT}; rows read from "
        "columns. Of all ways to pair the heads of a layer, this has the smallest sum of distances. A distance is the "
        "share of attention that reads from other tokens: 0 is the same head, 1 has nothing in common. Numbers of "
        "heads mean nothing: another seed writes the same roles in another order, and not always the same roles."
    )
    show_cell("seeds/match", head_distances, match_heads)


def _draw_match(layer: int, one: tuple[str, Measured], other: tuple[str, Measured]) -> None:
    (name, first), (other_name, second) = one, other
    distances = head_distances(first.patterns[layer], second.patterns[layer])
    partners = match_heads(distances)
    masked = [_masked(each.patterns[layer].numpy()) for each in (first, second)]
    titles = [head_name(layer, head) for head in range(len(partners))]
    below = [f"{titles[partner]} · {distances[head, partner]:.2f}" for head, partner in enumerate(partners)]
    figure = matched_patterns(masked[0], masked[1][list(partners)], (titles, below), PROMPT)
    st.markdown(f"**Layer {layer}**")
    chart(figure, key=f"seeds:heads:{layer}", alt=f"Heads of layer {layer} of {name}, and their partners")
    closest = min(range(len(partners)), key=lambda head: float(distances[head, partners[head]]))
    st.markdown(
        f"Head {closest} of {name} is head {partners[closest]} of {other_name}: "
        f"they differ in {100 * distances[closest, partners[closest]]:.0f} % of their attention."
    )
    with st.expander("Distances of all pairs"):
        grid = number_grid(
            distances.numpy(), rows=f"head of {name}", columns=f"head of {other_name}", marked=list(enumerate(partners))
        )
        chart(grid, key=f"seeds:distances:{layer}", alt=f"Distances of the heads of layer {layer}")


def _masked(patterns: np.ndarray) -> np.ndarray:
    return np.where(np.tri(patterns.shape[-1], dtype=bool), patterns, np.nan)


@chapter("How many seeds are enough", "seeds", "Type the difference of two recipes. How many seeds of each show it?")
def enough() -> None:
    """The seeds that a difference needs, with the spread of the seeds that ship."""
    difference = DIFFERENCE.read()
    st.number_input(step=0.001, format="%.3f", width=300, **DIFFERENCE.bound(difference))
    spread = float(np.std([each.losses[-1] for each in shipped()], ddof=1))
    needed = seeds_needed(difference, spread)
    metrics({"Standard deviation of our seeds": f"{spread:.4f} nats", "Seeds of each recipe": f"{needed:,}"})
    st.caption(
        "The difference of two means of n seeds has the standard error s · √(2 / n), where s is the standard deviation "
        "of the seeds. A difference is shown if it is twice its standard error. Half the difference needs four times "
        "as many seeds."
    )
    show_cell("seeds/enough", seeds_needed)
