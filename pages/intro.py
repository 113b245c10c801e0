from explorer.lecture import intro
from explorer.shared import widgets

with widgets.guarded():
    intro.writing()
intro.overview()
