"""All exercises, act by act. A new exercise goes into the file of its act."""

from explorer.lecture.exercises import after, attention, bigram, block, uses
from explorer.lecture.exercises.exercise import Exercise
from explorer.lecture.kit.acts import Act

EXERCISES = {exercise.name: exercise for act in (bigram, attention, block, uses, after) for exercise in act.EXERCISES}


def of_chapter(id: str) -> list[Exercise]:
    """Return the exercises of a chapter."""
    return [exercise for exercise in EXERCISES.values() if exercise.chapter == id]


def of_act(act: Act) -> list[Exercise]:
    """Return the exercises of an act, in the order of its chapters."""
    return [exercise for chapter in act.chapters for exercise in of_chapter(chapter.id)]
