"""The seeds that ship, and one more that the person trains."""

from dataclasses import replace

import streamlit as st

from explorer.choice import Choice
from explorer.lecture.kit.training import trained
from explorer.opened import Opened
from explorer.shared.cache import cached
from gpt.after.seeds import RECIPE, Measured, measure, shipped_seeds

NAME, LABEL = "seeds", "one more seed"
SEED = Choice("own-seed", int, 0, 9999, default=11, label="Seed", help="It decides the first weights and batches.")


@cached(1, shared=True)
def shipped() -> list[Measured]:
    """The seeds that ship."""
    return shipped_seeds()


def own_seed() -> Measured | None:
    """The seed of the person's own run once it has finished; None for a run with a model of another size."""
    run = trained(NAME, LABEL)
    if run is None or run.status.state != "finished":
        return None
    if run.recipe.model != replace(RECIPE.model, vocab_size=run.recipe.model.vocab_size):
        return None
    with st.spinner("Scoring the snapshots of your seed …"):
        return _measure(Opened.of(run))


def all_seeds() -> dict[str, Measured]:
    """All seeds by their names, the person's last."""
    own = own_seed()
    return {f"seed {each.seed}": each for each in shipped()} | ({f"yours ({own.seed})": own} if own else {})


@cached(4, shared=True)
def _measure(opened: Opened) -> Measured:
    return measure(opened.run)
