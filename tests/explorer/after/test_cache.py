"""The page of the KV cache: rows, costs, sizes, and its exercise."""

import pytest

from gpt import GPTConfig
from gpt.after.cache import multiplications
from tests.explorer.elements import press

SHIPPED = GPTConfig(vocab_size=65, block_size=256, n_layer=4, n_head=6, n_embd=192)


@pytest.fixture
def cache_page(open_app):
    return lambda **choices: open_app(**choices).switch_page("../pages/cache.py").run()


def test_each_step_costs_one_row_with_the_cache_and_all_rows_without(cache_page):
    app = cache_page(prefix="to be or not", walk="4")
    values = {metric.label: metric.value for metric in app.metric}
    assert not app.exception
    assert values["Multiplications, recompute"] == f"{multiplications(SHIPPED, 5, 5):,}"
    assert values["Multiplications, reuse"] == f"{multiplications(SHIPPED, 1, 5):,}"
    assert values["Bytes of the cache"] == f"{2 * 4 * 6 * 32 * 5 * 4:,}"
    assert float(values["Largest difference of the logits"]) < 1e-4
    assert any("Recompute: 5 rows" in found.value for found in app.markdown)
    assert any("reuse takes 1.3 ms" in caption.value and "our machine" in caption.value for caption in app.caption)
    app = press(app, "Measure")
    assert any("reuse takes" in caption.value and "measured now" in caption.value for caption in app.caption)


def test_the_exercise_says_what_is_wrong_and_what_is_right(cache_page):
    app = cache_page(shape="GPT-2", cached="1024")
    assert any("37,748,736 bytes" in caption.value for caption in app.caption)
    answer = next(box for box in app.number_input if "million bytes" in box.label)
    answer.set_value(32.8).run()
    app = press(app, "Check")
    assert "too large" in app.warning[0].value
    next(box for box in app.number_input if "million bytes" in box.label).set_value(8.19).run()
    app = press(app, "Check")
    assert "8,192,000 bytes" in app.success[0].value
