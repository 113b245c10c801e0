"""Exercises of Act 4, to ChatGPT."""

from explorer.lecture.exercises.exercise import Exercise

EXERCISES: tuple[Exercise, ...] = ()
