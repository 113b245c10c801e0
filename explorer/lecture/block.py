"""The Transformer block: what the residual path does for gradients, what layernorm does, and heads in a loop or at once."""

from itertools import product

import streamlit as st
import torch

from explorer import loading, widgets
from explorer.chart import chart
from explorer.figures.depth import gradients_by_depth
from explorer.figures.matrix import number_grid, similarity_map
from explorer.lecture.controls import REPEATS, after_guess, chapter, choose, editable, guess, seconds, show_code
from gpt import GPTConfig, lecture
from gpt.model.layers import Attention, Block, LayerNorm, sinusoids

EXAMPLES, FEATURES = 6, 4
DEPTHS = (2, 4, 8, 12, 16)
LESS = ("no less", "10 × less", "1,000 × less", "a million × less", "practically none")
MOMENTUM = 0.1  # torch's own
FASTER = ("no faster", "2 ×", "5 ×", "20 ×")


def residuals() -> None:
    """The norm of the gradient at every block, with and without the residual path and the norm."""
    chapter(
        "Residual connections: a road for gradients",
        "1:26:48",
        "First guess: in an untrained model of 8 blocks without residual path and norm, how much less gradient reaches the first block "
        "than the last?",
    )
    guessed = guess("block:residual", "The first block gets", LESS)
    if guessed is None:
        return
    depth = choose("Blocks", DEPTHS, 8, "block:depth")
    found = {}
    for residual, norm in product((True, False), ("pre", "none")):
        config = GPTConfig(
            vocab_size=65, block_size=16, n_layer=depth, n_head=2, n_embd=32, residual=residual, norm=norm
        )
        name = f"{'residual' if residual else 'no residual'}, {'layernorm' if norm == 'pre' else 'no norm'}"
        found[name] = lecture.gradient_norms(config).numpy()
    chart(
        gradients_by_depth(found),
        key="block:gradients",
        alt="Gradient norm at every block, with and without residual path",
    )
    first, last = (found["no residual, no norm"][i] for i in (0, -1))
    st.caption(
        f"{after_guess(guessed)}Without either, the first of {depth} blocks gets {last / max(first, 1e-30):,.1e} × less gradient "
        "than the last. With the residual path, an addition hands the gradient on unchanged."
    )
    show_code(Block._join, lecture.gradient_norms)


def norms() -> None:
    """The same activations normalised over their features or over the batch, and what batchnorm does once training is over."""
    chapter(
        "LayerNorm and BatchNorm: the same numbers, another axis",
        "1:32:51",
        "Change a number and see which others move: those of its row, or those of its column.",
    )
    left, right = st.columns([1, 1], gap="medium")
    with left:
        st.markdown("**activations**: 6 examples of 4 features (edit me)")
        drawn = torch.randn(EXAMPLES, FEATURES, generator=torch.Generator().manual_seed(7))
        x = editable((2 * drawn + 1).round(decimals=1), "norms")
    with right:
        over = choose("Normalise over", ["features", "batch"], "features", "norms:over")
        out = lecture.normalised(x, over)
        names = {"rows": "example", "columns": "feature"}
        chart(number_grid(out.numpy(), **names), key="norms:out", alt=f"Normalised over the {over}")
    axis = 1 if over == "features" else 0
    told = {
        "features": "each row is one token's own affair, whoever else is in the batch",
        "batch": "each number depends on the other examples",
    }
    st.caption(
        f"{'Rows' if axis else 'Columns'} have mean 0 and variance 1 now (largest |mean| {out.mean(axis).abs().max():.0e}): {told[over]}."
    )
    _inference(x)
    show_code(lecture.normalised, LayerNorm.forward)


def _inference(x: torch.Tensor) -> None:
    """BatchNorm has no batch to normalise over once it serves one example: it uses running statistics instead."""
    seen = st.slider("Batches that BatchNorm has seen in training", 0, 60, 5, key="norms:seen", persist_state="session")
    batchnorm, generator = torch.nn.BatchNorm1d(FEATURES, momentum=MOMENTUM), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _ in range(seen):
            batchnorm(torch.randn(EXAMPLES, FEATURES, generator=generator).mul(2).add(1))
        trained, served = lecture.normalised(x, "batch"), batchnorm.eval()(x)
    gap = (trained - served).abs().max().item()
    running = ", ".join(f"{value:.2f}" for value in batchnorm.running_mean.tolist())
    st.caption(
        f"After {seen} batches its running means are {running} (the features' true mean is 1, their deviation 2). On your activations its "
        f"output in training and in use differ by up to {gap:.2f}; layernorm has no such gap, since it needs no batch."
    )


def loop() -> None:
    """Heads one after another against one batched product, on one layer's weights: the same numbers, another time."""
    chapter(
        "nanoGPT: all heads in one product",
        "1:46:22",
        "First guess: with 8 heads on 128 tokens, how much faster is the batched product than a loop over the heads?",
    )
    heads = choose("Heads", (1, 2, 4, 8, 16), 8, "loop:heads")
    guessed = guess("block:loop", "It is faster by", FASTER)
    if guessed is None:
        return
    torch.manual_seed(0)
    attention = Attention(GPTConfig(n_embd=128, n_head=heads, block_size=256)).eval()
    rows, gaps = [], []
    with torch.inference_mode():
        for T in (32, 64, 128, 256):
            x = torch.randn(4, T, 128)
            gaps.append((lecture.heads_in_a_loop(attention, x) - attention(x)).abs().max().item())
            slow, fast = seconds(lecture.heads_in_a_loop, attention, x), seconds(attention, x)
            rows.append({"tokens": T, "loop, ms": 1000 * slow, "batched, ms": 1000 * fast, "faster by": slow / fast})
    st.dataframe(
        rows,
        hide_index=True,
        column_config={name: st.column_config.NumberColumn(format="%.2f") for name in rows[0] if name != "tokens"},
    )
    st.caption(
        f"{after_guess(guessed)}Medians of {REPEATS} measurements on this machine, just now. The outputs differ by at most {max(gaps):.0e}."
    )
    show_code(lecture.heads_in_a_loop, Attention.forward)


def positions() -> None:
    """How alike the learned vectors of any two positions are, in the model that ships."""
    chapter(
        "Positional encoding",
        "1:00:18",
        "Which positions does a trained model hold for alike? Choose how its positions are made.",
    )
    kind = choose("Positions", ["learned", "sinusoidal"], "learned", "block:positions")
    ref = next((ref for ref in loading.models() if hasattr(loading.load_model(ref), "pos_embed")), None)
    if ref is None:
        st.caption("No model here has positions; train one on the *Train* page.")
        return
    learned = loading.load_model(ref).pos_embed
    vectors = learned if kind == "learned" else sinusoids(*learned.shape)
    cosines = torch.nn.functional.cosine_similarity(vectors[:, None], vectors[None], dim=-1)
    chart(
        similarity_map(cosines.numpy(), axis="position"),
        key="block:similarity",
        alt="Cosine of every two positions' vectors",
    )
    made = (
        f"as {widgets.plain(ref)} has learned them"
        if kind == "learned"
        else "sines and cosines of falling frequency, never trained"
    )
    st.caption(
        f"The cosine between the vectors of any two of {len(vectors)} positions, {made}. Blue: alike; red: opposite."
    )
    show_code(sinusoids)
