"""The first page: a trained model writes, one token at a time, and the list of the lecture's chapters."""

from functools import partial

import streamlit as st

from explorer.figures.next_token import next_token_bars
from explorer.figures.tokens import visible
from explorer.lecture.kit.chapters import CHAPTERS, Chapter
from explorer.lecture.kit.classroom import hidden
from explorer.lecture.kit.controls import chapter, show_cell, unroll
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.lecture.kit.progress import draw_progress, is_done
from explorer.lecture.kit.sections import link_to_chapter
from explorer.opened import Opened
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.generation import Generated, continue_tokens, sentence
from explorer.shared.patterns import next_token
from explorer.shared.sampling import Sampling
from gpt import generate
from gpt.generate import distribution

SAMPLING = Sampling(max_new_tokens=40)
TEXT = 330  # pixels
TIME = 60  # pixels
GOOD = 2  # tokens after the likeliest that are near


@chapter(
    "A model that writes",
    "0:00:00",
    "Step from token to token. At each step the model gives every token of its alphabet a probability. One token is "
    "sampled, and the model reads again, with this token. A language model does nothing else.",
    "First guess how the prompt goes on.",
)
def writing() -> None:
    """A prompt, a guess, and then each new token beside the distribution that it was sampled from."""
    left, right = st.columns([8, 4], gap="medium")
    opened, prompt = widgets.model_and_prompt(left, right)
    reading = widgets.reading(opened, prompt)
    if reading is None:
        return
    sampling = widgets.sampling_controls(SAMPLING)
    likeliest = dict(zip(*next_token(opened, reading.ids), strict=True))
    tokens = [visible(token) for token in sorted(likeliest)]
    answer = guess("intro", "What comes next?", tokens, about=(opened.ref, prompt))
    if answer is None:
        return
    generated = continue_tokens(opened, reading.ids, sampling)
    shares = {visible(token): share for token, share in likeliest.items()}
    best, *others = sorted(shares, key=shares.__getitem__, reverse=True)
    show_verdict("intro", answer, best, tokens, near=others[:GOOD])
    opening = f"The model gives “{widgets.plain(answer)}” {shares.get(answer, 0.0):.1%}. " if answer else ""
    unroll("intro", sampling.max_new_tokens, partial(_draw_step, opened, generated, prompt, opening))
    show_cell("intro/generate", generate, distribution)


def _draw_step(opened: Opened, generated: Generated, prompt: str, opening: str, at: int) -> None:
    """The text after `at` new tokens, and the distribution of the newest token, or of the first one."""
    with widgets.guarded():
        step = generated.step(max(1, at))
        left, right = st.columns([3, 2], gap="medium")
        with left:
            new = opened.tokenizer.decode([drawn.id for drawn in generated.steps[:at]])
            st.code(prompt + new, language=None, wrap_lines=True, height=TEXT)
            before = f"{opening}The first token will be sampled from these probabilities."
            st.caption(f"Token {at}: {sentence(step)}" if at else before)
        figure = next_token_bars(step.tokens, step.probabilities, chosen=step.token if at else None)
        chart(figure, place=right, key="intro:bars", alt="The distribution that this token was sampled from")


def overview() -> None:
    """Every chapter of the lecture: its timestamp, and its page unless it is hidden."""
    st.subheader("The lecture, chapter by chapter", anchor=False)
    st.markdown("A time opens the lecture. A title opens the section where you do the same by hand.")
    draw_progress()
    half = (len(CHAPTERS) + 1) // 2
    for column, chapters in zip(st.columns(2, gap="medium"), (CHAPTERS[:half], CHAPTERS[half:]), strict=True):
        with column.container(gap=None):
            for each in chapters:
                _draw_row(each)


def _draw_row(row: Chapter) -> None:
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        st.markdown(f":small[{widgets.lecture_link(row.time)}]" if row.time else "", width=TIME)
        if row.page and not hidden(row.id):
            icon = ":material/check:" if is_done(row.page) else ""
            link_to_chapter(row.id, icon=icon, width="stretch")
        else:
            st.markdown(f"&nbsp;&nbsp;:small[{row.title}]", width="stretch")  # the margin that a link has
