"""nanoGPT: heads in a loop or at once, and GPT-2 in the module that everything here is made of."""

from dataclasses import replace

import streamlit as st
import torch

from explorer.lecture.controls import REPEATS, after_guess, chapter, choose, guess, seconds, show_code
from explorer.panels.recipe_form import n_params
from gpt import GPT, PRESETS, GPTConfig, lecture
from gpt.model.layers import Attention
from gpt.pretrained import from_hugging_face

FASTER = ("no faster", "2 ×", "5 ×", "20 ×")
HEADS, LENGTHS = (1, 2, 4, 8, 16), (32, 64, 128, 256)
FEATURES, ROWS = 128, 4
GPT2 = GPTConfig(50257, 1024, n_layer=12, n_head=12, n_embd=768, tie_weights=True)
SIZES = {  # Radford et al. 2019, table 2
    "GPT-2": GPT2,
    "GPT-2 medium": replace(GPT2, n_layer=24, n_head=16, n_embd=1024),
    "GPT-2 large": replace(GPT2, n_layer=36, n_head=20, n_embd=1280),
    "GPT-2 XL": replace(GPT2, n_layer=48, n_head=25, n_embd=1600),
}


def loop() -> None:
    """Heads one after another against one batched product, on one layer's weights: the same numbers, another time."""
    if not chapter(
        "All heads in one product",
        "1:46:22",
        "First guess: with 8 heads on 128 tokens, how much faster is the batched product than a loop over the heads?",
    ):
        return
    heads = choose("Heads", HEADS, 8, "heads")
    guessed = guess("nanogpt:loop", "It is faster by", FASTER)
    if guessed is None:
        return
    torch.manual_seed(0)
    attention = Attention(GPTConfig(n_embd=FEATURES, n_head=heads, block_size=LENGTHS[-1])).eval()
    rows, gaps, same = [], [], []
    with torch.inference_mode():
        for T in LENGTHS:
            x = torch.randn(ROWS, T, FEATURES)
            one_by_one, at_once = lecture.heads_in_a_loop(attention, x), attention(x)
            gaps.append((one_by_one - at_once).abs().max().item())
            same.append(torch.allclose(one_by_one, at_once, atol=1e-6))
            slow, fast = seconds(lecture.heads_in_a_loop, attention, x), seconds(attention, x)
            rows.append({"tokens": T, "loop, ms": 1000 * slow, "batched, ms": 1000 * fast, "faster by": slow / fast})
    st.dataframe(
        rows,
        hide_index=True,
        column_config={name: st.column_config.NumberColumn(format="%.2f") for name in rows[0] if name != "tokens"},
    )
    st.caption(
        f"{after_guess(guessed)}Medians of {REPEATS} measurements on this machine, just now, on {ROWS} rows of {FEATURES} features. "
        f"`torch.allclose` of the two outputs: **{all(same)}**. They differ by at most {max(gaps):.0e}."
    )
    show_code(lecture.heads_in_a_loop, Attention.forward)


def same_module() -> None:
    """GPT-2 is a value of GPTConfig; its sizes beside nanoGPT's, and how its weights are opened."""
    if not chapter(
        "GPT-2 in the same module",
        "1:46:22",
        "Compare the sizes: only numbers change from the model that a laptop trains to GPT-2.",
    ):
        return
    presets = {"nanoGPT on a laptop": "nanogpt-cpu", "nanoGPT on a GPU (rung 7)": "rung-7"}
    configs = {label: PRESETS[name].model for label, name in presets.items()} | SIZES
    names = ("n_layer", "n_head", "n_embd", "block_size", "vocab_size")
    rows = [
        {"model": label} | {name: getattr(config, name) for name in names} | {"parameters": n_params(config)}
        for label, config in configs.items()
    ]
    columns = {name: st.column_config.NumberColumn(format="localized") for name in (*names, "parameters")}
    st.dataframe(rows, hide_index=True, column_config=columns, key="nanogpt:sizes")
    st.caption(
        "Counted on the module itself, without making room for the weights. GPT-2 uses one matrix for reading tokens and for "
        "predicting them; it is counted once."
    )
    st.markdown(
        "**Its weights in this module.** Download the files `config.json` and `model.safetensors` of "
        "[openai-community/gpt2](https://huggingface.co/openai-community/gpt2/tree/main) into a folder, then, in Python:"
    )
    st.code(EXAMPLE, language="python", wrap_lines=True)
    st.caption(
        "The same `GPT` as everywhere here, with the same hooks: patterns, stream and scores of GPT-2 are read like those of a small "
        "model. Nothing else of this page needs the network."
    )
    show_code(from_hugging_face, GPT.forward)


EXAMPLE = """\
import torch
from gpt import BPETokenizer
from gpt.pretrained import from_hugging_face

model, tokenizer = from_hugging_face("the/folder"), BPETokenizer.gpt2()
idx = torch.tensor([tokenizer.encode("First Citizen: Before we proceed")])
logits, cache = model.run_with_cache(idx, "blocks.*.attn.hook_pattern")
"""
