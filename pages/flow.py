from explorer.explore.flow import panel
from explorer.shared.lens_controls import pick_subject

subject = pick_subject("A bigram reads only the last token. Pick a Transformer.")
if subject is not None:
    head, threshold, hides_first = panel.pick_head_and_threshold(subject)
    panel.draw_head_graph(subject, head, threshold, hides_first)
    panel.draw_layers_graph(subject, head, threshold, hides_first)
    panel.draw_arrivals(subject)
