"""What heads do: their scores as maps, the heads that have a name, and the evidence for one head."""

from collections.abc import Iterable
from contextlib import suppress

import numpy as np
import streamlit as st

from explorer.choice import choose, parameters
from explorer.components.attention_view.packing import Head
from explorer.components.induction_picture import induction_picture
from explorer.explore.heads.names import MEANING, Scores, clearest_head, name_heads, scores_of
from explorer.figures.heatmap import head_map, number, pattern_heatmap
from explorer.figures.tokens import head_name
from explorer.navigation import PAGES
from explorer.opened import Opened
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.shared.choices import HEAD, LAYER, MODEL, PROMPT, SCORE
from explorer.shared.patterns import record
from explorer.shared.prompt import Reading
from explorer.shared.sink import describe_sink, pick_first_token, shown_patterns

INDUCTION = "induction"  # a shipped model that has induction heads
COPY = "induction"  # the kind of score
MOST_NAMED = 8  # heads of a kind that have a badge
SETS = ("On the prompt", "On the probe set")


def pick_head(n_layer: int, n_head: int, opening: Head = (0, 0)) -> Head:
    """Let the person pick a layer and a head in two boxes. opening: shown until the person picks."""
    shown = widgets.head_choice(n_layer, n_head) or opening
    now = dict(zip((LAYER, HEAD), shown, strict=True))
    with st.container(horizontal=True):
        for choice, size in ((LAYER, n_layer), (HEAD, n_head)):
            st.selectbox(options=range(size), **choice.bound(now[choice], along=now))
    return shown


def choose_head(clicked: list[int]) -> None:
    """Choose the head whose cell was clicked: its layer, and its number there."""
    choose(dict(zip((LAYER, HEAD), clicked, strict=False)))


def draw_score_maps(on_prompt: Scores, on_probe: Scores, chosen: Head) -> None:
    """Draw one kind of score for all heads, on the prompt and on the probe set."""
    explained = "  \n".join(f"**{name}**: {meaning}" for name, meaning in MEANING.items())
    kind = SCORE.read(options=MEANING, default=next(iter(MEANING)))
    bound = SCORE.bound(kind, help=explained)
    st.segmented_control(options=MEANING, format_func=str.capitalize, required=True, **bound)
    for column, title, scores in zip(st.columns(2, gap="medium"), SETS, (on_prompt, on_probe), strict=True):
        with column:
            _draw_score_map(title, kind, scores[kind], chosen)


def _draw_score_map(title: str, kind: str, scores: np.ndarray, chosen: Head) -> None:
    from gpt.lens.heads import KINDS, THRESHOLD

    st.markdown(f"**{title}**")
    marked = scores >= THRESHOLD if kind in KINDS else None
    dark = st.context.theme.type == "dark"
    figure = head_map(scores, top=1.0, unit="above even attention", marked=marked, chosen=chosen, dark=dark)
    chart(figure, key=f"{title}:{kind}", alt=f"{kind} scores: {title}", on_click=choose_head)
    if np.isnan(scores).all():
        st.caption("This text has no such cell: no token comes a second time, or there is only one token.")


def most_telling_head(opened: Opened, ids: tuple[int, ...]) -> Head:
    """Find the head that a page opens on: of a real model the one that copies most on these tokens, if one comes twice.

    Else it is the clearest previous-token head. ids: those on which all patterns fit into memory.
    """
    scores = texts.head_scores(opened, ids)
    copies = opened.is_real and not np.isnan(scores[COPY]).all()
    return clearest_head(scores, COPY) if copies else clearest_head(scores)


def score_heads(opened: Opened) -> None:
    """Score heads that are not scored yet, and run the page again with their captions."""
    if not opened.config.n_layer or texts.known_head_scores(opened) is not None:
        return
    with suppress(ValueError):  # the text of the probe set is gone
        texts.head_scores(opened)
        st.rerun()


def draw_named_heads(opened: Opened, prompt: str, scores: Scores) -> None:
    """Draw a badge for each head that has a name, which opens it on the Attention page, and what induction is."""
    from gpt.lens.heads import THRESHOLD

    named, page = name_heads(scores), PAGES / "attention.py"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown(f"Heads that score above **{THRESHOLD:+.1f}** on the probe set{'' if named else ': none.'}")
        for heads in _by_kind(named):
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                for (layer, head), kind in heads[:MOST_NAMED]:
                    label = f":blue-badge[{head_name(layer, head)} · {kind} {number(scores[kind][layer, head])}]"
                    link = parameters({MODEL: opened.ref, PROMPT: prompt, LAYER: layer, HEAD: head})
                    st.page_link(page, label=label, query_params=link)
                if len(heads) > MOST_NAMED:
                    st.caption(f"and {len(heads) - MOST_NAMED} more of this kind")
        if "induction" not in named.values():
            st.markdown("This model has no induction head.")
            link = parameters({MODEL: INDUCTION})
            st.page_link(page, label="Open *induction*, which has some", query_params=link)
    with right:
        induction_picture()


def _by_kind(named: dict[Head, str]) -> list[list[tuple[Head, str]]]:
    """Return the named heads in the order of their scores, or, where they are many, a list for each kind."""
    if len(named) <= MOST_NAMED:
        return [list(named.items())]
    kinds = sorted(set(named.values()), key=[*named.values()].count)  # a kind of few heads says more
    return [[each for each in named.items() if each[1] == kind] for kind in kinds]


def draw_evidence(opened: Opened, reading: Reading, head: Head, on_prompt: Scores, on_probe: Scores) -> None:
    """Draw one head's pattern on the prompt beside its scores."""
    st.subheader(head_name(*head), anchor=False)
    hides_first = pick_first_token(opened)
    pattern = shown_patterns(record(opened, reading.ids, (head[0],)).patterns[head[0]][head[1]], hides_first).copy()
    if opened.config.causal:
        pattern[np.triu_indices(len(pattern), 1)] = np.nan
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chart(pattern_heatmap(pattern, reading.tokens), key="pattern", alt="Attention pattern")
        if hides_first:
            st.caption(describe_sink(opened))
    with right:
        prompt, probe = scores_of(on_prompt, head), scores_of(on_probe, head)
        rows = [{"score": name.capitalize(), "prompt": prompt[name], "probe set": probe[name]} for name in MEANING]
        _draw_table(rows, ("prompt", "probe set"), "%+.3f", "scores of the head")


def draw_all_scores(on_prompt: Scores, on_probe: Scores) -> None:
    """Draw every number on this page as tables, to sort and to download."""
    with st.expander("All scores as a table"):
        for title, scores in zip(SETS, (on_prompt, on_probe), strict=True):
            heads = np.ndindex(scores["entropy"].shape)
            rows = [{"layer": layer, "head": head, **scores_of(scores, (layer, head))} for layer, head in heads]
            st.markdown(f"**{title}**")
            _draw_table(rows, MEANING, "%.3f", f"table:{title}")


def _draw_table(rows: list[dict], numbers: Iterable[str], form: str, key: str) -> None:
    columns = {name: st.column_config.NumberColumn(format=form) for name in numbers}
    st.dataframe(rows, hide_index=True, column_config=columns, key=key)


def describe_probe(opened: Opened) -> str:
    """Describe the probe set of this model in a sentence."""
    from gpt.lens.heads import PROBES, probe_kind

    kind = probe_kind(opened.tokenizer)
    if kind == "validation text":
        return f"The alphabet lacks some letters of a to z, so the probe set is {PROBES} pieces of validation text."
    return f"The probe set is {PROBES} sequences of different random {kind}; each sequence is repeated once."
