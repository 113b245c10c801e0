"""Turns: one session at a time draws what comes below its picture; a turn always ends."""

import threading
from contextlib import suppress

import pytest

from explorer.shared import turns


@pytest.fixture(autouse=True)
def quiet_state(monkeypatch):
    monkeypatch.setattr(turns.state, "recall", lambda name: None)


def test_one_session_at_a_time_has_its_turn():
    inside, most = [], []

    def draw():
        with turns.ending_turns():
            turns.await_turn()
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.01)
            inside.pop()

    sessions = [threading.Thread(target=draw) for _ in range(8)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    assert most == [1] * 8


def test_a_turn_ends_with_an_error_and_twice_does_no_harm():
    with suppress(ValueError), turns.ending_turns():
        turns.await_turn()
        raise ValueError("a page that fails")
    with turns.ending_turns():
        turns.await_turn()
        turns.end_turn()
    assert not turns._turn.locked()


def test_a_session_goes_on_where_another_keeps_its_turn_for_long(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 0.1)
    with turns._turn, turns.ending_turns():
        turns.await_turn()
    assert not turns._turn.locked()


def test_a_newer_run_ends_the_wait(monkeypatch):
    def replaced(name: str):
        raise KeyboardInterrupt

    monkeypatch.setattr(turns.state, "recall", replaced)
    with turns._turn, pytest.raises(KeyboardInterrupt), turns.ending_turns():
        turns.await_turn()
    assert not turns._turn.locked()
