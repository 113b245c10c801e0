from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt.text.dates import FIRST, LAST, WORDINGS, in_words, read_date
from gpt.text.tasks import TASKS

days = st.dates(FIRST, LAST)


@given(days, st.sampled_from(WORDINGS))
def test_what_is_written_can_be_read(day, wording):
    written = read_date(in_words(day, wording))
    assert written.day == day and written.digits == f"{day:%Y-%m-%d}"


@given(days, st.sampled_from(WORDINGS))
def test_every_digit_knows_where_it_comes_from(day, wording):
    written = read_date(in_words(day, wording))
    origins = ["".join(written.words[place] for place in places) for places in written.origins()]
    assert origins[:4] == list(written.digits[:4]) and origins[4] == origins[7] == ""
    assert origins[5] == origins[6] == f"{day:%B}".lower() and len(origins) == len(written.digits)
    assert origins[8] == origins[9] and origins[8] in in_words(day)


@given(st.integers(0, 2**32))
def test_the_task_draws_pairs_of_a_date(seed):
    for line in TASKS["dates"].text(1000, seed).splitlines():
        words, digits = line.split(">")
        assert read_date(words).digits == digits


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("23 march 1984", r"is not a wording that the model has learned; write “twenty-third of march, 1984"),
        ("twenty-third of marsh, 1984", r"'marsh' is no month in words; write it as in 'march'"),
        ("twentythird of march, 1984", r"'twentythird' is no day in words; write it as in 'twenty-third'"),
        ("march first, 984", r"the year 984 .* 1000 to 2999"),
        ("march first, 99999999999999999999999", r"the year 9+ .* 1000 to 2999"),
        ("thirtieth of february, 2000", r"no thirtieth of february in 2000"),
        ("march first, ١٩٨٤", r"is not a wording"),
        ("", r"is not a wording"),
    ],
)
def test_what_is_no_date_of_the_task_is_named(words, message):
    with pytest.raises(ValueError, match=message):
        read_date(words)


def test_leap_days_are_those_of_the_calendar():
    assert read_date("twenty-ninth of february, 2000").day == date(2000, 2, 29)
    with pytest.raises(ValueError, match="no twenty-ninth of february in 1900"):
        read_date("february twenty-ninth, 1900")
