"""Sums with mistakes: half of the lines are wrong, no line has a question that is kept apart, and two checks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt import load_corpus
from gpt.text.sums import CHECKS, END, SLIPS, ends_right, is_right, questions_apart, questions_in, right_answer

NUMBER = st.integers(10, 99)
LINES = load_corpus("sums").text.splitlines(keepends=True)


def split(line):
    question, _, answer = line.partition("=")
    return f"{question}=", answer


def test_half_of_the_lines_are_right_and_the_others_have_one_slip():
    pairs = [split(line) for line in LINES]
    wrong = [pair for pair in pairs if not is_right(*pair)]
    assert len(wrong) / len(pairs) == pytest.approx(0.5, abs=0.01)
    assert {int(answer) - int(right_answer(question)) for question, answer in wrong} == set(SLIPS)


def test_no_line_has_a_question_that_is_kept_apart():
    asked, apart = questions_in("".join(LINES)), questions_apart()
    assert not set(asked) & set(apart) and len(set(apart)) == len(apart) == 810
    assert len(asked) == len(set(asked)) and 0.99 < len(asked) / (8100 - 810) <= 1
    assert questions_in("".join(f"{question}11{END}" for question in apart)) == []


@given(NUMBER, NUMBER, st.integers(0, 300))
def test_the_sum_is_right_and_nothing_else(a, b, answer):
    assert is_right(f"{a}+{b}=", f"{answer}{END}") == (answer == a + b)
    assert not is_right(f"{a}+{b}=", f"{a + b}") and not is_right(f"{a}+{b}=", f"0{a + b}{END}")


@given(NUMBER, NUMBER, st.integers(0, 99))
def test_the_last_digit_can_be_right_where_the_sum_is_not(a, b, tens):
    question = f"{a}+{b}="
    assert ends_right(question, right_answer(question)) and ends_right(question, f"{tens}{(a + b) % 10}{END}")
    assert not ends_right(question, f"{tens}{(a + b + 1) % 10}{END}")
    assert list(CHECKS.values()) == [is_right, ends_right]
