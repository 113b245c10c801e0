"""Sessions that arrive while the server still imports gpt."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import importlib, sys, threading, time
from explorer.opened import await_gpt, import_gpt
problems = []
def visit(module):
    while "gpt" not in sys.modules:
        time.sleep(0.0001)
    time.sleep(0.002)
    try:
        await_gpt()
        importlib.import_module(module)
    except BaseException as error:
        problems.append(repr(error))
modules = ["gpt.train.files", "gpt.train.run", "gpt.train.estimate", "gpt.machine", "gpt.lens.heads", "gpt.model.gpt"]
visits = [threading.Thread(target=visit, args=(module,)) for module in modules]
for each in visits:
    each.start()
import_gpt()
for each in visits:
    each.join()
print(problems)
"""


def test_a_session_waits_for_an_import_that_another_thread_has_begun():
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
