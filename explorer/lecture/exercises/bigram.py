"""Exercises of Act 1, data and the bigram."""

from explorer.lecture.exercises.exercise import Exercise

EXERCISES: tuple[Exercise, ...] = ()
