"""Change a model and see what that does: the controls, and before beside after."""

from collections.abc import Iterable, Iterator

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.choice import Choice, choose
from explorer.components.attention_view.linked import head_choices, linked_view
from explorer.explore.heads.panel import choose_clicked_head, clearest_head
from explorer.explore.interventions import changes
from explorer.explore.interventions.ablations import keep_ablations, known_ablations
from explorer.explore.interventions.changes import KINDS, Change, Kind
from explorer.explore.interventions.figures import before_after_bars, position_map
from explorer.figures.heatmap import head_map
from explorer.figures.tokens import visible
from explorer.opened import Opened
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.shared.choices import HEAD, LAYER
from explorer.shared.patterns import attention
from explorer.shared.prompt import Reading
from explorer.shared.sampling import Sampling
from explorer.state import LONGEST_PROMPT

SAMPLING = Sampling(max_new_tokens=80)
ASKING = 64  # pixels kept free above the map of all heads, for the button and then the progress bar
CHANGE = Choice("change", label="Change")
CHANGES = Choice("changes", label="Kept changes")
STRENGTH = Choice("strength", float, 0, label="Strength")
REPLACEMENTS = ("zero", "mean")
REPLACEMENT = Choice(
    "replacement",
    options=REPLACEMENTS,
    default="zero",
    label="In its place",
    help=f"**Zero**: {KINDS['zero'].help}  \n**Mean**: {KINDS['mean'].help}",
)
SECOND_PROMPT = Choice("second-prompt", high=LONGEST_PROMPT, label="Second prompt")
PATCHED = Choice("patched", int, 0, label="Layers to patch", help="Fewer layers take less time.", several=True)
LOSS = "Mean of −ln p over the tokens that really came next, in nats a token, on text that was not trained on."
LONG = 20  # seconds from which a measurement is warned of
FULL_COLOR = 0.3  # nats: the smallest top of an effect map's scale, so that noise stays pale


def change_controls(opened: Opened, ids: tuple[int, ...]) -> tuple[tuple[Change, ...], tuple[int, int]]:
    """Let the person make a change, and keep it to add another; all that hold now, and the chosen (layer, head)."""
    config, kinds = opened.config, changes.offered(opened)
    shown = widgets.head_choice(config.n_layer, config.n_head) or clearest_head(texts.head_scores(opened, ids))
    name = CHANGE.read(options=kinds, default=kinds[0])
    kind, kept = KINDS[name], _kept_changes(opened)
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
        full = change in kept or len(kept) >= changes.MOST_CHANGES
        if st.button("Keep, and add another", icon=":material/add:", disabled=full) and not full:
            _keep((*kept, change))
    if kept:
        left = st.multiselect("Kept changes", kept, default=kept, format_func=str, key=f"kept:{_link(kept)}")
        if tuple(left) != kept:
            _keep(tuple(left))
    return (*kept, change) if change not in kept else kept, shown


def _strength(kind: Kind) -> float:
    """How strongly, where the kind has a strength."""
    if kind.default is None:
        return 0.0
    strength = round(STRENGTH.read(high=kind.highest, default=kind.default), 2)
    st.slider(min_value=0.0, max_value=kind.highest, step=0.05, **STRENGTH.bound(strength, help=kind.help))
    return strength


