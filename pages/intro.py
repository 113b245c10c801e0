from explorer.shared import widgets

widgets.heading("One token at a time", "What does a language model do when it writes?")

from explorer.lecture import intro  # noqa: E402
from explorer.lecture.kit import classroom  # noqa: E402

with widgets.guarded():
    intro.writing()
intro.overview()
classroom.for_a_class("intro.py")
