"""A choice with its type, bounds and default, declared where it is used.

>>> THRESHOLD = Choice("threshold", int, 1, 100, default=10, label="Threshold")  # doctest: +SKIP
>>> threshold = THRESHOLD.read()  # doctest: +SKIP
>>> st.slider(**THRESHOLD.bound(threshold))  # doctest: +SKIP

`read` returns a value that the page can show. A link may ask for another: then `read` says so in one sentence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from explorer import state
from explorer.shared.words import plain

LARGEST = 2**53  # up to which a browser knows every whole number


@dataclass(frozen=True, eq=False)
class Choice:
    """One choice of the person: its name in the link, and the values it can have.

    A layer that this model does not have stays in the link for the next model; the page shows the nearest. A `place`
    that this prompt does not have (a query, a position) is dropped from the link, so that no later prompt brings it
    back.
    """

    name: str  # "threshold", or "form.steps": the choices of one form share a parameter
    kind: type = str  # int, float, bool or str
    low: float | None = None
    high: float | None = None  # of a text: the most characters
    options: Iterable[Any] | None = None  # the only values, whatever their type
    default: Any = None  # what the page shows until the person chooses
    label: str = ""  # a noun
    help: str | None = None
    several: bool = False  # a list of values, with commas between them in the link
    place: bool = False

    @property
    def text(self) -> str | None:
        """The choice as the link has it; None where the person made none."""
        return state.read_choice(self.name)

    def read(self, **here: Any) -> Any:
        """The value to show. A sentence appears where the link asks for one that is not possible.

        here: `low`, `high`, `options` or `default`, where they depend on the model or the prompt.
        """
        return read_together(self, **here)[0]

    def check(self, **here: Any) -> tuple[Any, str]:
        """Return the value to show, and a sentence where the link asks for another.

        Nothing is drawn. here: see `read`.
        """
        choice = replace(self, **here)
        text = choice.text
        if text is None:
            return choice._nearest(choice.default), ""
        if choice.several:
            return choice._items(text), ""
        wanted = choice._parsed(text)
        if wanted is not None and wanted == choice._nearest(wanted):
            return wanted, ""
        shown = choice._nearest(choice.default if wanted is None or choice.place else wanted)
        return shown, choice._sentence(text, shown)

    def bound(
        self,
        shown: Any,
        labels: Mapping[Any, str] | None = None,
        along: Mapping["Choice", Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Return the keyword arguments of a widget that shows `shown` and makes this choice.

        labels: option → label, where labels depend on more than the option. along: choices that a pick makes or
        unmakes. more: keyword arguments in place of these, or besides them.
        """
        own: dict[str, Any] = {"label": self.label, "help": self.help}
        if self._is_text and self.high is not None:
            own["max_chars"] = int(self.high)
        elif None not in (self.low, self.high):
            own |= {"min_value": self.kind(self.low), "max_value": self.kind(self.high)}
        others = {choice.name: value for choice, value in (along or {}).items()}
        return own | state.tie_widget(self.name, shown, labels, **others) | more

    @property
    def _is_text(self) -> bool:
        return self.kind is str and self.options is None

    def _parsed(self, text: str) -> Any:
        """The value that the text means; None where it means none."""
        if self.options is not None or self.kind is bool:
            options = (True, False) if self.options is None else self.options
            return next((option for option in options if str(option) == text), None)
        try:
            value = self.kind(text)
        except ValueError:
            return None
        if self._is_text:
            return value
        return value if text.isascii() and abs(value) <= LARGEST else None

    def _nearest(self, value: Any) -> Any:
        """The value within the bounds; a text is cut."""
        if value is None or self.options is not None:
            return value
        if self._is_text:
            return value if self.high is None else value[: int(self.high)]
        if self.low is not None:
            value = max(value, self.kind(self.low))
        return value if self.high is None else min(value, self.kind(self.high))

    def _items(self, text: str) -> list:
        """The values in a text of several; what this model or prompt does not have is left out."""
        items = dict.fromkeys(self._parsed(each) for each in text.split(","))
        return [item for item in items if item is not None and item == self._nearest(item)]

    def _sentence(self, text: str, shown: Any) -> str:
        """Why the page does not show what the link asks for, and what it shows."""
        if self._is_text:
            return f"The {self.label.lower()} had {len(text):,} characters; its first {len(shown):,} are kept."
        bounded = self.options is None and None not in (self.low, self.high)
        only = f", only {self.low:,} to {self.high:,}" if bounded else ""
        instead = "" if shown is None else f" {self.label} {plain(str(shown))} is shown."
        wanted = text if self.options is None and self._parsed(text) is not None else f"“{plain(text)}”"
        return f"There is no {self.label.lower()} {wanted} here{only}.{instead}"


def read_together(*choices: Choice, **here: Any) -> list[Any]:
    """The values of choices that belong together, such as a query and its key. here: see `Choice.read`.

    Where the prompt lacks one of these places, all are dropped. The sentence that says so stays until the person
    chooses something else, since a page may rerun by itself.
    """
    values, sentences = zip(*(choice.check(**here) for choice in choices), strict=True)
    sentence = " ".join(filter(None, sentences))
    memory = f"dropped:{choices[0].name}"
    if choices[0].place and sentence:
        choose(dict.fromkeys(choices))
        state.remember(memory, (sentence, state.link()))
        values = [choice.check(**here)[0] for choice in choices]
    elif choices[0].place:
        dropped, link = state.recall(memory, ("", None))
        sentence = dropped if link == state.link() else ""
    if sentence:
        st.caption(sentence)
    return list(values)


def choose(choices: Mapping[Choice, Any]) -> None:
    """Make choices (None unmakes one) and write them into the link. Good as a widget's callback."""
    state.write_choices(**{choice.name: value for choice, value in choices.items()})


def parameters(choices: Mapping[Choice, Any]) -> dict[str, str]:
    """The choices as a link to a page has them, for `query_params`."""
    texts = {choice.name: state.as_text(value) for choice, value in choices.items()}
    return {name: text for name, text in texts.items() if text is not None}
