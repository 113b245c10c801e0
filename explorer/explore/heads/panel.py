"""What heads do: their scores as maps, the heads that have a name, and the evidence for one of them."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import streamlit as st

from explorer import state
from explorer.choice import choose
from explorer.components.induction_picture import induction_picture
from explorer.figures.heatmap import head_map, number, pattern_heatmap
from explorer.figures.tokens import head_name
from explorer.navigation import PAGES
from explorer.shared import loading, texts, widgets
from explorer.shared.chart import chart
from explorer.shared.choices import HEAD, LAYER

Head = tuple[int, int]
Scores = dict[str, np.ndarray]  # name → (n_layer, n_head)
INDUCTION = "induction"  # a model that ships, and has induction heads

MEANING = {
    "previous token": "Weight on the token just before: how a layer learns what stands next to what.",
    "first token": "Weight on the first token: often where a head rests when it finds nothing to read.",
    "duplicate token": "Weight on earlier occurrences of the reading token itself.",
    "induction": "Weight on what followed an earlier occurrence of the reading token: from A B … A it looks at B, and can copy it.",
    "entropy": "How evenly each token's weights spread, against spreading evenly over all it may see: 0 is even, −1 is one token alone.",
}


def head_pickers(n_layer: int, n_head: int, default: Head = (0, 0)) -> Head:
    """Layer and head as two boxes in the controls' row. default: shown until the person picks."""
    shown = widgets.head_choice(n_layer, n_head) or default
    with st.container(horizontal=True):
        head = dict(zip((LAYER, HEAD), shown, strict=True))
        for choice, size in ((LAYER, n_layer), (HEAD, n_head)):
            st.selectbox(options=range(size), **choice.bound(head[choice], along=head))
    return shown


def clicked_head(event: dict, key: str) -> None:
    """Choose the head whose cell was clicked, once: a selection stays in the chart after other controls have moved on."""
    points = event["selection"]["points"]
    clicked = points[0].get("customdata") if points else None
    if clicked != state.recall(key):
        state.remember(key, clicked)
        if clicked:
            choose({LAYER: clicked[0], HEAD: clicked[1]})
            st.rerun()


def score_maps(on_prompt: Scores, on_probe: Scores, chosen: Head) -> None:
    """One kind of score for all heads, on the prompt and on the probe set."""
    from gpt.lens.heads import KINDS, THRESHOLD

    names, wanted = list(MEANING), state.choice("score")
    shown = wanted if wanted in names else names[0]
    explained = "  \n".join(f"**{name}**: {meaning}" for name, meaning in MEANING.items())
    bound = state.bound("score", shown)
    kind = st.segmented_control("Score", names, format_func=str.capitalize, help=explained, required=True, **bound)
    for column, title, scores in zip(
        st.columns(2, gap="medium"), ("On the prompt", "On the probe set"), (on_prompt, on_probe), strict=True
    ):
        with column:
            st.markdown(f"**{title}**")
            marked = scores[kind] >= THRESHOLD if kind in KINDS else None
            figure = head_map(
                scores[kind],
                top=1.0,
                unit="above even attention",
                marked=marked,
                chosen=chosen,
                dark=st.context.theme.type == "dark",
            )
            key = f"{title}:{kind}"
            clicked_head(chart(figure, key=key, on_select="rerun", alt=f"{kind} scores: {title}"), f"clicked:{key}")
            if np.isnan(scores[kind]).all():
                st.caption("No token of this text has such a cell: no token comes a second time, or there is only one.")


def clearest(scores: Scores) -> Head:
    """The head that is most of the kind that is shown first."""
    values = scores[next(iter(MEANING))]
    layer, head = np.unravel_index(np.nan_to_num(values, nan=-1).argmax(), values.shape)
    return int(layer), int(head)


def kinds(scores: Scores) -> dict[Head, str]:
    """The heads that reach the threshold, with the kind that each is most of; the clearest first."""
    from gpt.lens.heads import label

    found = {head: kind for head in np.ndindex(scores["entropy"].shape) if (kind := label(_of(scores, head)))}
    return dict(sorted(found.items(), key=lambda each: -scores[each[1]][each[0]]))


