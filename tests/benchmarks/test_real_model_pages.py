"""What SmolLM2 costs on each page with a prompt: seconds from a changed prompt to the end of the script, bytes sent,
and the server's peak memory, on one thread.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from gpt.checkpoints.smollm2 import find_smollm2, smollm2_file
from tests.browser.conftest import ROOT, Server, start

PAGES = ("attention", "heads", "interventions", "residual", "logits", "flow", "intro", "notes")
SHORT = "Mr. Dursley was proud to say. Mrs. Durs"
STATE = "document.querySelector('[data-testid=stApp]').dataset.testScriptState"
QUIET = 0.3  # seconds without a script that count as the end
PATIENCE = 300.0  # seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        server = start(ROOT / "explorer" / "app.py", tmp_path_factory.mktemp("pages"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def long_prompt() -> str:
    """256 tokens of Shakespeare."""
    from gpt import load_corpus, load_pretrained

    tokenizer = load_pretrained(str(smollm2_file())).tokenizer
    assert tokenizer is not None
    return tokenizer.decode(tokenizer.encode(load_corpus("tinyshakespeare").text[20_000:24_000])[:256])


def settle(page: Page) -> None:
    """Wait until no script runs."""
    deadline, since = time.monotonic() + PATIENCE, None
    while since is None or time.monotonic() - since < QUIET:
        assert time.monotonic() < deadline, "the page did not settle"
        running = page.evaluate(STATE) != "notRunning"
        since = None if running else since or time.monotonic()
        time.sleep(0.02)


def peak(server: Server, reset: bool = False) -> float:
    """The server's peak memory in GB since the last reset."""
    process = Path("/proc") / str(server.process.pid)
    if reset:
        (process / "clear_refs").write_text("5")
    line = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e6


def visit(browser: Browser, server: Server, name: str, prompts: tuple[str, ...]) -> list[str]:
    """Open the page on another prompt, then type each prompt. Return its numbers as text."""
    page, received, cells = browser.new_page(viewport={"width": 1440, "height": 900}), [], []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    page.goto(f"{server.url}/{name * (name != 'attention')}?{urlencode({'model': 'smollm2', 'prompt': 'Hello there'})}")
    page.locator("h1").first.wait_for(timeout=1000 * PATIENCE)
    time.sleep(1)
    settle(page)
    for prompt in prompts:
        received.clear()
        peak(server, reset=True)
        box = page.get_by_label("Prompt", exact=True).first
        box.fill(prompt)
        started = time.monotonic()
        box.press("Control+Enter")
        time.sleep(0.2)
        settle(page)
        seconds, sent = time.monotonic() - started - QUIET, sum(received) / 1e6
        cells.append(f"{seconds:5.1f} s {sent:5.2f} MB {peak(server):5.2f} GB")
    page.close()
    return cells


@pytest.mark.bench
@pytest.mark.timeout(1800)
@pytest.mark.skipif(find_smollm2() is None, reason="make smollm2 installs it")
def test_every_page_on_smollm2(browser, server, long_prompt, capsys):
    with capsys.disabled():
        print("\npage                       14 tokens                   256 tokens")
    for name in PAGES:
        cells = visit(browser, server, name, (SHORT, long_prompt))
        with capsys.disabled():
            print(f"{name:16}", *cells, sep="    ", flush=True)
