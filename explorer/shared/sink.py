"""The switch of every pattern view that hides the first token, where many heads rest, and renormalises the others."""

import numpy as np
import streamlit as st

from explorer.choice import Choice
from explorer.opened import Opened
from explorer.shared.cache import cached
from explorer.shared.prompt import read_prompt

SOURCE = "[Xiao et al. 2023](https://arxiv.org/abs/2309.17453)"
MEANS = f"An attention sink: a head that finds nothing to read puts its weight on the first token ({SOURCE})."
HIDDEN = "The first token is hidden. The other weights of each row are renormalised: they sum to 1."
HIDES_FIRST = Choice(
    "hide-first-token", bool, label="Hide the first token and renormalise",
    help=f"{MEANS} Hide it to see what else a head reads. The other weights of each row are scaled to sum to 1.",
)  # fmt: skip
PROBE = "What is the city but the people? True, the people are the city. " * 2  # on which a model's sink is measured


def pick_first_token(opened: Opened) -> bool:
    """Let the person hide the first token. Return whether it is hidden: by default, in a model that `has_sink`."""
    if not opened.config.n_layer:
        return False
    hides_first = HIDES_FIRST.read(default=has_sink(opened))
    st.toggle(**HIDES_FIRST.bound(hides_first, width="content"))
    return hides_first


def has_sink(opened: Opened) -> bool:
    """Whether a model from elsewhere has an attention sink. Those that were trained here count as models without."""
    from gpt.lens.sink import SINK

    return opened.is_real and sink_weight(opened) > SINK


@cached(max_entries=64)
def sink_weight(opened: Opened) -> float:
    """Return the mean weight on the first token over all heads of a model, on the same text for every model."""
    import torch

    from gpt.lens import sink

    return sink.sink_weight(opened.model, torch.tensor(read_prompt(opened, PROBE).ids))


def describe_sink(opened: Opened) -> str:
    """Say what is hidden, what a sink is, and how large it is in this model. Markdown."""
    return f"{HIDDEN} {MEANS} In this model, the mean weight there is {sink_weight(opened):.0%}."


def shown_patterns(patterns: np.ndarray, hides_first: bool) -> np.ndarray:
    """Return patterns as a page draws them: (…, T, S), unchanged unless the first token is hidden.

    Then the first key has no weight, and the others of a row sum to 1. A row without other keys is 0.
    """
    if not hides_first:
        return patterns
    import torch

    from gpt.lens.sink import without_first_token

    return np.nan_to_num(without_first_token(torch.from_numpy(patterns)).numpy(), nan=0.0)
