"""The menu: a path from the start to the research tools, and the chapter of the lecture that each page opens."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

APP = "Attention Explorer"
PAGES = Path(__file__).resolve().parents[1] / "pages"


@dataclass(frozen=True)
class Entry:
    """One page. `chapter` is the lecture's timestamp, `h:mm:ss`."""

    file: str
    title: str
    icon: str
    section: str
    chapter: str


ENTRIES = (
    Entry("start.py", "Start", ":material/home:", "", "0:00:00"),  # without a section: a link of its own
    Entry("intro.py", "One token at a time", ":material/play_lesson:", "Lecture", "0:00:00"),
    Entry("data.py", "Data and tokens", ":material/menu_book:", "Lecture", "0:07:52"),
    Entry("bigram.py", "The bigram", ":material/table_chart:", "Lecture", "0:22:11"),
    Entry("averaging.py", "The averaging trick", ":material/functions:", "Lecture", "0:42:13"),
    Entry("head.py", "One head", ":material/visibility:", "Lecture", "1:02:00"),
    Entry("notes.py", "Notes on attention", ":material/sticky_note_2:", "Lecture", "1:11:38"),
    Entry("block.py", "The Transformer block", ":material/layers:", "Lecture", "1:21:59"),
    Entry("scaling.py", "Scaling up", ":material/open_in_full:", "Lecture", "1:37:49"),
    Entry("translate.py", "Encoder and decoder", ":material/translate:", "Lecture", "1:42:39"),
    Entry("nanogpt.py", "nanoGPT", ":material/bolt:", "Lecture", "1:46:22"),
    Entry("chat.py", "ChatGPT in miniature", ":material/forum:", "Lecture", "1:48:53"),
    Entry("conclusions.py", "Conclusions", ":material/school:", "Lecture", "1:54:32"),
    Entry("attention.py", "Attention", ":material/grid_on:", "Explore", "1:02:00"),
    Entry("heads.py", "What heads do", ":material/category:", "Explore", "1:21:59"),
    Entry("interventions.py", "Interventions", ":material/tune:", "Explore", "1:21:59"),
    Entry("tokens.py", "Tokens", ":material/data_array:", "Explore", "0:09:28"),
    Entry("train.py", "Train", ":material/show_chart:", "Train", "0:34:53"),
    Entry("runs.py", "Runs", ":material/list:", "Train", "0:34:53"),
    Entry("timetravel.py", "Time travel", ":material/history:", "Train", "0:34:53"),
    Entry("compare.py", "Compare", ":material/compare:", "Compare", "0:22:11"),
    Entry("race.py", "Ladder race", ":material/flag:", "Compare", "1:19:11"),
    Entry("residual.py", "Residual stream", ":material/stacked_line_chart:", "Research tools", "1:26:48"),
    Entry("logits.py", "Logit lens", ":material/frame_inspect:", "Research tools", "1:26:48"),
    Entry("flow.py", "Rollout and flow", ":material/account_tree:", "Research tools", "1:11:38"),
)
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
    return st.Page(PAGES / file, title=entry.title, icon=entry.icon, default=file == FIRST)
