"""Choices live in the session and in the URL; a link opens the same view."""

import pytest
from streamlit.testing.v1 import AppTest

from explorer import state

HOSTILE = ["a+b & c = d?#%", "two\nlines\ttab", "😀 e\u0301", "", "+", "%2B", "<script>", "a;b", "\x00\x01"]


def script() -> None:
    import streamlit as st

    from explorer import state

    model = state.read_choice("model")
    st.selectbox("Model", ["a", "b"], **state.tie_widget("model", model if model in ("a", "b") else "a"))
    prompt = state.read_choice("prompt")
    st.text_area("Prompt", **state.tie_widget("prompt", "default" if prompt is None else prompt))
    st.button("Choose", on_click=state.write_choices, kwargs={"layer": 1, "head": 2})
    st.text(f"{state.read_choice('layer')} {state.read_choice('head')} {state.fits_link('prompt')}")


def opened(**parameters: str) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60)
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def address(app: AppTest) -> dict[str, str]:
    return {name: value[-1] if isinstance(value, list) else value for name, value in app.query_params.items()}


def test_a_first_visit_leaves_the_address_clean():
    app = opened()
    assert address(app) == {} and app.text_area[0].value == "default"


@pytest.mark.parametrize("prompt", HOSTILE)
def test_a_prompt_goes_from_the_box_into_the_address_and_from_a_link_into_the_box(prompt):
    app = opened()
    app.text_area[0].set_value(prompt).run()
    assert address(app)["prompt"] == prompt
    assert opened(**address(app)).text_area[0].value == prompt


def test_choices_join_each_other_in_the_address():
    app = opened(model="b")
    app.button[0].click().run()
    assert address(app) == {"model": "b", "layer": "1", "head": "2"}
    assert app.selectbox[0].value == "b"


def test_a_choice_that_cannot_be_honoured_stays_until_the_person_chooses():
    app = opened(model="gone", prompt="x")
    assert app.selectbox[0].value == "a" and address(app)["model"] == "gone"
    app.selectbox[0].set_value("b").run()
    assert address(app) == {"model": "b", "prompt": "x"}


def test_an_edited_address_is_adopted_whole():
    app = opened(model="b", prompt="x", layer="1")
    app.query_params.clear()
    app.query_params["prompt"] = "y"
    app.run()
    assert app.text_area[0].value == "y" and app.selectbox[0].value == "a"
    assert address(app) == {"prompt": "y"}


def test_an_address_cleared_by_navigation_is_filled_in_again():
    app = opened(model="b", prompt="x")
    app.query_params.clear()
    app.run()
    assert address(app) == {"model": "b", "prompt": "x"} and app.text_area[0].value == "x"


def test_an_address_that_was_just_replaced_does_not_undo_a_click():
    app = opened(prompt="x")
    app.text_area[0].set_value("y").run()
    app.query_params["prompt"] = "x"
    app.run()
    assert app.text_area[0].value == "y"


def test_a_prompt_too_long_for_a_link_is_left_out_and_kept():
    app = opened(model="b")
    app.text_area[0].set_value(10_000 * "😀").run()
    assert address(app) == {"model": "b"} and app.text[0].value.endswith("False")
    app.button[0].click().run()
    assert app.text_area[0].value == 10_000 * "😀"


def test_the_longest_choice_is_left_out_of_the_link():
    app = opened(model="b", prompt="x", **{"second-prompt": 10_000 * "😀"})
    assert address(app) == {"model": "b", "prompt": "x"} and app.text_area[0].value == "x"
    app.button[0].click().run()
    assert address(app) == {"model": "b", "prompt": "x", "layer": "1", "head": "2"} and app.text_area[0].value == "x"


def test_a_name_that_no_link_could_hold_is_a_mistake_in_the_code():
    with pytest.raises(ValueError, match="'a b' cannot name a choice"):
        state.write_choices(**{"a b": "red"})


@pytest.mark.parametrize("old", state.RENAMED)
def test_an_old_link_makes_the_choice_that_has_another_name_today(old):
    new = state.RENAMED[old]
    assert address(opened(**{old: "7"})) == {new: "7"}
    assert address(opened(**{new: "8", old: "7"})) == {new: "8"}
    assert new not in state.RENAMED and state.NAME.fullmatch(new)


@pytest.mark.parametrize(
    ("hostile", "kept"),
    [
        ({"a b": "1", "__proto__": "1", "x" * 33: "1", "1": "1", "é": "1", "<b>": "1", "model[]": "1", "": "1"}, {}),
        ({"unheard-of": "<script>"}, {"unheard-of": "<script>"}),
        ({"unheard-of": 50_000 * "é", "model": "b"}, {"model": "b"}),
        ({name: 9_000 * "x" for name in "aeiou"}, {name: 9_000 * "x" for name in "iou"}),
    ],
)
def test_hostile_parameters_do_no_harm(hostile, kept):
    app = opened(**hostile)
    assert not app.exception and app.text_area[0].value == "default" and address(app).items() >= kept.items()
    app.button[0].click().run()
    assert not app.exception and address(app) == kept | {"layer": "1", "head": "2"}


def test_a_link_has_a_bounded_number_of_choices():
    app = opened(**{f"name{i}": "1" for i in range(900)})
    app.button[0].click().run()
    assert not app.exception and len(address(app)) == state.MOST + 2
