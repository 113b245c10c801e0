from explorer.shared import widgets

widgets.heading("Ladder race", "What does each step of the lecture buy, on the same text, seed and batches?")

from explorer.train.race import draw_form, draw_race  # noqa: E402

draw_form()
draw_race()
