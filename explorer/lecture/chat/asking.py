"""ChatGPT in miniature: one question to the model of every stage."""

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple, cast

import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.choice import Choice, choose
from explorer.figures.heatmap import number
from explorer.lecture.kit.controls import chapter, metrics, show_cell
from explorer.lecture.kit.training import trained
from explorer.opened import Opened, open_model, open_run
from explorer.shared import widgets
from explorer.shared.choices import SEED
from explorer.shared.fragment import fragment
from explorer.shared.prompt import read_prompt
from explorer.shared.sampling import Sampling, continuation
from explorer.train.runs.folders import logged
from gpt import GPT, generate
from gpt.text.dialogue import END, POINTS, Exchange, preference, prompt_of
from gpt.train.objectives.answers import LONGEST, as_tensors
from gpt.train.objectives.reward import rewards

PRETRAINED, FINETUNED, POLICY, FREE = "pretrained", "finetuned", "policy", "policy without a leash"
REFS = {PRETRAINED: "shakespeare-char", FINETUNED: "chat-finetune", POLICY: "chat-policy"}
REWARD = "chat-reward"
LEASH = "leash"  # the training that compares policies
EXAMPLES = ("Why weeps the nurse?", "Where is the king?", "What fears the captain?", "Who art thou?")
QUESTION = Choice("question", high=100, default=EXAMPLES[0], label="Question")
AT_ONCE = 4  # characters between two redraws


class Answer(NamedTuple):
    """A model's answer. reward: the reward model's number; points: the stated preference, 0 to 4."""

    text: str
    reward: float
    points: int


def speakers() -> dict[str, str]:
    """The models that answer: label → reference. A policy trained here without a leash is one of them."""
    free = trained(LEASH, FREE)
    return REFS | ({FREE: f"runs/{free.name}"} if free else {})


@chapter("Ask all of them", "1:48:53", "Ask the model of each stage the same question: what has each learned to do?")
def asking() -> None:
    """A question to the models of all stages, side by side, with the same seed."""
    question, seed = _question_box()
    if not question.strip():
        widgets.empty_state("The question is empty.", "Type one above, or take an example.")
        return
    fragment(_answers, speakers(), question, seed)
    _stages_in_numbers()
    show_cell("chat/answer", generate, preference, *POINTS.values())


def _question_box() -> tuple[str, int]:
    with st.container(horizontal=True):
        for i, example in enumerate(EXAMPLES):
            st.button(example, key=f"chat:example:{i}", on_click=choose, args=({QUESTION: example},))
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    question, seed = QUESTION.read(), SEED.read(low=1, default=Sampling.seed)
    left.text_input(**QUESTION.bound(question))
    right.number_input(**SEED.bound(seed, min_value=1))
    return question, seed


def _answers(models: dict[str, str], question: str, seed: int) -> None:
    """Each model's answer, while it writes."""
    places, answers = [], {}
    for column, label in zip(st.columns(len(models), gap="small"), models, strict=True):
        with column:
            st.markdown(f"**{label}**")
            places.append((st.empty(), st.empty()))
    for (page, scores), (label, ref) in zip(places, models.items(), strict=True):
        with widgets.guarded():
            answer = answers[label] = _answer(open_model(ref), question, seed, page)
            _page(page, answer.text)
            _scores(scores, question, answer)
    _show_inversion(answers)
    unknown = open_model(REFS[PRETRAINED]).tokenizer.unknown(question)
    if unknown:
        st.caption(
            "The models read these as a space, since they are not in their alphabet: "
            f"{widgets.plain('  '.join(unknown))}"
        )


def _answer(opened: Opened, question: str, seed: int, page: DeltaGenerator) -> Answer:
    """Sample an answer and show it; the session remembers it for this model, question and seed."""
    key = f"chat:{opened.identity}:{seed}:{question}"
    answer = state.recall(key)
    if answer is None:
        text = ""
        for i, character in enumerate(_characters(opened, question, seed)):
            text += character
            if i % AT_ONCE == 0:
                _page(page, text)
        answer = Answer(text, reward_of(question, text), preference(question, text))
        state.remember(key, answer)
    return answer


def _characters(opened: Opened, question: str, seed: int) -> Iterator[str]:
    """The characters of the answer, up to the blank line that ends it."""
    ids, text = read_prompt(opened, prompt_of(question)).ids, ""
    for step in continuation(opened, ids, Sampling(max_new_tokens=LONGEST, seed=seed)):
        yield step.token
        text += step.token
        if text.endswith(END):
            return


def reward_of(question: str, answer: str) -> float:
    """The reward model's number for an answer. Characters that it does not know are spaces."""
    opened = open_model(REWARD)
    known = "".join(" " if opened.tokenizer.unknown(character) else character for character in question)
    answers = as_tensors([Exchange(known, answer)], opened.tokenizer, opened.config.block_size)
    with torch.inference_mode():
        return rewards(cast(GPT, opened.model), *answers).item()


def _page(page: DeltaGenerator, text: str) -> None:
    page.code(text.rstrip("\n") or " ", language=None, wrap_lines=True, height=120)


def _scores(place: DeltaGenerator, question: str, answer: Answer) -> None:
    with place.container():
        metrics({"Reward model": number(answer.reward), "Stated preference": f"{answer.points} of {len(POINTS)}"})
        missed = [point for point, holds in POINTS.items() if not holds(question, answer.text)]
        st.caption(f"Missing: {'; '.join(missed)}." if missed else "Nothing is missing.")


def _show_inversion(answers: dict[str, Answer]) -> None:
    """Say where the reward model gives a higher number to the less preferred answer."""
    pairs = [(one, other) for one, other in permutations(answers, 2) if _is_inverted(answers[one], answers[other])]
    if not pairs:
        return
    less, more = pairs[0]
    accuracy = logged(open_run(REWARD).folder).series("accuracy")[1][-1]
    st.caption(
        f"Here the reward model is wrong: it gives {number(answers[less].reward)} to the answer of *{less}*, which "
        f"has {answers[less].points} points, and {number(answers[more].reward)} to that of *{more}*, which has "
        f"{answers[more].points}. It learned from pairs of whole answers. On questions outside its training text, it "
        f"orders {accuracy:.0%} of such pairs like the points. It has never read other text, such as the pretrained "
        "model's."
    )


def _is_inverted(one: Answer, other: Answer) -> bool:
    return one.reward > other.reward and one.points < other.points


def _stages_in_numbers() -> None:
    """The mean stated preference after each stage, from the logs of the shipped runs."""
    finetune, policy = (open_run(REFS[label]) for label in (FINETUNED, POLICY))
    before, after = (logged(run.folder).series("preference")[1] for run in (finetune, policy))
    st.markdown("**On average, after each stage**")
    metrics({PRETRAINED: f"{before[0]:.2f}", FINETUNED: f"{before[-1]:.2f}", POLICY: f"{after[-1]:.2f}"})
    st.caption(
        f"The mean stated preference, 0 to {len(POINTS)}, of answers to {finetune.recipe.eval_batches} validation "
        "questions, from the logs of the shipped runs. An answer has one point for each of these: "
        f"{'; '.join(POINTS)}."
    )
