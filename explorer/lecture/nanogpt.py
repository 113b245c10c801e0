"""nanoGPT: heads in a loop, at once, or in a fused kernel; and GPT-2 in the module that every model here uses."""

from dataclasses import replace
from functools import partial

import streamlit as st
import torch

from explorer.choice import Choice
from explorer.lecture.kit.controls import REPEATS, chapter, draw_table, pick, seconds, show_cell
from explorer.lecture.kit.guesses import guess, show_verdict
from gpt import GPT, PRESETS, GPTConfig, lecture, load_pretrained
from gpt.model.attention import Attention
from gpt.train.estimate import count_parameters

HEADS = Choice("head-count", options=(1, 2, 4, 8, 16), default=8, label="Heads")
FASTER = {"half as fast": 0.5, "as fast": 1.0} | {f"{times:g} times as fast": times for times in (1.5, 5.0, 20.0)}
ASKED = 128  # tokens of the question
LENGTHS = (32, 64, 128, 256)
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


@chapter(
    "All heads in one product",
    "1:46:22",
    "The lecture's heads run one after another. nanoGPT's run in one product over all heads, and then in a fused "
    "kernel that never writes the weights to memory.",
    f"First guess: with 8 heads on {ASKED} tokens, how fast is the product, compared with the loop?",
)
def loop() -> None:
    """Heads in a loop, in batched products, and in torch's fused kernel: the same numbers in different times."""
    heads = pick(HEADS)
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
    faster = next(row["loop ÷ all at once"] for row in rows if row["tokens"] == ASKED)
    show_verdict("nanogpt:loop", guessed, faster, FASTER)
    draw_table(rows, 2, "nanogpt:times")
    st.caption(
        f"The shortest of {REPEATS} measurements, made now on one thread of this machine, on "
        f"{ROWS} rows of {FEATURES} features. On a CPU the loop is hardly slower, and in long contexts it may be "
        "faster: it makes the same products, and its smaller matrices stay in the cache. On a GPU, the loop leaves "
        "most of the chip idle. The fused kernel computes the same and never writes T × T scores and weights to "
        f"memory. `torch.allclose` of the three outputs: **{all(same)}**. They differ by at most {max(gaps):.0e}."
    )
    show_cell("nanogpt/batched", lecture.heads_in_a_loop, lecture.heads_at_once, Attention._fused)


@chapter(
    "GPT-2 in the same module",
    "1:46:22",
    "Compare the rows: what changes from the model that a laptop trains to GPT-2?",
)
def same_module() -> None:
    """GPT-2 is a value of GPTConfig: its sizes beside nanoGPT's, and how to open its weights."""
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
        f"From nanoGPT on a laptop to GPT-2 sizes change, and {_changes(laptop, GPT2)}. From rung 7 to GPT-2 sizes "
        f"change, and {_changes(gpu, GPT2)}. If weights are tied, one matrix is both embedding and output layer. It "
        "is counted once."
    )
    st.markdown(
        "**Its weights in this module.** *Open a model…* beside a prompt takes its name on the Hub, "
        "[openai-community/gpt2](https://huggingface.co/openai-community/gpt2/tree/main). In Python:"
    )
    st.code(EXAMPLE, language="python", wrap_lines=True)
    st.caption(
        "This is the `GPT` of every page, with the same hooks. You read the patterns, residual stream and scores of "
        "GPT-2 like those of a small model. Nothing else on this page needs the network."
    )
    show_cell("nanogpt/sizes", load_pretrained, GPT.stream, GPT.read_out)


def _changes(one: GPTConfig, other: GPTConfig) -> str:
    """The fields that differ, without the sizes, with both values."""
    old, new = (config.to_dict() | {"qkv_bias": config.has_qkv_bias} for config in (one, other))
    changed = [name for name in old if name not in NUMBERS and old[name] != new.get(name)]
    return ", ".join(f"`{name}` ({old[name]} → {new[name]})" for name in changed) or "nothing else"


EXAMPLE = """\
import torch
from gpt import load_pretrained

gpt2 = load_pretrained("openai-community/gpt2")  # downloads 548 MB once
idx = torch.tensor([gpt2.tokenizer.encode("First Citizen: Before we proceed")])
logits, cache = gpt2.model.run_with_cache(idx, "blocks.*.attn.hook_pattern")
"""
