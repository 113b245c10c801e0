"""Links to a section: the page scrolls to it, old links open the page of today, the video waits."""

from pathlib import Path

import pytest

from explorer.lecture.kit.moved import MOVED
from explorer.lecture.kit.video import PLAYER
from explorer.navigation import COURSE, ENTRIES

PAGES = [entry.file for entry in ENTRIES if entry.section in COURSE]


@pytest.fixture
def course_page(open_page):
    return lambda file: open_page(Path(file).stem, hide="exercises")


def arrive(app, file, **choices):
    """Open a page with an address that the app did not write."""
    app = app.switch_page(f"../pages/{file}").run()
    app.query_params.clear()
    for name, text in choices.items():
        app.query_params[name] = text
    app.run()
    assert not app.exception
    return app


def test_a_link_to_a_section_keeps_the_choices_and_leaves_the_address(course_page):
    app = arrive(course_page("norms.py"), "block.py", section="residuals")
    assert "section" not in app.query_params and app.query_params["hide"] == "exercises"
    [link] = [found.proto for found in app.get("bidi_component") if found.proto.component_name == "section_link"]
    assert b"residuals" in link.SerializeToString()


OLD = {  # an old link → the page that it opens, and its choice there
    ("block.py", "vectors", "sinusoidal"): ("Positions", "position-vectors"),
    ("block.py", "over", "batch"): ("Layernorm", "norm-over"),
    ("notes.py", "mask", "False"): ("Mask and cross-attention", "causal"),
    ("notes.py", "size", "16"): ("Scaled attention", "scaled-size"),
    ("chat.py", "between", "finetuned → policy"): ("Rewards and policy", "between-stages"),
    ("block.py", "rung", "4"): ("The Transformer block", "rung"),
    ("notes.py", "word", "drawer"): ("Notes on attention", "letters"),
    ("block.py", "edits", "norms!2.2=0"): ("Layernorm", "edits"),
    ("head.py", "matrices", "trained below"): ("One head", "matrices"),
}


@pytest.mark.parametrize("link", OLD, ids=lambda link: " ".join(link[:2]))
def test_an_old_link_opens_the_page_of_today(course_page, link):
    file, name, text = link
    app = arrive(course_page("intro.py"), file, **{name: text})
    title, choice = OLD[link]
    assert app.title[0].value == title and choice in app.query_params
    assert not any("There is no" in found.value for found in app.caption)


def test_what_moved_is_on_pages_that_there_are():
    assert {page for moved in MOVED.values() for page in (*moved.values(),)} | MOVED.keys() <= set(PAGES)


def test_the_video_is_loaded_when_it_is_asked_for(course_page):
    app = course_page("head.py")
    assert not app.get("iframe")
    app.button(key="video:head:toggle").click().run()
    assert [found.proto.src for found in app.get("iframe")] == [f"{PLAYER}?start=3720"]
    assert any("needs a network" in found.value for found in app.caption)
    app.button(key="video:head:toggle").click().run()
    assert not app.get("iframe")
