"""A choice: a link asks for it, the page shows a value that is possible and says where it differs."""

import ast
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from explorer.choice import Choice, parameters
from explorer.state import RENAMED

EXPLORER = Path(__file__).parents[2] / "explorer"
LAYER = Choice("layer", int, 0, 3, default=1, label="Layer")
HEAT = Choice("heat", float, 0, 5, default=1, label="Heat")
WORD = Choice("word", high=4, default="abcdef", label="Word")
COLOR = Choice("color", options=["red", "blue"], default="blue", label="Colour")
WHOLE = Choice("whole", bool, default=False, label="Whole prompt")
LAYERS = Choice("layers", int, 0, 3, label="Layers", several=True)
QUERY = Choice("query", int, 0, 3, default=2, label="Query", place=True)
HOSTILE = ["", "-1", "4", "1e9", "nan", "inf", "٣", "0x1", "9" * 5000, "<script>", "*b*", "\x00", "a,b", "😀", "1.5"]


def asked(choice: Choice, text: str | None, monkeypatch) -> Choice:
    """The choice, on a page whose link asks for this text."""
    monkeypatch.setattr("explorer.state.read_choice", lambda name: text)
    return choice


@pytest.mark.parametrize(
    ("choice", "text", "value", "sentence"),
    [
        (LAYER, None, 1, ""),
        (LAYER, "3", 3, ""),
        (LAYER, "9", 3, "There is no layer 9 here, only 0 to 3. Layer 3 is shown."),
        (LAYER, "x", 1, "There is no layer “x” here, only 0 to 3. Layer 1 is shown."),
        (HEAT, "0.7", 0.7, ""),
        (HEAT, "7", 5.0, "There is no heat 7 here, only 0 to 5. Heat 5\\.0 is shown."),
        (HEAT, "nan", 1, "There is no heat “nan” here, only 0 to 5. Heat 1 is shown."),
        (WORD, None, "abcd", ""),
        (WORD, "", "", ""),
        (WORD, "a long word", "a lo", "The word had 11 characters; its first 4 are kept."),
        (COLOR, "red", "red", ""),
        (COLOR, "<b>", "blue", "There is no colour “\\<b\\>” here. Colour blue is shown."),
        (WHOLE, "True", True, ""),
        (WHOLE, "yes", False, "There is no whole prompt “yes” here. Whole prompt False is shown."),
        (LAYERS, "3,0,3,9,x,", [3, 0], ""),
        (QUERY, "9", 2, "There is no query 9 here, only 0 to 3. Query 2 is shown."),
    ],
)
def test_a_link_is_checked_and_explained(choice, text, value, sentence, monkeypatch):
    assert asked(choice, text, monkeypatch).check() == (value, sentence)


def test_bounds_options_and_default_may_depend_on_the_model(monkeypatch):
    layer = asked(LAYER, "3", monkeypatch)
    assert layer.check(high=5) == (3, "") and layer.check(high=2)[0] == 2
    assert asked(LAYER, None, monkeypatch).check(high=0) == (0, "")
    assert asked(COLOR, "7", monkeypatch).check(options=range(9), default=0) == (7, "")


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=12), st.sampled_from(HOSTILE), st.integers().map(str), st.floats().map(str)))
def test_whatever_a_link_asks_for_the_value_is_possible(text):
    with pytest.MonkeyPatch.context() as patch:
        assert asked(LAYER, text, patch).check()[0] in range(4)
        assert 0 <= HEAT.check()[0] <= 5 and len(WORD.check()[0]) <= 4
        assert COLOR.check()[0] in ("red", "blue") and WHOLE.check()[0] in (True, False)
        assert set(LAYERS.check()[0]) <= set(range(4))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 3),
    st.floats(0, 5),
    st.text(max_size=4),
    st.booleans(),
    st.lists(st.integers(0, 3), unique=True, min_size=1),
)
def test_what_is_written_into_a_link_is_read_from_it(layer, heat, word, whole, layers):
    for choice, value in ((LAYER, layer), (HEAT, heat), (WORD, word), (WHOLE, whole), (LAYERS, layers)):
        with pytest.MonkeyPatch.context() as patch:
            assert asked(choice, parameters({choice: value})[choice.name], patch).check() == (value, "")


def test_every_choice_is_declared_once_under_a_name_that_no_old_link_uses():
    calls = [node for file in EXPLORER.rglob("*.py") for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    names = Counter(
        node.args[0].value
        for node in calls
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Choice" and isinstance(node.args[0], ast.Constant)
    )
    assert {"layer", "prompt"} <= names.keys() and max(names.values()) == 1, names.most_common(3)
    assert not names.keys() & RENAMED.keys()


def test_a_choice_that_was_unmade_is_in_no_link():
    assert parameters({LAYER: None, COLOR: "red", LAYERS: []}) == {"color": "red"}


def page() -> None:
    import streamlit as st

    from explorer.choice import Choice, choose, read_together

    heat = Choice("heat", float, 0, 5, default=1, label="Heat", help="How hot.")
    steps = Choice("form.steps", int, 1, 9, default=3, label="Steps")
    query, key = (Choice(name, int, 0, 3, label=name.capitalize(), place=True) for name in ("query", "key"))
    st.text(read_together(query, key))
    st.slider(**heat.bound(heat.read(), step=0.5))
    st.number_input(**steps.bound(steps.read(), along={heat: None}))
    st.button("Choose", on_click=choose, args=({query: 1, key: 0},))
    st.button("Rerun")


def opened(**parameters: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60)
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def address(app: AppTest) -> dict[str, str]:
    return {name: value[-1] if isinstance(value, list) else value for name, value in app.query_params.items()}


def test_a_widget_gets_its_words_bounds_and_value():
    slider = opened(heat="2").slider[0]
    assert (slider.label, slider.help, slider.min, slider.max, slider.step) == ("Heat", "How hot.", 0, 5, 0.5)
    assert slider.value == 2 and opened().slider[0].value == 1


def test_a_pick_is_written_into_the_link_and_unmakes_another():
    app = opened(heat="2").number_input[0].set_value(7).run()
    assert address(app) == {"form": "steps:7"} and app.slider[0].value == 1


def test_a_value_that_is_not_possible_stays_in_the_link():
    app = opened(heat="9")
    assert address(app) == {"heat": "9"} and app.slider[0].value == 5
    assert app.caption[0].value.startswith("There is no heat 9 here")


@pytest.mark.parametrize("link", [{"query": "9", "key": "1"}, {"query": "1", "key": "9"}, {"query": "8", "key": "9"}])
def test_places_that_the_prompt_does_not_have_are_dropped_together(link):
    app = opened(**link)
    assert address(app) == {} and app.text[0].value == "[None, None]" and "There is no" in app.caption[0].value
    app = app.button[1].click().run()
    assert "There is no" in app.caption[0].value, "the sentence stays while the person chooses nothing else"
    app = app.button[0].click().run()
    assert not app.caption and app.text[0].value == "[1, 0]" and address(app) == {"query": "1", "key": "0"}
