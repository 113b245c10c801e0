"""Change a model and see the effect: the controls, and the results before and after."""

from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.choice import Choice, choose
from explorer.components.attention_view.linked import head_choices, linked_view
from explorer.explore.heads.panel import choose_head, most_telling_head
from explorer.explore.interventions import effects, measuring
from explorer.explore.interventions.changes import KINDS, MOST_CHANGES, Change, Kind, available_kinds, parse_changes
from explorer.explore.interventions.figures import before_after_bars, position_map
from explorer.explore.interventions.measuring import Cost, measure, show_cost
from explorer.figures.heatmap import head_map
from explorer.figures.tokens import visible
from explorer.opened import Opened
from explorer.people.identity import current
from explorer.people.limits import check_prompt
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.choices import CHANGES, HEAD, LAYER, SECOND_PROMPT
from explorer.shared.encoded import encode_patterns
from explorer.shared.prompt import Reading
from explorer.shared.sampling import Sampling
from explorer.shared.sink import describe_sink, pick_first_token

SAMPLING = Sampling(max_new_tokens=80)
REAL_SAMPLING = Sampling(max_new_tokens=30)  # of a larger model, whose tokens are longer
ASKING = 64  # pixels above the map of all heads, for the button or the progress bar
CHANGE = Choice("change", label="Change")
STRENGTH = Choice("strength", float, 0, label="Strength")
REPLACEMENTS = ("zero", "mean")
REPLACEMENT = Choice(
    "replacement", options=REPLACEMENTS, default="zero", label="In its place",
    help=f"**Zero**: {KINDS['zero'].help}  \n**Mean**: {KINDS['mean'].help}",
)  # fmt: skip
PATCHED = Choice("patched", int, 0, label="Layers to patch", help="Fewer layers take less time.", several=True)
LOSS = "Mean of −ln p of the true next token, in nats per token."
FULL_COLOR = 0.3  # nats: the least maximum of an effect map's scale, so that noise stays pale


def change_controls(opened: Opened, ids: tuple[int, ...]) -> tuple[tuple[Change, ...], tuple[int, int]]:
    """Let the person choose a change and keep others. Return the active changes and the chosen (layer, head)."""
    config = opened.config
    kinds = available_kinds(config)
    shown = widgets.head_choice(config.n_layer, config.n_head) or most_telling_head(opened, ids)
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
    """Draw the next token before and after, and the loss."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        answers = effects.next_token(opened, ids, changes)
        st.markdown(_describe(answers))
        figure = before_after_bars(*answers)
        chart(figure, key="before and after", alt="Next-token probabilities before and after")
    text = effects.text_of_loss(opened)
    with right, widgets.guarded(), st.spinner(f"Reading {text}…"):
        before, after = effects.loss(opened, ids, ()), effects.loss(opened, ids, changes)
        st.metric(f"Loss on {text}, before", f"{before:.3f}", help=LOSS)
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
    """Draw a continuation before and after, with the same seed. A real model writes once the person asks."""
    sampling = widgets.sampling_controls(REAL_SAMPLING if opened.is_real else SAMPLING)
    written = all(effects.is_written(opened, ids, active, sampling) for active in ((), changes))
    if opened.is_real and not written and not st.button("Write samples", icon=":material/play_arrow:"):
        return
    for column, title, active in zip(st.columns(2, gap="medium"), ("Before", "After"), ((), changes), strict=True):
        with column:
            st.markdown(f"**{title}**")
            place = st.empty()
            for text in effects.sample(opened, ids, active, sampling):
                place.code(text or " ", language=None, wrap_lines=True, height=170)


def draw_ablations(opened: Opened, reading: Reading, chosen: tuple[int, int]) -> None:
    """What every single head is worth, beside where it reads; a click in either chooses the head.

    Until the heads are measured, the map is empty, as large as it will be.
    """
    config = opened.config
    shape, layers = (config.n_layer, config.n_head), range(config.n_layer)
    off = REPLACEMENT.read()
    st.segmented_control(options=REPLACEMENTS, format_func=str.capitalize, required=True, **REPLACEMENT.bound(off))
    known = effects.known_ablations(opened, reading.ids, off)
    height = "content" if opened.is_real else ASKING  # its warning takes several lines on a narrow screen
    with st.container(height=height, border=False, vertical_alignment="center"):
        asked = _ask_to_measure(opened, reading.ids, known is not None)
    found = np.full(shape, np.nan) if known is None else known
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Loss added when this head is off**")
        top = np.nanmax(np.abs(found), initial=FULL_COLOR)
        figure = head_map(found, top=top, unit="nats", chosen=chosen, dark=_dark())
        chart(figure, key="ablation map", alt="Loss added by head", on_click=choose_head)
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
            measurement = effects.ablation_effects(opened, reading.ids, off), shape
            measured = measure([measurement], "Switching off the heads of layer", layers)
            effects.keep_ablations(opened, reading.ids, off, measured[0])
        st.rerun()


def _ask_to_measure(opened: Opened, ids: tuple[int, ...], known: bool) -> DeltaGenerator | None:
    """Offer to switch off each head in turn. Return the place for the progress bar once the person asks."""
    if known:
        same = "" if opened.is_real else ", so this map is the same for every prompt"
        st.caption(f"Measured on {effects.text_of_loss(opened)}{same}.")
        return None
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Measure every head", icon=":material/play_arrow:")
        config, (B, T) = opened.config, effects.loss_ids(opened, ids).shape
        seconds = effects.seconds_a_pass(opened, B, min(T, config.block_size))
        show_cost(Cost.of(range(config.n_layer), config.n_layer, config.n_head, seconds))
    return place if pressed else None


def pick_second_prompt(opened: Opened, ids: tuple[int, ...]) -> str:
    """Let the person write a second prompt. Until they do, it is the prompt with one other token."""
    second = SECOND_PROMPT.read(default=effects.suggest_second_prompt(opened, ids))
    st.text_area(height=80, **SECOND_PROMPT.bound(second))
    if SECOND_PROMPT.text is not None:
        st.button("Suggest one", on_click=choose, args=({SECOND_PROMPT: None},), icon=":material/undo:")
    check_prompt(current(), second)
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
    maps = effects.kept_patching(opened, pair, layers.start, layers.stop)
    if not maps:
        if not st.button("Patch", icon=":material/content_paste_go:"):
            return
        shapes = ((config.n_layer, len(pair.ids)), (config.n_layer, config.n_head))
        measurements = zip(effects.patching_effects(opened, pair, layers), shapes, strict=True)
        maps[:] = measure(measurements, "Patching layer", layers)
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
    n_layer = opened.config.n_layer
    seconds = effects.seconds_a_pass(opened, 1, len(pair.ids))
    cells = effects.changed_positions(opened, pair) + opened.config.n_head  # forward passes per layer
    layers = range(n_layer)
    if Cost.of(layers, n_layer, cells, seconds).seconds > measuring.LONG and n_layer > 1:
        first, last = st.slider(min_value=0, max_value=n_layer - 1, **PATCHED.bound(_patched(n_layer - 1)))
        layers = range(first, last + 1)
    show_cost(Cost.of(layers, n_layer, cells, seconds, whole=3))
    return layers


def _patched(last: int) -> tuple[int, int]:
    """Return the first and the last layer to patch."""
    layers = PATCHED.read(high=last) or (0, last)
    return min(layers), max(layers)
