from explorer.lecture.translate import halves, steps
from explorer.shared import widgets

with widgets.guarded():
    subject = steps.chosen()
    if subject is not None:
        steps.translating(subject)
        steps.maps(subject)
        steps.reading_the_month(subject)
with widgets.guarded():
    halves.comparison()
    halves.training()
