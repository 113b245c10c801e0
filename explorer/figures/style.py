"""The one palette and the one template that every figure uses.

Figures are transparent and name no text colour, so that they follow the light and the dark theme of the page.
"""

import colorsys

import plotly.graph_objects as go

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#B59F00", "#7F7F7F")
ACCENT = OKABE_ITO[0]
SECOND = OKABE_ITO[4]
MUTED = "#8A9199"

# Zero is the page's own background: transparent. A weight's opacity is its square root, so that small weights show.
SEQUENTIAL = [[(step / 8) ** 2, f"rgba(0,114,178,{step / 8})"] for step in range(9)]
SEQUENTIAL_ON_DARK = [[(step / 8) ** 2, f"rgba(86,180,233,{step / 8})"] for step in range(9)]
DIVERGING = [[0, "rgba(213,94,0,1)"], [0.5, "rgba(213,94,0,0)"], [0.5, "rgba(0,114,178,0)"], [1, "rgba(0,114,178,1)"]]

MONOSPACE = "ui-monospace, SF Mono, Cascadia Mono, Menlo, Consolas, DejaVu Sans Mono, monospace"
TEXT_SIZE = 14

TEMPLATE = go.layout.Template(
    layout={
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": TEXT_SIZE},
        "colorway": OKABE_ITO,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hoverlabel": {"font": {"family": MONOSPACE, "size": TEXT_SIZE}},
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": False,
        "xaxis": {"automargin": True, "zeroline": False},
        "yaxis": {"automargin": True, "zeroline": False},
    }
)


def head_color(head: int) -> str:
    """The colour that means this head on every page: Okabe–Ito for the first eight, then evenly turned hues.

    head: ≥ 0. Returns `#rrggbb`.
    """
    if head < len(OKABE_ITO):
        return OKABE_ITO[head]
    golden_turn = 0.618034
    red, green, blue = colorsys.hls_to_rgb((head * golden_turn) % 1.0, 0.5, 0.55)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def figure(*traces: go.Figure, height: int, **layout) -> go.Figure:
    """A figure of these traces in the house style; `height` in pixels, so that nothing jumps when it arrives."""
    drawn = go.Figure(data=list(traces))
    drawn.update_layout(template=TEMPLATE, height=height, **layout)
    return drawn
