from explorer.shared import widgets

widgets.heading("Encoder and decoder", "How does one half of a model read what the other half has to write about?")

from explorer.lecture.kit import classroom  # noqa: E402
from explorer.lecture.translate import halves, steps  # noqa: E402

with widgets.guarded():
    subject = steps.chosen()
    if subject is not None:
        steps.translating(subject)
        steps.maps(subject)
        steps.reading_the_month(subject)
with widgets.guarded():
    halves.comparison()
    halves.training()
classroom.for_a_class("translate.py")
