import pytest
import torch

from gpt import generate
from gpt.text.dialogue import END, Exchange, prompt_of
from gpt.train.objectives.answers import (
    as_tensors,
    divergence,
    draw_answers,
    entropy,
    log_probs_of,
    take,
    texts_of,
    token_logits,
)

EXCHANGES = [
    Exchange("Where is the king?", "At noon.\n\n"),
    Exchange("Why weeps the nurse?", "Good sir, the nurse weeps for love.\n\n"),
]


@pytest.fixture
def model(parent):
    return parent.model()


def test_only_an_answers_tokens_are_the_answer(parent):
    tokens, is_answer = as_tensors(EXCHANGES, parent.tokenizer, 160)
    assert texts_of(tokens, is_answer, parent.tokenizer) == [exchange.answer for exchange in EXCHANGES]
    for row, exchange in enumerate(EXCHANGES):
        whole = prompt_of(exchange.question) + exchange.answer
        assert parent.tokenizer.decode(tokens[row, : len(whole)].tolist()) == whole
        assert not is_answer[row, : len(prompt_of(exchange.question))].any() and not is_answer[row, len(whole) :].any()


def test_what_is_too_long_for_the_context_is_refused(parent):
    with pytest.raises(ValueError, match=r"take \d+ tokens; the context has 50: shorten"):
        as_tensors(EXCHANGES, parent.tokenizer, 50)


def test_padding_that_all_have_is_left_out(parent):
    answers = as_tensors(EXCHANGES, parent.tokenizer, 160)
    tokens, is_answer = take(answers, torch.tensor([0, 0]))
    assert tokens.shape == is_answer.shape == (2, len(prompt_of(EXCHANGES[0].question) + EXCHANGES[0].answer))
    assert torch.equal(take(answers, torch.tensor([0, 1]))[0], answers[0])


def test_log_probabilities_are_the_answers_alone(model, parent):
    tokens, is_answer = as_tensors(EXCHANGES, parent.tokenizer, 160)
    nats = log_probs_of(token_logits(model, tokens), tokens, is_answer)
    expected = model(tokens).log_softmax(-1)
    for row, column in is_answer.nonzero().tolist():
        assert nats[row, column - 1] == pytest.approx(expected[row, column - 1, tokens[row, column]].item(), abs=1e-5)
    assert (nats[~is_answer[:, 1:]] == 0).all() and (nats[is_answer[:, 1:]] < 0).all()


def test_answers_drawn_together_are_each_drawn_from_the_model(model, parent):
    """Questions of different lengths in one batch.

    Every drawn token is what the model gives after that row's own text.
    """
    questions = [exchange.question for exchange in EXCHANGES] + ["Who?"]
    draw = [
        draw_answers(model, questions, parent.tokenizer, torch.Generator().manual_seed(3), longest=12) for _ in range(2)
    ]
    tokens, is_answer = draw[0]
    assert torch.equal(tokens, draw[1][0])
    random = torch.rand(is_answer.size(1), 3, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    first = min(len(prompt_of(question)) for question in questions)
    for row, question in enumerate(questions):
        length = len(prompt_of(question))
        assert parent.tokenizer.decode(tokens[row, :length].tolist()) == prompt_of(question)
        answer = texts_of(tokens, is_answer, parent.tokenizer)[row]
        assert len(answer) == 12 or answer.endswith(END)
        probabilities = model(tokens[row : row + 1, :length])[0, -1].double().softmax(-1)
        drawn = int((probabilities.cumsum(0) <= random[length - first, row]).sum())
        assert tokens[row, length] == drawn


def test_one_answer_is_drawn_as_generate_draws_it(model, parent):
    tokens, is_answer = draw_answers(model, ["Who?"], parent.tokenizer, torch.Generator().manual_seed(5), longest=20)
    ids = torch.tensor(parent.tokenizer.encode(prompt_of("Who?")))
    steps = []
    for step in generate(model, ids, 20, seed=5):
        steps.append(step.token)
        if parent.tokenizer.decode(steps).endswith(END):
            break
    assert tokens[is_answer].tolist() == steps


def test_a_drawn_answer_ends_with_its_first_blank_line(model, parent):
    newline = parent.tokenizer.encode("\n")[0]
    with torch.no_grad():
        model.unembed.weight.zero_()  # every token is as likely
        model.unembed.weight[newline] = 0.0
    tokens, is_answer = draw_answers(
        model, 40 * ["Who?"], parent.tokenizer, torch.Generator().manual_seed(0), longest=60
    )
    for answer in texts_of(tokens, is_answer, parent.tokenizer):
        assert END not in answer[:-1] and (answer.endswith(END) or len(answer) == 60)


def test_a_model_is_at_no_distance_from_itself_and_at_some_from_another(model, parent):
    tokens, is_answer = as_tensors(EXCHANGES, parent.tokenizer, 160)
    logits = token_logits(model, tokens)
    assert divergence(logits, logits, is_answer).tolist() == [0, 0]
    generator = torch.Generator().manual_seed(0)
    for size in (0.01, 1.0, 10.0):
        other = logits + size * torch.randn(logits.shape, generator=generator)
        assert (divergence(logits, other, is_answer) > 0).all()
    outside = logits + 5 * ~is_answer[:, 1:, None] * torch.randn(logits.shape, generator=generator)
    assert divergence(logits, outside, is_answer).tolist() == [0, 0]  # only the answer's tokens count


def test_entropy_of_even_and_of_certain_logits(parent):
    tokens, is_answer = as_tensors(EXCHANGES, parent.tokenizer, 160)
    logits = torch.zeros(2, tokens.size(1) - 1, 65)
    assert entropy(logits, is_answer).item() == pytest.approx(torch.log(torch.tensor(65.0)).item(), abs=1e-5)
    logits[..., 3] = 1e4
    assert entropy(logits, is_answer).item() == pytest.approx(0, abs=1e-6)
