"""The implementation with torch.nn and torch.optim, against pencil and textbook."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weight_decay import RegressionProblem, concise, scratch, synthetic_data

# Each building block


def test_the_network_predicts_as_the_linear_model_and_owns_copies_of_its_start():
    w, b = torch.tensor([[1.0], [-1.0]]).double(), torch.tensor([0.5]).double()

    net = concise.linear_net(w, b)
    w.zero_()
    b.zero_()

    X = torch.tensor([[1.0, 2.0], [3.0, -1.0]]).double()
    assert net(X).tolist() == [[-0.5], [4.5]]
    assert all(param.requires_grad for param in net.parameters())


def test_the_optimiser_decays_the_weight_and_spares_the_bias():
    net = concise.linear_net(torch.ones(2, 1), torch.ones(1))

    optimiser = concise.decaying_sgd(net, lambd=2, lr=0.125)
    for param in net.parameters():
        param.grad = torch.zeros_like(param)
    optimiser.step()

    assert net[0].weight.tolist() == [[0.75, 0.75]]  # 1 - ηλ
    assert net[0].bias.tolist() == [1]


def test_the_optimiser_is_given_floats_whatever_numbers_come_in():
    net = concise.linear_net(torch.ones(2, 1), torch.ones(1))

    optimiser = concise.decaying_sgd(net, Fraction(1, 4), Fraction(1, 2))

    decayed, spared = optimiser.param_groups
    assert (decayed["weight_decay"], decayed["lr"], spared["lr"]) == (0.25, 0.5, 0.5)
    assert {type(decayed["weight_decay"]), type(decayed["lr"])} == {float}


# The update


def test_one_step_by_hand():
    problem = RegressionProblem(
        X_train=torch.tensor([[1.0, 2.0], [3.0, -1.0]]).double(),
        y_train=torch.tensor([[1.0], [2.0]]).double(),
        X_test=torch.tensor([[1.0, 1.0]]).double(),
        y_test=torch.tensor([[0.0]]).double(),
        w_true=torch.zeros(2, 1).double(),
        b_true=0,
    )
    w_init = torch.tensor([[1.0], [-1.0]]).double()
    b_init = torch.tensor([0.5]).double()

    run = concise.train(
        problem, 2, lr=0.1, epochs=1, batch_size=2, w_init=w_init, b_init=b_init
    )

    # As in test_scratch.py, but without the ½ the data count twice:
    # 2 Σ xᵢrᵢ / 2 = (6, -11/2), 2 Σ rᵢ / 2 = 1, and 1 - ηλ = 4/5 as before.
    assert run.w.flatten().tolist() == pytest.approx([0.8 - 0.6, -0.8 + 0.55])
    assert run.b.tolist() == pytest.approx([0.5 - 0.1])
    # Residuals are now -0.9 and -0.75, and 0.35 on the test example.
    assert run.train_loss == pytest.approx([(0.81 + 0.5625) / 2])
    assert run.test_loss == pytest.approx([0.1225])


def test_the_last_smaller_batch_is_divided_by_its_own_size_by_hand():
    one, zero = torch.ones(3, 1).double(), torch.zeros(3, 1).double()
    problem = RegressionProblem(one, zero, one, zero, zero[:1], 0)

    run = concise.train(
        problem, 2, lr=0.125, epochs=1, batch_size=2, w_init=one[:1], b_init=one[0]
    )

    # 1 - ηλ = 3/4 and 2η = 1/4: the numbers of test_scratch.py.
    assert (run.w.item(), run.b.item()) == (0, 0.3125)


# The loop


def source_loop(problem, lambd, lr, epochs, batch_size, seed, b_init):
    """The source's concise loop, as a page writes it."""
    X, y, dtype = problem.X_train, problem.y_train, problem.dtype
    n, p = X.shape
    generator = torch.Generator().manual_seed(seed)
    w_init = torch.normal(0, 1, (p, 1), generator=generator).to(dtype)
    with torch.random.fork_rng():
        net = nn.Sequential(nn.Linear(p, 1)).to(dtype)
    net[0].weight.data = w_init.T.clone()
    net[0].bias.data = b_init.clone()
    loss = nn.MSELoss()
    trainer = torch.optim.SGD(
        [
            {"params": net[0].weight, "weight_decay": lambd},
            {"params": net[0].bias},
        ],
        lr=lr,
    )
    for _ in range(epochs):
        for batch in torch.randperm(n, generator=generator).split(batch_size):
            trainer.zero_grad()
            loss(net(X[batch]), y[batch]).backward()
            trainer.step()
    return net[0].weight.detach().T, net[0].bias.detach()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("lambd", [0, 3, 10])
@pytest.mark.parametrize("batch_size", [5, 6])
def test_a_run_ends_with_the_weights_of_the_sources_loop(lambd, batch_size, dtype):
    problem = synthetic_data(dtype=dtype)
    settings = {"lr": 0.003, "epochs": 30, "batch_size": batch_size, "seed": 3}

    run = concise.train(problem, lambd, **settings)

    w, b = source_loop(problem, lambd, **settings, b_init=run.b_init)
    assert torch.equal(run.w, w)
    assert torch.equal(run.b, b)


def test_the_defaults_are_the_sources_settings(problem):
    run = concise.train(problem, 3)

    settings = {"lr": 0.003, "epochs": 100, "batch_size": 5, "seed": 0}
    w, _ = source_loop(problem, 3, **settings, b_init=run.b_init)
    assert torch.equal(run.w, w)
    assert (run.lr, run.epochs[-1], run.loss_unit) == (0.003, 100, "squared error")


# One law, two conventions


@given(
    lambd=st.floats(0, 10),
    lr=st.floats(1e-4, 5e-3),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 999),
    epochs=st.integers(1, 12),
)
def test_concise_is_scratch_at_half_the_decay_and_twice_the_learning_rate(
    small, lambd, lr, batch_size, seed, epochs
):
    same = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
    right = concise.train(small, lambd, lr, **same)
    left = scratch.train(small, lambd / 2, 2 * lr, **same, b_init=right.b_init)

    torch.testing.assert_close(left.w, right.w, rtol=0, atol=1e-12)
    torch.testing.assert_close(left.b, right.b, rtol=0, atol=1e-12)
    assert left.epochs == right.epochs
    for ours, theirs in (
        (left.train_loss, right.train_loss),
        (left.test_loss, right.test_loss),
    ):
        assert [2 * loss for loss in ours] == pytest.approx(theirs, rel=1e-10)
