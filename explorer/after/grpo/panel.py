"""Rewards that can be checked: a group of answers to a sum, their advantages, and one update."""

from typing import cast

import streamlit as st

from explorer.after.grpo.figures import RIGHT, WRONG, group_changes
from explorer.choice import Choice, choose
from explorer.figures import style
from explorer.lecture.kit.controls import chapter, metrics, pick, show_cell
from explorer.opened import Opened, open_model
from explorer.shared.chart import chart
from explorer.shared.choices import SEED
from gpt import GPT
from gpt.after.grpo import Group, draw_group, update_once
from gpt.text.sums import SHARE_WRONG, questions_apart
from gpt.train.objectives.grpo import group_advantages, grpo_loss

MODELS = {"before GRPO": "sums", "after GRPO": "sums-grpo"}
SUM, DIGIT = "the whole sum", "the last digit only"
CHECKED = {SUM: "sum", DIGIT: "last digit"}
FIRST = Choice("first-number", int, 10, 99, default=27, label="First number")
SECOND = Choice("second-number", int, 10, 99, default=15, label="Second number")
SIZE = Choice("group", options=(4, 8, 16), default=8, label="Answers in a group (G)")
CHECK = Choice("check", options=tuple(CHECKED), default=SUM, label="The check reads")
WHOSE = Choice("policy", options=tuple(MODELS), default=next(iter(MODELS)), label="Model")
LR = 2e-3  # of the one update


@chapter(
    "A group of answers and one update",
    "grpo",
    "Pick two numbers and sample a group of answers. Which characters become likelier after one update?",
)
def group() -> None:
    """A group of answers to one question, each checked, and the probabilities before and after one update."""
    question, seed = _controls()
    left, middle, right = st.columns(3, gap="medium")
    with left:
        opened = open_model(MODELS[pick(WHOSE)])
    with middle:
        check = pick(CHECK)
    with right:
        size = pick(SIZE)
    drawn = draw_group(cast(GPT, opened.model), opened.tokenizer, question, size, check=CHECKED[check], seed=seed)
    _draw_group(opened, drawn)
    kept = "It has never read this sum. " if question in questions_apart() else ""
    st.caption(
        f"{kept}The model has imitated sums of which {SHARE_WRONG:.0%} are wrong, by one or by ten. The check "
        f"computes the sum: {RIGHT} is a reward of 1, {WRONG} of 0. Advantage = (reward − mean) / standard deviation. "
        f"{style.word(style.ACCENT).capitalize()} characters became likelier, {style.word(style.SECOND)} ones less "
        "likely. A wrong answer can rise too, if it begins as a right one. "
        "Source: Shao et al. 2024, [arXiv:2402.03300](https://arxiv.org/abs/2402.03300). Liu et al. 2025, "
        "[arXiv:2503.20783](https://arxiv.org/abs/2503.20783), do not divide by the standard deviation, since it gives "
        "more weight to very easy and very hard questions."
    )
    show_cell("grpo/advantage", group_advantages, grpo_loss, draw_group, update_once)


def _controls() -> tuple[str, int]:
    """The question and the seed."""
    first, second, seed = FIRST.read(), SECOND.read(), SEED.read(low=1, default=1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(width=150, **FIRST.bound(first))
        st.number_input(width=150, **SECOND.bound(second))
        again = {SEED: seed + 1}
        st.button(
            "Sample again", icon=":material/casino:", type="primary", key="grpo:again", on_click=choose, args=(again,)
        )
    return f"{first}+{second}=", seed


def _draw_group(opened: Opened, drawn: Group) -> None:
    probabilities = update_once(cast(GPT, opened.model), drawn, LR)
    deviation = drawn.rewards.std()
    metrics({"Mean reward": f"{drawn.rewards.mean():.3f}", "Standard deviation": f"{deviation:.3f}"})
    figure = group_changes(drawn.answers, drawn.rewards.numpy(), drawn.advantages.numpy(), probabilities)
    chart(figure, key="grpo:group", alt="A group of answers with advantages and changed probabilities")
    if not deviation:
        st.info("All rewards are equal, so every advantage is 0: this group teaches nothing. Sample again.")