def captions(scores: Scores | None, layers: Sequence[int] | None) -> dict[Head, str]:
    """What the attention view says of the heads in these layers (None: all); nothing while there are no scores."""
    return {head: kind for head, kind in kinds(scores).items() if layers is None or head[0] in layers} if scores else {}


def score_heads(ref: str) -> None:
    """Score the heads once the picture is drawn, and run the page again, which then says what they do."""
    with suppress(ValueError):  # the text that the probe set is made of is gone
        texts.head_scores(ref)
        st.rerun()


def named_heads(prompt: str, ref: str, scores: Scores) -> None:
    """The heads that have a name, each as a badge that opens it on the Attention page, and what induction is."""
    from gpt.lens.heads import THRESHOLD

    named, link = kinds(scores), {"model": ref, "prompt": prompt}
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown(f"Heads that score above **{THRESHOLD:+.1f}** on the probe set{'' if named else ': none.'}")
        with st.container(horizontal=True, gap="small"):
            for (layer, head), kind in named.items():
                label = f":blue-badge[{head_name(layer, head)} · {kind} {number(scores[kind][layer, head])}]"
                there = link | {"layer": str(layer), "head": str(head)}
                st.page_link(PAGES / "attention.py", label=label, query_params=there)
        if "induction" not in named.values():
            st.markdown("No induction head in this model.")
            st.page_link(
                PAGES / "attention.py", label="Open *induction*, which has some", query_params={"model": INDUCTION}
            )
    with right:
        induction_picture()


def evidence(ref: str, reading: loading.Reading, head: Head, on_prompt: Scores, on_probe: Scores) -> None:
    """One head's pattern on the prompt beside its scores."""
    pattern = loading.attention(ref, reading.ids)[head].copy()
    if loading.load_run(ref).recipe.model.causal:
        pattern[np.triu_indices(len(pattern), 1)] = np.nan
    st.subheader(head_name(*head), anchor=False)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chart(pattern_heatmap(pattern, reading.tokens), key="pattern", alt="Attention pattern")
    with right:
        _score_table([head], on_prompt, on_probe)


def all_scores(on_prompt: Scores, on_probe: Scores) -> None:
    """Every number on this page, to sort and to download."""
    with st.expander("All scores as a table"):
        for title, scores in (("On the prompt", on_prompt), ("On the probe set", on_probe)):
            rows = [
                {"layer": layer, "head": head, **{name: float(scores[name][layer, head]) for name in MEANING}}
                for layer, head in np.ndindex(scores["entropy"].shape)
            ]
            st.markdown(f"**{title}**")
            numbers = {name: st.column_config.NumberColumn(format="%.3f") for name in MEANING}
            st.dataframe(rows, hide_index=True, column_config=numbers, key=f"table:{title}")


def probe_note(ref: str) -> str:
    """What the probe set of this model is, in a sentence."""
    from gpt.lens.heads import PROBES, speaks_letters

    if speaks_letters(loading.load_run(ref).tokenizer):
        return f"The probe set is {PROBES} sequences of different random letters, each set twice in a row."
    return f"The alphabet lacks some of the letters a to z, so the probe set is {PROBES} stretches of validation text."


def _of(scores: Scores, head: Head) -> dict[str, float]:
    return {name: float(values[head]) for name, values in scores.items()}


def _score_table(heads: Sequence[Head], on_prompt: Scores, on_probe: Scores) -> None:
    rows = [
        {"score": name.capitalize(), "prompt": _of(on_prompt, head)[name], "probe set": _of(on_probe, head)[name]}
        for head in heads
        for name in MEANING
    ]
    numbers = {name: st.column_config.NumberColumn(format="%+.3f") for name in ("prompt", "probe set")}
    st.dataframe(rows, hide_index=True, column_config=numbers, key="scores of the head")
