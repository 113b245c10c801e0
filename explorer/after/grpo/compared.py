"""The reward model's way and the check's way, in numbers of finished runs."""

import streamlit as st

from explorer.after.grpo.panel import DIGIT, SUM
from explorer.after.grpo.training import NAME, RECIPES
from explorer.figures.heatmap import number
from explorer.lecture.chat.asking import FREE, LEASH, REWARD
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.lecture.kit.finished import finished
from explorer.lecture.rewards.panel import POLICIES
from explorer.opened import open_model
from gpt import load_corpus
from gpt.text import dialogue, sums
from gpt.train.tail import Logged


@chapter(
    "A model of rewards, or a check",
    "grpo",
    "Compare the rewards with the true quality. Which rewards rise while the answers do not become as good?",
)
def compared() -> None:
    """What both ways need, and how far reward and true quality rise."""
    policy, checked = finished(LEASH)[FREE], finished(NAME)
    columns = {
        "a reward model, no leash": (policy, "preference", "{:.2f}"),
        **{f"a check of {label}": (checked[label], "accuracy", "{:.2f}") for label in (DIGIT, SUM)},
    }
    rows = [{"": name, **dict(zip(columns, cells, strict=True))} for name, cells in _needs().items()]
    reached = {name: _reached(*column) for name, column in columns.items()}
    for row in next(iter(reached.values())):
        rows.append({"": row, **{name: values[row] for name, values in reached.items()}})
    st.dataframe(rows, hide_index=True, key="grpo:compared")
    st.caption(
        f"The reward model is that of *ChatGPT in miniature*, where true quality is the stated preference, 0 to "
        f"{len(dialogue.POINTS)}. For the sums it is the share of right sums. A reward model has errors, and a policy "
        "without a leash finds them. The check of the last digit shows the same for a rule that does not say what is "
        "meant. A check works only where one exists: for sums, proofs or tests of code, not for a good letter."
    )
    show_cell("grpo/check", *sums.CHECKS.values(), dialogue.preference)


def _needs() -> dict[str, tuple[str, str, str]]:
    """What each way needs: row → one cell for each column."""
    train, _ = dialogue.split(dialogue.exchanges_in(load_corpus("dialogues").text))
    judge, arithmetic = f"a model of {open_model(REWARD).model.n_params:,} parameters", "one line of arithmetic"
    questions = f"{len(sums.questions_in(load_corpus('sums').text)):,} questions without answers"
    free, digit, whole = (
        f"{recipe.steps // recipe.updates * recipe.batch_size:,}"
        for recipe in (POLICIES[FREE], RECIPES[DIGIT], RECIPES[SUM])
    )
    return {
        "Judge": (judge, arithmetic, arithmetic),
        "Made from": (f"{len(dialogue.pairs(train)):,} pairs of answers", questions, questions),
        "Sampled answers": (free, digit, whole),
    }


def _reached(run: Logged, quality: str, form: str) -> dict[str, str]:
    """What a run reached: row → its cell. quality: the metric of the true quality; form: of its numbers."""
    rewards, qualities = (run.series(name)[1] for name in ("reward", quality))
    return {
        "Reward, before → after": f"{number(rewards[0])} → {number(rewards[-1])}",
        "True quality, before → after": f"{form.format(qualities[0])} → {form.format(qualities[-1])}",
        "Distance from the start": f"{run.series('kl')[1][-1]:.1f} nats",
    }
