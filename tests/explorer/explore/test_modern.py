"""Every page that shows a model opens one of today: shared keys, rotary positions, RMSNorm, a window, a softcap."""

import pytest

from tests.gpt.configs import MODERN

PAGES = ("attention", "heads", "residual", "logits", "tokens", "interventions", "flow", "timetravel", "runs", "compare")


@pytest.mark.parametrize("page", PAGES)
def test_a_model_of_today_opens_on_every_page(open_app, train_kind, page):
    app = open_app(model=train_kind(**MODERN), b="runs/tiny", prompt="hear me speak")
    app = app.switch_page(f"../pages/{page}.py").run()
    assert not app.exception and not app.error, app.error
