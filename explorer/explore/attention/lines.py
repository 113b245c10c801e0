"""How the attention view draws its lines, as a link holds it: `compared=1.2,avg.0` and `coverage=75`, in percent."""

from explorer import state
from explorer.components.attention_view import AVERAGE, PLAIN_LINES, SHARES, Lines


def lines_choice(n_layer: int, n_head: int) -> Lines:
    """The lines that the person chose; what this model does not have is left out."""
    places = [{str(index): index for index in range(size)} | {AVERAGE: AVERAGE} for size in (n_layer, n_head)]
    heads = {f"{layer}.{head}": (places[0][layer], places[1][head]) for layer in places[0] for head in places[1]}
    compared = dict.fromkeys(heads[name] for name in state.several("compared") if name in heads)
    shares = {_percent(share): share for share in SHARES}
    return Lines(tuple(compared), shares.get(state.choice("coverage"), PLAIN_LINES.share))


def written(lines: Lines) -> dict[str, str | list[str] | None]:
    """The choices that open these lines again."""
    coverage = None if lines.share == PLAIN_LINES.share else _percent(lines.share)
    return {"compared": [f"{layer}.{head}" for layer, head in lines.compared], "coverage": coverage}


def _percent(share: float) -> str:
    return f"{share:.0%}".rstrip("%")
