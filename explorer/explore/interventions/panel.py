"""Change a model and see the effect: the controls, and the results before and after."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.choice import Choice, choose
from explorer.components.attention_view.linked import head_choices, linked_view
from explorer.explore.heads.panel import choose_clicked_head, clearest_head
from explorer.explore.interventions import effects
from explorer.explore.interventions.changes import KINDS, MOST_CHANGES, Change, Kind, available_kinds, parse_changes
from explorer.explore.interventions.figures import before_after_bars, position_map
from explorer.figures.heatmap import head_map
from explorer.figures.tokens import visible
from explorer.opened import Opened
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.shared.choices import CHANGES, HEAD, LAYER, SECOND_PROMPT
from explorer.shared.encoded import encode_patterns
from explorer.shared.prompt import Reading
from explorer.shared.sampling import Sampling
from explorer.shared.sink import describe_sink, pick_first_token

SAMPLING = Sampling(max_new_tokens=80)
ASKING = 64  # pixels above the map of all heads, for the button or the progress bar
CHANGE = Choice("change", label="Change")
STRENGTH = Choice("strength", float, 0, label="Strength")
REPLACEMENTS = ("zero", "mean")
REPLACEMENT = Choice(
    "replacement", options=REPLACEMENTS, default="zero", label="In its place",
    help=f"**Zero**: {KINDS['zero'].help}  \n**Mean**: {KINDS['mean'].help}",
)  # fmt: skip
PATCHED = Choice("patched", int, 0, label="Layers to patch", help="Fewer layers take less time.", several=True)
LOSS = "Mean of −ln p of the true next token, in nats per token, on validation text."
LONG = 20  # seconds; a longer measurement gets a warning
FULL_COLOR = 0.3  # nats: the least maximum of an effect map's scale, so that noise stays pale


def change_controls(opened: Opened, ids: tuple[int, ...]) -> tuple[tuple[Change, ...], tuple[int, int]]:
    """Let the person choose a change and keep others. Return the active changes and the chosen (layer, head)."""
    config = opened.config
    kinds = available_kinds(config)
    shown = widgets.head_choice(config.n_layer, config.n_head) or clearest_head(texts.head_scores(opened, ids))
    name = CHANGE.read(options=kinds, default=kinds[0])
    kind, kept = KINDS[name], kept_changes(opened)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        explained = "  \n".join(f"**{KINDS[each].name}**: {KINDS[each].help}" for each in kinds)
        named = {each: KINDS[each].name for each in kinds}
        bound = CHANGE.bound(name, along={STRENGTH: None}, help=explained)
        st.selectbox(options=kinds, format_func=named.__getitem__, **bound)
        head = dict(zip((LAYER, HEAD), shown, strict=True))
        st.selectbox(options=range(config.n_layer), **LAYER.bound(shown[0], along=head))
        if kind.part == "head":
            st.selectbox(options=range(config.n_head), **HEAD.bound(shown[1], along=head))
        change = Change(name, shown[0], shown[1] * (kind.part == "head"), _strength(kind))
        full = change in kept or len(kept) >= MOST_CHANGES
        if st.button("Keep, and add another", icon=":material/add:", disabled=full) and not full:
            _keep((*kept, change))
    if kept:
        left = st.multiselect("Kept changes", kept, default=kept, format_func=str, key=f"kept:{_link(kept)}")
        if tuple(left) != kept:
            _keep(tuple(left))
    return (*kept, change) if change not in kept else kept, shown


def _strength(kind: Kind) -> float:
    """Let the person choose a strength, where the kind has one."""
    if kind.default is None:
        return 0.0
    strength = round(STRENGTH.read(high=kind.highest, default=kind.default), 2)
    st.slider(min_value=0.0, max_value=kind.highest, step=0.05, **STRENGTH.bound(strength, help=kind.help))
    return strength


def draw_next_token(opened: Opened, ids: tuple[int, ...], changes: tuple[Change, ...]) -> None:
    """Draw the next token before and after, and the loss on validation text."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        answers = effects.next_token(opened, ids, changes)
        st.markdown(_describe(answers))
        figure = before_after_bars(*answers)
        chart(figure, key="before and after", alt="Next-token probabilities before and after")
    with right, widgets.guarded(), st.spinner("Reading validation text…"):
        before, after = effects.loss(opened, ()), effects.loss(opened, changes)
        st.metric("Loss on validation text, before", f"{before:.3f}", help=LOSS)
        st.metric("After", f"{after:.3f}", delta=f"{after - before:+.3f} nats", delta_color="inverse")
        st.caption("Active: " + "; ".join(widgets.plain(str(change)) for change in changes) + ".")


