"""Note 3 on attention: the rows of a batch do not mix."""

from typing import cast

import streamlit as st
import torch
from torch import Tensor

from explorer.choice import Choice, choose
from explorer.figures.matrix import number_grid
from explorer.figures.tokens import escaped, visible
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.opened import Opened, open_model
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.choices import MODEL
from explorer.shared.model_list import prompted
from explorer.shared.prompt import stand_in_of
from gpt import GPT, lecture

BATCH = ("to be or not", "that is the", "question, say")
LONGEST = 16  # letters of a row
LINES = [Choice(f"line{row}", high=LONGEST, default=line, label=f"Row {row}") for row, line in enumerate(BATCH)]
ROW = Choice("row", options=range(len(BATCH)), default=1, label="Edit row")
COLUMN = Choice("column", int, 0, default=5, label="at letter")
LETTER = Choice("letter", high=1, default="z", label="to")
EDITED = (*LINES, ROW, COLUMN, LETTER)


@chapter(
    "Note 3: the rows of a batch do not mix",
    "1:13:40",
    "Change one letter of one row. Which outputs change, in this row and in the others?",
)
def rows() -> None:
    """Note 3: edit one token of a batch and see which outputs change."""
    edit = pick_edit()
    if edit is None:
        return
    effects = draw_effects(*edit, causal=True)
    row = edit[2]
    others = effects[[other for other in range(len(BATCH)) if other != row]].max()
    st.caption(
        f"Largest |Δ logit| in the other rows: {others:g}. The rows of a batch are computed together and never read "
        f"each other. Row {row} changes from the edited letter on; note 4 shows why not before it."
    )
    show_cell("notes/batch", lecture.edit_effects)


def pick_edit() -> tuple[Opened, Tensor, int, int, int] | None:
    """Let the person write a batch and change one letter. None, with a sentence, where a row is too short.

    Returns the model, the batch (rows, length), the edited row, the place in it, and the new token.
    """
    opened = _transformer()
    if opened is None:
        widgets.no_model()
    lines = [line.read() for line in LINES]
    for column, choice, line in zip(st.columns(len(LINES)), LINES, lines, strict=True):
        column.text_input(**choice.bound(line))
    length = min(map(len, lines))
    if length < 2:
        widgets.empty_state("A row is too short.", "Give every row at least two letters.")
        return None
    row, position, letter = _pick_letter(length)
    tokenizer = opened.tokenizer
    encoded = [tokenizer.encode(text[:length], replace=stand_in_of(tokenizer)) for text in (*lines, letter)]
    return opened, torch.tensor([ids[:length] for ids in encoded[:-1]]), row, position, encoded[-1][0]


def draw_effects(opened: Opened, idx: Tensor, row: int, position: int, token: int, causal: bool) -> Tensor:
    """Draw and return the largest change of a logit at each place of the batch, (rows, length)."""
    model = lecture.with_mask(cast(GPT, opened.model), causal)
    effects = lecture.edit_effects(model, idx, row, position, token)
    letters = [opened.tokenizer.decode([each]) for each in idx[row].tolist()]
    names = [f"{at}<br>{escaped(visible(letter))}" for at, letter in enumerate(letters)]
    axes = {"rows": "row", "columns": "token, as the edited row had it", "column_names": names}
    figure = number_grid(effects.numpy(), digits=1, marked=[(row, position)], **axes)
    chart(figure, key="batch:effects", alt="Largest change of a logit at each place of the batch")
    return effects


def _pick_letter(length: int) -> tuple[int, int, str]:
    """The edited row, the edited place in it, and the new letter."""
    row, at, letter = ROW.read(), COLUMN.read(high=length - 1), LETTER.read()
    edit, place, new, reset = st.columns([2, 4, 2, 2], vertical_alignment="bottom")
    edit.selectbox(options=range(len(BATCH)), **ROW.bound(row))
    place.slider(**COLUMN.bound(at, min_value=0, max_value=length - 1))
    new.text_input(**LETTER.bound(letter))
    cleared = dict.fromkeys(EDITED)
    reset.button("Reset", icon=":material/restart_alt:", key="notes:reset", on_click=choose, args=(cleared,))
    return row, at, letter or " "


def _transformer() -> Opened | None:
    """The model of this section: the chosen one, or the first with heads."""
    refs = sorted(prompted(), key=lambda ref: ref != MODEL.text)
    return next((opened for opened in map(open_model, refs) if opened.config.n_layer), None)
