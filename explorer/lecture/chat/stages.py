"""The stages of ChatGPT in miniature, one by one: what each is shown, how it learns, and the same again, trained here."""

import math
from functools import partial

import streamlit as st

from explorer.figures.outcomes import AXES, ROW, Series, outcomes
from explorer.lecture.chat.asking import FINETUNED, FREE, LEASH, POLICY, REFS, REWARD
from explorer.lecture.kit.controls import after_guess, chapter, guess, metrics, show_code
from explorer.lecture.kit.training import train_together
from explorer.shared import loading, widgets
from explorer.shared.chart import chart
from explorer.train.curves import EARNINGS, series
from gpt import PRESETS, Run, load_corpus
from gpt.text import dialogue
from gpt.train.objectives import answers, dpo, finetune, ppo, reward

SHOWN = 4  # pairs, and demonstrations of each of two questions
DPO, LEASHED = "DPO, on the same pairs", "policy on a leash"
FINETUNE = {"finetuned here": PRESETS["chat-finetune"].changed(steps=60, eval_every=5, snapshots=3)}
REWARDS = {"reward model, trained here": PRESETS["chat-reward"].changed(steps=40, snapshots=3)}
HASTY = PRESETS["chat-policy"].changed(steps=64, batch_size=32, lr=3e-4, schedule="constant", snapshots=3)
POLICIES = {
    LEASHED: HASTY.changed(kl_weight=0.3),
    FREE: HASTY.changed(kl_weight=0.0),
    DPO: PRESETS["chat-dpo"].changed(snapshots=3),
}
LEARNING = {
    "val_loss": "loss, nats",
    "accuracy": "share of pairs in the right order",
    "preference": "stated preference, 0 to 4",
}
OPTIONS = ("less than on the leash", "about the same", "twice as far", "many times as far")


def finetuning() -> None:
    """Stage 1: demonstrations, and a loss at the answers alone."""
    task = "Look at what it imitates. Which of these answers would you want to see?"
    if not chapter("1. Finetuning: imitate demonstrations", "1:48:53", task):
        return
    exchanges = dialogue.exchanges_in(load_corpus("dialogues").text)
    train, held_out = dialogue.split(exchanges)
    st.dataframe([_row(exchange) for exchange in train[: 2 * SHOWN]], hide_index=True, key="chat:demonstrations")
    st.caption(
        f"{len(train)} demonstrations, generated: questions of {len(dialogue.MATTERS)} forms about {len(dialogue.PEOPLE)} people, "
        f"{dialogue.ANSWERS} answers each, courteous or not, curt or wordy. {len(held_out)} answers to other questions are held out. The "
        "loss is pretraining's, next character after next character, counted at the answer's characters alone."
    )
    _shipped(FINETUNED)
    about = f"The same, shortened to {FINETUNE['finetuned here'].steps} steps. {_begins('shakespeare-char')}"
    train_together("finetune", FINETUNE, partial(_learning, key="chat:finetune"), about=about)
    show_code(finetune.Finetune.loss, answers.log_probs_of, dialogue._exchanges)


