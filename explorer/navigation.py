"""The menu. The code of a section's pages is in the folder of explorer/ with the section's name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

APP = "Attention Explorer"
SENTENCE = "Train small GPTs, open every attention head, and see what breaks without it."
PAGES = Path(__file__).resolve().parents[1] / "pages"
START, LECTURE = "", "Lecture"  # Start has no section: its link is in the menu itself
AFTER = "After the lecture"
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
          "What does a model read, and what does it predict?"),
    Entry("bigram.py", "The bigram", "table_chart", LECTURE,
          "What can a model learn from only one character?"),
    Entry("averaging.py", "The averaging trick", "functions", LECTURE,
          "How can one matrix product average all earlier tokens?"),
    Entry("positions.py", "Positions", "pin", LECTURE,
          "How does a model know where in the text a token is?"),
    Entry("head.py", "One head", "visibility", LECTURE,
          "How does a token read from the tokens before it?"),
    Entry("notes.py", "Notes on attention", "sticky_note_2", LECTURE,
          "Does attention know the order of its tokens, or other rows?"),
    Entry("mask.py", "Mask and cross-attention", "visibility_off", LECTURE,
          "What changes when a token may read the future, or another text?"),
    Entry("scaled.py", "Scaled attention", "straighten", LECTURE,
          "Why is a score divided by the root of the head size?"),
    Entry("multihead.py", "Several heads", "view_column", LECTURE,
          "What does one head gain, and what do several in parallel?"),
    Entry("block.py", "The Transformer block", "layers", LECTURE,
          "What does each part of the block do for the model?"),
    Entry("norms.py", "Layernorm", "equalizer", LECTURE,
          "Which numbers does a norm rescale, and why not those of a batch?"),
    Entry("scaling.py", "Scaling up", "open_in_full", LECTURE,
          "What does a larger model need, and how does dropout help?"),
    Entry("translate.py", "Encoder and decoder", "translate", LECTURE,
          "How does a decoder read what an encoder has read?"),
    Entry("nanogpt.py", "nanoGPT", "bolt", LECTURE,
          "How does the lecture's model become GPT-2?"),
    Entry("chat.py", "ChatGPT in miniature", "forum", LECTURE,
          "How does a model that continues text learn to answer?"),
    Entry("rewards.py", "Rewards and policy", "thumb_up", LECTURE,
          "How does a model learn what people prefer?"),
    Entry("conclusions.py", "Conclusions", "school", LECTURE,
          "What have you trained, and which rung does it reach?"),
    Entry("backward.py", "Backward by hand", "undo", AFTER,
          "How does the loss reach every number of the model?"),
    Entry("cache.py", "KV cache", "inventory_2", AFTER,
          "Why does a model not read its whole text again for each token?"),
    Entry("bpe.py", "The GPT tokenizer", "data_object", AFTER,
          "How does a GPT cut any text into tokens?"),
    Entry("rotary.py", "Rotary positions", "rotate_right", AFTER,
          "How can a head see distances in place of positions?"),
    Entry("ladder.py", "The ladder goes on", "stairs", AFTER,
          "Which parts of today's models lower the loss, and by how much?"),
    Entry("muon.py", "Muon", "straighten", AFTER,
          "Which way should a matrix move?"),
    Entry("seeds.py", "Seeds", "casino", AFTER,
          "How much of a result is luck?"),
    Entry("grpo.py", "Rewards that can be checked", "fact_check", AFTER,
          "Can a model get better than its examples?"),
    Entry("attention.py", "Attention", "grid_on", EXPLORE,
          "Which earlier tokens does each head read from?"),
    Entry("heads.py", "What heads do", "category", EXPLORE,
          "Which heads read the previous token, and which copy?"),
    Entry("interventions.py", "Interventions", "tune", EXPLORE,
          "What changes when a part of the model is off?"),
    Entry("tokens.py", "Tokens", "data_array", EXPLORE,
          "How does a tokenizer cut text into tokens?"),
    Entry("residual.py", "Residual stream", "stacked_line_chart", RESEARCH,
          "What does each layer add to a token's vector?"),
    Entry("logits.py", "Logit lens", "frame_inspect", RESEARCH,
          "What would the model predict after each layer?"),
    Entry("flow.py", "Rollout and flow", "account_tree", RESEARCH,
          "Which tokens reach this one through all layers?"),
    Entry("train.py", "Train", "show_chart", TRAIN,
          "What does a model learn from this text, and how fast?"),
    Entry("runs.py", "Runs", "list", TRAIN,
          "Which runs are there, and which has the lowest loss?"),
    Entry("timetravel.py", "Time travel", "history", TRAIN,
          "When did each head change, and what did the model write then?"),
    Entry("race.py", "Ladder race", "flag", TRAIN,
          "How much does each rung of the lecture lower the loss?"),
    Entry("wall.py", "Class wall", "dashboard", TRAIN,
          "Who reaches the lowest loss, and what does each run write?"),
    Entry("compare.py", "Compare", "compare", COMPARE,
          "What does one model know that the other does not?"),
)  # fmt: skip
COURSE = (LECTURE, AFTER)  # the sections that a class works through
FIRST = "attention.py"  # the page at the address without a path


def sections(is_hidden: Callable[[str], bool]) -> dict[str, list]:
    """The menu for `st.navigation`: section title → its pages. is_hidden: whether the menu leaves out this file."""
    menu: dict[str, list] = {}
    for entry in ENTRIES:
        menu.setdefault(entry.section, []).append(page(entry.file, "hidden" if is_hidden(entry.file) else "visible"))
    return menu


def page(file: str, visibility: Literal["visible", "hidden"] = "visible") -> st.Page:
    """The page in this file of `pages/`, for `st.switch_page` and the menu."""
    entry = next(entry for entry in ENTRIES if entry.file == file)
    look: dict[str, Any] = {"icon": f":material/{entry.icon}:", "default": file == FIRST, "visibility": visibility}
    return st.Page(PAGES / file, title=entry.title, **look)
