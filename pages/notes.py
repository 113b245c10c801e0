from explorer.lecture.notes import mask, messages, scale
from explorer.shared import widgets

with widgets.guarded():
    messages.passing()
with widgets.guarded():
    mask.permutation()
    mask.leaks()
    mask.cheating()
    mask.crossing()
    scale.saturation()
    scale.twins()
