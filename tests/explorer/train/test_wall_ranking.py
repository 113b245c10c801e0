"""Which runs keep the task, and how they rank: known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.train.wall.ranking import Entrant, Measured, Task, broken_limit, pick_one_each, rank_runs

KIND = ("tinyshakespeare", "language", "char", "65")


def entrant(name: str, losses: list[float], each: int = 100, **changes) -> Entrant:
    """A run that was measured before the first step and after every `each` tokens, one second each."""
    tokens = each * np.arange(len(losses), dtype=float)
    measured = Measured(tokens, np.arange(len(losses), dtype=float), np.array(losses, dtype=float))
    values = {"person": name, "kind": KIND, "state": "running", "parameters": 1000, "steps": 10, "tokens": 1000}
    return Entrant(name=name, measured=measured, **values | changes)


FAST = entrant("fast", [4, 3, 2.5, 2.4])
SLOW = entrant("slow", [4, 3.5, 2.2], each=50)


def test_all_runs_are_compared_after_the_tokens_that_each_has_read():
    ranking = rank_runs(Task(), [FAST, SLOW])
    assert ranking.after == 100 and ranking.losses == {"slow": 2.2, "fast": 3.0} and not ranking.reasons
    assert list(ranking.losses) == ["slow", "fast"]


def test_between_two_measurements_the_loss_is_on_a_straight_line():
    ranking = rank_runs(Task(compare="tokens", after=150), [FAST, SLOW])
    assert ranking.losses == {"fast": 2.75} and ranking.reasons == {"slow": "no loss after 150 tokens"}


def test_by_the_lowest_loss_every_run_counts_with_its_best():
    worse_at_the_end = entrant("late", [4, 1.0, 3.0])
    ranking = rank_runs(Task(compare="lowest"), [FAST, worse_at_the_end])
    assert ranking.losses == {"late": 1.0, "fast": 2.4} and ranking.after is None


@pytest.mark.parametrize("state", ["stopped", "failed", "interrupted"])
def test_a_run_that_has_given_up_holds_nobody_back(state):
    early = entrant("early", [4, 3.9], each=10, state=state)
    ranking = rank_runs(Task(), [FAST, SLOW, early])
    assert ranking.after == 100 and ranking.reasons == {"early": "no loss after 100 tokens"}
    assert rank_runs(Task(), [early]).losses == {"early": 3.9}


def test_only_runs_of_one_kind_are_ranked():
    other = entrant("other", [1, 0.5], kind=("tinystories", "language", "char", "90"))
    translator = entrant("translator", [1, 0.5], kind=())
    ranking = rank_runs(Task(), [other, FAST, SLOW, translator])
    assert set(ranking.losses) == {"fast", "slow"} and set(ranking.reasons) == {"other", "translator"}
    assert "another text" in ranking.reasons["other"]


def test_a_run_without_a_loss_after_its_first_step_waits():
    ranking = rank_runs(Task(), [FAST, entrant("new", [4.2]), entrant("empty", [])])
    assert ranking.after == 300 and set(ranking.reasons) == {"new", "empty"}
    assert not rank_runs(Task(), []).losses


@pytest.mark.parametrize("name", ["parameters", "steps", "tokens"])
def test_a_run_keeps_a_limit_up_to_its_last_number(name):
    value = getattr(FAST, name)
    assert not broken_limit(Task(**{name: value}), FAST) and not broken_limit(Task(**{name: 0}), FAST)
    broken = broken_limit(Task(**{name: value - 1}), FAST)
    assert broken == f"{value:,} {name}; the task allows {value - 1:,}"
    assert rank_runs(Task(**{name: value - 1}), [FAST]).reasons == {"fast": broken}


def test_what_a_run_learns_after_the_time_does_not_count():
    task = Task(minutes=2 / 60, compare="lowest")
    assert rank_runs(task, [FAST]).losses == {"fast": 2.5}
    assert rank_runs(Task(minutes=2 / 60), [FAST]).after == 200
    assert rank_runs(Task(minutes=0.5 / 60), [FAST]).reasons == {"fast": "no validation loss after its first step yet"}


def test_a_person_has_one_tile_the_run_that_trains_else_the_best():
    best = entrant("best", [4, 2.0], person="anna", state="finished")
    worse = entrant("worse", [4, 2.5], person="anna", state="finished")
    large = entrant("large", [4, 1.0], person="anna", state="finished", parameters=9999)
    live = entrant("live", [4, 3.9], person="anna")
    nobody = [entrant("a", [4], person=""), entrant("b", [4], person="")]
    task = Task(parameters=5000)
    names = lambda runs: [run.name for run in pick_one_each(task, runs)]  # noqa: E731
    assert names([worse, best, large]) == ["best"] and names([worse, live, best]) == ["live"]
    assert names([large]) == ["large"] and names(nobody) == ["a", "b"]


@given(st.lists(st.tuples(st.integers(1, 6), st.lists(st.floats(0, 9), min_size=2, max_size=9)), max_size=9))
def test_every_run_has_a_rank_or_a_reason_and_the_best_is_first(runs):
    entrants = [entrant(str(i), losses, each=10 * each) for i, (each, losses) in enumerate(runs)]
    ranking = rank_runs(Task(), entrants)
    assert ranking.losses.keys() == {run.name for run in entrants} and not ranking.reasons
    assert list(ranking.losses.values()) == sorted(ranking.losses.values())
    assert all(run.measured.last >= ranking.after for run in entrants)


@pytest.mark.parametrize(
    "bad",
    [{"steps": -1}, {"steps": 1.5}, {"tokens": True}, {"minutes": -1}, {"minutes": "3"}, {"words": "x" * 301},
     {"words": 3}, {"compare": "luck"}, {"compare": "tokens"}],
)  # fmt: skip
def test_a_task_with_impossible_values_is_refused(bad):
    with pytest.raises(ValueError, match=r"task|compared"):
        Task(**bad)
