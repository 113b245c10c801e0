"""Parts that many pages share: heading, prompt box, model picker, captions, errors and empty states."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.choice import Choice, choose
from explorer.components.page_tools import page_tools
from explorer.figures.tokens import visible
from explorer.navigation import PAGES
from explorer.opened import Opened, open_model
from explorer.people.identity import current
from explorer.people.limits import check_prompt
from explorer.places import READ_ONLY, is_read_only
from explorer.real_models import list_models
from explorer.shared import examples, model_list, open_real
from explorer.shared.choices import HEAD, LAYER, MODEL, PROMPT, SEED
from explorer.shared.prompt import Reading, read_prompt
from explorer.shared.sampling import Sampling
from explorer.shared.words import count, plain

LECTURE = "https://www.youtube.com/watch?v=kCc8FmEb1nY"
DEFAULT_SAMPLING = Sampling()
TERMS = {
    "head": HEAD.help,
    "layer": LAYER.help,
    "learning rate": "How far one step moves the weights along the gradient.",
    "optimizer": "How gradients become steps: AdamW scales each by its recent size; Muon makes each matrix's step "
    "orthogonal.",
    "seed": SEED.help,
}
TOKENS = Choice(
    "tokens", int, 1, 1000, label="Tokens",
    help="How many tokens are sampled. A token is what the model reads and writes: a character, or a piece of a word.",
)  # fmt: skip
TEMPERATURE = Choice(
    "temperature", float, 0, 5, label="Temperature",
    help="Below 1, likely tokens become more likely; above 1, unlikely tokens do. At 0 the model takes the most "
    "likely token.",
)  # fmt: skip
TOP_K = Choice("top-k", int, 1, 10**6, label="Top-k", help="Sample from the k most likely tokens only.")
TOP_P = Choice(
    "top-p", float, 0.01, 1, label="Top-p",
    help="Sample from the fewest most likely tokens whose probabilities sum to at least p.",
)  # fmt: skip
ALL_TOKENS = {"value": None, "placeholder": "all"}


def heading(title: str, question: str, *tools: Callable[[], None]) -> None:
    """Draw a page's title and its question, with more tools and a button that copies the link to this view."""
    with st.container(horizontal=True, vertical_alignment="center", key="heading"):
        st.title(title, anchor=False, width="content")
        st.markdown(question)
        for draw in tools:
            draw()
        page_tools()


def lecture_link(chapter: str) -> str:
    """Return a Markdown link to a time of the lecture.

    >>> lecture_link("1:02:00")
    '[1:02:00](https://www.youtube.com/watch?v=kCc8FmEb1nY&t=3720s)'
    """
    seconds = 0
    for part in chapter.split(":"):
        seconds = 60 * seconds + int(part)
    return f"[{chapter}]({LECTURE}&t={seconds}s)"


def caption(sentence: str, chapter: str) -> None:
    """Draw a figure's caption with a link to the lecture."""
    st.caption(f"{sentence} Lecture {lecture_link(chapter)}.")


def model_picker(choice: Choice = MODEL, default: str | None = None, real: bool = True, **more: Any) -> str | None:
    """Let the person pick a model that predicts a next token. Return its reference; None where there is no model.

    default: shown until the person picks. real: whether real models are offered. more: keyword arguments for the box.
    """
    trained, real_models = model_list.models(), model_list.real_models()
    models = trained | real_models if real else trained
    options = {ref: listed.label for ref, listed in models.items() if listed.continues_prompt}
    first = next((ref for ref in options if ref in trained), None)
    if not options:
        return None
    shown, sentence = choice.check(options=[*options], default=default if default in options else first)
    help = plain(models[shown].description) if shown in real_models else choice.help
    st.selectbox(options=options, format_func=options.__getitem__, **choice.bound(shown, options, help=help, **more))
    if sentence:
        if choice.text in models:
            sentence = (
                f"{plain(choice.text)} does not continue a prompt, so it does not open here. {plain(shown)} is shown."
            )
        elif choice.text in real_models:
            title = plain(real_models[choice.text].outline.title)
            sentence = f"{title} was not trained here, so it does not open here. {plain(shown)} is shown."
        st.warning(sentence, icon=":material/search_off:")
        if choice.text in models and models[choice.text].translates:
            look_into_translator(choice.text)
    if real:
        open_real.offer(choice)
    return shown


def look_into_translator(ref: str, disabled: bool = False) -> None:
    """Draw a link that opens a translating model on its page."""
    label, icon = "Open in Encoder and decoder", ":material/translate:"
    st.page_link(PAGES / "translate.py", label=label, icon=icon, query_params={"translator": ref}, disabled=disabled)


def model_and_prompt(left: DeltaGenerator, right: DeltaGenerator) -> tuple[Opened, str]:
    """Let the person write a prompt in the left column and pick a model in the right. Return both, the model opened.

    The page ends here if there is no model at all. Raises ValueError if the model cannot be opened.
    """
    with right:
        ref = model_picker()
    with left:
        prompt = prompt_box(examples.of_model(ref) if ref else examples.SHAKESPEARE)
    if ref is None:
        no_model()
    return open_with_progress(ref), prompt


def open_with_progress(ref: str) -> Opened:
    """Open a model, and draw the progress of a real one. The page ends here if the person cancels.

    Raises ValueError if the model cannot be opened.
    """
    real = list_models().get(ref)
    if real is not None and not open_real.await_model(real):
        st.stop()
    return open_model(ref)


