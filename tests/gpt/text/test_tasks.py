import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt.text.tasks import TASKS, repeated_sequence

seeds = st.integers(0, 2**32)


def lines(task, seed):
    text = TASKS[task].text(n_chars=2000, seed=seed)
    assert text.endswith("\n")
    return text.splitlines()


def period_of(line):
    return next(p for p in range(1, len(line) + 1) if line[p:] == line[:-p])


@given(seeds)
def test_repeats_repeat_letters_that_differ_within_a_period(seed):
    for line in lines("repeats", seed):
        period = period_of(line)
        assert 4 <= period <= 20
        assert len(set(line[:period])) == period
        assert len(line) == 63


@given(seeds)
def test_reversal_reverses(seed):
    for line in lines("reversal", seed):
        word, reversed_word = line.split(">")
        assert 3 <= len(word) <= 12
        assert reversed_word == "".join(reversed(word))


@given(seeds)
def test_sorting_sorts_different_letters(seed):
    for line in lines("sorting", seed):
        letters, in_order = line.split(">")
        assert 3 <= len(letters) <= 10
        assert len(set(letters)) == len(letters)
        assert list(in_order) == sorted(letters)


@given(seeds)
def test_sums_add_up(seed):
    for line in lines("addition", seed):
        terms, total = line.split("=")
        a, b = map(int, terms.split("+"))
        assert max(a, b) < 1000
        assert str(a + b) == total


@given(st.sampled_from(sorted(TASKS)), seeds)
def test_a_seed_names_a_text(task, seed):
    text = TASKS[task].text(2000, seed)
    assert TASKS[task].text(2000, seed) == text
    assert TASKS[task].text(2000, seed + 1) != text
    assert TASKS[task].text(4000, seed).startswith(text)


@pytest.mark.parametrize(
    ("task", "first_lines"),
    [
        ("repeats", "szxfkmljugtbqvnszxfkmljugtbqvnszxfkmljugtbqvnszxfkmljugtbqvnszx\n"),
        ("reversal", "ysotuiqjzkst>tskzjqiutosy\ncvkbsjku>ukjsbkvc\n"),
        ("sorting", "szxfkmlj>fjklmsxz\nwgvldnmcq>cdglmnqvw\n"),
        ("addition", "947+726=1673\n73+749=822\n"),
        ("sums", "14+86=100\n46+75=120\n27+56=83\n12+22=34\n"),
        ("dates", "2773, fifth of july>2773-07-05\n2050, twenty-fifth of april>2050-04-25\n"),
    ],
)
def test_a_seed_gives_the_same_text_on_every_machine(task, first_lines):
    assert TASKS[task].text(seed=1337).startswith(first_lines)


@given(st.sampled_from(sorted(TASKS)), st.integers(1, 5000))
def test_a_text_is_as_long_as_asked_to_the_line(task, n_chars):
    text = TASKS[task].text(n_chars)
    last_line = text.splitlines(keepends=True)[-1]
    assert len(text) - len(last_line) < n_chars <= len(text)


@pytest.mark.parametrize("n_chars", [0, -1])
def test_no_text_is_refused(n_chars):
    with pytest.raises(ValueError, match=f"n_chars is {n_chars}"):
        TASKS["repeats"].text(n_chars)


@given(st.integers(1, 26), seeds)
def test_a_repeated_sequence_is_twice_the_same_different_letters(period, seed):
    text = repeated_sequence(period, seed)
    assert text == 2 * text[:period]
    assert len(set(text)) == period
    assert repeated_sequence(period, seed) == text


def test_another_seed_gives_another_sequence():
    assert len({repeated_sequence(20, seed) for seed in range(100)}) == 100


@pytest.mark.parametrize("period", [0, 27])
def test_a_period_without_enough_letters_is_refused(period):
    with pytest.raises(ValueError, match=f"period is {period}: choose 1 to 26"):
        repeated_sequence(period, seed=0)


def test_each_task_has_one_line_that_describes_it():
    for name, task in TASKS.items():
        assert task.name == name
        assert task.description.endswith(".")
        assert "\n" not in task.description
