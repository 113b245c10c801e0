"""What comes next: new tokens one at a time, each with the distribution that it was drawn from."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import loading, state, widgets
from explorer.figures.next_token import next_token_bars

PACE = 1 / 25  # seconds a token, so that the eye can follow
REDRAW = 0.5  # seconds between two drawings of the bars while tokens arrive
KEY = "generated"


@dataclass
class Generated:
    """What was drawn from a prompt so far. It stays until the prompt, the model or the way of drawing changes."""

    ref: str
    ids: tuple[int, ...]
    sampling: loading.Sampling
    steps: list[loading.Drawn] = field(default_factory=list)

    @property
    def text(self) -> str:
        return loading.text_of(self.ref, tuple(step.id for step in self.steps))

    def draw(self, count: int) -> Iterator[loading.Drawn]:
        """Draw until there are `count` steps, keeping each as it comes: nothing is lost where the reader stops."""
        drawing = loading.continuation(self.ref, self.ids, replace(self.sampling, max_new_tokens=count))
        for step in islice(drawing, len(self.steps), None):
            self.steps.append(step)
            yield step


@st.fragment
def generation(ref: str, prompt: str, reading: loading.Reading) -> None:
    """The next token's distribution, and the controls to draw from it; only this part reruns while it draws."""
    sampling = widgets.sampling_controls("generate")
    generated = _kept(ref, reading.ids)
    with st.container(horizontal=True):
        whole = st.button("Generate", type="primary", icon=":material/play_arrow:")
        one = st.button("Next token", icon=":material/skip_next:")
        st.button("Stop", icon=":material/stop:", help="Ends the drawing; what was drawn stays.")
        append = st.empty()
    text, bars = st.columns([3, 2], gap="medium")
    with text:
        page, looking = st.empty(), st.empty()
    with bars:
        chart = st.empty()
    with widgets.guarded():
        if whole or (one and not _same_way(generated, sampling)):
            generated = Generated(ref, reading.ids, sampling)
            state.remember(KEY, generated)
        _write(page, generated)
        if whole or one:
            _stream(generated, sampling.max_new_tokens if whole else len(generated.steps) + 1, page, chart)
        _look_into(generated, looking, chart)
        append.button(
            "Append to the prompt",
            icon=":material/add:",
            disabled=not generated.steps,
            on_click=state.choose,
            kwargs={"prompt": (prompt + generated.text)[-state.LONGEST_PROMPT :]},
        )


def _kept(ref: str, ids: tuple[int, ...]) -> Generated:
    kept = state.recall(KEY)
    return kept if kept and (kept.ref, kept.ids) == (ref, ids) else Generated(ref, ids, loading.Sampling())


def _same_way(generated: Generated, sampling: loading.Sampling) -> bool:
    count = sampling.max_new_tokens
    return bool(generated.steps) and replace(generated.sampling, max_new_tokens=count) == sampling


def _stream(generated: Generated, count: int, page: DeltaGenerator, chart: DeltaGenerator) -> None:
    drawn_at = 0.0
    for step in generated.draw(count):
        _write(page, generated)
        if time.monotonic() - drawn_at > REDRAW:
            _bars(chart, step)
            drawn_at = time.monotonic()
        time.sleep(PACE)


def _write(page: DeltaGenerator, generated: Generated) -> None:
    page.code(generated.text or " ", language=None, wrap_lines=True, height=230)


def _look_into(generated: Generated, looking: DeltaGenerator, chart: DeltaGenerator) -> None:
    """One step's distribution: the person's choice, at first the newest; the prompt's own before any was drawn."""
    count = len(generated.steps)
    if not count:
        looking.caption("Nothing drawn yet: the bars are the model's own probabilities after the prompt.")
        tokens, probabilities = loading.next_token(generated.ref, generated.ids)
        chart.plotly_chart(next_token_bars(tokens, probabilities), config={"displayModeBar": False}, key="bars")
        return
    with looking.container():
        number = st.slider("Look at token", 1, count, count) if count > 1 else 1
        step = generated.steps[number - 1]
        st.caption(
            f"“{widgets.plain(widgets.visible(step.token))}” was drawn with {step.probability:.1%}; "
            f"the distribution's entropy is {step.entropy:.2f} nats."
        )
    _bars(chart, step)


def _bars(chart: DeltaGenerator, step: loading.Drawn) -> None:
    figure = next_token_bars(step.tokens, step.probabilities, chosen=step.token)
    chart.plotly_chart(figure, config={"displayModeBar": False})
