"""The menu. The code of a section's pages is in the folder of explorer/ with the section's name."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

APP = "Attention Explorer"
SENTENCE = "Train small GPTs, open every attention head, and see what breaks without it."
PAGES = Path(__file__).resolve().parents[1] / "pages"
START, LECTURE = "", "Lecture"  # Start has no section: its link is in the menu itself
EXPLORE, RESEARCH = "Explore", "Explore: research tools"
TRAIN, COMPARE = "Train", "Compare"


@dataclass(frozen=True)
class Entry:
    """One page."""

    file: str  # in pages/
    title: str
    icon: str  # of Material Symbols
    section: str  # of the menu
    question: str


ENTRIES = (
    Entry("start.py", "Start", "home", START,
          f"{SENTENCE} Three steps show how."),
    Entry("intro.py", "One token at a time", "play_lesson", LECTURE,
          "What does a language model do when it writes?"),
    Entry("data.py", "Data and tokens", "menu_book", LECTURE,
          "What does a model read, and what is it asked?"),
    Entry("bigram.py", "The bigram", "table_chart", LECTURE,
          "What can a model know that sees one character only?"),
    Entry("averaging.py", "The averaging trick", "functions", LECTURE,
          "How can every token learn about all tokens before it, in one matrix product?"),
    Entry("head.py", "One head", "visibility", LECTURE,
          "How does a token find out what it needs from those before it?"),
    Entry("notes.py", "Notes on attention", "sticky_note_2", LECTURE,
          "What does attention know of order, of other rows and of the future, and why is it scaled?"),
    Entry("block.py", "The Transformer block", "layers", LECTURE,
          "What does each part of the block do for the model?"),
    Entry("scaling.py", "Scaling up", "open_in_full", LECTURE,
          "What does a larger model need, and what keeps it from learning by heart?"),
    Entry("translate.py", "Encoder and decoder", "translate", LECTURE,
          "How does one half of a model read what the other half has to write about?"),
    Entry("nanogpt.py", "nanoGPT", "bolt", LECTURE,
          "How does the model of the lecture become one that can hold GPT-2?"),
    Entry("chat.py", "ChatGPT in miniature", "forum", LECTURE,
          "What turns a model that continues text into one that answers?"),
    Entry("conclusions.py", "Conclusions", "school", LECTURE,
          "What have you trained, and how far up the ladder does it reach?"),
    Entry("attention.py", "Attention", "grid_on", EXPLORE,
          "For every token of this prompt: which earlier tokens does each head read from?"),
    Entry("heads.py", "What heads do", "category", EXPLORE,
          "Which heads read from the token before, and which copy what came next last time?"),
    Entry("interventions.py", "Interventions", "tune", EXPLORE,
          "What does the model still know when one of its parts is switched off?"),
    Entry("tokens.py", "Tokens", "data_array", EXPLORE,
          "What does a model read instead of letters, and what is it asked to predict?"),
    Entry("residual.py", "Residual stream", "stacked_line_chart", RESEARCH,
          "What does each layer add to the vector that a token carries through the model?"),
    Entry("logits.py", "Logit lens", "frame_inspect", RESEARCH,
          "What would the model say at each layer, and which of its parts speak for the answer?"),
    Entry("flow.py", "Rollout and flow", "account_tree", RESEARCH,
          "Which tokens can have reached this one, over all the layers in between?"),
    Entry("train.py", "Train", "show_chart", TRAIN,
          "What does a model learn from this text, and how fast?"),
    Entry("runs.py", "Runs", "list", TRAIN,
          "Which runs are there, how far is each, and which learns best?"),
    Entry("timetravel.py", "Time travel", "history", TRAIN,
          "Which head changed when, and what did the model write then?"),
    Entry("race.py", "Ladder race", "flag", TRAIN,
          "What does each step of the lecture buy, on the same text, seed and batches?"),
    Entry("compare.py", "Compare", "compare", COMPARE,
          "What does one model know that the other does not?"),
)  # fmt: skip
FIRST = "attention.py"  # the page at the address without a path


def sections() -> dict[str, list]:
    """The menu for `st.navigation`: section title → its pages."""
    menu: dict[str, list] = {}
    for entry in ENTRIES:
        menu.setdefault(entry.section, []).append(page(entry.file))
    return menu


def page(file: str) -> st.Page:
    """The page in this file of `pages/`, for `st.switch_page` and the menu."""
    entry = next(entry for entry in ENTRIES if entry.file == file)
    return st.Page(PAGES / file, title=entry.title, icon=f":material/{entry.icon}:", default=file == FIRST)
