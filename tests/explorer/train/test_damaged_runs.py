"""Every page that shows models, on every kind of damaged run: it explains what is wrong and goes on, and starts no
worker.
"""

import pytest

from tests.damage import DAMAGES

PAGES = ("attention", "heads", "interventions", "train", "runs", "timetravel", "compare", "residual", "logits", "flow")

# links are refused where a run is opened, as an alien config is, and sizes only matter to training; gpt's own tests
# have all of them
OPENED = [name for name in DAMAGES if not name.endswith(("link", "of 10⁹"))] + ["n_layer of 10⁹", "snapshots is a link"]


pytestmark = pytest.mark.usefixtures("nothing_starts")


@pytest.mark.parametrize("name", OPENED)
def test_pages_explain_a_damaged_run(name, open_app, runs):
    (runs / "elsewhere.txt").write_text(200 * "Somebody else's. ", encoding="utf-8")
    DAMAGES[name](runs / "tiny")
    app = open_app(run="tiny", against="runs/table")
    for page in PAGES:
        app = app.switch_page(f"../pages/{page}.py").run()
        assert not app.exception, (page, app.exception[0].message)


def test_a_run_with_two_underscores_opens_on_every_page(open_app, runs):
    (runs / "tiny").rename(runs / "try__2")
    app = open_app(model="runs/try__2", run="try__2", against="runs/table")
    for page in PAGES:
        app = app.switch_page(f"../pages/{page}.py").run()
        assert not app.exception, (page, app.exception[0].message)
        assert not app.error, (page, app.error[0].value)
