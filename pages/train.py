from explorer.shared import widgets

widgets.heading("Train", "What does a model learn from this text, and how fast?")

from explorer.train.fork import fork_chosen  # noqa: E402
from explorer.train.form import draw_form  # noqa: E402
from explorer.train.panel import draw_heads, draw_run  # noqa: E402

draw_form()
draw_run()
draw_heads()
fork_chosen()
