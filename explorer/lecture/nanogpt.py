"""nanoGPT: heads in a loop, at once, or in a fused kernel, and GPT-2 in the module that everything here is made of."""

from dataclasses import replace
from functools import partial

import streamlit as st
import torch

from explorer.lecture.kit.controls import REPEATS, after_guess, chapter, choose, guess, seconds, show_code
from gpt import GPT, PRESETS, GPTConfig, lecture, load_pretrained
from gpt.model.attention import Attention
from gpt.train.estimate import count_parameters

FASTER = ("half as fast", "as fast", "1.5 times as fast", "5 times as fast", "20 times as fast")
HEADS, LENGTHS = (1, 2, 4, 8, 16), (32, 64, 128, 256)
FEATURES, ROWS = 128, 4
GPT2 = GPTConfig(50257, 1024, n_layer=12, n_head=12, n_embd=768, tie_weights=True)
NUMBERS = ("n_layer", "n_head", "n_embd", "block_size", "vocab_size")
SWITCHES = ("bias", "activation", "tie_weights")
SIZES = {  # Radford et al. 2019, table 2
    "GPT-2": GPT2,
    "GPT-2 medium": replace(GPT2, n_layer=24, n_head=16, n_embd=1024),
    "GPT-2 large": replace(GPT2, n_layer=36, n_head=20, n_embd=1280),
    "GPT-2 XL": replace(GPT2, n_layer=48, n_head=25, n_embd=1600),
}


def loop() -> None:
    """Heads one after another, in batched products, and in torch's fused kernel, on one layer's weights: the same numbers, other times."""
    if not chapter(
        "All heads in one product",
        "1:46:22",
        "The lecture's heads run one after another; nanoGPT's run in one product over all heads, and then in a fused kernel that never "
        "writes the weights down. First guess: with 8 heads on 128 tokens, how fast is the product over all heads, against the loop?",
    ):
        return
    heads = choose("Heads", HEADS, 8, "heads")
    guessed = guess("nanogpt:loop", "All heads at once are", FASTER)
    if guessed is None:
        return
    torch.manual_seed(0)
    attention = Attention(GPTConfig(n_embd=FEATURES, n_head=heads, block_size=LENGTHS[-1])).eval()
    rows, gaps, same = [], [], []
    with torch.inference_mode():
        for T in LENGTHS:
            x = torch.randn(ROWS, T, FEATURES)
            variants = {
                "loop": partial(lecture.heads_in_a_loop, attention, x),
                "all at once": partial(lecture.heads_at_once, attention, x),
                "fused": partial(attention, x),
            }
            expected, *others = (compute() for compute in variants.values())
            gaps += [(expected - other).abs().max().item() for other in others]
            same += [torch.allclose(expected, other, atol=1e-6) for other in others]
            loop, at_once, fused = taken = seconds(*variants.values())
            times = {f"{name}, ms": 1000 * each for name, each in zip(variants, taken, strict=True)}
            rows.append(
                {"tokens": T, **times, "loop ÷ all at once": loop / at_once, "all at once ÷ fused": at_once / fused}
            )
    st.dataframe(
        rows,
        hide_index=True,
        column_config={name: st.column_config.NumberColumn(format="%.2f") for name in rows[0] if name != "tokens"},
    )
    st.caption(
        f"{after_guess(guessed)}The shortest of {REPEATS} measurements on one thread of this machine, just now, on {ROWS} rows of "
        f"{FEATURES} features. On a CPU the loop loses little, and in long contexts it may win: it makes the same products, and its "
        "smaller matrices stay in the cache. On a GPU it leaves most of the chip idle. The fused kernel computes the same without "
        "writing T × T scores and weights to memory. "
        f"`torch.allclose` of the three outputs: **{all(same)}**. They differ by at most {max(gaps):.0e}."
    )
    show_code(lecture.heads_in_a_loop, lecture.heads_at_once, Attention._fused)


def same_module() -> None:
    """GPT-2 is a value of GPTConfig; its sizes beside nanoGPT's, and how its weights are opened."""
    if not chapter(
        "GPT-2 in the same module",
        "1:46:22",
        "Compare the rows: what changes from the model that a laptop trains to GPT-2?",
    ):
        return
    presets = {"nanoGPT on a laptop": "nanogpt-cpu", "nanoGPT on a GPU (rung 7)": "rung-7"}
    configs = {label: PRESETS[name].model for label, name in presets.items()} | SIZES
    rows = [
        {"model": label}
        | {name: getattr(config, name) for name in (*NUMBERS, *SWITCHES)}
        | {"parameters": count_parameters(config)}
        for label, config in configs.items()
    ]
    columns = {name: st.column_config.NumberColumn(format="localized") for name in (*NUMBERS, "parameters")}
    st.dataframe(rows, hide_index=True, column_config=columns, key="nanogpt:sizes")
    laptop, gpu = (configs[label] for label in presets)
    st.caption(
        f"From nanoGPT on a laptop to GPT-2 sizes change, and {_changes(laptop, GPT2)}. From rung 7 to GPT-2 sizes change, and "
        f"{_changes(gpu, GPT2)}. Where weights are tied, one matrix reads tokens and predicts "
        "them; it is counted once."
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
    show_code(load_pretrained, GPT.forward)


def _changes(one: GPTConfig, other: GPTConfig) -> str:
    """The fields that differ beside the sizes, with both values."""
    old, new = (vars(config) | {"qkv_bias": config.has_qkv_bias} for config in (one, other))
    changed = [name for name in old if name not in NUMBERS and old[name] != new[name]]
    return ", ".join(f"`{name}` ({old[name]} → {new[name]})" for name in changed) or "nothing else"


EXAMPLE = """\
import torch
from gpt import BPETokenizer, load_pretrained

model, tokenizer = load_pretrained("the/folder").model, BPETokenizer.gpt2()
idx = torch.tensor([tokenizer.encode("First Citizen: Before we proceed")])
logits, cache = model.run_with_cache(idx, "blocks.*.attn.hook_pattern")
"""
