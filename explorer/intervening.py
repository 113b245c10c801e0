"""Change a model and see what that does: the controls, and before beside after."""

from collections.abc import Callable, Iterable

import numpy as np
import streamlit as st

from explorer import changes, loading, scoring, state, texts, widgets
from explorer.attention_view import attention_view
from explorer.changes import KINDS, Change
from explorer.figures.heads import head_map
from explorer.figures.interventions import before_after_bars, position_map
from explorer.figures.tokens import visible

PLAIN = {"displayModeBar": False}
SAMPLING = loading.Sampling(max_new_tokens=80)
EAGER = 36  # heads up to which the map is measured without asking
LOSS = "Mean of −ln p over the tokens that really came next, in nats a token, on text that was not trained on."
FULL_COLOR = 0.3  # nats: the smallest top of an effect map's scale, so that noise stays pale


def change_controls(ref: str, ids: tuple[int, ...]) -> tuple[tuple[Change, ...], tuple[int, int]]:
    """Let the person make a change, and keep it to add another; all that hold now, and the chosen (layer, head)."""
    config = loading.load_model(ref).config
    kinds = [name for name, kind in KINDS.items() if kind.part != "MLP" or config.mlp]
    shown = widgets.head_choice(config.n_layer, config.n_head) or scoring.clearest(texts.head_scores(ref, ids))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        explained = "  \n".join(f"**{name}**: {KINDS[name].help}" for name in kinds)
        name = st.selectbox("Change", kinds, key="change", help=explained, persist_state="session")
        st.selectbox("Layer", range(config.n_layer), help=widgets.TERMS["layer"], **state.bound("layer", shown[0]))
        if KINDS[name].part == "head":
            st.selectbox("Head", range(config.n_head), help=widgets.TERMS["head"], **state.bound("head", shown[1]))
        strength = 0.0
        if KINDS[name].default is not None:
            kind = KINDS[name]
            strength = st.slider(
                "Strength", 0.0, kind.highest, kind.default, 0.05, key=f"strength:{name}", help=kind.help
            )
        change = Change(name, *shown, strength)
        kept = _kept_changes(ref)
        if st.button("Keep, and add another", icon=":material/add:", disabled=change in kept):
            state.remember("changes", (ref, (*kept, change)))
            st.rerun()
    if kept:
        left = st.multiselect("Kept changes", kept, default=kept, format_func=str, key=f"kept:{hash((ref, kept))}")
        if tuple(left) != kept:
            state.remember("changes", (ref, tuple(left)))
            st.rerun()
    return (*kept, change) if change not in kept else kept, shown