def _describe(answers: effects.Answers) -> str:
    """Say how the most likely token changed, and which token is most likely now."""
    was, now = int(answers.before.argmax()), int(answers.after.argmax())
    first, last = (f"“{widgets.plain(visible(answers.tokens[index]))}”" for index in (was, now))
    sentence = f"{first}: **{answers.before[was]:.1%} → {answers.after[was]:.1%}**"
    if now == was:
        return sentence
    return f"{sentence}. Now {last} leads with {answers.after[now]:.1%}, up from {answers.before[now]:.1%}."


def draw_samples(opened: Opened, ids: tuple[int, ...], changes: tuple[Change, ...]) -> None:
    """A continuation before and after, drawn with the same seed."""
    sampling = widgets.sampling_controls(SAMPLING)
    for column, title, active in zip(st.columns(2, gap="medium"), ("Before", "After"), ((), changes), strict=True):
        with column:
            st.markdown(f"**{title}**")
            with st.spinner("Drawing…"):
                text = effects.sample(opened, ids, active, sampling)
            st.code(text or " ", language=None, wrap_lines=True, height=170)


def draw_ablations(opened: Opened, reading: Reading, chosen: tuple[int, int]) -> None:
    """What every single head is worth, beside where it reads; a click in either chooses the head.

    Until the heads are measured, the map is empty, as large as it will be.
    """
    config = opened.config
    shape = (config.n_layer, config.n_head)
    off = REPLACEMENT.read()
    st.segmented_control(options=REPLACEMENTS, format_func=str.capitalize, required=True, **REPLACEMENT.bound(off))
    known = effects.known_ablations(opened, off)
    with st.container(height=ASKING, border=False, vertical_alignment="center"):
        asked = _ask_to_measure(opened, config.n_layer * config.n_head, known is not None)
    found = np.full(shape, np.nan) if known is None else known
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Loss added when this head is off**")
        top = np.nanmax(np.abs(found), initial=FULL_COLOR)
        figure = head_map(found, top=top, unit="nats", chosen=chosen, dark=_dark())
        event = chart(figure, key="ablation map", on_select="rerun", alt="Loss added by head")
        choose_clicked_head(event, "clicked:ablation")
    with right:
        st.markdown("**Where it reads on the prompt**")
        hides_first = pick_first_token(opened)
        patterns = encode_patterns(opened, reading.ids, None, hides_first)
        options: dict[str, Any] = {"key": "intervene", "grid_only": True, "hides_first": hides_first}
        options["choices"] = lambda look: head_choices(look) if look.head else {}  # one head is always chosen
        linked_view(patterns, reading.tokens, look={"head": chosen}, **options)
        if hides_first:
            st.caption(describe_sink(opened))
    if asked:
        with asked:
            measured = _measure([(effects.ablation_effects(opened, off), shape)], "Switching off the heads of layer")
            effects.keep_ablations(opened, off, measured[0])
        st.rerun()


def _ask_to_measure(opened: Opened, heads: int, known: bool) -> DeltaGenerator | None:
    """Offer to switch off each head in turn. Return the place for the progress bar once the person asks."""
    if known:
        st.caption("Measured on validation text, so this map is the same for every prompt.")
        return None
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Measure every head", icon=":material/play_arrow:")
        B, T = effects.validation_ids(opened)[:, :-1].shape
        _show_cost(heads + 1, effects.seconds_a_pass(opened, B, T))
    return place if pressed else None


def pick_second_prompt(opened: Opened, ids: tuple[int, ...]) -> str:
    """Let the person write a second prompt. Until they do, it is the prompt with one other token."""
    second = SECOND_PROMPT.read(default=effects.suggest_second_prompt(opened, ids))
    st.text_area(height=80, **SECOND_PROMPT.bound(second))
    if SECOND_PROMPT.text is not None:
        st.button("Suggest one", on_click=choose, args=({SECOND_PROMPT: None},), icon=":material/undo:")
    return second


