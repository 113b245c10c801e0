"""Streamlit components (v2), one folder each: Python, HTML, CSS and JavaScript."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component


def declare(name: str, html: str, css: Sequence[str], js: Sequence[str] = ()) -> Callable[..., Any]:
    """Declare the component of a folder; return the function that draws it. html, css, js: files of the folder."""
    return component(name, html=read(name, html), css=read(name, *css), js=read(name, *js) or None)


def read(folder: str, *files: str) -> str:
    """Return the text of a component's files, one after another."""
    return "\n".join((Path(__file__).parent / folder / file).read_text(encoding="utf-8") for file in files)
