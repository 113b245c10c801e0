"""Notes 2 to 5 on attention: tokens are a set, rows of a batch do not mix, the mask makes the decoder, and who may be read."""

from dataclasses import replace
from itertools import product

import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.explore.tokens.panel import MAX_SEED
from explorer.figures.matrix import number_grid
from explorer.figures.tokens import escaped, visible
from explorer.lecture.kit.controls import after_guess, chapter, choose, editable, guess, part, show_code
from explorer.lecture.kit.together import losses_together
from explorer.lecture.kit.training import train_together
from explorer.lecture.translate import steps
from explorer.navigation import PAGES
from explorer.shared import loading, widgets
from explorer.shared.chart import chart
from gpt import GPT, PRESETS, GPTConfig, Run, lecture, loss_of

WORD, SEED = "attention", 1337
SMALL = GPTConfig(vocab_size=128, block_size=16, n_layer=2, n_head=2, n_embd=16)
ROUNDING = 1e-12  # below it a difference in double precision is rounding
BATCH = ("to be or not", "that is the", "question, say")
ROWS, LONGEST = 3, 16  # of the batch, and letters of each
PLACE = 5  # the letter that is edited at first
EDITED = ("line0", "line1", "line2", "row", "place", "letter", "mask")
NAME, DECODER, ENCODER = "mask", "decoder, with the mask", "encoder, without"
LOSSES = ("2.5", "2.2", "2.0", "1.5", "0.5", "nearly 0")
RECIPES = {
    label: PRESETS["rung-6"].changed(
        about=label, causal=causal, steps=400, block_size=16, lr=4e-3, schedule="linear", final_lr=0.0, eval_every=40, eval_batches=20,
        snapshots=2,
    )
    for label, causal in ((DECODER, True), (ENCODER, False))
}  # fmt: skip
SELF, CROSS = "itself: self-attention", "y: cross-attention"
FEATURES = 4
SEQUENCES = {"x": ("the decoder", 4), "y": ("the encoder", 6)}  # name → whose tokens, how many
WHERE = {
    SELF: "q, k and v all come from x, and the mask keeps x out of its own future.",
    CROSS: "q comes from x, k and v from y: x asks, y answers. All of y has been read before, so nothing is masked.",
}


def permutation() -> None:
    """Note 2: shuffle the tokens, put the outputs back: what has changed is what the model knows of order."""
    if not chapter(
        "Note 2: attention acts on a set",
        "1:12:46",
        "Shuffle the letters, run the model, and put its outputs back in the old order. Where does that leave a difference?",
    ):
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    wanted = state.choice("word")
    word = WORD if wanted is None else wanted[: SMALL.block_size]
    left.text_input("Letters", max_chars=SMALL.block_size, **state.bound("word", word))
    shuffle = state.number("shuffle") or 1
    right.number_input("Shuffle", 1, MAX_SEED, help="Another number, another order.", **state.bound("shuffle", shuffle))
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
    figure = number_grid(found.T.numpy(), rows="token", columns="", row_names=letters, column_names=two_lines_each)
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
    if not chapter(
        "Notes 3 and 4: rows of a batch do not mix, and the mask keeps the future out",
        "1:13:40",
        "Change one letter of one row. Then take the mask away: the same weights, now an encoder.",
    ):
        return
    ref = _transformer()
    if ref is None:
        widgets.no_model()
    model, tokenizer = loading.load_model(ref), loading.load_run(ref).tokenizer
    lines = [_line(row, column) for row, column in enumerate(st.columns(ROWS))]
    length = min(len(line) for line in lines)
    if length < 2:
        widgets.empty_state("A row is too short.", "Give every row at least two letters.")
        return
    row, position, letter, causal = _edit(length)
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
        column_names=[f"{at}<br>{escaped(visible(symbol))}" for at, symbol in enumerate(lines[row][:length])],
    )
    chart(figure, key="notes:leaks", alt="Largest change of a logit at each place of the batch")
    others, before = (
        felt[[other for other in range(ROWS) if other != row]].max(),
        felt[row, :position].max() if position else 0.0,
    )
    losses = [loss_of(lecture.with_mask(model, each)(idx)[:, :-1], idx[:, 1:]).item() for each in (True, False)]
    st.caption(
        f"Largest |Δ logit|: in the other rows {others:g}, before the edit {before:.3g}. Loss on these rows with the mask {losses[0]:.2f}, "
        f"without it {losses[1]:.2f} nats: these weights have learned to read behind a mask."
    )
    show_code(lecture.edit_effects, lecture.with_mask)


def _line(row: int, column: DeltaGenerator) -> str:
    """One row of the batch."""
    name, wanted = f"line{row}", state.choice(f"line{row}")
    line = BATCH[row] if wanted is None else wanted[:LONGEST]
    column.text_input(f"Row {row}", max_chars=LONGEST, **state.bound(name, line))
    return line