def draw_patching(opened: Opened, reading: Reading) -> None:
    """Put activations of a second prompt into the first prompt's computation, one at a time."""
    second = pick_second_prompt(opened, reading.ids)
    pair = effects.pair_prompts(opened, reading.ids, second)
    answer = widgets.plain(visible(pair.answer_token))
    note = (
        f"The second prompt raises “{answer}” most among all next tokens. "
        f"The maps show what a patch adds to ln p of “{answer}” after the first prompt."
    )
    if len(pair.ids) < len(reading.ids):
        note += f" Both are cut to their last {widgets.count(len(pair.ids), 'token')}, so that positions match."
    st.caption(note)
    config, layers = opened.config, _layers_to_patch(opened, pair)
    key = (opened, pair, layers)
    known, maps = state.recall("patching", (None, None))
    if known != key:
        if not st.button("Patch", icon=":material/content_paste_go:"):
            return
        shapes = ((config.n_layer, len(pair.ids)), (config.n_layer, config.n_head))
        maps = _measure(zip(effects.patching_effects(opened, pair, layers), shapes, strict=True), "Patching layer")
        state.remember("patching", (key, maps))
    stream, heads = maps
    top = max(FULL_COLOR, np.nanmax(np.abs(stream)), np.nanmax(np.abs(heads)))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**The residual stream at one position**")
        figure = position_map(stream, pair.tokens, top=top)
        chart(figure, key="stream patching", alt="Effect of patching the residual stream")
    with right:
        st.markdown("**The output of one head**")
        chart(head_map(heads, top=top, unit="nats", dark=_dark()), key="head patching", alt="Effect of patching heads")


def kept_changes(opened: Opened) -> tuple[Change, ...]:
    """Return the kept changes. A warning names those that this model cannot make."""
    link = CHANGES.text
    kept, refused = parse_changes(opened.config, link) if link else ((), ())
    if refused:
        named = "; ".join(widgets.plain(part, longest=30) for part in refused[:5]) + ("; …" if len(refused) > 5 else "")
        st.warning(f"Left out, since this model has no such change: {named}.", icon=":material/search_off:")
    return kept


def _link(kept: tuple[Change, ...]) -> str:
    return "~".join(change.link for change in kept)


def _keep(kept: tuple[Change, ...]) -> None:
    choose({CHANGES: _link(kept) or None})
    st.rerun()


def _dark() -> bool:
    return st.context.theme.type == "dark"


def _layers_to_patch(opened: Opened, pair: effects.Pair) -> range:
    """Return all layers, or the person's choice where all take long. Show the time that it takes."""
    config = opened.config
    seconds = effects.seconds_a_pass(opened, 1, len(pair.ids))
    cells = len(pair.ids) + config.n_head  # forward passes per layer
    first, last = 0, config.n_layer - 1
    if config.n_layer * cells * seconds > LONG and last:
        first, last = st.slider(min_value=0, max_value=last, **PATCHED.bound(_patched(last)))
    _show_cost((last - first + 1) * cells + 3, seconds)
    return range(first, last + 1)


def _patched(last: int) -> tuple[int, int]:
    """Return the first and the last layer to patch."""
    layers = PATCHED.read(high=last) or (0, last)
    return min(layers), max(layers)


def _show_cost(passes: int, seconds: float) -> None:
    """Show how long a measurement takes; warn where it is long."""
    total = passes * seconds
    sentence = f"{passes:,} forward passes; one takes {seconds:.2g} s here, so all take about "
    if total > LONG:
        minutes = f"{max(1, total / 60):.0f} min"
        st.warning(f"{sentence}{minutes}. You can cancel at any time.", icon=":material/hourglass_top:")
    else:
        st.caption(f"{sentence}{max(1, total):.0f} s.")


def _measure(measurements: Iterable[tuple[Iterator, tuple[int, int]]], doing: str) -> list[np.ndarray]:
    """Measure effect maps behind a progress bar; a rerun cancels. measurements: (effects, shape) pairs."""
    maps, place = [], st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=f"{doing} …")
        st.button("Cancel", key=f"cancel:{doing}", icon=":material/close:")
    for cells, shape in measurements:
        values = np.full(shape, np.nan)
        for row, column, value in cells:
            values[row, column] = value
            bar.progress((row + (column + 1) / shape[1]) / shape[0], text=f"{doing} {row} …")
        maps.append(values)
    place.empty()
    return maps
