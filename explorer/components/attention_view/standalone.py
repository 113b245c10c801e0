"""The attention view as one HTML file that opens without a server or a network."""

import base64
import html
from collections.abc import Sequence

import numpy as np

from explorer.components import read
from explorer.components.attention_view import SCRIPTS, Arrangement, Look
from explorer.components.attention_view.encoding import Encoded, Head, encode
from explorer.components.attention_view.packing import check_patterns, pack

COLORS = {
    theme: dict(zip(("text", "background", "secondary-background", "border", "primary"), colors, strict=True))
    for theme, colors in {
        "light": ("#1F2328", "#FFFFFF", "#F5F6F7", "#D0D4D9", "#0072B2"),
        "dark": ("#E6E8EA", "#111417", "#1B1F24", "#3A4048", "#56B4E9"),
    }.items()
}
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --st-font: system-ui, sans-serif;
  --st-code-font: ui-monospace, Menlo, Consolas, monospace; {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{ max-width: 1400px; margin: 0 auto; padding: 16px;
  color: var(--st-text-color); background: var(--st-background-color); }}
h1 {{ font: 600 20px var(--st-font); overflow-wrap: anywhere; }}
{css}
</style>
</head>
<body>
<h1>{title}</h1>
<main>{view}</main>
<script type="application/octet-stream" id="patterns">{patterns}</script>
<script type="module">
import draw from "data:text/javascript;base64,{script}";
const encoded = atob(document.getElementById("patterns").textContent);
const view = Uint8Array.from(encoded, (byte) => byte.charCodeAt(0));
globalThis.attentionMessages.set("standalone", {{ view }});
const parentElement = document.querySelector("main");
const show = () => draw({{ parentElement, data: {{ key: "standalone" }}, setStateValue: () => {{}} }});
show();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
</script>
</body>
</html>
"""


def standalone_page(
    patterns: np.ndarray,
    tokens: Sequence[str],
    *,
    title: str,
    causal: bool = True,
    head: Head | None = None,
    layers: Sequence[int] | None = None,
    keys: Sequence[str] | None = None,
    hides_first: bool = False,
) -> bytes:
    """Return the view as one HTML file, about 1.34 times as large as the packed patterns, in the system's theme.

    patterns, tokens, causal, head, layers, keys, hides_first: as `attention_view` takes them. title: above the view.
    Raises ValueError as `attention_view` does.
    Tokens travel as base64 and enter the page as text, so nothing in them is markup there.
    """
    checked = check_patterns(patterns, tokens, keys, causal=causal)
    encoded = encode(checked.__getitem__, len(checked), causal=causal, layers=layers, at_once=True)
    return page_of(encoded, tokens, title=title, look=Look(head), keys=keys, hides_first=hides_first)


def page_of(
    encoded: Encoded,
    tokens: Sequence[str],
    *,
    title: str,
    look: Look,
    keys: Sequence[str] | None = None,
    arrangement: Arrangement | None = None,
    hides_first: bool = False,
) -> bytes:
    """Return the view of patterns that were encoded at once as one HTML file. Arguments: see `attention_view`."""
    head = look.head
    options = {"key": "standalone", "look": look._asdict() | {"at": 0}, "grid_only": False}
    options |= {"opening": head or encoded.opening, "hides_first": hides_first}
    options["arrange"] = arrangement and arrangement.options()
    packed = pack(encoded, tokens, options=options, head=head, keys=keys)
    script = read("attention_view", *SCRIPTS)
    colors = {
        theme: " ".join(f"--st-{name}-color: {color};" for name, color in COLORS[theme].items()) for theme in COLORS
    }
    return PAGE.format(
        title=html.escape(title),
        css=read("attention_view", "view.css"),
        view=read("attention_view", "view.html"),
        patterns=base64.b64encode(packed).decode(),
        script=base64.b64encode(script.encode()).decode(),
        **colors,
    ).encode()