def _edit(length: int) -> tuple[int, int, str, bool]:
    """Which row is edited, at which letter, to what, and whether the mask is on."""
    edit, place, new, mask, reset = st.columns([2, 4, 2, 3, 2], vertical_alignment="bottom")
    row = ROWS - 2 if state.choice("row") is None else min(state.number("row"), ROWS - 1)
    edit.selectbox("Edit row", range(ROWS), **state.bound("row", row))
    at = min(PLACE if state.choice("place") is None else state.number("place"), length - 1)
    place.slider("at letter", 0, length - 1, **state.bound("place", at))
    letter = "z" if state.choice("letter") is None else state.choice("letter")[:1]
    new.text_input("to", max_chars=1, **state.bound("letter", letter))
    causal = state.choice("mask") != "False"
    mask.toggle("Mask (decoder)", help=MASK, **state.bound("mask", causal))
    reset.button(
        "Reset", icon=":material/restart_alt:", key="notes:reset", on_click=state.choose, kwargs=dict.fromkeys(EDITED)
    )
    return row, at, letter or " ", causal


def cheating() -> None:
    """Note 4 in training: without the mask the answer can be looked up."""
    if not part("Trained with the mask and without", "1:14:14"):
        return
    guessed = guess("notes:cheating", "Without the mask, the loss falls to", LOSSES)
    if guessed is None:
        return
    recipe = RECIPES[DECODER]
    about = f"{after_guess(guessed)}The same model of {recipe.model.n_layer} blocks twice, {recipe.steps} steps each."
    train_together(NAME, RECIPES, _cheated, about=about)


def _cheated(runs: dict[str, Run]) -> None:
    losses_together(runs, list(RECIPES), "notes:cheated")
    st.caption(
        "Without the mask the model can read the next token, so the loss says little about what it knows. What remains comes "
        f"from the last of the {RECIPES[ENCODER].model.block_size} tokens, whose next token is not in the row. That is where it "
        "would have to write, and it has not learned to. Encoders are trained to fill gaps, or to serve a decoder."
    )


def crossing() -> None:
    """Note 5: queries from x; keys and values from x as well, or from another sequence y."""
    if not chapter(
        "Note 5: self-attention and cross-attention",
        "1:15:39",
        "Let x look at itself, then at y. Watch where q, k and v come from, and the shape of the weights.",
    ):
        return
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        kind = choose("x looks at", [SELF, CROSS], SELF, "reads")
    seed = state.number("seed") or SEED
    right.number_input("Seed", 1, MAX_SEED, help="Of x, y and the matrices.", **state.bound("seed", seed))
    generator = torch.Generator().manual_seed(seed)
    matrices = lecture.random_matrices(FEATURES, FEATURES, generator)
    columns = st.columns(2, gap="medium")
    drawn = {}
    for column, (name, (told, length)) in zip(columns, SEQUENCES.items(), strict=True):
        with column:
            st.markdown(f"**{name}**, {length} tokens of {told} (edit me)")
            start = torch.randn(length, FEATURES, generator=generator).round(decimals=1)
            drawn[name] = editable(start, f"notes:cross:{name}:{seed}")
    x, memory = drawn["x"], drawn["y"] if kind == CROSS else None
    head = lecture.one_head(x, *matrices, memory=memory)
    read = "y" if kind == CROSS else "x"
    made = {"q = x · W_q": (head.q, "x"), f"k = {read} · W_k": (head.k, read), f"v = {read} · W_v": (head.v, read)}
    for column, (title, (values, source)) in zip(st.columns(3, gap="medium"), made.items(), strict=True):
        with column:
            st.markdown(f"**{title}**")
            figure = number_grid(values.numpy(), rows=f"token of {source}", columns="feature", digits=1)
            chart(figure, key=f"notes:cross:{title[0]}", alt=title)
    T, S = head.weights.shape
    weights = head.weights if kind == CROSS else head.weights.masked_fill(torch.ones(T, S).triu(1).bool(), torch.nan)
    shown = {f"weights, {T} × {S}: {'rectangular' if T != S else 'square'}": weights, "out = weights · v": head.out}
    names = (("query, token of x", f"key, token of {read}"), ("token of x", "feature"))
    for place, column, (title, values), (rows, across) in zip(
        "wo", st.columns(2, gap="medium"), shown.items(), names, strict=True
    ):
        with column:
            st.markdown(f"**{title}**")
            chart(number_grid(values.numpy(), rows=rows, columns=across), key=f"notes:cross:{place}", alt=title)
    st.caption(
        f"{WHERE[kind]} Each row of weights sums to 1 (largest difference {(head.weights.sum(1) - 1).abs().max():.0e})."
    )
    show_code(lecture.one_head)
    steps.shipped_crossing()
    st.page_link(PAGES / "translate.py", label="More of this model: Encoder and decoder", icon=":material/translate:")


def _transformer() -> str | None:
    """The model that the page edits: the chosen one, or the first with heads."""
    refs = sorted(loading.prompted(), key=lambda ref: ref != state.choice("model"))
    return next((ref for ref in refs if loading.load_run(ref).recipe.model.n_layer), None)


MASK = "With it, a token reads itself and what came before: a decoder. Without it, all tokens: an encoder. The weights are the same."
