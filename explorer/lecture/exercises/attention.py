"""Exercises of Act 2, attention."""

from explorer.lecture.exercises.exercise import Exercise

EXERCISES: tuple[Exercise, ...] = ()
