"""Notes 2 to 4 on attention: tokens are a set, rows of a batch do not mix, and the mask makes the decoder."""

from dataclasses import replace
from itertools import product
from typing import cast

import streamlit as st
import torch

from explorer.choice import Choice, choose
from explorer.figures.matrix import number_grid
from explorer.figures.tokens import escaped, visible
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.lecture.kit.finished import last_loss
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.lecture.kit.training import draw_losses, train_together
from explorer.opened import Opened, open_model
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.choices import MODEL
from explorer.shared.model_list import prompted
from explorer.shared.prompt import stand_in_of
from gpt import GPT, PRESETS, GPTConfig, Run, lecture, loss_of
from gpt.model.attention import Attention

SMALL = GPTConfig(vocab_size=128, block_size=16, n_layer=2, n_head=2, n_embd=16)
LETTERS = Choice("letters", high=SMALL.block_size, default="attention", label="Letters")
SHUFFLE = Choice("shuffle", int, 1, 2**31 - 1, default=1, label="Shuffle", help="Another number, another order.")
ROUNDING = 1e-12  # below it a difference in double precision is rounding
BATCH = ("to be or not", "that is the", "question, say")
LONGEST = 16  # letters of a row
LINES = [Choice(f"line{row}", high=LONGEST, default=line, label=f"Row {row}") for row, line in enumerate(BATCH)]
ROW = Choice("row", options=range(len(BATCH)), default=1, label="Edit row")
COLUMN = Choice("column", int, 0, default=5, label="at letter")
LETTER = Choice("letter", high=1, default="z", label="to")
MASK = Choice(
    "mask", bool, default=True, label="Mask (decoder)",
    help="With it, a token reads itself and earlier tokens (decoder). Without it, all tokens (encoder). Same weights.",
)  # fmt: skip
EDITED = (*LINES, ROW, COLUMN, LETTER, MASK)
NAME, DECODER, ENCODER = "mask", "decoder, with the mask", "encoder, without"
LOSSES = {"2.5": 2.5, "2.2": 2.2, "2.0": 2.0, "1.5": 1.5, "0.5": 0.5, "nearly 0": 0.02}
RECIPES = {
    label: PRESETS["rung-6"].changed(
        about=label, causal=causal, steps=400, block_size=16, lr=4e-3, schedule="linear", final_lr=0.0, eval_every=40,
            eval_batches=20,
        snapshots=2,
    )
    for label, causal in ((DECODER, True), (ENCODER, False))
}  # fmt: skip


