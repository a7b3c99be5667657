"""The page "Why does my run explode?"."""

import pytest
import torch
from reading import agrees, numbers_of

from weight_decay import DivergenceError, concise, ridge, scratch, synthetic_data
from weight_decay.sweep import sweep

LR, LAMBD = 0.03, 3
B_INIT = torch.zeros(1)


@pytest.fixture
def page(pages):
    return pages["questions/explode.html"]


def rows(page, header, count):
    start = page.printed.index(header) + 1
    return [numbers_of(line) for line in page.printed[start : start + count]]


def curvature(X):
    """The largest eigenvalue of the Hessian of the mean half squared error."""
    A = torch.cat([X, torch.ones(len(X), 1)], dim=1).double()
    # AAᵀ has the same positive eigenvalues as AᵀA, and is small.
    return float(torch.linalg.eigvalsh(A @ A.T / len(X))[-1])


def curvatures(X, B, epochs=100):
    """Of the batches of many epochs, drawn as the page draws them."""
    generator = torch.Generator().manual_seed(0)
    orders = [torch.randperm(len(X), generator=generator) for _ in range(epochs)]
    return [curvature(X[batch]) for order in orders for batch in order.split(B)]


def test_the_losses_are_those_of_two_fresh_runs(page, problem):
    half, full = (
        module.train(problem, LAMBD, LR, b_init=B_INIT) for module in (scratch, concise)
    )
    assert torch.equal(half.w_init, full.w_init)
    assert torch.equal(half.b_init, full.b_init)

    table = rows(page, "epoch  train loss, ½  train loss, no ½", 5)
    for epoch, by_half, by_full in table:
        k = half.epochs.index(epoch)
        assert half.train_loss[k] == pytest.approx(by_half, rel=0.06)
        assert full.train_loss[k] == pytest.approx(by_full, rel=0.06)
    assert [row[0] for row in table] == [20, 40, 60, 80, 100]
    growth, *_ = page.glued
    assert agrees(growth, (full.train_loss[-1] / full.train_loss[0]) ** (1 / 95))


@pytest.mark.parametrize("seed", range(4))
def test_only_the_run_without_the_half_explodes(seed):
    problem = synthetic_data(seed=seed)

    half = scratch.train(problem, LAMBD, LR, seed=seed)
    assert half.train_loss[-1] < half.train_loss[0] < 1
    try:
        full = concise.train(problem, LAMBD, LR, seed=seed, b_init=B_INIT)
    except DivergenceError:
        return
    assert full.train_loss[-1] > 1e12 * full.train_loss[0]


def test_the_curvatures_and_the_safe_rates(page, problem):
    # The batches of 20, of 5 and of 1 come from one stream, one after the other.
    generator = torch.Generator().manual_seed(0)
    X = problem.X_train

    table = page.printed.index("B  d_max  safe η, ½  safe η, no ½") + 1
    for line, B in zip(page.printed[table : table + 3], (20, 5, 1), strict=True):
        orders = [torch.randperm(20, generator=generator) for _ in range(100)]
        d = max(curvature(X[batch]) for order in orders for batch in order.split(B))
        shown = line.split()
        assert agrees(shown[0], B)
        assert agrees(shown[1], d)
        assert agrees(shown[2], 2 / (d + LAMBD))
        assert agrees(shown[3], 2 / (2 * d + LAMBD))
    _, half, no_half = map(float, page.printed[table + 1].split()[1:])
    assert no_half < LR < half


def test_one_example_has_the_curvature_of_its_own_length(problem):
    lengths = (problem.X_train**2).sum(1) + 1

    assert curvatures(problem.X_train, 1, epochs=1) == pytest.approx(
        lengths[torch.randperm(20, generator=torch.Generator().manual_seed(0))].tolist()
    )
    assert float(lengths.mean()) == pytest.approx(200, rel=0.05)


def test_the_message_is_that_of_the_package(page, problem):
    with pytest.raises(DivergenceError) as error:
        concise.train(problem, LAMBD, LR, epochs=200, b_init=B_INIT)

    assert str(error.value) in " ".join(page.printed)
    # Its curvature is one of those in the table, or less, so its advice is bolder.
    in_table = rows(page, "B  d_max  safe η, ½  safe η, no ½", 3)[1]
    assert 1.75 * in_table[1] < error.value.d_max < 2 * in_table[1]
    safe = in_table[3]
    assert 2 / (error.value.d_max + LAMBD) > safe
    assert numbers_of(str(error.value))[-1] == pytest.approx(0.0182)