def rewarding() -> None:
    """Stage 2: pairs of answers, and a model that learns which one is preferred."""
    task = "Compare two answers: the stated preference decides, and the model learns from it. Would you decide so?"
    if not chapter("2. The reward model: learn what is preferred", "1:48:53", task):
        return
    train, _ = dialogue.split(dialogue.exchanges_in(load_corpus("dialogues").text))
    pairs = dialogue.pairs(train)
    spread = pairs[:: len(pairs) // SHOWN][:SHOWN]
    rows = [{"question": one.question, "preferred": _told(one), "not preferred": _told(other)} for one, other in spread]
    st.dataframe(rows, hide_index=True, key="chat:pairs")
    st.caption(
        f"{len(pairs)} pairs: any two answers to one question whose points, in brackets, differ. The points stand in for people, who "
        "would be asked. The model gives an answer a number, read at its last character; the loss is −ln σ(r₁ − r₂), and ln 2 ≈ "
        f"{math.log(2):.2f} where it guesses."
    )
    _shipped(REWARD)
    recipe = REWARDS["reward model, trained here"]
    about = f"The same, shortened to {recipe.steps} steps. {_begins('chat-finetune')} Its first {recipe.model.n_layer} layers are taken."
    train_together("reward", REWARDS, partial(_learning, key="chat:reward"), about=about)
    show_code(reward.pair_loss, reward.rewards, dialogue.preference, dialogue.pairs)


def policy() -> None:
    """Stage 3: the finetuned model draws answers, and learns from what the reward model makes of them."""
    task = "Follow the four curves: what rises, what is paid for it, and what is lost?"
    if not chapter("3. Policy optimisation: earn rewards, on a leash", "1:48:53", task):
        return
    recipe = loading.load_run(REFS[POLICY]).recipe
    st.markdown(
        f"At every {recipe.updates}th step the model draws {recipe.batch_size} answers, {ppo.GROUP} to each question, and the reward "
        f"model gives each a number. What earned more than the other answers to its question becomes likelier; beyond {ppo.CLIP:.0%}, "
        "PPO gains nothing from moving a character's probability further before new answers are drawn. The leash: every nat of distance "
        f"(KL) from the finetuned model costs β = {recipe.kl_weight:g}."
    )
    _shipped(POLICY)
    show_code(ppo.PPO.draw, ppo.advantages_of, ppo.clipped_loss, answers.divergence, answers.draw_answers)


def leash() -> None:
    """The same with and without the KL penalty, and DPO beside it; trained here."""
    if not chapter(
        "Without the leash",
        "1:48:53",
        "β = 0 takes the leash off: the reward model alone counts. First guess: how far does the policy go then?",
    ):
        return
    guessed = guess("chat:leash", "Its distance from the finetuned model (KL)", OPTIONS)
    if guessed is None:
        return
    about = (
        f"{after_guess(guessed)}Train them and see: PPO for {HASTY.steps} steps with β = {POLICIES[LEASHED].kl_weight:g} and with β = 0, "
        f"the same questions, the same seed; and DPO, which learns from the pairs directly, for {POLICIES[DPO].steps}. They are hastier "
        f"than the policy that ships: half the answers, twice the learning rate. {_begins('chat-finetune')}"
    )
    train_together(LEASH, POLICIES, _compared, about=about)
    show_code(dpo.DPO._margins, dpo.DPO.loss)


def _begins(name: str) -> str:
    """With which run a stage begins, as `create_run` finds it."""
    whose = "your own run of that name" if (loading.runs_folder() / name).exists() else "the model that ships"
    return f"The start is *{name}*, {whose}."


def _compared(runs: dict[str, Run]) -> None:
    _growing(runs, EARNINGS, "chat:leash", "With and without the leash")
    ends = {
        label: f"{distances[-1]:.1f} nats"
        for label, run in runs.items()
        if (distances := series(run.metrics(), "kl")[1])
    }
    metrics(ends)
    finished = {label: run.samples()[-1]["text"] for label, run in runs.items() if run.samples()}
    for column, (label, text) in zip(st.columns(max(len(finished), 1), gap="small"), finished.items(), strict=False):
        with column:
            st.markdown(f"**{label}**")
            st.code(text.strip(), language=None, wrap_lines=True, height=300)
    st.caption(
        "Above: how far from the finetuned model each has come. Off the leash the policy wanders to where the reward model has never "
        "been, and is paid for answers that are not what was meant: the gap between its number and the stated preference is "
        "over-optimisation. DPO draws no answers and needs no reward model, so it has no number; its leash is within its loss."
    )


def _shipped(label: str) -> None:
    """The curves of a stage's run that ships."""
    run = loading.load_run(REFS.get(label, label))
    names = EARNINGS if run.recipe.objective == "ppo" else LEARNING
    spent = series(run.metrics(), "elapsed")[1][-1]
    _curves({run.name: run}, names, f"chat:{run.name}", f"The curves of {run.name}")
    st.caption(
        f"**{run.name}**, as it ships: {run.recipe.steps} steps, {spent / 60:.1f} minutes on one core, `python -m gpt.train --preset "
        f"{run.name}`. All is measured on questions that it was not trained on."
    )


def _learning(runs: dict[str, Run], key: str) -> None:
    """The same curves of what is trained here, and what it writes."""
    _growing(runs, LEARNING, key, "The curves of what is trained here")
    for run in runs.values():
        if run.samples():
            st.code(run.samples()[-1]["text"].strip(), language=None, wrap_lines=True, height=220)


def _growing(runs: dict[str, Run], titles: dict[str, str], key: str, alt: str) -> None:
    """Curves in room that is there before them, from the start of the first training on."""
    if not runs:
        return widgets.empty_state("There is no curve yet.", "Press *Train*; the curves are drawn here as they come.")
    with st.container(height=ROW * len(titles) + 2 * AXES, border=False):
        _curves(runs, titles, key, alt)


def _curves(runs: dict[str, Run], titles: dict[str, str], key: str, alt: str) -> None:
    """What the runs have logged of these quantities, one above the other. titles: name in a row → title."""
    found: dict[str, dict[str, Series]] = {title: {} for title in titles.values()}
    for label, run in runs.items():
        rows = run.metrics()
        for name, title in titles.items():
            if (curve := series(rows, name))[0]:
                found[title][label] = curve
    there = {title: curves for title, curves in found.items() if curves}
    if there:
        chart(outcomes(there, steps=max(run.recipe.steps for run in runs.values())), key=f"{key}:curves", alt=alt)


def _row(exchange: dialogue.Exchange) -> dict[str, str | int]:
    return {
        "question": exchange.question,
        "answer": exchange.answer.strip(),
        "stated preference": dialogue.preference(*exchange),
    }


def _told(exchange: dialogue.Exchange) -> str:
    return f"{exchange.answer.strip()} ({dialogue.preference(*exchange)})"
