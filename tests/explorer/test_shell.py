"""The shell: the router, the menu, the settings that Streamlit starts with, and what all pages share."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import navigation, opened
from explorer.opened import folder_of, references
from explorer.shared import model_list, widgets

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "explorer" / ".streamlit" / "config.toml").read_text())


@pytest.mark.parametrize("entry", navigation.ENTRIES, ids=lambda entry: entry.title)
def test_every_page_opens_through_the_router(open_app, entry):
    app = open_app().switch_page(f"../pages/{entry.file}").run()
    assert not app.exception and [title.value for title in app.title] == [entry.title]
    assert entry.question in [text.value for text in app.markdown] and entry.question[-1] in "?."


def test_choices_outlive_a_walk_through_the_pages(open_app):
    app = open_app(prompt="hear me", layer="1", head="2")
    for entry in sorted(navigation.ENTRIES, key=lambda entry: entry.file == navigation.FIRST):
        app = app.switch_page(f"../pages/{entry.file}").run()
        assert all(box.value == "hear me" for box in app.text_area if box.label == "Prompt"), entry.title
    assert app.text_area[0].value == "hear me"
    address = {name: value[-1] if isinstance(value, list) else value for name, value in app.query_params.items()}
    assert address == {
        "model": "runs/tiny", "prompt": "hear me", "layer": "1", "head": "2"
    }  # fmt: skip


def test_the_app_opens_where_there_is_nothing_to_open(open_app, monkeypatch, tmp_path):
    monkeypatch.setattr(opened, "SHIPPED", tmp_path / "none")
    monkeypatch.setenv("ATTENTION_EXPLORER_RUNS", str(tmp_path / "none either"))
    app = open_app()
    assert not app.exception and any("no model yet" in markdown.value for markdown in app.markdown)


def test_the_shell_is_imported_without_torch():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
        "import explorer.navigation, explorer.state, explorer.opened; "
        "import explorer.shared.model_list, explorer.shared.widgets, explorer.shared.generation; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd="/").returncode == 0


def test_it_binds_to_localhost_sends_nothing_home_and_has_both_themes():
    assert CONFIG["server"]["address"] == "localhost" and CONFIG["server"]["maxUploadSize"] <= 50
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert {"primaryColor", "backgroundColor", "textColor"} <= CONFIG["theme"]["light"].keys() & CONFIG["theme"][
        "dark"
    ].keys()


def test_models_are_listed_by_name_and_never_joined_into_a_path(runs):
    assert {"runs/tiny", "runs/table"} <= references().keys()
    for name in ("runs/../tiny", str(runs / "tiny"), "tiny", "runs/", ""):
        with pytest.raises(ValueError, match="no model called"):
            folder_of(name)


def test_a_run_is_described_without_being_opened(runs):
    assert model_list.models()["runs/tiny"].label == "runs/tiny · 2 × 3 heads"
    assert model_list.models()["runs/table"].label == "runs/table · no heads"


@pytest.mark.parametrize("config", ["", "[]", "null", '{"recipe": 3}', '{"recipe": {"model": []}}', "\x00", "9" * 5000])
def test_an_unreadable_description_is_the_name_alone(runs, config):
    (runs / "tiny" / "config.json").write_text(config)
    assert model_list.models()["runs/tiny"].label == "runs/tiny"


@settings(deadline=None)
@given(st.text())
def test_plain_text_is_short_and_cannot_speak_markdown(text):
    shown = widgets.plain(text, longest=30)
    assert len(shown) <= 30 * len("\\U0010ffff")
    bare = shown.replace("\\\\", "").replace("\\<", "").replace("\\[", "").replace("\\:", "").replace("\\`", "")
    assert not set(bare) & set("<[:`\n")
