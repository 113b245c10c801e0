"""One HTML file with components of the app and their data inside. It opens without a server and without a network."""

import base64
import hashlib
import html
import zlib
from collections.abc import Iterable, Sequence

from explorer.components import read


def _theme(*colors: str) -> dict[str, str]:
    names = ("text", "background", "secondary-background", "border", "primary")
    return {f"--st-{name}-color": color for name, color in zip(names, colors, strict=True)}


COLORS = {  # theme → its CSS variables
    "light": _theme("#1F2328", "#FFFFFF", "#F5F6F7", "#D0D4D9", "#0072B2"),
    "dark": _theme("#E6E8EA", "#111417", "#1B1F24", "#3A4048", "#56B4E9"),
}
FONTS = {"--st-font": "system-ui, sans-serif", "--st-code-font": "ui-monospace, Menlo, Consolas, monospace"}
STYLE = """:root {{ color-scheme: light dark; {fonts} {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{ max-width: 1400px; margin: 0 auto; padding: 16px; font: 14px/1.4 var(--st-font);
  color: var(--st-text-color); background: var(--st-background-color); }}
h1 {{ font: 600 20px var(--st-font); overflow-wrap: anywhere; }}
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'; form-action 'none'">
<title>{title}</title>
<style>
{css}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
{scripts}
</body>
</html>
"""


def page(title: str, body: str, *, css: Iterable[str], scripts: Sequence[str]) -> bytes:
    """Return the file, in the system's light or dark theme. No other script than `scripts` can run in it.

    title: any text. body: HTML. scripts: JavaScript modules, each with its own names.
    """
    variables = {name: " ".join(f"{key}: {value};" for key, value in COLORS[name].items()) for name in COLORS}
    fonts = " ".join(f"{key}: {value};" for key, value in FONTS.items())
    return PAGE.format(
        title=html.escape(title),
        css="\n".join((STYLE.format(fonts=fonts, **variables), *css)),
        body=body,
        hashes=" ".join(f"'sha256-{_hash(script)}'" for script in scripts),
        scripts="\n".join(f'<script type="module">{script}</script>' for script in scripts),
    ).encode()


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def data_block(name: str, data: bytes) -> str:
    """Return data as HTML that nothing runs: compressed, in base64. The scripts in page.js read it by its name."""
    text = base64.b64encode(zlib.compress(data, 9)).decode()
    return f'<script type="application/octet-stream" id="{name}">{text}</script>'


def as_function(folder: str, *files: str) -> str:
    """Return a component's scripts without their export: `drawComponent({ parentElement, data, setStateValue })`."""
    return read(folder, *files).replace("export default function", "function drawComponent", 1)
