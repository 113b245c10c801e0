"""Verdicts of the person's answers, by the name of each question. The browser keeps them in a cookie for a year."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote

import streamlit as st
from streamlit.components.v2 import component

from explorer import state

_write_cookie = component(
    "verdicts",
    js="""export default function ({ data }) {
        const value = encodeURIComponent(data.verdicts);
        document.cookie = `${data.cookie}=${value}; path=/; max-age=31536000; SameSite=Lax`;
    }""",
)


@dataclass(frozen=True)
class Verdicts:
    """The verdicts of one kind of question. The first verdict of a question stays."""

    kind: str
    names: Collection[str]  # of all questions
    words: Collection[str]  # the verdicts that there are

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return f"attention-explorer-{self.kind}"

    def read(self) -> dict[str, str]:
        """Return the verdict of every question that the person has answered: name → verdict."""
        known = state.recall(f"verdicts:{self.kind}")
        if known is None:
            known = self.parse(st.context.cookies.get(self.cookie, ""))
            state.remember(f"verdicts:{self.kind}", known)
        return known

    def parse(self, cookie: str) -> dict[str, str]:
        """Return the verdicts in the cookie's text; what is no question or no verdict is left out."""
        pairs = (entry.partition("=") for entry in unquote(cookie).split("&"))
        return {name: word for name, _, word in pairs if name in self.names and word in self.words}

    def add(self, name: str, verdict: str) -> None:
        """Add the verdict of a question, unless it has one."""
        if name in self.names and name not in self.read():
            self._change(self.read() | {name: verdict})

    def set(self, name: str, verdict: str | None) -> None:
        """Change the verdict of a question, or delete it (None)."""
        if self.read().get(name) != verdict:
            others = {each: word for each, word in self.read().items() if each != name}
            self._change(others | ({name: verdict} if verdict else {}))

    def clear(self) -> None:
        """Delete all verdicts."""
        self._change({})

    def keep(self, key: str = "foot") -> None:
        """Let the browser keep the verdicts, where they have changed in this session. key: of this place on a page."""
        if state.recall(f"verdicts:{self.kind}:changed"):
            text = "&".join(f"{name}={verdict}" for name, verdict in self.read().items())
            data = {"cookie": self.cookie, "verdicts": text}
            _write_cookie(data=data, key=f"verdicts:{self.kind}:{key}", width=1, height=1)

    def _change(self, verdicts: dict[str, str]) -> None:
        state.remember(f"verdicts:{self.kind}", verdicts)
        state.remember(f"verdicts:{self.kind}:changed", True)
