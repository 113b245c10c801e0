"""The models that a page offers, listed once per rerun and read without opening one."""

from typing import NamedTuple

from explorer.opened import references
from explorer.real_models import is_missing, list_models
from explorer.shared.outline import Outline, outline


class Listed(NamedTuple):
    """A model in the list."""

    ref: str
    outline: Outline

    @property
    def label(self) -> str:
        """The model's title or reference, its shape, and its size, short enough for a picker."""
        return self.description.replace("quantised to ", "")

    @property
    def description(self) -> str:
        """The label in full."""
        name, n_layer, n_head = self.outline.title or self.ref, self.outline.n_layer, self.outline.n_head
        if not isinstance(n_layer, int) or not isinstance(n_head, int):
            return name
        shape = f"{n_layer} × {n_head} heads" if n_layer else "no heads"
        return f"{name} · {shape}" + (f", {self.outline.size}" if self.outline.size else "")

    @property
    def continues_prompt(self) -> bool:
        return self._has_trait("continues_prompt")

    @property
    def translates(self) -> bool:
        return self._has_trait("translates")

    def _has_trait(self, name: str) -> bool:
        """Return a trait of the model's objective; that of a language model where the objective is unknown."""
        from gpt.train.objectives import OBJECTIVES, Language

        return getattr(OBJECTIVES.get(self.outline.objective, Language), name)


def models() -> dict[str, Listed]:
    """Reference → what config.json says of every model that was trained here, in the order of `references`."""
    return {ref: Listed(ref, outline(folder)) for ref, folder in references().items()}


def real_models() -> dict[str, Listed]:
    """Reference → what the list says of every real model; none is opened."""
    listed = {}
    for ref, model in list_models().items():
        size = f"{model.size} · not installed" if is_missing(model) else model.size
        listed[ref] = Listed(ref, Outline(n_layer=model.n_layer, n_head=model.n_head, title=model.title, size=size))
    return listed


def prompted() -> dict[str, Listed]:
    """The models that were trained here and continue a prompt, in the order of `models`."""
    return {ref: listed for ref, listed in models().items() if listed.continues_prompt}