def next_token(ref: str, ids: tuple[int, ...], made: tuple[Change, ...]) -> None:
    """The next token before and after, and the loss on held-out text."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        figure = before_after_bars(*changes.answers(ref, ids, made))
        st.plotly_chart(figure, config=PLAIN, key="before and after", alt="Next-token probabilities before and after")
    with right, widgets.guarded(), st.spinner("Reading held-out text…"):
        before, after = changes.loss(ref, ()), changes.loss(ref, made)
        st.metric("Loss on held-out text, before", f"{before:.3f}", help=LOSS)
        st.metric("After", f"{after:.3f}", delta=f"{after - before:+.3f} nats", delta_color="inverse")
        st.caption("In force: " + "; ".join(widgets.plain(str(change)) for change in made) + ".")


def samples(ref: str, ids: tuple[int, ...], made: tuple[Change, ...]) -> None:
    """A continuation before and after, drawn with the same seed."""
    sampling = widgets.sampling_controls("intervene", SAMPLING)
    for column, title, active in zip(st.columns(2, gap="medium"), ("Before", "After"), ((), made), strict=True):
        with column:
            st.markdown(f"**{title}**")
            with st.spinner("Drawing…"):
                text = changes.sample(ref, ids, active, sampling)
            st.code(text or " ", language=None, wrap_lines=True, height=170)


def ablations(ref: str, reading: loading.Reading, chosen: tuple[int, int]) -> None:
    """What every single head is worth, beside where it reads; a click in either chooses the head."""
    config = loading.load_model(ref).config
    shape = (config.n_layer, config.n_head)
    key = loading.identity(loading.load_run(ref))
    measure = np.prod(shape) <= EAGER or state.recall("ablations", (None,))[0] == key
    if not measure and not st.button(
        f"Switch off each of the {np.prod(shape)} heads in turn", icon=":material/play_arrow:"
    ):
        return
    found = _measured("ablations", key, lambda: [(changes.ablation_effects(ref), shape)], "Switching off head")[0]
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Loss added when this head is off**")
        figure = head_map(found, top=max(FULL_COLOR, np.abs(found).max()), unit="nats", chosen=chosen)
        event = st.plotly_chart(figure, config=PLAIN, key="ablation map", on_select="rerun", alt="Loss added by head")
        scoring.clicked_head(event, "clicked:ablation")
    with right:
        st.markdown("**Where it reads on the prompt**")
        patterns = loading.attention(ref, reading.ids)
        locked = attention_view(
            patterns, reading.tokens, head=chosen, key="intervene", causal=config.causal, grid_only=True
        )
        if locked not in (None, chosen):
            state.choose(layer=locked[0], head=locked[1])
            st.rerun()


def patching(ref: str, reading: loading.Reading) -> None:
    """Put what the model holds of a second prompt into the first, piece by piece."""
    typed = st.text_area(
        "Second prompt",
        changes.one_token_changed(ref, reading.ids),
        height=80,
        max_chars=state.LONGEST_PROMPT,
        key=f"second:{hash((ref, reading.ids))}",
        persist_state="session",
    )
    pair = changes.patching(ref, reading.ids, typed)
    answer = widgets.plain(visible(pair.answer_token))
    note = (
        f"The second prompt raises “{answer}” most among all next tokens; "
        f"a patch counts by what it adds to ln p of “{answer}” after the first."
    )
    if len(pair.ids) < len(reading.ids):
        note += f" Both are cut to their last {len(pair.ids)} tokens, so that positions match."
    st.caption(note)
    key = (loading.identity(loading.load_run(ref)), pair)
    if state.recall("patching", (None,))[0] != key and not st.button("Patch", icon=":material/content_paste_go:"):
        return
    config = loading.load_model(ref).config
    shapes = ((config.n_layer, len(pair.ids)), (config.n_layer, config.n_head))
    stream, heads = _measured(
        "patching", key, lambda: zip(changes.patching_effects(ref, pair), shapes, strict=True), "Patching layer"
    )
    top = max(FULL_COLOR, np.abs(stream).max(), np.abs(heads).max())
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**The residual stream at one position**")
        figure = position_map(stream, pair.tokens, top=top)
        st.plotly_chart(figure, config=PLAIN, key="stream patching", alt="Effect of patching the residual stream")
    with right:
        st.markdown("**All that one head gathers**")
        st.plotly_chart(
            head_map(heads, top=top, unit="nats"), config=PLAIN, key="head patching", alt="Effect of patching heads"
        )


def _kept_changes(ref: str) -> tuple[Change, ...]:
    owner, kept = state.recall("changes", (None, ()))
    return kept if owner == ref else ()


def _measured(name: str, key: object, start: Callable[[], Iterable], doing: str) -> list[np.ndarray]:
    """Effect maps as they were measured for this key, or measured now behind a progress bar. start: (effects, shape) pairs."""
    held = state.recall(name)
    if held is not None and held[0] == key:
        return held[1]
    maps = []
    bar = st.progress(0.0, text=f"{doing} …")
    for effects, shape in start():
        found = np.full(shape, np.nan)
        for done, (row, column, value) in enumerate(effects, 1):
            found[row, column] = value
            bar.progress(done / found.size, text=f"{doing} {row}.{column} …")
        maps.append(found)
    bar.empty()
    state.remember(name, (key, maps))
    return maps
