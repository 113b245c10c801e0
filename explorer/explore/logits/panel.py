"""The logit lens of one prompt, and one logit as a sum over the model's parts: the parts of the page in order."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from html import unescape
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.choice import Choice, choose
from explorer.explore.logits.figures import parts_bars, parts_map, through_points
from explorer.explore.logits.lens import attribute, logit_lens
from explorer.explore.logits.table import COLORS, table_figure
from explorer.figures import style
from explorer.figures.next_token import next_token_bars
from explorer.figures.tokens import visible
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.choices import POSITION
from explorer.shared.lens_controls import Subject
from explorer.shared.words import describe_ngrams

if TYPE_CHECKING:
    from gpt import GPTConfig
    from gpt.lens.logits import LogitLens

TERMS = {
    "lens": "The page applies the final norm and the unembedding at every point, without the later layers. "
    "“0 mid” is after the attention of layer 0, “0 post” after its MLP.",
    "parallel": "This model's attention and MLP read the same stream, side by side. So no part reads “mid”: the MLP's "
    "part is still missing there.",
    "probability": "The probability of the most likely next token.",
    "entropy": "The uncertainty: −Σ p ln p in nats. 0 is certainty; ln V is a uniform guess among V tokens.",
    "KL": "KL divergence in nats between the model's answer and the distribution here. 0 where they are equal.",
    "rank": "The number of tokens that are at least as likely as the true next token. 1 is the best.",
    "logit": "The softmax turns logits into probabilities. A lead of d in logits is a ratio of eᵈ in probabilities.",
    "parts": "What each head, MLP and bias adds to the stream, along the token's row of the unembedding. The final "
    "norm divides by the same scale as in the whole model.",
}
COLOR = Choice(
    "color", options=COLORS, default="probability", label="Colour",
    help=" ".join(f"**{COLORS[name]}**: {TERMS[name]}" for name in COLORS),
)  # fmt: skip
POINT = Choice("point", label="Point", place=True)
ALL_POSITIONS = Choice("all-positions", bool, default=False, label="All positions")
TOKEN = Choice(
    "token", int, 0, label="Token", place=True,
    help="The page splits this token's logit into the contributions of the model's parts.",
)  # fmt: skip
RIVAL = Choice(
    "rival", int, 0, label="Token", help="The page then splits the lead of the first token over this token.", place=True
)
POINTS = Choice("points", label="Points", help="A table of all points would be too wide to read.")
SPREAD = "spread"  # of `POINTS`: evenly spaced points
COLUMNS = 12  # of the table at once
NARROW = 2  # characters of a token up to which a whole table fits on a phone
ROWS = 20  # of the table at once
TALLEST = 720  # pixels; a longer table scrolls
LISTED = 512  # tokens; a larger vocabulary is not listed as a whole


def draw_table(chosen: Subject) -> None:
    """Draw the table of the most likely tokens, and the distribution of the chosen cell."""
    opened, ids, position = chosen.opened, chosen.reading.ids, chosen.position
    rows = _rows(position, len(chosen.labels))
    here = logit_lens(opened, ids, slice(position, position + 1))
    point = POINT.read(options=here.points, default=here.points[-1])  # the default is the model's answer
    points = _columns(here.points, point)
    lens = logit_lens(opened, ids, rows, points)
    parallel = TERMS["parallel"] if opened.config.parallel else ""
    st.subheader("Logit lens", anchor=False, help=TERMS["lens"])
    color = COLOR.read()
    st.segmented_control(options=list(COLORS), format_func=COLORS.__getitem__, required=True, **COLOR.bound(color))
    cell = (points.index(point), position)
    dark = st.context.theme.type == "dark"
    figure: Any = table_figure(lens, opened.tokenizer, chosen.labels, color=color, cell=cell, rows=rows, dark=dark)
    wide, narrow = st.columns([3, 2], gap="medium")
    longest = max(len(unescape(token)) for token in figure.data[1].text)
    name = "scrolled-table" if longest > NARROW else None  # see page.css
    with wide, st.container(height=min(figure.layout.height + 60, TALLEST), border=False, key=name):
        alt = "Table of the likeliest next token, by position and point of the stream"
        key = f"lens:{point}:{position}:{points[1:2]}"  # a new key for a new cell, so that no cell stays grey
        chart(figure, key=key, alt=alt, on_click=partial(_choose_cell, points))
    at = here.points.index(point)
    with narrow:
        st.markdown(f"**After {widgets.plain(chosen.labels[position])}, at {point}**")
        tokens = opened.tokenizer.tokens(here.top_ids[at, position].tolist())
        bars = next_token_bars(tokens, here.top_probabilities[at, position])
        chart(bars, key="cell", alt="Next token at the chosen cell")
    widgets.caption(
        "Each row is a token, each column a point of the stream. A cell shows the most likely next token there. "
        f"Click a cell to see its distribution. {parallel}",
        "1:26:48",
    )
    _through(chosen, here, at)


def _choose_cell(points: tuple[str, ...], clicked: list[int]) -> None:
    """clicked: the column and the row."""
    column, row = clicked
    choose({POINT: points[column], POSITION: row})


def _columns(points: tuple[str, ...], chosen: str) -> tuple[str, ...]:
    """Return the points of the table: all where they fit, else evenly spaced ones or a stretch, and the chosen one."""
    if len(points) <= COLUMNS + 1:
        return points
    every = 2 * -(-(len(points) - 1) // (2 * COLUMNS))  # even, so that all of them are after an MLP
    parts: dict[str, Iterable[str]] = {SPREAD: (*points[::every], points[-1])}
    for first in range(1, len(points), COLUMNS):
        stretch = points[first : first + COLUMNS]
        parts[f"{stretch[0]} to {stretch[-1]}"] = stretch
    part = POINTS.read(options=parts, default=SPREAD)
    names = {name: name for name in parts} | {SPREAD: "all layers, in steps"}
    st.selectbox(options=list(parts), format_func=names.__getitem__, width=240, **POINTS.bound(part))
    return tuple(point for point in points if point in {*parts[part], chosen})


def _rows(position: int, T: int) -> slice:
    """Return the `ROWS` positions around this one, or all positions if the person asks for them."""
    whole = T <= ROWS or st.toggle(**ALL_POSITIONS.bound(ALL_POSITIONS.read(), label=f"All {T} positions"))
    if whole:
        return slice(0, T)
    stretch = (T - 1 - position) // ROWS
    return slice(max(0, T - ROWS * (stretch + 1)), T - ROWS * stretch)


def _through(chosen: Subject, lens: "LogitLens", point: int) -> None:
    position, ids = chosen.position, chosen.reading.ids
    st.subheader("How the prediction forms", anchor=False, help=f"{TERMS['entropy']} {TERMS['KL']} {TERMS['rank']}")
    rank = lens.rank[:, position] if position + 1 < len(ids) else None
    figure = through_points(lens.points, lens.entropy[:, position], lens.divergence[:, position], rank, point)
    chart(figure, key="through", alt="Entropy, divergence and rank through the layers")
    known = "No token follows the last one, so there is no rank." if rank is None else ""
    sentence = f"The prediction at the chosen position, from the embedding to the model's answer. {known}"
    widgets.caption(sentence, "1:26:48")


def draw_attribution(chosen: Subject) -> None:
    """Draw the chosen token's logit, or its lead over another, as a sum over the model's parts."""
    from gpt.lens.attribution import check_is_sum

    st.subheader("Contributions to a logit", anchor=False, help=TERMS["parts"])
    try:
        check_is_sum(chosen.opened.model)
    except ValueError as error:
        widgets.empty_state("This model's logits are not a sum over its parts.", widgets.plain(str(error), longest=300))
        return
    token, against = _tokens(chosen)
    parts = attribute(chosen.opened, chosen.reading.ids, token, against, chosen.position)
    left, right = st.columns(2, gap="medium")
    names, values = zip(*parts.parts, strict=True)
    with left:
        chart(parts_bars(names, values), key="parts", alt="Contributions, largest first")
    with right:
        total, logit, apart = st.columns(3)
        total.metric("Sum of all parts", f"{parts.total:.4f}")
        logit.metric("Logit" if against is None else "Lead", f"{parts.logit:.4f}", help=TERMS["logit"])
        apart.metric("Difference", f"{abs(parts.total - parts.logit):.0e}")
        chart(parts_map(parts.heads, parts.mlps), key="map", alt="Contributions by layer")
    widgets.caption(
        f"What each part adds to the logit after {widgets.plain(chosen.labels[chosen.position])}: "
        f"{style.ABOVE} for the token, {style.BELOW} against it. {_notes(chosen.opened.config)}",
        "1:26:48",
    )


def _notes(config: "GPTConfig") -> str:
    """Say what n-grams are, that rotary positions are no part of this sum, and what a softcap does to it."""
    sentences = []
    if config.ngrams > 1:
        sentences.append(f"{describe_ngrams(config.ngrams)} Their bar is “n-grams”.")
    if config.positions == "rotary":
        sentences.append("Rotary positions turn queries and keys; they add nothing to the stream.")
    if config.softcap is not None:
        sentences.append(
            f"A softcap squeezes this model's logits into ±{config.softcap:g}. The sum is the logit before the cap."
        )
    return " ".join(sentences)


def _tokens(chosen: Subject) -> tuple[int, int | None]:
    """Let the person choose the token and, if wanted, a second token to compare with."""
    tokenizer, here = chosen.opened.tokenizer, slice(chosen.position, chosen.position + 1)
    lens = logit_lens(chosen.opened, chosen.reading.ids, here)
    ids, position = chosen.reading.ids, chosen.position
    likeliest = lens.top_ids[-1, position].tolist()
    chances = dict(zip(likeliest, lens.top_probabilities[-1, position].tolist(), strict=True))
    token, rival = (choice.read(high=tokenizer.vocab_size - 1) for choice in (TOKEN, RIVAL))
    rest = range(tokenizer.vocab_size) if tokenizer.vocab_size <= LISTED else ()
    more = [*ids[position + 1 : position + 2], *(each for each in (token, rival) if each is not None)]
    offered = list(dict.fromkeys([*likeliest, *more, *rest]))

    def label(token: int) -> str:
        chance = f"  {chances[token]:.1%}" if token in chances else ""
        return f"{visible(tokenizer.tokens([token])[0])}{chance}"

    token = likeliest[0] if token is None else token
    options = distinct({each: label(each) for each in offered})
    left, right, _ = st.columns([1, 1, 2], gap="medium")
    left.selectbox(options=options, format_func=options.__getitem__, **TOKEN.bound(token, options))
    bound = RIVAL.bound(rival, options, label="Compared with", placeholder="no other")
    right.selectbox(options=options, index=None, format_func=options.__getitem__, **bound)
    return token, rival


def distinct(labels: dict[int, str]) -> dict[int, str]:
    """Add the id to every label that several tokens share: a browser identifies an option by its label.

    >>> distinct({65: "A", 128: "�", 129: "�"})
    {65: 'A', 128: '� · id 128', 129: '� · id 129'}
    """
    counts = Counter(labels.values())
    return {token: label if counts[label] == 1 else f"{label} · id {token}" for token, label in labels.items()}
