from explorer.train.fork import fork_chosen
from explorer.train.form import draw_form
from explorer.train.panel import draw_heads, draw_run

draw_form()
draw_run()
draw_heads()
fork_chosen()
