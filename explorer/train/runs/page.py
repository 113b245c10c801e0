"""A run as one HTML file: its film, curves and samples, every head of its last snapshot, and its settings.

It has the app's own scripts for the film and the attention view, and opens without a server or a network. No Streamlit.
"""

import html
from collections.abc import Iterator, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from explorer.components import film, read
from explorer.components.attention_view import Look
from explorer.components.attention_view.encoding import Encoded, bytes_of, encode
from explorer.components.attention_view.packing import pack
from explorer.components.attention_view.standalone import page_script
from explorer.components.page import as_function, data_block, page
from explorer.shared import examples
from explorer.shared.prompt import Reading, read_prompt
from explorer.train.timetravel.film import film_of_run, model_at
from gpt import Run
from gpt.machine import count_in_words
from gpt.train.estimate import count_parameters

if TYPE_CHECKING:
    from explorer.train.runs.prepared import Progress

MOST_FILM = 4_000_000  # bytes of patterns before they are compressed
MOST_HEADS = 4_000_000  # of all prompts together
LONGEST_PROMPT = 60  # characters of a prompt in the list
STYLES = ("../attention_view/view.css", "film.css", "../page.css")
NO_HEADS = "<p>A bigram table has no heads.</p>"


def run_page(run: Run, progress: "Progress", prompts: Sequence[str] = ()) -> bytes:
    """Return the file. prompts: those on which the heads are drawn, the film on the first (none: those of its text).

    Long prompts and many snapshots are shortened, so that a run of the preset quick takes less than 5 MB.
    Raises ValueError where the run has no snapshot, or its model does not continue a prompt.
    """
    readings = [read_prompt(_Reader(run), prompt) for prompt in prompts or examples.of_folder(run.folder).values()]

    def watch(steps: Sequence[int], doing: str) -> Iterator[int]:
        for done, step in enumerate(steps):
            progress(done, len(steps), doing)
            yield step

    drawn, notes = film_of_run(run, readings[0], watch=watch, most_bytes=MOST_FILM)
    last = film.Look(drawn.steps[-1])
    blocks = [data_block("film", film.message_of(drawn, last, key="film"))]
    scripts = [as_function("film", *film.SCRIPTS, "../page.js", "page.js")]
    heads = NO_HEADS
    if run.recipe.model.n_layer:
        picker, patterns = _heads(run, readings)
        view = read("attention_view", "view.html")
        heads = f'{picker}<div data-view="attention">{view}</div>'
        blocks.extend(patterns)
        scripts.append(page_script())
    said = "".join(f"<p>{_text(note)}</p>" for note in notes)
    body = f"""<p>{_text(_describe(run, drawn.steps[-1]))}</p>{said}
<h2>Film of the snapshots</h2>
<div data-view="film">{read("film", "film.html")}</div>
<h2>Every head at step {drawn.steps[-1]:,}</h2>
{heads}
<h2>Settings</h2>
{_settings(run)}
{"".join(blocks)}"""
    return page(run.label, body, css=[read("film", *STYLES)], scripts=scripts)


class _Reader:
    """A run as `read_prompt` takes it."""

    def __init__(self, run: Run) -> None:
        self.tokenizer, self.config = run.tokenizer, run.recipe.model


def _heads(run: Run, readings: Sequence[Reading]) -> tuple[str, list[str]]:
    """Return the select of the prompts, and a block of data for each: every head's pattern on it."""
    config, model = run.recipe.model, model_at(run)
    room, options, blocks = MOST_HEADS, [], []
    for reading in readings:
        T = len(reading.ids)
        while T > 1 and bytes_of((config.n_head, T, T), config.n_layer, config.causal) > MOST_HEADS:
            T -= 1
        room -= bytes_of((config.n_head, T, T), config.n_layer, config.causal)
        if room < 0 and blocks:
            break
        name = f"patterns-{len(blocks)}"
        patterns = record_patterns(model, reading.ids[-T:])
        blocks.append(data_block(name, _pack(patterns, reading.tokens[-T:])))
        options.append(f'<option value="{name}">{_text(_shortened("".join(reading.tokens)))}</option>')
    return f'<p><label>Prompt <select data-picks="attention">{"".join(options)}</select></label></p>', blocks


def record_patterns(model: Any, ids: Sequence[int]) -> Encoded:
    """Return every head's pattern on these tokens, encoded for the attention view."""
    import torch

    from gpt.lens.history import frame

    patterns = frame(model, torch.tensor(ids)).patterns.numpy()
    return encode(patterns.__getitem__, len(patterns), causal=model.config.causal, at_once=True)


def _pack(encoded: Encoded, tokens: Sequence[str]) -> bytes:
    options = {"key": "page", "look": Look()._asdict() | {"at": 0}, "grid_only": False, "arrange": None}
    return pack(encoded, tokens, options=options | {"opening": encoded.opening, "hides_first": False})


def _describe(run: Run, step: int) -> str:
    losses = [row["val_loss"] for row in run.metrics() if isinstance(row.get("val_loss"), float)]
    unit = run.objective.loss_unit
    loss = f", validation loss {losses[-1]:.3f} {unit}" if losses and unit else ""
    parameters = count_in_words(count_parameters(run.recipe.model, run.objective.kind))
    return f"Trained for {step:,} of {run.recipe.steps:,} steps on {run.recipe.text}: {parameters} parameters{loss}."


def _settings(run: Run) -> str:
    """Return a list of the recipe's fields, and the model's behind them."""
    recipe = run.recipe.to_dict()
    model = recipe.pop("model")
    settings = recipe | {f"model: {name}": value for name, value in model.items()}
    rows = "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in settings.items())
    return f'<dl class="settings">{rows}</dl>'


def _shortened(prompt: str) -> str:
    return shorten(prompt, LONGEST_PROMPT, placeholder=" …")


def _text(value: Any) -> str:
    return html.escape(str(value))
