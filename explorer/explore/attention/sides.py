"""What the attention view compares: two prompts, snapshots or models, or a model before and after its changes."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer.choice import Choice
from explorer.explore.interventions.changes import Change, build_intervention
from explorer.explore.interventions.panel import kept_changes, pick_second_prompt
from explorer.navigation import PAGES
from explorer.opened import Opened
from explorer.shared import model_list, patterns, widgets
from explorer.shared.cache import cached
from explorer.shared.patterns import Ids
from explorer.shared.prompt import Reading, read_prompt
from explorer.shared.words import count, plain

OFF = "off"
KINDS = {  # in a link → on the page
    OFF: "Off",
    "prompts": "Second prompt",
    "snapshots": "Second snapshot",
    "models": "Second model",
    "interventions": "Interventions",
}
KIND = Choice(
    "difference", options=list(KINDS), default=OFF, label="Difference",
    help="Compare all patterns with those of a second prompt, snapshot or model, or of this model with the changes "
    "that you keep on the Interventions page.",
)  # fmt: skip
SECOND_STEP = Choice(
    "second-step", int, label="A: snapshot", help="B is the newest snapshot, so the difference is what training added."
)
SECOND_MODEL = Choice("second-model", label="B: second model")


class Side(NamedTuple):
    """One side of a comparison: a model that reads tokens, perhaps under changes."""

    name: str  # plain text
    opened: Opened
    ids: Ids
    tokens: tuple[str, ...]
    changes: tuple[Change, ...] = ()

    def patterns(self, layers: tuple[int, ...] | None) -> Mapping[int, np.ndarray]:
        """Return layer → (n_head, T, T), for these layers (None: all). Raises ValueError if they do not fit."""
        if self.changes:
            return _record_changed(self.opened, self.ids, self.changes, layers)
        return patterns.record(self.opened, self.ids, layers).patterns


Pair = tuple[Side, Side]  # A, B


def pick_kind() -> str:
    """Let the person choose what is compared; `OFF` until they do."""
    kind = KIND.read()
    st.selectbox(options=KINDS, format_func=KINDS.__getitem__, **KIND.bound(kind))
    return kind


def pick_sides(kind: str, opened: Opened, prompt: str, reading: Reading) -> Pair | None:
    """Let the person choose what the prompt's patterns are compared with.

    Return None, below an explanation, where there is nothing to compare, or the patterns have different shapes.
    """
    return _models(opened, prompt, reading) if kind == "models" else SIDES[kind](opened, reading)


def _prompts(opened: Opened, reading: Reading) -> Pair | None:
    second = read_prompt(opened, pick_second_prompt(opened, reading.ids))
    T, other = len(reading.ids), len(second.ids)
    if other != T:
        more = count(abs(T - other), "token")
        widgets.empty_state(
            f"The prompt has {count(T, 'token')}, the second prompt {other:,}.",
            f"A difference needs equal lengths. {'Add' if other < T else 'Remove'} {more} in the second prompt.",
        )
        return None
    return Side("the prompt", opened, *_read(reading)), Side("the second prompt", opened, *_read(second))


def _snapshots(opened: Opened, reading: Reading) -> Pair | None:
    steps = [] if opened.is_real else [step for step in opened.run.steps if step != opened.step]
    if not steps:
        widgets.empty_state(
            "This model has only one snapshot.",
            "Pick a model with several. The model *induction* has 40; a run that you train has as many as you choose.",
        )
        return None
    step = SECOND_STEP.read(options=steps, default=steps[len(steps) // 2])
    st.selectbox(options=steps, format_func="step {:,}".format, **SECOND_STEP.bound(step, width=200))
    before = opened.at(step)
    return (
        Side(f"step {step:,}", before, *_read(reading)),
        Side(f"step {opened.step or 0:,}", opened, *_read(reading)),
    )


def _models(opened: Opened, prompt: str, reading: Reading) -> Pair | None:
    ref = widgets.model_picker(SECOND_MODEL, _same_shape(opened), width=360)
    if ref is None:
        return None
    other = widgets.open_with_progress(ref)
    second = read_prompt(other, prompt)
    problem = _difference_of_shape(opened, other) or _difference_of_tokens(reading, second)
    if problem:
        widgets.empty_state("These two models do not compare head by head.", problem)
        return None
    return Side(opened.label, opened, *_read(reading)), Side(other.label, other, *_read(second))


def _interventions(opened: Opened, reading: Reading) -> Pair | None:
    page, icon = PAGES / "interventions.py", ":material/build:"
    changes = kept_changes(opened)
    if not changes:
        widgets.empty_state(
            "No change is kept.",
            "Choose a change on the Interventions page and click *Keep, and add another*. Then come back.",
        )
        st.page_link(page, label="Choose changes", icon=icon)
        return None
    named = "; ".join(map(str, changes))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Kept changes: {plain(named, longest=400)}.", width="content")
        st.page_link(page, label="Edit changes", icon=icon)
    return Side("no change", opened, *_read(reading)), Side(named, opened, *_read(reading), changes)


SIDES: Mapping[str, Callable[[Opened, Reading], Pair | None]] = {
    "prompts": _prompts,
    "snapshots": _snapshots,
    "interventions": _interventions,
}


def _read(reading: Reading) -> tuple[Ids, tuple[str, ...]]:
    return reading.ids, reading.tokens


def _same_shape(opened: Opened) -> str | None:
    """Return the first other model with as many layers and heads; None if there is none."""
    shape = opened.config.n_layer, opened.config.n_head
    listed = model_list.prompted().values()
    return next((m.ref for m in listed if m.ref != opened.ref and (m.outline.n_layer, m.outline.n_head) == shape), None)


def _difference_of_shape(one: Opened, other: Opened) -> str:
    """Say which numbers of layers or heads differ; "" where both are equal."""
    sizes = {"layers": "n_layer", "heads per layer": "n_head"}
    pairs = {noun: (getattr(one.config, name), getattr(other.config, name)) for noun, name in sizes.items()}
    differing = [f"{a} and {b} {noun}" for noun, (a, b) in pairs.items() if a != b]
    if one.config.causal != other.config.causal:
        differing.append("a causal mask and none")
    return f"They have {', and '.join(differing)}. Pick a second model of the same shape." if differing else ""


def _difference_of_tokens(reading: Reading, second: Reading) -> str:
    """Say how the second model's tokens differ; "" where they are the same."""
    if reading.tokens == second.tokens:
        return ""
    if len(reading.tokens) != len(second.tokens):
        how = (
            f"The prompt has {count(len(reading.tokens), 'token')} for one model, {len(second.tokens):,} for the other."
        )
    else:
        place = next(i for i, pair in enumerate(zip(reading.tokens, second.tokens, strict=True)) if pair[0] != pair[1])
        how = f"They read other tokens, for the first time at position {place}."
    return f"{how} Pick a second model with the same tokens, or another prompt."


@cached(max_entries=2, shared=True)
def _record_changed(
    opened: Opened, ids: Ids, changes: tuple[Change, ...], layers: tuple[int, ...] | None
) -> Mapping[int, np.ndarray]:
    with opened.model.hooks(build_intervention(opened.config, changes)):
        return patterns.forward(opened, ids, layers).patterns
