"""GRPO in training: a check of the whole sum, and one that can be cheated; beside them the policy of a reward model."""

import streamlit as st

from explorer.after.grpo.panel import CHECKED, SUM
from explorer.figures.outcomes import AXES, ROW, outcomes
from explorer.lecture.kit.controls import chapter, metrics, show_cell
from explorer.lecture.kit.training import finished_sentence, grey_unless, logged_or_finished, train_together
from explorer.shared.chart import chart
from gpt import PRESETS, Run
from gpt.text import sums
from gpt.train.objectives.grpo import EVAL_QUESTIONS, GROUP, GRPO
from gpt.train.tail import Logged

NAME = "grpo"
RECIPES = {label: PRESETS["sums-grpo"].changed(snapshots=3, check=check) for label, check in CHECKED.items()}
LIKELIEST = 0.859, 0.957  # right among the likeliest answers, before and after; docs/measurements.md has the command
TITLES = {metric.name: metric.title for metric in GRPO.metrics if metric.name in ("accuracy", "reward", "kl")}


@chapter(
    "Training with the check",
    "grpo",
    "Train two models. One check reads the whole sum, the other only its last digit. What does each model learn?",
)
def training() -> None:
    """The same start with a check that cannot be cheated, and with one that can."""
    recipe = RECIPES[SUM]
    about = (
        f"{recipe.steps} steps each: a step uses {recipe.batch_size} answers, {GROUP} to each question, and every "
        f"{recipe.updates} steps the model samples new ones. Both start from *{recipe.start}*. About a minute."
    )
    train_together(NAME, RECIPES, _compared, about=about)
    show_cell("grpo/train", GRPO.draw, GRPO.loss, sums.is_right, sums.ends_right)


def _compared(runs: dict[str, Run]) -> None:
    numbers = logged_or_finished(NAME, runs)
    panels = {title: {label: each.series(name) for label, each in numbers.items()} for name, title in TITLES.items()}
    with st.container(height=ROW * len(panels) + 2 * AXES, border=False):
        figure = outcomes(panels, steps=RECIPES[SUM].steps)
        chart(grey_unless(bool(runs), figure), key="grpo:curves", alt="Right sums, reward and KL over the steps")
        if not runs:
            st.caption(finished_sentence(runs))
    metrics({f"Right sums, {label}": " → ".join(_shares(each, "accuracy")) for label, each in numbers.items()})
    before, after = LIKELIEST
    st.caption(
        f"Measured on {EVAL_QUESTIONS} sums that no training text has. Half of the examples are right, and more "
        "imitation only approaches this share. The check of the whole sum gets more right. It makes the model sure of "
        f"sums that it already finds: its likeliest answers are right in {before:.0%} before and {after:.0%} after. "
        "The check of the last digit has rising rewards and no more right sums: the model learns what is rewarded, not "
        "what is meant."
    )


def _shares(logged: Logged, name: str) -> tuple[str, str]:
    """The first and the last value of a metric."""
    values = logged.series(name)[1]
    return f"{values[0]:.0%}", f"{values[-1]:.0%}"
