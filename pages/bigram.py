from explorer.shared import widgets

widgets.heading("The bigram", "What can a model know that sees one character only?")

from explorer.lecture.bigram import panel  # noqa: E402
from explorer.lecture.kit import classroom  # noqa: E402

with widgets.guarded():
    panel.knowing_nothing()
    panel.training()
    panel.noise()
classroom.for_a_class("bigram.py")
