import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt import load_corpus
from gpt.text import dialogue
from gpt.text.dialogue import BRIEF, COURTESIES, END, Exchange, exchanges_in, pairs, preference, prompt_of, split

EXCHANGES = exchanges_in(dialogue.text())
PLAYS = "".join(sorted(set(load_corpus("tinyshakespeare").text)))


def test_a_few_hundred_demonstrations_are_spelled_in_the_lectures_alphabet():
    text = load_corpus("dialogues").text
    assert text == dialogue.text() and dialogue.text(seed=1) != text
    assert set(text) <= set(PLAYS)
    assert len(EXCHANGES) == len(dialogue.MATTERS) * len(dialogue.PEOPLE) * dialogue.ANSWERS == 600
    assert "".join(prompt_of(exchange.question) + exchange.answer for exchange in EXCHANGES) == text


def test_validation_questions_are_never_trained_on():
    train, validation = split(EXCHANGES)
    assert len(train) == 540 and len(validation) >= 50
    assert not {exchange.question for exchange in train} & {exchange.question for exchange in validation}
    question = Exchange("Who?", "I.\n\n")
    assert split(10 * [question]) == (9 * [question], [])  # the tenth asks what was asked


@given(st.text(alphabet=PLAYS, max_size=40))
def test_any_text_is_read_and_only_whole_exchanges_are_found(noise):
    found = exchanges_in(noise + dialogue.text()[:2000])
    assert all(exchange.question and exchange.answer.endswith(END) for exchange in found)
    assert len(found) >= 10


@pytest.mark.parametrize(
    ("answer", "points"),
    [
        ("My lord, the king is in the tower.\n\n", 4),
        ("The king is in the tower.\n\n", 3),
        ("My lord, in the tower.\n\n", 3),
        ("In the tower.\n\n", 2),
        ("My lord, my lord, the king, good sir, My lord, is here.\n\n", 3),  # flattery
        ("My lord, the king is in the tower.", 3),  # never ended
        (f"My lord, the king {BRIEF * 'o'}.\n\n", 3),
        ("My lord, the kingdom is in the tower.\n\n", 3),
        ("", 1),
    ],
)  # fmt: skip
def test_points_by_hand(answer, points):
    assert preference("Where is the king?", answer) == points


def test_a_question_without_words_names_nobody():
    assert preference("???", "My lord, who.\n\n") == 3


def test_pairs_are_of_one_question_and_in_order():
    found = pairs(EXCHANGES)
    assert len(found) > 400
    assert all(one.question == other.question for one, other in found)
    assert all(preference(*one) > preference(*other) for one, other in found)
    assert {one.answer.startswith(COURTESIES) for one, _ in found} == {True, False}
