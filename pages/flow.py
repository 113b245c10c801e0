from explorer.explore.flow import panel
from explorer.shared.lens_controls import pick_subject

subject = pick_subject("A bigram reads only the last token. Pick a Transformer.")
if subject is not None:
    head, threshold = panel.pick_head_and_threshold(subject)
    panel.draw_head_graph(subject, head, threshold)
    panel.draw_layers_graph(subject, head, threshold)
    panel.draw_arrivals(subject)
