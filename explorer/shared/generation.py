"""What comes next: new tokens one at a time, each with the distribution that it was drawn from."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.choice import choose
from explorer.figures.next_token import next_token_bars
from explorer.figures.tokens import visible
from explorer.shared import loading, widgets
from explorer.shared.chart import chart
from explorer.shared.choices import PROMPT
from explorer.shared.fragment import fragment

PACE = 1 / 25  # seconds a token, so that the eye can follow
REDRAW = 0.4  # seconds of new text between two drawings of the bars
LONGEST = 10_000  # tokens
KEY = "generated"


@dataclass
class Generated:
    """What was drawn from a prompt so far. It stays until the prompt, the model or the way of drawing changes."""

    ref: str
    ids: tuple[int, ...]
    sampling: loading.Sampling
    steps: list[loading.Drawn] = field(default_factory=list)
    goal: int = 0  # how many steps there will be

    def __post_init__(self) -> None:
        self._drawing = loading.continuation(self.ref, self.ids, replace(self.sampling, max_new_tokens=LONGEST))

    @property
    def text(self) -> str:
        return loading.text_of(self.ref, tuple(step.id for step in self.steps))

    def draw(self) -> Iterator[loading.Drawn]:
        """Draw up to the goal, keeping each step as it comes: nothing is lost where the reader stops."""
        for step in islice(self._drawing, max(0, self.goal - len(self.steps))):
            self.steps.append(step)
            yield step

    def step(self, number: int) -> loading.Drawn:
        """The token `number`, counted from 1; it and those before it are drawn where they have not been yet."""
        self.goal = max(self.goal, number)
        while len(self.steps) < number:
            next(self.draw())
        return self.steps[number - 1]

    def pause(self) -> None:
        self.goal = len(self.steps)


def generation(ref: str, prompt: str, reading: loading.Reading) -> None:
    """The next token's distribution, and the controls to draw from it. A change elsewhere on the page pauses the drawing."""
    generated = _kept(ref, reading.ids)
    generated.pause()
    fragment(_panel, generated, prompt)


def _panel(generated: Generated, prompt: str) -> None:
    """Reruns by itself while it draws: a few tokens of text, then the bars, then again."""
    sampling = widgets.sampling_controls()
    generated = _kept(generated.ref, generated.ids)
    with st.container(horizontal=True):
        whole = st.button("Generate", type="primary", icon=":material/play_arrow:")
        one = st.button("Next token", icon=":material/skip_next:")
        st.button("Stop", icon=":material/stop:", on_click=_stop, help="What was drawn stays.")
        nothing = not (generated.steps or whole or one)
        append = st.button("Append to the prompt", icon=":material/add:", disabled=nothing)
    if append:
        choose({PROMPT: (prompt + generated.text)[-state.LONGEST_PROMPT :]})
        st.rerun()
    text, bars = st.columns([3, 2], gap="medium")
    page, looking = text.empty(), text.empty()
    with widgets.guarded():
        if whole or one:
            generated = drawing(generated.ref, generated.ids, sampling, anew=whole)
            generated.goal = sampling.max_new_tokens if whole else len(generated.steps) + 1
        _stream(generated, page)
        _bars(generated, looking, bars)
        if len(generated.steps) < generated.goal:
            st.rerun(scope="fragment")


def _stop() -> None:
    """Pause what is drawn now: a click may come before the button has been drawn again for it."""
    generated = state.recall(KEY)
    if generated:
        generated.pause()


def drawing(ref: str, ids: tuple[int, ...], sampling: loading.Sampling, *, anew: bool = False) -> Generated:
    """What was drawn from these tokens in this way; a new drawing where there is none, or where it is to begin anew."""
    generated = _kept(ref, ids)
    if anew or not _same_way(generated, sampling):
        generated = Generated(ref, ids, sampling)
        state.remember(KEY, generated)
    return generated


def _kept(ref: str, ids: tuple[int, ...]) -> Generated:
    kept = state.recall(KEY)
    return kept if kept and (kept.ref, kept.ids) == (ref, ids) else Generated(ref, ids, loading.Sampling())


def _same_way(generated: Generated, sampling: loading.Sampling) -> bool:
    count = generated.sampling.max_new_tokens
    return bool(generated.steps) and generated.sampling == replace(sampling, max_new_tokens=count)


def _stream(generated: Generated, page: DeltaGenerator) -> None:
    """Write what there is, and then new tokens for `REDRAW` seconds."""
    started = time.monotonic()
    _write(generated, page)
    for _ in generated.draw():
        _write(generated, page)
        if time.monotonic() - started > REDRAW:
            return
        time.sleep(PACE)


def _write(generated: Generated, page: DeltaGenerator) -> None:
    page.code(generated.text or " ", language=None, wrap_lines=True, height=230)


def _bars(generated: Generated, looking: DeltaGenerator, bars: DeltaGenerator) -> None:
    """One step's distribution: the one the person chose, at first the newest; before the first, the model's own."""
    count = len(generated.steps)
    if count:
        with looking.container():
            step = generated.steps[_step_number(count, playing=count < generated.goal) - 1]
            st.caption(told(step))
        figure = next_token_bars(step.tokens, step.probabilities, chosen=step.token)
    else:
        looking.caption("Nothing drawn yet: these are the model's own probabilities after the prompt.")
        figure = next_token_bars(*loading.next_token(generated.ref, generated.ids))
    chart(figure, place=bars, key="next-token bars", alt="Next-token probabilities")


def told(step: loading.Drawn) -> str:
    """Markdown: what was drawn, and how sure the model was."""
    return (
        f"“{widgets.plain(visible(step.token))}” was drawn with {step.probability:.1%}; "
        f"the entropy of its distribution is {step.entropy:.2f} nats."
    )


def _step_number(count: int, playing: bool) -> int:
    if count == 1:
        return 1
    explained = "Each token with the distribution that it was drawn from."
    key = {"key": f"{KEY}:{count}", "persist_state": "page"}
    return st.slider("Look at token", 1, count, count, disabled=playing, help=explained, **key)
