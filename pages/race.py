from explorer.shared import widgets

widgets.heading("Ladder race", "What does each step of the lecture buy, on the same text, seed and batches?")

from explorer.train import race as racing  # noqa: E402

racing.race_form()
racing.race()
