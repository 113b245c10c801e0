from explorer.shared import widgets

widgets.heading("The bigram", "What can a model know that sees one character only?")

from explorer.lecture.bigram import panel as bigram  # noqa: E402
from explorer.lecture.kit import classroom  # noqa: E402

with widgets.guarded():
    bigram.knowing_nothing()
    bigram.training()
    bigram.noise()
classroom.for_a_class("bigram.py")
