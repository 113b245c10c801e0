"""The stages of ChatGPT in miniature: the data of each, its loss, its curves, and a short version to train here."""

import math
from collections.abc import Iterable
from functools import partial

import streamlit as st

from explorer.figures.outcomes import AXES, ROW, Series, outcomes
from explorer.lecture.chat.asking import FINETUNED, FREE, LEASH, POLICY, REFS, REWARD
from explorer.lecture.kit.controls import chapter, metrics, show_cell
from explorer.lecture.kit.finished import finished
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.lecture.kit.training import finished_sentence, grey_unless, logged_or_finished, train_together
from explorer.opened import open_run, runs_folder
from explorer.shared.chart import chart
from explorer.train.curves import shown_metrics
from explorer.train.runs.folders import logged
from gpt import PRESETS, Run, load_corpus
from gpt.text import dialogue
from gpt.train.objectives import answers, dpo, finetune, ppo, reward

SHOWN = 4  # pairs, and demonstrations of each of two questions
DPO, LEASHED = "DPO, on the same pairs", "policy on a leash"
FINETUNE = {"finetuned here": PRESETS["chat-finetune"].changed(steps=60, eval_every=5, snapshots=3)}
REWARDS = {"reward model, trained here": PRESETS["chat-reward"].changed(steps=40, snapshots=3)}
HASTY = PRESETS["chat-policy"].changed(steps=64, batch_size=32, lr=3e-4, schedule="constant", snapshots=3)
POLICIES = {LEASHED: HASTY.changed(kl_weight=0.3), FREE: HASTY.changed(kl_weight=0.0)}
POLICIES[DPO] = PRESETS["chat-dpo"].changed(snapshots=3)
MEASURED = {metric.name: metric.title for metric in shown_metrics(ppo.PPO)}
LEARNING = ("val_loss", "accuracy", "preference")  # drawn metrics of finetuning and of the reward model
OPTIONS = {"less than on the leash": 0.5, "about the same": 1.0, "twice as far": 2.0, "many times as far": 10.0}


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
    _shipped(FINETUNED)
    about = f"The same, shortened to {FINETUNE['finetuned here'].steps} steps. {_start('shakespeare-char')}"
    train_together("finetune", FINETUNE, partial(_learning, "finetune", key="chat:finetune"), about=about)
    show_cell("chat/finetune", finetune.Finetune.loss, answers.log_probs_of, dialogue._exchanges)