def no_model() -> NoReturn:
    """Draw an empty state where there is no model to open, and end the page."""
    empty_state("There is no model yet.", "Train one on the *Train* page; it opens here.")
    st.stop()


def prompt_box(named: Mapping[str, str]) -> str:
    """Draw the prompt box beside a menu of examples, and return the prompt. All pages have the same prompt.

    named: name → example; the first is the prompt until the person types or picks. Raises ValueError if the prompt is
    longer than this person may give.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        box = st.container()
        picked = st.menu_button("Examples", list(named), key="named prompts")
    if picked:
        choose({PROMPT: named[picked]})
    prompt, sentence = PROMPT.check(default=next(iter(named.values())))
    box.text_area(height=80, **PROMPT.bound(prompt))
    if sentence:
        st.warning(sentence)
    if not state.fits_link(PROMPT.name):
        st.caption("This prompt is too long for a link: copying the address leaves it out.")
    check_prompt(current(), prompt)
    return prompt


def reading(opened: Opened, prompt: str) -> Reading | None:
    """Return the prompt as the model reads it, and draw a caption that says what was cut off or replaced.

    Returns None, below an empty state, if the prompt is empty.
    """
    if not prompt:
        empty_prompt()
        return None
    read = read_prompt(opened, prompt)
    notes = [count(len(read.ids), "token")]
    if read.skipped:
        total = len(read.ids) + read.skipped
        notes[0] = f"Only the last {len(read.ids)} of {total:,} tokens are read; the model's context is no longer"
    if read.unknown:
        shown = "  ".join(plain(visible(character)) for character in read.unknown[:20])
        more = f" and {len(read.unknown) - 20} more" if len(read.unknown) > 20 else ""
        replaced = f"is not in the model's alphabet and read as {plain(visible(read.stand_in))}"
        notes.append(f"each of these {replaced}: {shown}{more}")
    st.caption("; ".join(notes) + ".")
    return read


def empty_prompt() -> None:
    """Draw an empty state for an empty prompt."""
    empty_state("The prompt is empty.", "Type a line above, or start from an example.")
    st.button("Use an example", on_click=choose, args=({PROMPT: None},))


def head_choice(n_layer: int, n_head: int) -> tuple[int, int] | None:
    """Return the chosen (layer, head), or the nearest one that this model has; None if none was chosen."""
    if LAYER.text is None and HEAD.text is None:
        return None
    return LAYER.read(high=n_layer - 1, default=0), HEAD.read(high=n_head - 1, default=0)


def sampling_controls(defaults: Sampling = DEFAULT_SAMPLING) -> Sampling:
    """Draw the sampling controls in one row, and return their values."""
    settings = {
        TOKENS: defaults.max_new_tokens,
        TEMPERATURE: defaults.temperature,
        TOP_K: defaults.top_k,
        TOP_P: defaults.top_p,
        SEED: defaults.seed,
    }
    more = {TEMPERATURE: {"step": 0.1}, TOP_K: ALL_TOKENS, TOP_P: ALL_TOKENS | {"step": 0.05}}
    shown = {choice: choice.read(default=default) for choice, default in settings.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bound = (choice.bound(value, **more.get(choice, {})) for choice, value in shown.items())
        return Sampling(*(st.number_input(**each) for each in bound))


def key_of(name: str) -> str:
    """Return a run's name for a component's key, which must not contain `__`. Different names have different keys.

    >>> key_of("try__2"), key_of("try_2")
    ('try_._.2', 'try_.2')
    """
    return name.replace("_", "_.")


@contextmanager
def guarded() -> Iterator[None]:
    """Show a ValueError raised inside as text. The page goes on."""
    try:
        yield
    except ValueError as error:
        st.error(plain(str(error), longest=1000), icon=":material/error:")


def once(name: str) -> str:
    """Return the key of a button whose action must run once. Each `acting` changes the key.

    A second click may arrive while the browser still shows the old button. It has the old key, so it does nothing.
    """
    acts = state.recall(f"acts:{name}", 0)
    return f"{name}:{acts}" if acts else name


@contextmanager
def acting(name: str, doing: str) -> Iterator[None]:
    """Run the action of the button `once(name)` behind a spinner. After a ValueError the button works again."""
    with guarded(), st.spinner(doing):
        acts = state.recall(f"acts:{name}", 0)
        state.remember(f"acts:{name}", acts + 1)
        try:
            yield
        except ValueError:
            state.remember(f"acts:{name}", acts)
            raise


def attempt(act: Callable[..., Any], *arguments: Any) -> bool:
    """Run an action in a callback, which cannot draw. Return whether it worked; `show_problem` draws a ValueError."""
    try:
        act(*arguments)
    except ValueError as error:
        state.remember("problem", str(error))
        return False
    return True


def show_problem() -> None:
    """Show the ValueError of the last `attempt` once. The message stays until the person closes it."""
    problem = state.recall("problem")
    if problem:
        st.toast(plain(problem, longest=1000), icon=":material/error:", duration="infinite")
        state.remember("problem", None)


def only_shows() -> bool:
    """Say that this server only shows, if it does. Returns whether it does."""
    if is_read_only():
        st.info(READ_ONLY, icon=":material/visibility:")
    return is_read_only()


def empty_state(title: str, suggestion: str, height: int | None = None) -> None:
    """Draw a title and a suggestion where there is no picture yet. Both are Markdown.

    height: of the picture in pixels, so that nothing moves when it is drawn.
    """
    with st.container(border=True, height=height or "content", vertical_alignment="center"):
        st.markdown(f"**{title}**")
        st.markdown(suggestion)
