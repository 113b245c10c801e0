"""Rotary positions: two arrows that turn with their positions; dials of many speeds."""

import math
from functools import partial

import streamlit as st
import torch
from torch import Tensor

from explorer.after.rotary.figures import dial, dials, score_curve
from explorer.choice import Choice
from explorer.figures import style
from explorer.lecture.kit.controls import chapter, editable, metrics, show_cell, unroll
from explorer.shared.chart import chart
from gpt.after.rotary import frequencies, score, scores_by_distance, turn
from gpt.model.positions import Rotary

DISTANCE = Choice("distance", int, 0, 12, default=2, label="Distance", help="The position of q − the position of k.")
DEGREES = Choice("degrees", int, 5, 90, default=30, label="Degrees a token")
PLACE = Choice("hands-at", int, 0, 200, default=5, label="Position")
LAST = 24  # positions of k in the walk
FARTHEST = 12
ARROWS = [[1.0, 0.2], [0.6, 0.8]]  # q and k before they are turned
PAIRS = 8
LONG = 200  # distances of the second curve


@chapter(
    "Two arrows on a dial",
    "rotary",
    "Press Play: both tokens move on, and both arrows turn. What happens to q · k? Then change the distance.",
)
def arrows() -> None:
    """Two features of q and k, turned by the positions of their tokens."""
    distance, degrees = DISTANCE.read(), DEGREES.read()
    left, middle, right = st.columns([2, 2, 3], gap="medium")
    left.slider(**DISTANCE.bound(distance))
    middle.slider(step=5, **DEGREES.bound(degrees))
    with right, st.popover("Edit the arrows", icon=":material/edit:"):
        st.markdown("**q (row 0) and k (row 1)**, before they are turned")
        q, k = editable(torch.tensor(ARROWS), "rotary:arrows").double()
    unroll("rotary", LAST, partial(_draw_arrows, q, k, distance, math.radians(degrees)))
    st.caption(
        "Turning both arrows by the same angle changes no angle between them. So q · k depends on the distance only: "
        "a head can learn “two tokens back” once, for all positions. Source: Su et al. 2021, "
        "[arXiv:2104.09864](https://arxiv.org/abs/2104.09864)."
    )
    show_cell("rotary/turn", turn, score)


def _draw_arrows(q: Tensor, k: Tensor, distance: int, speed: float, at: int) -> None:
    """The arrows of k at position `at` and of q at `distance` after it."""
    speeds = torch.tensor([speed], dtype=torch.float64)
    product = score(q[None], k[None], at + distance, at, speeds)
    metrics(
        {"Position of k": f"{at}", "Position of q": f"{at + distance}", "q · k": f"{product:.3f}".replace("-", "−")}
    )
    left, right = st.columns(2, gap="medium")
    turned = {"q": (q, (at + distance) * speeds[0]), "k": (k, at * speeds[0])}
    shown = {name: (x.numpy(), turn(x, angle).numpy()) for name, (x, angle) in turned.items()}
    with left:
        chart(dial(shown), key="rotary:dial", alt="q and k, turned by their positions")
    distances = torch.linspace(-FARTHEST, FARTHEST, 16 * FARTHEST + 1, dtype=torch.float64)  # also between two tokens
    scores = scores_by_distance(q[None], k[None], speeds, distances)
    with right:
        figure = score_curve(distances.numpy(), scores.numpy(), distance)
        chart(figure, key="rotary:curve", alt="q · k by distance")
    st.caption(
        f"q is {style.word(style.ACCENT)}, k is {style.word(style.SECOND)}; the faint arrows are at position 0. One "
        "token further, an arrow turns by the same angle again."
    )


@chapter(
    "Many dials: fast and slow",
    "rotary",
    "Move the position. Which dial separates neighbours, and which separates far tokens?",
)
def speeds() -> None:
    """The angles of all pairs of a head at one position, and the score by distance with all of them."""
    place, each = PLACE.read(), frequencies(PAIRS)
    st.slider(**PLACE.bound(place))
    names = [f"{2 * math.pi / speed:,.0f}" for speed in each.tolist()]
    chart(dials((place * each).tolist(), names), key="rotary:dials", alt="The dial of each pair of features")
    st.caption(
        f"A head of {2 * PAIRS} features has {PAIRS} pairs. Below each dial: the tokens that one full turn takes. The "
        "first is like the hand of seconds, the last like the hand of years. One fast dial confuses positions that "
        "are a full turn apart; all dials together do not."
    )
    distances = torch.arange(LONG + 1, dtype=torch.float64)
    same = torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(PAIRS, 2)
    scores = scores_by_distance(same, same, each, distances)
    chart(score_curve(distances.numpy(), scores.numpy(), height=300), key="rotary:sum", alt="q · k of all dials")
    st.caption(
        f"q · k if q and k are equal, with all {PAIRS} dials: {PAIRS} at distance 0, less for far tokens, in waves. "
        "Longer contexts need slower dials: Llama 3 turns them with a base of 500,000 in place of 10,000."
    )
    show_cell("rotary/dials", frequencies, scores_by_distance, Rotary)
