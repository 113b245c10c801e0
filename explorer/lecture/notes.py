"""The lecture's notes on attention: tokens are a set, batches do not mix, the mask makes the decoder, the scale keeps it soft."""

from dataclasses import replace
from itertools import product

import streamlit as st
import torch

from explorer import loading, widgets
from explorer.chart import chart
from explorer.figures.matrix import number_grid
from explorer.figures.saturation import two_lines
from explorer.figures.tokens import escaped, visible
from explorer.lecture.controls import after_guess, chapter, guess, show_code
from gpt import GPT, GPTConfig, lecture, loss_of

WORD = "attention"
SMALL = GPTConfig(vocab_size=128, block_size=16, n_layer=2, n_head=2, n_embd=16)
ROUNDING = 1e-12  # below it a difference in double precision is rounding
BATCH = ("to be or not", "that is the", "question, say")
SIZES = (4, 8, 16, 32, 64, 128)
LARGEST = ("0.05", "0.2", "0.5", "0.8", "1.0")
ROWS = 3


def permutation() -> None:
    """Note 2: shuffle the tokens, put the outputs back: what has changed is what the model knows of order."""
    chapter(
        "Note 2: attention acts on a set",
        "1:12:46",
        "Shuffle the letters, run the model, and put its outputs back in the old order. Where does that leave a difference?",
    )
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    word = left.text_input("Letters", WORD, max_chars=SMALL.block_size, key="notes:word", persist_state="session")
    shuffle = right.number_input("Shuffle", 0, 2**31 - 1, 1, key="notes:shuffle", help="Another number, another order.")
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
    found = torch.stack(rows)
    two_lines_each = [name.replace(", ", "<br>") for name in names]
    letters = [escaped(visible(letter)) for letter in word]
    figure = number_grid(
        found.numpy(), rows="", columns="token", digits=2, row_names=two_lines_each, column_names=letters
    )
    chart(figure, key="notes:permutation", alt="Largest change of a logit at each token, by kind of model")
    still = [name for name, row in zip(names, found, strict=True) if row.max() < ROUNDING]
    shuffled = "".join(word[i] for i in order.tolist())
    st.caption(
        f"Read as “{widgets.plain(shuffled)}”. Largest |Δ logit| at each letter, in four small untrained models of the same seed. "
        f"Order is nothing to: {', '.join(still) or 'none of them'} (largest difference {found[0].max():.0e}: rounding)."
    )
    show_code(lecture.permutation_difference)


def leaks() -> None:
    """Notes 3 and 4: edit one token of a batch and see where it is felt, with the mask and without, on the same weights."""
    chapter(
        "Notes 3 and 4: rows of a batch do not mix, and the mask keeps the future out",
        "1:13:40",
        "Change one letter of one row. Then take the mask away: the same weights, now an encoder.",
    )
    ref = _transformer()
    if ref is None:
        widgets.no_model()
    model, tokenizer = loading.load_model(ref), loading.load_run(ref).tokenizer
    lines = [
        column.text_input(f"Row {row}", BATCH[row], max_chars=24, key=f"notes:row:{row}", persist_state="session")
        for row, column in enumerate(st.columns(ROWS))
    ]
    length = min(len(line) for line in lines)
    if length < 2:
        widgets.empty_state("A row is too short.", "Give every row at least two letters.")
        return
    edit, place, new, mask = st.columns([2, 4, 2, 3], vertical_alignment="bottom")
    row = edit.selectbox("Edit row", range(ROWS), 1, key="notes:edit", persist_state="session")
    position = place.slider("at letter", 0, length - 1, min(5, length - 1), key=f"notes:place:{length}")
    letter = new.text_input("to", "z", max_chars=1, key="notes:letter", persist_state="session") or " "
    causal = mask.toggle("Mask (decoder)", value=True, key="notes:mask", help=MASK)
    idx = torch.tensor(
        [tokenizer.encode(line[:length], replace=loading.stand_in_of(tokenizer))[:length] for line in lines]
    )
    token = tokenizer.encode(letter, replace=loading.stand_in_of(tokenizer))[0]
    viewed = lecture.with_mask(model, causal)
    felt = lecture.edit_effects(viewed, idx, row, position, token)
    figure = number_grid(
        felt.numpy(),
        rows="row",
        columns="token, as the edited row had it",
        digits=1,
        marked=[(row, position)],
        column_names=[f"{place} {escaped(visible(symbol))}" for place, symbol in enumerate(lines[row][:length])],
    )
    chart(figure, key="notes:leaks", alt="Largest change of a logit at each place of the batch")
    others, before = (
        felt[[other for other in range(ROWS) if other != row]].max(),
        felt[row, :position].max() if position else 0.0,
    )
    losses = [loss_of(lecture.with_mask(model, each)(idx)[:, :-1], idx[:, 1:]).item() for each in (True, False)]
    st.caption(
        f"Largest |Δ logit|: in the other rows {others:g}, before the edit {before:.3g}. Loss on these rows with the mask {losses[0]:.2f}, "
        f"without it {losses[1]:.2f} nats: these weights have learned to read behind a mask. A model that is trained without one copies "
        "the next token from its future instead: fork a run on the *Train* page with the mask switched off to see that."
    )
    show_code(lecture.edit_effects, lecture.with_mask)


def scale() -> None:
    """Note 6: the variance of the scores grows with the head size, and the softmax saturates, unless scores are divided by √size."""
    chapter(
        "Note 6: why scores are divided by √(head size)",
        "1:16:56",
        "Queries and keys here are random numbers of variance 1. First guess: without the scale, how much of a row of 32 weights does the "
        "largest one take at head size 128?",
    )
    guessed = guess("notes:scale", "The largest weight is about", LARGEST)
    if guessed is None:
        return
    found = lecture.saturation(SIZES)
    sizes = found.sizes.numpy()
    left, right = st.columns(2, gap="medium")
    with left:
        figure = two_lines(
            sizes, found.variance.numpy(), found.scaled_variance.numpy(), title="variance of the scores", log=True
        )
        chart(figure, key="notes:variance", alt="Variance of the scores against head size")
    with right:
        figure = two_lines(
            sizes, found.largest.numpy(), found.scaled_largest.numpy(), title="largest weight in a row, mean"
        )
        chart(figure, key="notes:largest", alt="Largest weight in a row against head size")
    st.caption(
        f"{after_guess(guessed)}At size 128 the largest weight is {found.largest[-1]:.2f} without the scale and "
        f"{found.scaled_largest[-1]:.2f} with it: a softmax of large scores puts nearly all on one key, "
        "and hardly passes gradients to the others."
    )
    show_code(lecture.saturation)


def _transformer() -> str | None:
    """The model that the page edits: what ships first, or the first with heads."""
    return next((ref for ref in loading.models() if loading.load_model(ref).config.n_layer), None)


MASK = "With it, a token reads itself and what came before: a decoder. Without it, all tokens: an encoder. The weights are the same."
