"""ChatGPT in miniature: one question to the model of every stage, and what differs from the real thing."""

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.figures.heatmap import number
from explorer.lecture.kit.controls import chapter, metrics, show_code
from explorer.lecture.kit.training import trained
from explorer.shared import loading, texts, widgets
from explorer.shared.fragment import fragment
from explorer.train.curves import series
from gpt import generate
from gpt.text.dialogue import END, MATTERS, POINTS, Exchange, exchanges_in, preference, prompt_of, split
from gpt.text.shakespeare import PLAYS
from gpt.train.objectives.answers import LONGEST, as_tensors
from gpt.train.objectives.reward import rewards

PRETRAINED, FINETUNED, POLICY, FREE = "pretrained", "finetuned", "policy", "policy without a leash"
REFS = {PRETRAINED: "shakespeare-char", FINETUNED: "chat-finetune", POLICY: "chat-policy"}
REWARD = "chat-reward"
LEASH = "leash"  # the training in which policies are compared
EXAMPLES = ("Why weeps the nurse?", "Where is the king?", "What fears the captain?", "Who art thou?")
LONGEST_QUESTION = 100  # characters
AT_ONCE = 4  # characters between two redraws
SEED = loading.Sampling.seed


class Answer(NamedTuple):
    """What a model answered. reward: the reward model's number; points: how much it is preferred, 0 to 4."""

    text: str
    reward: float
    points: int


def speakers() -> dict[str, str]:
    """The models that are asked: label → reference; a policy that was trained here without a leash among them."""
    free = trained(LEASH, FREE)
    return REFS | ({FREE: f"runs/{free.name}"} if free else {})


def question() -> str:
    """The question that the person asks on this page."""
    return (state.choice("question") or EXAMPLES[0])[:LONGEST_QUESTION]


def asking() -> None:
    """A question to the models of all stages, side by side, under one seed."""
    if not chapter(
        "Ask all of them",
        "1:48:53",
        "Ask the same question of the model after each stage: what has each learned to do?",
    ):
        return
    asked, seed = _question_box()
    if not asked.strip():
        widgets.empty_state("The question is empty.", "Type one above, or take an example.")
        return
    models = speakers()
    fragment(_answers, models, asked, seed)
    _stages_in_numbers()
    show_code(generate, preference, *POINTS.values())


def _question_box() -> tuple[str, int]:
    with st.container(horizontal=True):
        for i, example in enumerate(EXAMPLES):
            st.button(example, key=f"chat:example:{i}", on_click=state.choose, kwargs={"question": example})
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left:
        shown = question() if state.choice("question") != "" else ""
        st.text_input("Question", max_chars=LONGEST_QUESTION, **state.bound("question", shown))
    seed = state.number("seed") or SEED
    right.number_input("Seed", 1, 2**31 - 1, help=widgets.TERMS["seed"], **state.bound("seed", seed))
    return shown, seed


def _answers(models: dict[str, str], asked: str, seed: int) -> None:
    """Each model's answer as it is written; what was written once stays."""
    places, answers = [], {}
    for column, label in zip(st.columns(len(models), gap="small"), models, strict=True):
        with column:
            st.markdown(f"**{label}**")
            places.append((st.empty(), st.empty()))
    for (page, scores), (label, ref) in zip(places, models.items(), strict=True):
        with widgets.guarded():
            answer = answers[label] = _answer(ref, asked, seed, page)
            _page(page, answer.text)
            _scores(scores, asked, answer)
    _tell_inversion(answers)
    unknown = loading.load_run(REFS[PRETRAINED]).tokenizer.unknown(asked)
    if unknown:
        st.caption(f"Not in the models' alphabet, and read as a blank: {widgets.plain('  '.join(unknown))}")


def _answer(ref: str, asked: str, seed: int, page: DeltaGenerator) -> Answer:
    """Draw an answer, in sight; the same model, question and seed are asked once in a session."""
    key = f"chat:{loading.identity(loading.load_run(ref))}:{seed}:{asked}"
    kept = state.recall(key)
    if kept is None:
        text = ""
        for i, character in enumerate(_characters(ref, asked, seed)):
            text += character
            if i % AT_ONCE == 0:
                _page(page, text)
        kept = Answer(text, reward_of(asked, text), preference(asked, text))
        state.remember(key, kept)
    return kept


def _characters(ref: str, asked: str, seed: int) -> Iterator[str]:
    """What the model writes after the question, up to the blank line that ends an answer."""
    ids, text = loading.read(ref, prompt_of(asked)).ids, ""
    for drawn in loading.continuation(ref, ids, loading.Sampling(max_new_tokens=LONGEST, seed=seed)):
        yield drawn.token
        text += drawn.token
        if text.endswith(END):
            return


def reward_of(asked: str, answer: str) -> float:
    """The reward model's number for an answer; what it cannot spell is read as a blank."""
    run = loading.load_run(REWARD)
    spelled = "".join(" " if run.tokenizer.unknown(character) else character for character in asked)
    answers = as_tensors([Exchange(spelled, answer)], run.tokenizer, run.recipe.model.block_size)
    with torch.inference_mode():
        return rewards(loading.load_model(REWARD), *answers).item()


def _page(page: DeltaGenerator, text: str) -> None:
    page.code(text.rstrip("\n") or " ", language=None, wrap_lines=True, height=120)