@chapter(
    "Note 2: attention acts on a set",
    "1:12:46",
    "Shuffle the letters, run the model, and put its outputs back in the old order. Which outputs differ?",
)
def permutation() -> None:
    """Note 2: shuffle the tokens and put the outputs back; only models that know the order give other outputs."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    word, shuffle = LETTERS.read(), SHUFFLE.read()
    left.text_input(**LETTERS.bound(word))
    right.number_input(**SHUFFLE.bound(shuffle))
    if len(word) < 2:
        widgets.empty_state("There is nothing to shuffle.", "Type at least two letters.")
        return
    idx = torch.tensor([min(ord(letter), SMALL.vocab_size - 1) for letter in word])
    order = torch.randperm(len(word), generator=torch.Generator().manual_seed(shuffle))
    names, rows = [], []
    for positions, causal in product(("none", "learned"), (False, True)):
        torch.manual_seed(0)
        model = GPT(replace(SMALL, positions=positions, causal=causal)).double().eval()
        rows.append(lecture.permutation_difference(model, idx, order))
        names.append(f"{'positions' if positions == 'learned' else 'no positions'}, {'mask' if causal else 'no mask'}")
    changes = torch.stack(rows)
    two_lines_each = [name.replace(", ", "<br>") for name in names]
    letters = [escaped(visible(letter)) for letter in word]
    figure = number_grid(changes.T.numpy(), rows="token", columns="", row_names=letters, column_names=two_lines_each)
    chart(figure, key="notes:permutation", alt="Largest change of a logit at each token, by kind of model")
    still = [name for name, row in zip(names, changes, strict=True) if row.max() < ROUNDING]
    shuffled = "".join(word[i] for i in order.tolist())
    st.caption(
        f"The model reads “{widgets.plain(shuffled)}”. Each cell is the largest |Δ logit| at a letter, in four small "
        f"untrained models of the same seed. Order changes nothing in: {', '.join(still) or 'none of them'} (largest "
        f"difference {changes[0].max():.0e}: rounding)."
    )
    show_cell("notes/set", lecture.permutation_difference)


@chapter(
    "Notes 3 and 4: rows of a batch do not mix, and the mask hides the future",
    "1:13:40",
    "Change one letter of one row. Then switch the mask off: the model has the same weights and is now an encoder.",
)
def leaks() -> None:
    """Notes 3 and 4: edit one token of a batch and see which outputs change, with the mask and without."""
    opened = _transformer()
    if opened is None:
        widgets.no_model()
    model, tokenizer = cast(GPT, opened.model), opened.tokenizer
    lines = [line.read() for line in LINES]
    for column, choice, line in zip(st.columns(len(LINES)), LINES, lines, strict=True):
        column.text_input(**choice.bound(line))
    length = min(map(len, lines))
    if length < 2:
        widgets.empty_state("A row is too short.", "Give every row at least two letters.")
        return
    row, position, letter, causal = _edit(length)
    encoded = [tokenizer.encode(text[:length], replace=stand_in_of(tokenizer)) for text in (*lines, letter)]
    idx, token = torch.tensor([ids[:length] for ids in encoded[:-1]]), encoded[-1][0]
    effects = lecture.edit_effects(lecture.with_mask(model, causal), idx, row, position, token)
    names = [f"{at}<br>{escaped(visible(symbol))}" for at, symbol in enumerate(lines[row][:length])]
    axes = {"rows": "row", "columns": "token, as the edited row had it", "column_names": names}
    figure = number_grid(effects.numpy(), digits=1, marked=[(row, position)], **axes)
    chart(figure, key="notes:leaks", alt="Largest change of a logit at each place of the batch")
    others = effects[[other for other in range(len(lines)) if other != row]].max()
    before = effects[row, :position].max() if position else 0.0
    losses = [loss_of(lecture.with_mask(model, each)(idx)[:, :-1], idx[:, 1:]).item() for each in (True, False)]
    st.caption(
        f"Largest |Δ logit|: in the other rows {others:g}, before the edit {before:.3g}. Loss on these rows with the "
        f"mask {losses[0]:.2f}, without it {losses[1]:.2f} nats: these weights were trained with the mask."
    )
    show_cell("notes/batch", lecture.edit_effects, lecture.with_mask)


def _edit(length: int) -> tuple[int, int, str, bool]:
    """The edited row, the edited letter, its new value, and whether the mask is on."""
    row, at, letter, causal = ROW.read(), COLUMN.read(high=length - 1), LETTER.read(), MASK.read()
    edit, place, new, mask, reset = st.columns([2, 4, 2, 3, 2], vertical_alignment="bottom")
    edit.selectbox(options=range(len(BATCH)), **ROW.bound(row))
    place.slider(**COLUMN.bound(at, min_value=0, max_value=length - 1))
    new.text_input(**LETTER.bound(letter))
    mask.toggle(**MASK.bound(causal))
    cleared = dict.fromkeys(EDITED)
    reset.button("Reset", icon=":material/restart_alt:", key="notes:reset", on_click=choose, args=(cleared,))
    return row, at, letter or " ", causal


@chapter("Trained with the mask and without", "1:14:14")
def cheating() -> None:
    """Note 4 in training: without the mask, the model can read the answer."""
    guessed = guess("notes:cheating", "Without the mask, the loss falls to", LOSSES)
    if guessed is None:
        return
    recipe = RECIPES[DECODER]
    show_verdict("notes:cheating", guessed, last_loss(NAME, ENCODER), LOSSES)
    about = f"The same model of {recipe.model.n_layer} blocks twice, {recipe.steps} steps each."
    train_together(NAME, RECIPES, _cheated, about=about)
    show_cell("notes/decoder", Attention._mask)


def _cheated(runs: dict[str, Run]) -> None:
    draw_losses(NAME, runs, list(RECIPES), "notes:cheated")
    st.caption(
        "Without the mask, the model reads the next token, so the loss does not measure prediction. The rest of the "
        f"loss comes from the last of the {RECIPES[ENCODER].model.block_size} tokens: its next token is not in the "
        "row. New text begins there, and this model has not learned to write it. Encoders are trained to fill gaps, "
        "or to read for a decoder."
    )


def _transformer() -> Opened | None:
    """The model of this section: the chosen one, or the first with heads."""
    refs = sorted(prompted(), key=lambda ref: ref != MODEL.text)
    return next((opened for opened in map(open_model, refs) if opened.config.n_layer), None)
