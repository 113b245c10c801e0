"""Exercises of Act 3, the block."""

from explorer.lecture.exercises.exercise import Exercise

EXERCISES: tuple[Exercise, ...] = ()
