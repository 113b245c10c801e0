"""What each stage of ChatGPT in miniature changes in attention."""

import numpy as np
import streamlit as st
import torch

from explorer.choice import Choice, parameters
from explorer.figures.heatmap import pattern_heatmap
from explorer.figures.matrix import number_grid
from explorer.figures.tokens import head_name, labels
from explorer.lecture.chat.asking import FINETUNED, POLICY, PRETRAINED, QUESTION, REFS
from explorer.lecture.kit.controls import chapter, pick, show_cell
from explorer.navigation import PAGES
from explorer.opened import open_model
from explorer.shared import patterns, widgets
from explorer.shared.chart import chart
from explorer.shared.choices import HEAD, LAYER, MODEL, PROMPT
from explorer.shared.prompt import read_prompt
from gpt.lens.heads import pattern_shift
from gpt.text.dialogue import prompt_of

STEPS = {
    f"{before} → {after}": (before, after)
    for before, after in ((PRETRAINED, FINETUNED), (FINETUNED, POLICY), (PRETRAINED, POLICY))
}
BETWEEN = Choice("between-stages", options=STEPS, default=next(iter(STEPS)), label="Between")
NAMED = 3  # heads that changed most
OPENING = "My lord, the "  # the start of the answer


@chapter(
    "What the stages changed in attention",
    "rewards",
    "Pick two stages: which heads read your question differently now, and what do they read instead?",
)
def attention() -> None:
    """For each head, how differently two stages read the same question and the same start of an answer."""
    step = pick(BETWEEN)
    before, after = (open_model(REFS[label]) for label in STEPS[step])
    prompt = prompt_of(QUESTION.check()[0]) + OPENING
    reading = read_prompt(before, prompt)
    weights = [torch.from_numpy(patterns.attention(opened, reading.ids)) for opened in (before, after)]
    shifts = pattern_shift(*weights).numpy()  # (n_layer, n_head)
    heads = [divmod(int(place), shifts.shape[1]) for place in np.argsort(-shifts, axis=None)[:NAMED]]
    figure = number_grid(shifts, rows="layer", columns="head", marked=heads)
    chart(figure, key="chat:shifts", alt=f"How much attention each head has moved, {step}")
    names = ", ".join(f"{head_name(layer, head)} ({shifts[layer, head]:.0%})" for layer, head in heads)
    st.caption(
        f"The share of its attention that each head moved, the mean over the {len(reading.ids)} characters of the "
        f"question and of “{OPENING.strip()}”: on average {shifts.mean():.0%}; most in {names}. Each number is the "
        "total variation distance of two rows of weights."
    )
    layer, head = heads[0]
    rows = zip(st.columns(2, gap="medium"), STEPS[step], (before, after), weights, strict=True)
    for column, label, opened, pattern in rows:
        with column:
            st.markdown(f"**{label}**, {head_name(layer, head)}")
            visible = pattern[layer, head].clone()
            visible[torch.ones_like(visible).triu(1).bool()] = torch.nan
            figure = pattern_heatmap(visible.numpy(), reading.tokens)
            chart(figure, key=f"chat:pattern:{label}", alt=f"What that head reads, {label}")
            last = pattern[layer, head, -1]
            most = widgets.plain(labels(reading.tokens)[int(last.argmax())])
            st.caption(f"After “{OPENING}” it reads most from {most}, {last.max():.0%}.")
            link = parameters({MODEL: opened.ref, PROMPT: prompt, LAYER: layer, HEAD: head})
            title, icon = f"Open {label} in Attention", ":material/grid_on:"
            st.page_link(PAGES / "attention.py", label=title, icon=icon, query_params=link)
    show_cell("rewards/shift", pattern_shift)
