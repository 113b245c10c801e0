"""What differs between ChatGPT in miniature and InstructGPT."""

import streamlit as st

from explorer.lecture.chat.asking import FINETUNED, POLICY, PRETRAINED, REFS, REWARD
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.opened import open_model
from explorer.shared import texts
from gpt.text.dialogue import MATTERS, POINTS, exchanges_in, split
from gpt.text.shakespeare import PLAYS


@chapter("How small is this?", "rewards", "Read down the columns: which differences are of size, and which of kind?")
def at_scale() -> None:
    """What is the same as in ChatGPT, and what is not."""
    rows = [{"": what, "here": ours, "InstructGPT": theirs} for what, ours, theirs in _scale_rows()]
    st.dataframe(rows, hide_index=True, key="chat:scale")
    st.markdown(
        f"The steps are those of InstructGPT; the behaviour is not. This model knows questions of {len(MATTERS)} "
        "forms, and does not know who the king is. Its answer to where he is is random, and no stage rewards a true "
        "answer. The order of the stages is the same: first imitation, then a model of what people prefer, then "
        "optimisation with a KL penalty. The penalty is needed because the reward model is only a model."
    )
    st.caption(
        "Sources: [Ouyang et al. 2022](https://arxiv.org/abs/2203.02155) (InstructGPT, sections 3 and C), [Brown et "
        "al. 2020](https://arxiv.org/abs/2005.14165) (GPT-3), [Schulman et al. "
        "2017](https://arxiv.org/abs/1707.06347) (PPO), [Ziegler et al. 2019](https://arxiv.org/abs/1909.08593) (the "
        "KL penalty), [Rafailov et al. 2023](https://arxiv.org/abs/2305.18290) (DPO), [Gao et al. "
        "2022](https://arxiv.org/abs/2210.10760) (over-optimised rewards)."
    )
    show_cell("rewards/size")


def _scale_rows() -> list[tuple[str, str, str]]:
    """Rows of the table: what is compared, here, and in InstructGPT."""
    pretrained, policy = (open_model(REFS[label]) for label in (PRETRAINED, POLICY))
    recipe = pretrained.run.recipe
    read = recipe.steps * recipe.batch_size * recipe.model.block_size
    text = texts.corpus(pretrained).text
    train, _ = texts.halves(text)
    demonstrations, _ = split(exchanges_in(texts.corpus(open_model(REFS[FINETUNED])).text))
    share, times = len(train) / len(text), read / len(train)
    plays = f"{len(text) / 1e6:.1f} million characters of {len(PLAYS)} plays, {share:.0%} read about {times:.0f} times"
    drawn = policy.run.recipe.steps // policy.run.recipe.updates * policy.run.recipe.batch_size
    beta, rankings = f"β = {policy.run.recipe.kl_weight:g}", "on 33,000 prompts; 4 to 9 answers each"
    return [
        ("Parameters", f"{pretrained.model.n_params:,}", "1.3, 6 and 175 billion"),
        ("Pretraining", plays, "300 billion tokens, much of the web (GPT-3)"),
        ("Demonstrations", f"{len(demonstrations)}, from templates", "about 13,000 prompts, answers written by people"),
        ("Preferences", f"a formula of {len(POINTS)} points", f"rankings by about 40 people, {rankings}"),
        ("Answers compared", "the demonstrations' own", "drawn from the models"),
        ("Reward model", f"{open_model(REWARD).model.n_params:,} parameters", "6 billion parameters"),
        ("Policy optimisation", f"PPO on {drawn:,} answers", "PPO on 256,000 answers"),
        ("Baseline", "the other answers to the same question", "a value model of its own"),
        ("KL penalty", f"{beta} on whole distributions, in the loss", "β = 0.02 on the drawn tokens, off the reward"),
        ("Against forgetting", "nothing", "pretraining's gradients mixed in (PPO-ptx)"),
    ]