@chapter(
    "2. The reward model: learn what people prefer",
    "1:48:53",
    "Compare two answers. The model learns from the stated preference. Would you decide the same?",
)
def rewarding() -> None:
    """Stage 2: pairs of answers, and a model that learns which one is preferred."""
    train, _ = dialogue.split(dialogue.exchanges_in(load_corpus("dialogues").text))
    pairs = dialogue.pairs(train)
    spread = pairs[:: len(pairs) // SHOWN][:SHOWN]
    rows = [
        {"question": one.question, "preferred": _with_points(one), "not preferred": _with_points(other)}
        for one, other in spread
    ]
    st.dataframe(rows, hide_index=True, key="chat:pairs")
    st.caption(
        f"{len(pairs)} pairs: any two answers to one question whose points, in brackets, differ. The points replace "
        "people's judgements. The model gives each answer a number, at its last character. The loss is −ln σ(r₁ − "
        f"r₂); a random guess has ln 2 ≈ {math.log(2):.2f}."
    )
    _shipped(REWARD)
    recipe = REWARDS["reward model, trained here"]
    layers = f"The reward model has its first {recipe.model.n_layer} layers."
    about = f"The same, shortened to {recipe.steps} steps. {_start('chat-finetune')} {layers}"
    train_together("reward", REWARDS, partial(_learning, "reward", key="chat:reward"), about=about)
    show_cell("chat/reward", reward.pair_loss, reward.rewards, dialogue.preference, dialogue.pairs)


@chapter(
    "3. Policy optimisation: earn rewards, on a leash", "1:48:53", "Follow the four curves: what rises, and what falls?"
)
def policy() -> None:
    """Stage 3: the finetuned model samples answers, and learns from the reward model's numbers."""
    recipe = open_run(REFS[POLICY]).recipe
    st.markdown(
        f"At every {recipe.updates}th step the model samples {recipe.batch_size} answers, {ppo.GROUP} to each "
        "question, and the reward model gives each a number. An answer with a higher number than the others to its "
        f"question becomes more likely. PPO stops when a character's probability has changed by {ppo.CLIP:.0%}, until "
        "the next answers. The leash is a penalty: every nat of distance (KL) from the finetuned model costs β = "
        f"{recipe.kl_weight:g}."
    )
    _shipped(POLICY)
    show_cell(
        "chat/policy", ppo.PPO.draw, ppo.advantages_of, ppo.clipped_loss, answers.divergence, answers.draw_answers
    )


@chapter(
    "Without the leash",
    "1:48:53",
    "β = 0 removes the penalty: only the reward model counts.",
    "First guess: how far does the policy go then?",
)
def leash() -> None:
    """The policy with and without the KL penalty, and DPO; trained here."""
    guessed = guess("chat:leash", "Its distance from the finetuned model (KL)", OPTIONS)
    if guessed is None:
        return
    free, leashed = (finished(LEASH)[label].series("kl")[1][-1] for label in (FREE, LEASHED))
    show_verdict("chat:leash", guessed, free / leashed, OPTIONS)
    about = (
        f"Train them and see: PPO for {HASTY.steps} steps with β = "
        f"{POLICIES[LEASHED].kl_weight:g} and with β = 0, on the same questions with the same seed; and DPO, which "
        f"learns from the pairs directly, for {POLICIES[DPO].steps}. The shipped policy has twice the answers and "
        f"half the learning rate. {_start('chat-finetune')}"
    )
    train_together(LEASH, POLICIES, _compared, about=about)
    show_cell("chat/dpo", dpo.DPO._margins, dpo.DPO.loss)


def _start(name: str) -> str:
    """The run that a stage starts from, as `create_run` finds it."""
    owner = "your own run of that name" if (runs_folder() / name).exists() else "the shipped model"
    return f"The start is *{name}*, {owner}."


def _compared(runs: dict[str, Run]) -> None:
    _growing(LEASH, runs, MEASURED, "chat:leash", "With and without the leash")
    distances = {label: each.series("kl")[1] for label, each in logged_or_finished(LEASH, runs).items()}
    metrics({label: f"{each[-1]:.1f} nats" for label, each in distances.items() if len(each)})
    samples = {label: run.samples()[-1]["text"] for label, run in runs.items() if run.samples()}
    for column, (label, text) in zip(st.columns(max(len(samples), 1), gap="small"), samples.items(), strict=False):
        with column:
            st.markdown(f"**{label}**")
            st.code(text.strip(), language=None, wrap_lines=True, height=300)
    st.caption(
        "The numbers above are each model's distance from the finetuned model. Without the penalty, the policy "
        "writes text that the reward model was never trained on, and gets high numbers for bad answers. The gap "
        "between this number and the stated preference is over-optimisation. DPO needs no samples and no reward "
        "model, so it has no number; its penalty is in its loss."
    )


def _shipped(label: str) -> None:
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


def _learning(name: str, runs: dict[str, Run], key: str) -> None:
    """The same curves of a run that was trained here, and its newest sample."""
    shipped = open_run({"finetune": REFS[FINETUNED], "reward": REWARD}[name])
    _growing(name, runs, _titles([shipped]), key, "The curves of the run that was trained here")
    for run in runs.values():
        if run.samples():
            st.code(run.samples()[-1]["text"].strip(), language=None, wrap_lines=True, height=220)


def _growing(name: str, runs: dict[str, Run], titles: dict[str, str], key: str, alt: str) -> None:
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


def _with_points(exchange: dialogue.Exchange) -> str:
    return f"{exchange.answer.strip()} ({dialogue.preference(*exchange)})"