def _scores(place: DeltaGenerator, asked: str, answer: Answer) -> None:
    with place.container():
        metrics({"Reward model": number(answer.reward), "Stated preference": f"{answer.points} of {len(POINTS)}"})
        missed = [point for point, holds in POINTS.items() if not holds(asked, answer.text)]
        st.caption(f"Missing: {'; '.join(missed)}." if missed else "Nothing is missing.")


def _tell_inversion(answers: dict[str, Answer]) -> None:
    """Say where the reward model gives more to an answer that is preferred less."""
    pairs = [(one, other) for one, other in permutations(answers, 2) if _is_inverted(answers[one], answers[other])]
    if not pairs:
        return
    less, more = pairs[0]
    accuracy = series(loading.load_run(REWARD).metrics(), "accuracy")[1][-1]
    st.caption(
        f"Here the reward model errs: it gives {number(answers[less].reward)} to the answer of *{less}*, which has {answers[less].points} "
        f"points, and {number(answers[more].reward)} to that of *{more}*, which has {answers[more].points}. It learned from pairs of whole "
        f"answers and orders {accuracy:.0%} of such pairs as the points do, to questions that it was not trained on. Of other text, "
        "such as the pretrained model's, it has seen nothing."
    )


def _is_inverted(one: Answer, other: Answer) -> bool:
    return one.reward > other.reward and one.points < other.points


def _stages_in_numbers() -> None:
    """The mean stated preference after each stage, as the runs that ship have logged it."""
    finetune, policy = (loading.load_run(REFS[label]) for label in (FINETUNED, POLICY))
    before, after = (series(run.metrics(), "preference")[1] for run in (finetune, policy))
    st.markdown("**On average, after each stage**")
    metrics({PRETRAINED: f"{before[0]:.2f}", FINETUNED: f"{before[-1]:.2f}", POLICY: f"{after[-1]:.2f}"})
    st.caption(
        f"The mean stated preference, 0 to {len(POINTS)}, of answers to {finetune.recipe.eval_batches} questions that no stage was trained "
        f"on, as logged in the runs that ship. An answer has one point for each of these: {'; '.join(POINTS)}."
    )


def at_scale() -> None:
    """What is the same as in ChatGPT, and what is not."""
    if not chapter(
        "How toy is this?", "1:48:53", "Read down the columns: which differences are of size, and which of kind?"
    ):
        return
    rows = [{"": what, "here": ours, "InstructGPT": theirs} for what, ours, theirs in _scale_rows()]
    st.dataframe(rows, hide_index=True, key="chat:scale")
    st.markdown(
        f"The steps are those of InstructGPT; the behaviour is not. This model knows questions of {len(MATTERS)} forms, and has no idea "
        "who the king is: whether he is in the tower is a throw of dice, and no stage rewards an answer for being true. What carries over "
        "is the shape: imitation first, then a model of what is preferred, then optimisation on a leash, which is needed because the "
        "reward model is only a model."
    )
    st.caption(
        "Sources: [Ouyang et al. 2022](https://arxiv.org/abs/2203.02155) (InstructGPT, sections 3 and C), [Brown et al. "
        "2020](https://arxiv.org/abs/2005.14165) (GPT-3), [Schulman et al. 2017](https://arxiv.org/abs/1707.06347) (PPO), [Ziegler et "
        "al. 2019](https://arxiv.org/abs/1909.08593) (the KL penalty), [Rafailov et al. 2023](https://arxiv.org/abs/2305.18290) (DPO), "
        "[Gao et al. 2022](https://arxiv.org/abs/2210.10760) (what becomes of rewards that are optimised too far)."
    )


def _scale_rows() -> list[tuple[str, str, str]]:
    """What is compared, here, and in InstructGPT."""
    pretrained, policy = (loading.load_run(REFS[label]) for label in (PRETRAINED, POLICY))
    parameters = loading.load_model(REFS[PRETRAINED]).n_params
    read = pretrained.recipe.steps * pretrained.recipe.batch_size * pretrained.recipe.model.block_size
    text = texts.corpus(REFS[PRETRAINED]).text
    train, _ = texts.halves(text)
    demonstrations, _ = split(exchanges_in(texts.corpus(REFS[FINETUNED]).text))
    share, times = len(train) / len(text), read / len(train)
    plays = f"{len(text) / 1e6:.1f} million characters of {len(PLAYS)} plays, {share:.0%} read about {times:.0f} times"
    drawn = policy.recipe.steps // policy.recipe.updates * policy.recipe.batch_size
    return [
        ("Parameters", f"{parameters:,}", "1.3, 6 and 175 billion"),
        ("Pretraining", plays, "300 billion tokens, much of the web (GPT-3)"),
        ("Demonstrations", f"{len(demonstrations)}, from templates", "about 13,000 prompts, answers written by people"),
        (
            "Preferences",
            f"a formula of {len(POINTS)} points",
            "rankings by about 40 people, on 33,000 prompts; 4 to 9 answers each",
        ),
        ("Answers compared", "the demonstrations' own", "drawn from the models"),
        ("Reward model", f"{loading.load_model(REWARD).n_params:,} parameters", "6 billion parameters"),
        ("Policy optimisation", f"PPO on {drawn:,} answers", "PPO on 256,000 answers"),
        ("Baseline", "the other answers to the same question", "a value model of its own"),
        (
            "Leash",
            f"β = {policy.recipe.kl_weight:g} on whole distributions, in the loss",
            "β = 0.02 on the drawn tokens, off the reward",
        ),
        ("Against forgetting", "nothing", "pretraining's gradients mixed in (PPO-ptx)"),
    ]
