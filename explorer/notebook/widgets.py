"""The app's components as anywidgets: the same scripts, with the few lines that a notebook needs."""

import json
from typing import Any

from explorer.components import film, read
from explorer.components.attention_view import SCRIPTS
from explorer.components.attention_view.encoding import AVERAGE, Encoded
from explorer.components.attention_view.packing import pack_layer
from explorer.components.page import COLORS, FONTS, as_function

try:
    from anywidget import AnyWidget
    from traitlets import Bytes, Dict, Int
except ImportError as error:
    raise ImportError(
        "a view in a notebook needs the package anywidget: pip install 'attention-explorer[notebook]', or pip install "
        "anywidget nbformat"
    ) from error

HEIGHT = ":host { --tallest: 600px; }"  # of the large heatmap; a notebook scrolls


def module(folder: str, html: str, css: str, scripts: tuple[str, ...]) -> str:
    """Return a component as the module that anywidget loads, with `render`."""
    themes = {name: colors | FONTS for name, colors in COLORS.items()}
    constants = {"HTML": html, "CSS": f"{css}\n{HEIGHT}", "THEMES": themes}
    declared = [f"const {name} = {json.dumps(value)};" for name, value in constants.items()]
    return "\n".join((*declared, as_function(folder, *scripts, "../notebook.js", "notebook.js")))


class AttentionWidget(AnyWidget):
    """The attention view. `layer`, `head`, `query` and `key` are what a person has clicked, or None."""

    _esm = module("attention_view", read("attention_view", "view.html"), read("attention_view", "view.css"), SCRIPTS)
    view_message = Bytes().tag(sync=True)
    small_message = Bytes().tag(sync=True)
    layer_message = Bytes().tag(sync=True)
    asked = Dict(None, allow_none=True).tag(sync=True)  # the layer whose full patterns the browser wants
    layer = Int(None, allow_none=True).tag(sync=True)
    head = Int(None, allow_none=True).tag(sync=True)
    query = Int(None, allow_none=True).tag(sync=True)
    key = Int(None, allow_none=True).tag(sync=True)

    def __init__(self, encoded: Encoded, **traits: Any) -> None:
        super().__init__(**traits)
        self._encoded = encoded
        self.observe(self._bring_layer, "asked")

    def _bring_layer(self, change: Any) -> None:
        asked = change["new"] or {}
        if asked.get("stamp") == self._encoded.stamp and asked.get("layer") in (AVERAGE, *self._encoded.layers):
            self.layer_message = pack_layer(self._encoded, "notebook", asked["layer"])


class FilmWidget(AnyWidget):
    """A run's snapshots as a film. `step`, `layer` and `head` are what a person has stopped at and clicked."""

    _esm = module("film", read("film", "film.html"), read("film", *film.STYLES), film.SCRIPTS)
    film = Bytes().tag(sync=True)
    step = Int().tag(sync=True)
    layer = Int(None, allow_none=True).tag(sync=True)
    head = Int(None, allow_none=True).tag(sync=True)
