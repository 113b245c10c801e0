"""nanoGPT: the loop over heads is the batched product, and GPT-2's sizes are GPT-2's."""

import pytest


@pytest.fixture
def nanogpt_page(open_app):
    return open_app().switch_page("../pages/nanogpt.py").run()


def test_a_loop_over_heads_gives_the_same_numbers(nanogpt_page):
    next(button for button in nanogpt_page.button if button.label == "Just show it").click().run()
    assert not nanogpt_page.exception
    told = next(found.value for found in nanogpt_page.caption if "torch.allclose" in found.value)
    assert "**True**" in told and float(told.rstrip(".").rpartition(" ")[2]) < 1e-5
    assert list(nanogpt_page.dataframe[0].value["tokens"]) == [32, 64, 128, 256]


def test_parameters_are_those_that_were_published(nanogpt_page):
    """124M, 355M, 774M and 1558M: the names of the checkpoints, https://huggingface.co/openai-community."""
    sizes = nanogpt_page.dataframe[-1].value.set_index("model")["parameters"]
    assert [round(size / 1e6) for size in sizes.loc["GPT-2":]] == [124, 355, 774, 1558]
    assert sizes["GPT-2"] == 124_439_808
