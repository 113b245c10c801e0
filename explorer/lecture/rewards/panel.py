"""A reward model, and a policy that earns its rewards, on a leash and without."""

import math
from functools import partial

import streamlit as st

from explorer.lecture.chat.asking import FREE, LEASH, POLICY, REFS, REWARD
from explorer.lecture.chat.stages import MEASURED, draw_growing, draw_learning, draw_shipped, start_sentence
from explorer.lecture.kit.controls import chapter, metrics, show_cell
from explorer.lecture.kit.finished import finished
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.lecture.kit.training import logged_or_finished, train_together
from explorer.opened import open_run
from gpt import PRESETS, Run, load_corpus
from gpt.text import dialogue
from gpt.train.objectives import answers, dpo, ppo, reward

SHOWN = 4  # pairs
DPO, LEASHED = "DPO, on the same pairs", "policy on a leash"
REWARDS = {"reward model, trained here": PRESETS["chat-reward"].changed(steps=40, snapshots=3)}
HASTY = PRESETS["chat-policy"].changed(steps=64, batch_size=32, lr=3e-4, schedule="constant", snapshots=3)
POLICIES = {LEASHED: HASTY.changed(kl_weight=0.3), FREE: HASTY.changed(kl_weight=0.0)}
POLICIES[DPO] = PRESETS["chat-dpo"].changed(snapshots=3)
OPTIONS = {"less than on the leash": 0.5, "about the same": 1.0, "twice as far": 2.0, "many times as far": 10.0}


@chapter(
    "2. The reward model: learn what people prefer",
    "rewards",
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
    draw_shipped(REWARD)
    recipe = REWARDS["reward model, trained here"]
    layers = f"The reward model has its first {recipe.model.n_layer} layers."
    about = f"The same, shortened to {recipe.steps} steps. {start_sentence('chat-finetune')} {layers}"
    train_together("reward", REWARDS, partial(draw_learning, "reward", key="chat:reward"), about=about)
    show_cell("rewards/reward", reward.pair_loss, reward.rewards, dialogue.preference, dialogue.pairs)


@chapter(
    "3. Policy optimisation: earn rewards, on a leash", "rewards", "Follow the four curves: what rises, and what falls?"
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
    draw_shipped(POLICY)
    show_cell(
        "rewards/policy", ppo.PPO.draw, ppo.advantages_of, ppo.clipped_loss, answers.divergence, answers.draw_answers
    )


@chapter(
    "Without the leash",
    "rewards",
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
        f"half the learning rate. {start_sentence('chat-finetune')}"
    )
    train_together(LEASH, POLICIES, _compared, about=about)
    show_cell("rewards/dpo", dpo.DPO._margins, dpo.DPO.loss)


def _compared(runs: dict[str, Run]) -> None:
    draw_growing(LEASH, runs, MEASURED, "chat:leash", "With and without the leash")
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


def _with_points(exchange: dialogue.Exchange) -> str:
    return f"{exchange.answer.strip()} ({dialogue.preference(*exchange)})"