def test_the_curvature_goes_with_the_square_of_the_inputs(problem):
    centred = problem.X_train - problem.X_train.mean(0)
    d = [float(ridge.shrinkage(s * centred, 0)[0].max()) for s in (1, 255)]

    assert d[1] / d[0] == pytest.approx(65_025)


@pytest.mark.parametrize("lambd", [0, 3, 30])
def test_in_the_full_batch_the_bound_is_sharp(problem, lambd):
    bound = 2 / (curvature(problem.X_train) + lambd)

    below, above = (
        scratch.train(problem, lambd, rate * bound, epochs=600, batch_size=20)
        for rate in (0.99, 1.01)
    )
    assert below.train_loss[-1] < 0.01
    assert above.train_loss[-1] > 1e6
    # The bias has no decay, so the largest curvature is a little below d_max + λ.
    A = torch.cat([problem.X_train, torch.ones(20, 1)], dim=1)
    decay = lambd * torch.eye(201)
    decay[-1, -1] = 0
    largest = float(torch.linalg.eigvalsh(A.T @ A / 20 + decay)[-1])
    per_step = abs(1 - 1.01 * bound * largest)
    assert 1.01 < per_step < 1.0201
    growth = above.train_loss[-1] / above.train_loss[-5]
    assert growth == pytest.approx(per_step ** (2 * 4 * 5), rel=0.01)


def test_the_page_prints_both_sides_of_the_bound(page, problem):
    below, above = (line for line in page.printed if "% of the bound" in line)

    bound = 2 / (curvature(problem.X_train) + LAMBD)
    for line, rate in ((below, 0.99), (above, 1.01)):
        run = scratch.train(problem, LAMBD, rate * bound, epochs=600, batch_size=20)
        # One digit is printed; 1200 doublings of the exponent blow up its rounding.
        assert numbers_of(line)[-1] == pytest.approx(run.train_loss[-1], rel=0.2)
    assert numbers_of(below)[-1] < 0.01 < 1e6 < numbers_of(above)[-1]


@pytest.mark.parametrize("where", ["data", "logarithm", "root"])
def test_nan_at_once_comes_from_the_data_or_a_root_or_a_logarithm(where):
    X, y = torch.ones(3, 2), torch.ones(3, 1)
    if where == "data":
        X[0, 0] = torch.nan
    w = torch.zeros(2, 1, requires_grad=True)
    loss = ((X @ w - y) ** 2 / 2).mean()
    if where == "root":
        loss = loss + (w**2).sum().sqrt()
    if where == "logarithm":
        loss = loss + (0 * (X @ w).log()).mean()
    loss.backward()

    assert bool(w.grad.isnan().any())


def largest_surviving(problem, seed, lambdas):
    """The largest of 19 learning rates up to which no run explodes, for each λ."""
    survives = [
        sweep([problem], lambdas, lr=lr, epochs=40, seeds=[seed]).train_loss[:, 0, -1]
        < 100
        for lr in torch.logspace(-1.9, -0.7, 19).tolist()
    ]
    count = torch.stack(survives).long().cumprod(0).sum(0)
    return torch.logspace(-1.9, -0.7, 19)[count - 1]


@pytest.mark.parametrize("seed", range(3))
def test_in_small_batches_a_moderate_lambda_makes_room(seed):
    problem = synthetic_data(seed=seed)
    lambdas = torch.tensor([0.3, 6, 20, 100])
    bound = 2 / (max(curvatures(problem.X_train, 5, epochs=20)) + lambdas)

    largest = largest_surviving(problem, seed, lambdas.tolist())
    assert bool((largest > bound).all())
    assert largest[1] > 2 * largest[0]
    assert largest[1] > largest[2] > largest[3]


def test_a_sum_over_the_batch_is_a_step_times_the_batch_size(problem):
    X, y = problem.X_train[:5], problem.y_train[:5]
    gradients = []
    for reduce in (torch.mean, torch.sum):
        w = torch.ones(200, 1, requires_grad=True)
        reduce(scratch.squared_loss(X @ w, y)).backward()
        gradients.append(w.grad)

    assert torch.allclose(gradients[1], 5 * gradients[0])
