"""Note 2 on attention: it acts on a set of tokens."""

from dataclasses import replace
from itertools import product

import streamlit as st
import torch

from explorer.choice import Choice
from explorer.figures.matrix import number_grid
from explorer.figures.tokens import escaped, visible
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.shared import widgets
from explorer.shared.chart import chart
from gpt import GPT, GPTConfig, lecture

SMALL = GPTConfig(vocab_size=128, block_size=16, n_layer=2, n_head=2, n_embd=16)
LETTERS = Choice("letters", high=SMALL.block_size, default="attention", label="Letters")
SHUFFLE = Choice("shuffle", int, 1, 2**31 - 1, default=1, label="Shuffle", help="Another number, another order.")
ROUNDING = 1e-12  # below it a difference in double precision is rounding


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
