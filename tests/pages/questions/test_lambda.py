"""The numbers of "What does λ do?"."""

import pytest
from reading import NUMBER, agrees

from weight_decay import DivergenceError, scratch


def test_the_numbers_of_the_question_about_lambda(pages, problem):
    printed = pages["questions/lambda.html"].printed
    share = printed.index("epoch      loss    λ·½‖w‖²   share of the penalty")
    sweep = printed.index("    λ   ‖w‖₂      train     test")

    for row in printed[share + 1 : share + 10]:
        epoch, loss, penalty, part = row.removesuffix("%").split()
        run = scratch.train(problem, 3, epochs=int(epoch))
        price = 3 * run.w_norm**2 / 2
        assert agrees(loss, run.train_loss[-1])
        assert agrees(penalty, price)
        assert agrees(part, 100 * price / (price + run.train_loss[-1]))
    *rows, last = printed[sweep + 1 :]
    assert len(rows) == 8
    for row in rows:
        lambd, norm, train, test = row.split()
        run = scratch.train(problem, float(lambd))
        assert agrees(norm, run.w_norm)
        assert agrees(train, run.train_loss[-1])
        assert agrees(test, run.test_loss[-1])
    with pytest.raises(DivergenceError) as error:
        scratch.train(problem, float(last.split()[0]))
    assert agrees(NUMBER.findall(last)[1], error.value.step)
