"""The app's views in a notebook: Jupyter, VS Code, Colab and marimo. Nothing is loaded from a network.

    from explorer.notebook import show_attention
    view = show_attention("shakespeare-char", "To be, or not to be")

A cell that ends with the view shows it; `view.layer` and `view.head` are what a person has clicked. A source is the
folder or the name of a run, a `gpt.Run`, what `gpt.load_pretrained` returns or takes, or a model with its tokenizer.
"""

from explorer.notebook.attention import show_attention
from explorer.notebook.lenses import show_curves, show_logit_lens, show_residual
from explorer.notebook.runs import save_page, show_film

__all__ = ["save_page", "show_attention", "show_curves", "show_film", "show_logit_lens", "show_residual"]
