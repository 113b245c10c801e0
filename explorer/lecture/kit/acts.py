"""The five acts of the course: four of the lecture's video, and what comes after it."""

from dataclasses import dataclass

from explorer.lecture.kit.chapters import CHAPTERS, Chapter


@dataclass(frozen=True)
class Act:
    """A part of the course that a class does together."""

    number: int
    title: str
    begins: str | None  # h:mm:ss in the video; None after it

    @property
    def name(self) -> str:
        """The act's number and title."""
        return f"Act {self.number}: {self.title}"

    @property
    def chapters(self) -> list[Chapter]:
        """The act's chapters that have a page."""
        return [chapter for chapter in CHAPTERS if chapter.page and act_of(chapter) is self]


ACTS = (
    Act(1, "Data and the bigram", "0:00:00"),
    Act(2, "Attention", "0:42:13"),
    Act(3, "The block", "1:19:11"),
    Act(4, "To ChatGPT", "1:42:39"),
    Act(5, "After the lecture", None),
)


def act_of(chapter: Chapter) -> Act:
    """Return the act of a chapter."""
    if chapter.time is None:
        return ACTS[-1]
    return next(act for act in reversed(ACTS) if act.begins and act.begins <= chapter.time)
