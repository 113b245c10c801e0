"""The stages of ChatGPT in miniature: the data of each, its loss, its curves, and a short version to train here."""

from collections.abc import Iterable
from functools import partial

import streamlit as st

from explorer.figures.outcomes import AXES, ROW, Series, outcomes
from explorer.lecture.chat.asking import FINETUNED, POLICY, REFS, REWARD
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.lecture.kit.training import finished_sentence, grey_unless, logged_or_finished, train_together
from explorer.opened import open_run, runs_folder
from explorer.shared.chart import chart
from explorer.train.curves import shown_metrics
from explorer.train.runs.folders import logged
from gpt import PRESETS, Run, load_corpus
from gpt.text import dialogue
from gpt.train.objectives import answers, finetune, ppo

SHOWN = 4  # pairs, and demonstrations of each of two questions
FINETUNE = {"finetuned here": PRESETS["chat-finetune"].changed(steps=60, eval_every=5, snapshots=3)}
MEASURED = {metric.name: metric.title for metric in shown_metrics(ppo.PPO)}
LEARNING = ("val_loss", "accuracy", "preference")  # drawn metrics of finetuning and of the reward model


@chapter(
    "1. Finetuning: imitate demonstrations",
    "1:48:53",
    "Look at the demonstrations. Which of these answers would you want to see?",
)
def finetuning() -> None:
    """Stage 1: demonstrations, and a loss on the answers only."""
    exchanges = dialogue.exchanges_in(load_corpus("dialogues").text)
    train, validation = dialogue.split(exchanges)
    st.dataframe([_row(exchange) for exchange in train[: 2 * SHOWN]], hide_index=True, key="chat:demonstrations")
    st.caption(
        f"{len(train)} demonstrations, generated: questions of {len(dialogue.MATTERS)} forms about "
        f"{len(dialogue.PEOPLE)} people, {dialogue.ANSWERS} answers each, polite or not, short or long. "
        f"{len(validation)} answers to other questions are for validation. The loss is that of pretraining, but only "
        "over the characters of the answer."
    )
    draw_shipped(FINETUNED)
    about = f"The same, shortened to {FINETUNE['finetuned here'].steps} steps. {start_sentence('shakespeare-char')}"
    train_together("finetune", FINETUNE, partial(draw_learning, "finetune", key="chat:finetune"), about=about)
    show_cell("chat/finetune", finetune.Finetune.loss, answers.log_probs_of, dialogue._exchanges)


def start_sentence(name: str) -> str:
    """The run that a stage starts from, as `create_run` finds it."""
    owner = "your own run of that name" if (runs_folder() / name).exists() else "the shipped model"
    return f"The start is *{name}*, {owner}."


def draw_shipped(label: str) -> None:
    """The curves of a stage's shipped run."""
    run = open_run(REFS.get(label, label))
    titles = MEASURED if label == POLICY else _titles([run])
    spent = logged(run.folder).series("elapsed")[1][-1]
    _curves({run.name: run}, titles, f"chat:{run.name}", f"The curves of {run.name}")
    st.caption(
        f"**{run.name}**, the shipped run: {run.recipe.steps} steps, {spent / 60:.1f} minutes on one core, `python -m "
        f"gpt.train --preset {run.name}`. All numbers are from validation questions."
    )


def _titles(runs: Iterable[Run]) -> dict[str, str]:
    """The metrics of `LEARNING` that the objectives declare: name → title."""
    declared = (metric for run in runs for metric in run.objective.metrics)
    return {metric.name: metric.title for metric in declared if metric.name in LEARNING}


def draw_learning(name: str, runs: dict[str, Run], key: str) -> None:
    """The same curves of a run that was trained here, and its newest sample."""
    shipped = open_run({"finetune": REFS[FINETUNED], "reward": REWARD}[name])
    draw_growing(name, runs, _titles([shipped]), key, "The curves of the run that was trained here")
    for run in runs.values():
        if run.samples():
            st.code(run.samples()[-1]["text"].strip(), language=None, wrap_lines=True, height=220)


def draw_growing(name: str, runs: dict[str, Run], titles: dict[str, str], key: str, alt: str) -> None:
    """Draw the curves of the runs, or of the finished runs of this training, in a place of fixed height."""
    with st.container(height=ROW * len(titles) + 2 * AXES, border=False):
        _curves(runs, titles, key, alt, name)
        if not runs:
            st.caption(finished_sentence(runs))


def _curves(runs: dict[str, Run], titles: dict[str, str], key: str, alt: str, name: str = "") -> None:
    """Draw logged metrics of the runs, one above the other; without runs those of finished ones, grey.

    titles: metric → title; name: of the training.
    """
    numbers = logged_or_finished(name, runs)
    quantities: dict[str, dict[str, Series]] = {}
    for label, metrics_of in numbers.items():
        for metric, title in titles.items():
            curve = metrics_of.series(metric)
            if len(curve[0]):
                quantities.setdefault(title, {})[label] = curve
    ordered = {title: quantities[title] for title in titles.values() if title in quantities}
    if ordered:
        last = max(int(curve[0][-1]) for curves in ordered.values() for curve in curves.values())
        steps = max([last, *(run.recipe.steps for run in runs.values())])
        chart(grey_unless(bool(runs), outcomes(ordered, steps=steps)), key=f"{key}:curves", alt=alt)


def _row(exchange: dialogue.Exchange) -> dict[str, str | int]:
    question, answer = exchange
    return {"question": question, "answer": answer.strip(), "stated preference": dialogue.preference(*exchange)}
