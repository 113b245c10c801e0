"""The next token, and a continuation: new tokens one at a time, each with the distribution that it is sampled from."""

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
from explorer.opened import Opened
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.choices import PROMPT
from explorer.shared.fragment import fragment
from explorer.shared.patterns import next_token
from explorer.shared.prompt import Reading
from explorer.shared.sampling import Drawn, Sampling, continuation

PACE = 1 / 25  # seconds a token, so that the eye can follow
REDRAW = 0.4  # seconds of new text between two drawings of the bars
LONGEST = 10_000  # tokens
KEY = "generated"


@dataclass
class Generated:
    """The tokens sampled after a prompt so far. They stay until the prompt, the model or the sampling changes."""

    opened: Opened
    ids: tuple[int, ...]
    sampling: Sampling
    steps: list[Drawn] = field(default_factory=list)
    goal: int = 0  # how many steps there will be

    def __post_init__(self) -> None:
        self._drawing = continuation(self.opened, self.ids, replace(self.sampling, max_new_tokens=LONGEST))

    @property
    def text(self) -> str:
        return self.opened.tokenizer.decode([step.id for step in self.steps])

    def draw(self) -> Iterator[Drawn]:
        """Sample up to the goal. Each step is added to `steps` at once, so a reader may stop at any time."""
        for step in islice(self._drawing, max(0, self.goal - len(self.steps))):
            self.steps.append(step)
            yield step

    def step(self, number: int) -> Drawn:
        """The token `number`, counted from 1. It and those before it are sampled now if they have not been yet."""
        self.goal = max(self.goal, number)
        while len(self.steps) < number:
            next(self.draw())
        return self.steps[number - 1]

    def pause(self) -> None:
        self.goal = len(self.steps)


def generation(opened: Opened, prompt: str, reading: Reading) -> None:
    """Show the next token's distribution and the controls to sample. Another rerun of the page pauses sampling."""
    generated = _generated(opened, reading.ids)
    generated.pause()
    fragment(_panel, generated, prompt)


def _panel(generated: Generated, prompt: str) -> None:
    """Rerun while tokens are sampled: a few tokens of text, then the bars, then again."""
    sampling = widgets.sampling_controls()
    generated = _generated(generated.opened, generated.ids)
    with st.container(horizontal=True):
        whole = st.button("Generate", type="primary", icon=":material/play_arrow:")
        one = st.button("Next token", icon=":material/skip_next:")
        st.button("Stop", icon=":material/stop:", on_click=_stop, help="The tokens sampled so far stay.")
        nothing = not (generated.steps or whole or one)
        append = st.button("Append to the prompt", icon=":material/add:", disabled=nothing)
    if append:
        choose({PROMPT: (prompt + generated.text)[-state.LONGEST_PROMPT :]})
        st.rerun()
    left, bars = st.columns([3, 2], gap="medium")
    text, slider = left.empty(), left.empty()
    with widgets.guarded():
        if whole or one:
            generated = continue_tokens(generated.opened, generated.ids, sampling, restart=whole)
            generated.goal = sampling.max_new_tokens if whole else len(generated.steps) + 1
        _stream(generated, text)
        _bars(generated, slider, bars)
        if len(generated.steps) < generated.goal:
            st.rerun(scope="fragment")


def _stop() -> None:
    """Pause the newest continuation: a click may come before the button has been drawn again for it."""
    generated = state.recall(KEY)
    if generated:
        generated.pause()


def continue_tokens(opened: Opened, ids: tuple[int, ...], sampling: Sampling, *, restart: bool = False) -> Generated:
    """Return the continuation of these tokens with this sampling; a new one if there is none, or on restart."""
    generated = _generated(opened, ids)
    if restart or not _same_sampling(generated, sampling):
        generated = Generated(opened, ids, sampling)
        state.remember(KEY, generated)
    return generated


def _generated(opened: Opened, ids: tuple[int, ...]) -> Generated:
    generated = state.recall(KEY)
    same = generated and (generated.opened, generated.ids) == (opened, ids)
    return generated if same else Generated(opened, ids, Sampling())


def _same_sampling(generated: Generated, sampling: Sampling) -> bool:
    count = generated.sampling.max_new_tokens
    return bool(generated.steps) and generated.sampling == replace(sampling, max_new_tokens=count)


def _stream(generated: Generated, text: DeltaGenerator) -> None:
    """Write the text so far, and then new tokens for `REDRAW` seconds."""
    started = time.monotonic()
    _write(generated, text)
    for _ in generated.draw():
        _write(generated, text)
        if time.monotonic() - started > REDRAW:
            return
        time.sleep(PACE)


def _write(generated: Generated, text: DeltaGenerator) -> None:
    text.code(generated.text or " ", language=None, wrap_lines=True, height=230)


def _bars(generated: Generated, slider: DeltaGenerator, bars: DeltaGenerator) -> None:
    """Draw the distribution of the chosen step, at first the newest; before any step, the model's own."""
    count = len(generated.steps)
    if count:
        with slider.container():
            step = generated.steps[_step_number(count, playing=count < generated.goal) - 1]
            st.caption(sentence(step))
        figure = next_token_bars(step.tokens, step.probabilities, chosen=step.token)
    else:
        slider.caption("No token is sampled yet: these are the model's own probabilities after the prompt.")
        figure = next_token_bars(*next_token(generated.opened, generated.ids))
    chart(figure, place=bars, key="next-token bars", alt="Next-token probabilities")


def sentence(step: Drawn) -> str:
    """Return Markdown: the token, its probability, and the entropy of its distribution."""
    return (
        f"“{widgets.plain(visible(step.token))}” was sampled with probability {step.probability:.1%}; "
        f"the entropy of its distribution is {step.entropy:.2f} nats."
    )


def _step_number(count: int, playing: bool) -> int:
    if count == 1:
        return 1
    hint = "Each token has the distribution that it was sampled from."
    return st.slider(
        "Look at token", 1, count, count, disabled=playing, help=hint, key=f"{KEY}:{count}", persist_state="page"
    )
