"""Models of the Hugging Face Hub, from a stand-in server on this machine."""

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from gpt import load_pretrained
from gpt.checkpoints import hub as hub_module
from gpt.checkpoints import tensors
from tests.gpt.checkpoints.hub_server import Hub, serve

CODE = "import sys; from gpt import load_pretrained; print(load_pretrained(sys.argv[1]).model.n_params)"


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hub(tiny, tmp_path, cache, monkeypatch):
    """A Hub with one tiny model, me/tiny, in several files."""
    held = Hub()
    tiny("llama").save_pretrained(tmp_path / "tiny", max_shard_size="20kB")
    (tmp_path / "tiny" / "pytorch_model.bin").write_bytes(pickle.dumps(0))
    (tmp_path / "tiny" / "README.md").write_text("A card.")
    held.models["me/tiny"] = tmp_path / "tiny"
    with serve(held):
        point_to(held.url, monkeypatch)
        yield held


def point_to(url: str, monkeypatch) -> None:
    """Do what HF_ENDPOINT does when the library is imported."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    )


def downloaded(hub: Hub) -> set[str]:
    return {Path(path).name for method, path in hub.requests if method == "GET" and "/resolve/" in path}


def test_a_model_is_downloaded_once_and_then_opens_without_the_network(hub, tmp_path, monkeypatch, ids):
    expected = load_pretrained(tmp_path / "tiny").model(ids(vocab_size=61))
    opened = load_pretrained("me/tiny")
    assert torch.equal(opened.model(ids(vocab_size=61)), expected)
    assert (opened.name, opened.source, opened.tokenizer) == ("tiny", "me/tiny", None)
    shards = {file.name for file in (tmp_path / "tiny").glob("model-*")}
    assert downloaded(hub) == {"config.json", "model.safetensors.index.json", *shards}
    hub.requests.clear()
    point_to("http://127.0.0.1:9", monkeypatch)  # nobody answers there
    assert torch.equal(load_pretrained("me/tiny").model(ids(vocab_size=61)), expected)
    assert hub.requests == []


def test_the_environment_chooses_the_hub_and_the_cache(hub, tmp_path):
    """In a process of its own, as a person starts it."""
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run(
        [sys.executable, "-c", CODE, "me/tiny"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{load_pretrained(tmp_path / 'tiny').model.n_params}\n"
    assert list((tmp_path / "home" / "hub").rglob("snapshots/*/config.json"))


def test_progress_counts_bytes_and_an_interrupted_download_goes_on(hub, cache, monkeypatch):
    monkeypatch.setattr(hub_module, "NAP", 0.001)
    steps = []

    class Cancelled(Exception):
        pass

    def cancel(done: int, total: int, what: str) -> None:
        steps.append((done, total, what))
        if done:
            raise Cancelled

    monkeypatch.setattr(Hub, "delay", 0.02)
    with pytest.raises(Cancelled):
        load_pretrained("me/tiny", progress=cancel)
    assert 0 < steps[-1][0] < steps[-1][1] and steps[-1][2] == "downloading"
    while list(cache.rglob("*.incomplete")):  # the thread stops at its next report
        time.sleep(0.01)
    before = downloaded(hub)
    hub.requests.clear()
    load_pretrained("me/tiny", progress=lambda *step: steps.append(step))
    assert {what for *_, what in steps} == {"downloading", "reading weights"}
    assert "config.json" in before and "config.json" not in downloaded(hub)


def test_a_model_that_cannot_be_opened_is_not_downloaded(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "machine_memory", lambda device: 1000)
    with pytest.raises(ValueError, match=r"'me/tiny' cannot be opened .* parameters need 400 MB of memory"):
        load_pretrained("me/tiny")
    config = tmp_path / "tiny" / "config.json"
    config.write_text(config.read_text().replace('"llama"', '"mamba"'))
    hub.models["me/alien"] = tmp_path / "tiny"
    with pytest.raises(ValueError, match="its model_type is 'mamba'"):
        load_pretrained("me/alien")
    assert downloaded(hub) == {"config.json"}


def test_a_model_larger_than_the_disk_is_not_downloaded(hub, monkeypatch):
    monkeypatch.setattr(hub_module, "free_disk", lambda folder: 1000)
    with pytest.raises(ValueError, match=r"its files need .* KB on disk; 1 KB are free in"):
        load_pretrained("me/tiny")
    assert downloaded(hub) == {"config.json"}


def test_a_model_of_pickles_or_without_a_config_is_refused(hub, tmp_path):
    for name in ("pickles", "other"):
        hub.models[f"me/{name}"] = tmp_path / name
        (tmp_path / name).mkdir()
        (tmp_path / name / "pytorch_model.bin").write_bytes(pickle.dumps(0))
    (tmp_path / "pickles" / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ValueError, match=r"no model.safetensors on the Hub; pickles .* are not opened"):
        load_pretrained("me/pickles")
    with pytest.raises(ValueError, match=r"no config\.json on the Hub"):
        load_pretrained("me/other")
    assert downloaded(hub) == set()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, "RepoNotFound"), "no such folder here and no such model on the Hub; check the id, .* `hf auth login`"),
        ((404, "RepoNotFound"), "no such folder here and no such model on the Hub"),
        ((403, "GatedRepo"), "the model is gated; accept its licence on http.*/me/asked, .* `hf auth login`"),
        ((500, ""), "the Hub answered with status 500; try again later"),
    ],
)
def test_what_the_hub_does_not_give_is_a_sentence(hub, cache, answer, message):
    hub.models["me/asked"] = answer
    with pytest.raises(ValueError, match=f"'me/asked' cannot be opened as a checkpoint: .*{message}"):
        load_pretrained("me/asked")
    assert not list(cache.rglob("*.*"))


def test_a_gated_model_says_where_its_licence_is(hub):
    hub.gated.add("me/tiny")
    with pytest.raises(ValueError, match=r"gated; accept its licence on http.*/me/tiny, .* `hf auth login`"):
        load_pretrained("me/tiny")


def test_without_a_network_the_sentence_says_so(cache, monkeypatch):
    point_to("http://127.0.0.1:9", monkeypatch)
    for model in ("me/tiny", "gpt2"):
        with pytest.raises(ValueError, match=f"'{model}' cannot .*the Hub cannot be reached; connect to the network"):
            load_pretrained(model)


def test_a_cache_with_half_of_a_model_asks_the_hub(hub, cache, ids):
    expected = load_pretrained("me/tiny").model(ids(vocab_size=61))
    next(cache.rglob("snapshots/*/model-00002-*")).unlink()
    assert torch.equal(load_pretrained("me/tiny").model(ids(vocab_size=61)), expected)


def test_paths_are_never_looked_up(hub, tmp_path):
    for path in (
        "/no/such/folder",
        "../me/tiny",
        "./tiny",
        str(tmp_path / "nothing"),
        "a/b/c",
        "a b",
        tmp_path,
        Path("me/tiny"),
    ):
        with pytest.raises(ValueError, match="cannot be opened as a checkpoint"):
            load_pretrained(path)
    assert hub.requests == []
