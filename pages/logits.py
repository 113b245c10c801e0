from explorer.explore.logits import panel
from explorer.shared.lens_controls import pick_subject

subject = pick_subject("A bigram predicts in one step. Pick a Transformer.")
if subject is not None:
    panel.draw_table(subject)
    panel.draw_attribution(subject)
