"""The hand-written implementation, against pencil, PyTorch and the textbook."""

import pytest
import torch

from weight_decay import RegressionProblem, scratch, synthetic_data

# Each building block


def test_the_penalty_is_half_the_squared_norm_and_its_gradient_is_the_weight():
    w = torch.tensor([[3.0], [4.0]], requires_grad=True)

    penalty = scratch.l2_penalty(w)
    penalty.backward()

    assert penalty.shape == ()
    assert penalty.item() == 12.5  # (9 + 16) / 2
    assert w.grad.tolist() == [[3], [4]]


def test_the_loss_is_half_the_squared_error_of_each_example():
    y_hat, y = torch.tensor([[3.0], [1.0]]), torch.tensor([[1.0], [1.0]])

    assert scratch.squared_loss(y_hat, y).tolist() == [[2], [0]]


def test_the_loss_refuses_to_broadcast_a_column_against_a_row():
    with pytest.raises(ValueError, match=r"\(3, 1\) and \(3,\)"):
        scratch.squared_loss(torch.zeros(3, 1), torch.zeros(3))


def test_the_model_is_linear():
    X = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    w, b = torch.tensor([[1.0], [-1.0]]), torch.tensor([0.5])

    assert scratch.linreg(X, w, b).tolist() == [[-0.5], [4.5]]


def test_a_step_of_sgd_divides_by_the_batch_size_and_clears_the_gradient():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    (w * torch.tensor([4.0, -8.0])).sum().backward()

    scratch.sgd([w], lr=0.5, batch_size=4)

    assert w.tolist() == [0.5, 3]  # 1 - 0.5 · 4/4, 2 + 0.5 · 8/4
    assert w.grad.tolist() == [0, 0]
    assert w.requires_grad


def test_a_step_of_sgd_without_all_gradients_moves_nothing():
    params = [torch.ones(2, requires_grad=True) for _ in range(2)]
    params[0].grad = torch.ones(2)

    with pytest.raises(ValueError, match=r"params must have gradients: .*backward"):
        scratch.sgd(iter(params), lr=1, batch_size=1)

    assert [param.tolist() for param in params] == [[1, 1], [1, 1]]
    assert params[0].grad.tolist() == [1, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_start_is_a_normal_weight_and_a_zero_bias(dtype):
    w, b = scratch.init_params(4, torch.Generator().manual_seed(9), dtype=dtype)

    generator = torch.Generator().manual_seed(9)
    drawn = torch.normal(0, 1, (4, 1), generator=generator).to(dtype)
    assert torch.equal(w, drawn)
    assert torch.equal(b, torch.zeros(1, dtype=dtype))
    assert w.requires_grad
    assert b.requires_grad


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

    run = scratch.train(
        problem, 2, lr=0.1, epochs=1, batch_size=2, w_init=w_init, b_init=b_init
    )

    # Predictions -1/2 and 9/2, residuals -3/2 and 5/2.
    # Σ xᵢrᵢ / 2 = (3, -11/4), Σ rᵢ / 2 = 1/2, and 1 - ηλ = 4/5.
    assert run.w.flatten().tolist() == pytest.approx([0.8 - 0.3, -0.8 + 0.275])
    assert run.b.tolist() == pytest.approx([0.5 - 0.05])
    # Residuals are now -1.1 and 0.475, and 0.425 on the test example.
    assert run.train_loss == pytest.approx([(1.21 + 0.225625) / 4])
    assert run.test_loss == pytest.approx([0.180625 / 2])


def test_the_last_smaller_batch_is_divided_by_its_own_size_by_hand():
    # All examples are alike, so that their order is of no matter: x = 1, y = 0.
    one, zero = torch.ones(3, 1).double(), torch.zeros(3, 1).double()
    problem = RegressionProblem(one, zero, one, zero, zero[:1], 0)

    run = scratch.train(
        problem, 1, lr=0.25, epochs=1, batch_size=2, w_init=one[:1], b_init=one[0]
    )

    # r = w + b.  Two examples: w = 3/4 - 2/4, b = 1 - 2/4, so r = 3/4.
    # One example: w = 3/16 - 3/16, b = 1/2 - 3/16.
    assert (run.w.item(), run.b.item()) == (0, 0.3125)


@pytest.mark.parametrize("lambd", [0, 0.1, 3, 10])
def test_every_step_is_that_of_torch_optim_sgd_with_weight_decay(lambd):
    lr, generator = 0.02, torch.Generator().manual_seed(1)
    w, b = scratch.init_params(6, generator, dtype=torch.float64)
    w_torch = w.detach().clone().requires_grad_()
    b_torch = b.detach().clone().requires_grad_()
    optimizer = torch.optim.SGD(
        [{"params": [w_torch], "weight_decay": lambd}, {"params": [b_torch]}], lr=lr
    )

    for step in range(50):
        batch = 1 + step % 4
        X = torch.normal(0, 1, (batch, 6), generator=generator, dtype=torch.float64)
        y = torch.normal(0, 1, (batch, 1), generator=generator, dtype=torch.float64)

        loss = scratch.squared_loss(scratch.linreg(X, w, b), y)
        (loss + lambd * scratch.l2_penalty(w)).sum().backward()
        scratch.sgd([w, b], lr, batch)

        optimizer.zero_grad()
        (0.5 * torch.nn.functional.mse_loss(X @ w_torch + b_torch, y)).backward()
        optimizer.step()
        torch.testing.assert_close(w, w_torch, rtol=0, atol=1e-12)
        torch.testing.assert_close(b, b_torch, rtol=0, atol=1e-12)


# The loop


def source_loop(problem, lambd, lr, epochs, batch_size, seed):
    """The source's loop from scratch, as a page writes it: torch and the tensors."""
    X, y, dtype = problem.X_train, problem.y_train, problem.dtype
    n, p = X.shape
    generator = torch.Generator().manual_seed(seed)
    w = torch.normal(0, 1, (p, 1), generator=generator).to(dtype)
    b = torch.zeros(1, dtype=dtype)
    w.requires_grad_(True)
    b.requires_grad_(True)
    for _ in range(epochs):
        for batch in torch.randperm(n, generator=generator).split(batch_size):
            loss = (X[batch] @ w + b - y[batch]) ** 2 / 2
            penalty = torch.sum(w.pow(2)) / 2
            (loss + lambd * penalty).sum().backward()
            with torch.no_grad():
                for param in (w, b):
                    param -= lr / len(batch) * param.grad
                    param.grad.zero_()
    return w.detach(), b.detach()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("lambd", [0, 3, 10])
@pytest.mark.parametrize("batch_size", [5, 6])
def test_a_run_ends_with_the_weights_of_the_sources_loop(lambd, batch_size, dtype):
    problem = synthetic_data(dtype=dtype)
    settings = {"lr": 0.003, "epochs": 30, "batch_size": batch_size, "seed": 3}

    run = scratch.train(problem, lambd, **settings)

    w, b = source_loop(problem, lambd, **settings)
    assert torch.equal(run.w, w)
    assert torch.equal(run.b, b)


def test_the_defaults_are_the_sources_settings(problem):
    run = scratch.train(problem, 3)

    w, _ = source_loop(problem, 3, lr=0.003, epochs=100, batch_size=5, seed=0)
    assert torch.equal(run.w, w)
    assert (run.lr, run.epochs[-1], run.loss_unit) == (0.003, 100, "half squared error")
