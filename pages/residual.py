from explorer.explore.residual import panel
from explorer.shared.lens_controls import pick_subject

subject = pick_subject("A bigram has no residual stream. Pick a Transformer.")
if subject is not None:
    panel.draw_stream(subject)
    panel.draw_layernorms(subject)