def next_token(opened: Opened, ids: tuple[int, ...], made: tuple[Change, ...]) -> None:
    """The next token before and after, and the loss on validation text."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        answers = changes.answers(opened, ids, made)
        st.markdown(_in_words(answers))
        figure = before_after_bars(*answers)
        chart(figure, key="before and after", alt="Next-token probabilities before and after")
    with right, widgets.guarded(), st.spinner("Reading validation text…"):
        before, after = changes.loss(opened, ()), changes.loss(opened, made)
        st.metric("Loss on validation text, before", f"{before:.3f}", help=LOSS)
        st.metric("After", f"{after:.3f}", delta=f"{after - before:+.3f} nats", delta_color="inverse")
        st.caption("In force: " + "; ".join(widgets.plain(str(change)) for change in made) + ".")


def _in_words(answers: changes.Answers) -> str:
    """What became of the token that was likeliest, and which one is now."""
    was, now = int(answers.before.argmax()), int(answers.after.argmax())
    first, last = (f"“{widgets.plain(visible(answers.tokens[index]))}”" for index in (was, now))
    said = f"{first}: **{answers.before[was]:.1%} → {answers.after[was]:.1%}**"
    return (
        said
        if now == was
        else f"{said}. Now {last} leads with {answers.after[now]:.1%}, up from {answers.before[now]:.1%}."
    )


def samples(opened: Opened, ids: tuple[int, ...], made: tuple[Change, ...]) -> None:
    """A continuation before and after, drawn with the same seed."""
    sampling = widgets.sampling_controls(SAMPLING)
    for column, title, active in zip(st.columns(2, gap="medium"), ("Before", "After"), ((), made), strict=True):
        with column:
            st.markdown(f"**{title}**")
            with st.spinner("Drawing…"):
                text = changes.sample(opened, ids, active, sampling)
            st.code(text or " ", language=None, wrap_lines=True, height=170)


def ablations(opened: Opened, reading: Reading, chosen: tuple[int, int]) -> None:
    """What every single head is worth, beside where it reads; a click in either chooses the head.

    Until the heads are measured, the map is empty, as large as it will be.
    """
    config = opened.config
    shape = (config.n_layer, config.n_head)
    off = REPLACEMENT.read()
    st.segmented_control(options=REPLACEMENTS, format_func=str.capitalize, required=True, **REPLACEMENT.bound(off))
    known = known_ablations(opened, off, changes.validation_ids(opened))
    with st.container(height=ASKING, border=False, vertical_alignment="center"):
        asked = _ask_to_measure(opened, np.prod(shape), known is not None)
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
        patterns = attention(opened, reading.ids)
        linked_view(
            patterns,
            reading.tokens,
            key="intervene",
            look={"head": chosen},
            choices=lambda look: head_choices(look) if look.head else {},  # one head is always chosen
            causal=config.causal,
            grid_only=True,
        )
    if asked:
        with asked:
            effects = changes.ablation_effects(opened, off)
            keep_ablations(opened, off, _measured([(effects, shape)], "Switching off the heads of layer")[0])
        st.rerun()


def _ask_to_measure(opened: Opened, heads: int, known: bool) -> DeltaGenerator | None:
    """Offer to switch off each head in turn, and say what that costs. The place of the progress bar once the person asks for it."""
    if known:
        st.caption("Measured on validation text, so this map is the same for every prompt.")
        return None
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Measure every head", icon=":material/play_arrow:")
        _cost(heads + 1, changes.seconds_a_pass(opened, changes.validation_ids(opened)[:, :-1].shape))
    return place if pressed else None


def patching(opened: Opened, reading: Reading) -> None:
    """Put what the model holds of a second prompt into the first, piece by piece."""
    second = SECOND_PROMPT.read(default=changes.one_token_changed(opened, reading.ids))
    st.text_area(height=80, **SECOND_PROMPT.bound(second))
    if SECOND_PROMPT.text is not None:
        st.button("Suggest one", on_click=choose, args=({SECOND_PROMPT: None},), icon=":material/undo:")
    pair = changes.patching(opened, reading.ids, second)
    answer = widgets.plain(visible(pair.answer_token))
    note = (
        f"The second prompt raises “{answer}” most among all next tokens; "
        f"a patch counts by what it adds to ln p of “{answer}” after the first."
    )
    if len(pair.ids) < len(reading.ids):
        note += f" Both are cut to their last {widgets.count(len(pair.ids), 'token')}, so that positions match."
    st.caption(note)
    config, layers = opened.config, _layers_to_patch(opened, pair)
    key = (opened, pair, layers)
    held = state.recall("patching", (None,))
    if held[0] != key:
        if not st.button("Patch", icon=":material/content_paste_go:"):
            return
        shapes = ((config.n_layer, len(pair.ids)), (config.n_layer, config.n_head))
        effects = zip(changes.patching_effects(opened, pair, layers), shapes, strict=True)
        held = (key, _measured(effects, "Patching layer"))
        state.remember("patching", held)
    stream, heads = held[1]
    top = max(FULL_COLOR, np.nanmax(np.abs(stream)), np.nanmax(np.abs(heads)))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**The residual stream at one position**")
        figure = position_map(stream, pair.tokens, top=top)
        chart(figure, key="stream patching", alt="Effect of patching the residual stream")
    with right:
        st.markdown("**All that one head gathers**")
        chart(head_map(heads, top=top, unit="nats", dark=_dark()), key="head patching", alt="Effect of patching heads")


def _kept_changes(opened: Opened) -> tuple[Change, ...]:
    """The changes that are kept; those that this model cannot make are reported and left out."""
    link = CHANGES.text
    kept, refused = changes.from_link(opened, link) if link else ((), ())
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


def _layers_to_patch(opened: Opened, pair: changes.Patching) -> range:
    """All layers, or, where that takes long, those that the person picks, with what it is to cost."""

    config = opened.config
    seconds = changes.seconds_a_pass(opened, (1, len(pair.ids)))
    cells = len(pair.ids) + config.n_head  # patched in a layer, each with a forward pass of its own
    first, last = 0, config.n_layer - 1
    if config.n_layer * cells * seconds > LONG and last:
        first, last = st.slider(min_value=0, max_value=last, **PATCHED.bound(_patched(last)))
    _cost((last - first + 1) * cells + 3, seconds)
    return range(first, last + 1)


def _patched(last: int) -> tuple[int, int]:
    """The first and the last layer to patch."""
    layers = PATCHED.read(high=last) or (0, last)
    return min(layers), max(layers)


def _cost(passes: int, seconds: float) -> None:
    """Say what a measurement costs; warn where that is long."""
    total = passes * seconds
    said = f"{passes:,} forward passes; one takes {seconds:.2g} s here, so all take about "
    if total > LONG:
        st.warning(f"{said}{max(1, total / 60):.0f} min. You can cancel at any time.", icon=":material/hourglass_top:")
    else:
        st.caption(f"{said}{max(1, total):.0f} s.")


def _measured(started: Iterable[tuple[Iterator, tuple[int, int]]], doing: str) -> list[np.ndarray]:
    """Effect maps, measured behind a progress bar. started: (effects, shape) pairs. Any rerun ends it, and nothing is kept."""
    maps, place = [], st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=f"{doing} …")
        st.button("Cancel", key=f"cancel:{doing}", icon=":material/close:")
    for effects, shape in started:
        found = np.full(shape, np.nan)
        for row, column, value in effects:
            found[row, column] = value
            bar.progress((row + (column + 1) / found.shape[1]) / len(found), text=f"{doing} {row} …")
        maps.append(found)
    place.empty()
    return maps
