"""The numbers of "Why does the bias not decay?"."""

import pytest
import torch
from reading import agrees, table
from sklearn.linear_model import Ridge

from weight_decay import synthetic_data
from weight_decay.data import minibatches

PAGE = "questions/bias.html"


def fitted(problem, lambd, shift, *, free):
    """Bias and test loss of the minimum, by scikit-learn."""
    X, X_test = problem.X_train, problem.X_test
    if not free:  # the bias as one weight more
        X, X_test = (torch.nn.functional.pad(Z, (0, 1), value=1.0) for Z in (X, X_test))
    model = Ridge(alpha=len(X) * lambd, fit_intercept=free, solver="svd")
    model.fit(X.numpy(), (problem.y_train + shift).numpy().ravel())
    error = model.predict(X_test.numpy()) - (problem.y_test + shift).numpy().ravel()
    b = float(model.intercept_) if free else float(model.coef_[-1])
    return b, float((error**2).mean()) / 2


def errors_of_batched_runs(seeds, lambd, lambd_b, lr=0.003):
    """Squared test errors of concise runs from a random bias, all at once."""
    data = [synthetic_data(seed=seed) for seed in seeds]
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    w = torch.stack([torch.normal(0, 1, (200, 1), generator=g) for g in streams])
    b = torch.stack([torch.normal(0, 1, (1, 1), generator=g) for g in streams])
    for _ in range(100):
        epoch = [
            minibatches(d.X_train, d.y_train, 5, g)
            for d, g in zip(data, streams, strict=True)
        ]
        for batches in zip(*epoch, strict=True):
            X, y = (torch.stack(tensors) for tensors in zip(*batches, strict=True))
            error = X @ w + b - y
            w = w - lr * (2 * X.mT @ error / 5 + lambd * w)
            b = b - lr * (2 * error.mean(1, keepdim=True) + lambd_b * b)
    X_test = torch.stack([d.X_test for d in data])
    y_test = torch.stack([d.y_test for d in data])
    return ((X_test @ w + b - y_test) ** 2).mean((1, 2))


def test_the_table_of_the_shifted_targets(pages, exact):
    header = "λ  c  b, free  its test loss  b, decaying  its test loss"
    rows = iter(table(pages[PAGE], header, 6))

    for lambd in (0.1, 3, 10):
        free = []
        for shift in (0, 5):
            shown = next(rows)
            values = [lambd, shift]
            values += fitted(exact, lambd, shift, free=True)
            values += fitted(exact, lambd, shift, free=False)
            assert all(map(agrees, shown, values))
            free.append(values[2:4])
            if shift:  # near ½ · 5²: next to nothing of the shift is learned
                assert values[5] == pytest.approx(12.5, rel=0.1)
            else:  # without a shift a decaying bias costs little
                assert 1 < values[5] / values[3] < 1.2
        (b, loss), (b_shifted, loss_shifted) = free
        assert b_shifted == pytest.approx(b + 5, abs=1e-9)
        assert loss_shifted == pytest.approx(loss, rel=1e-9)


def test_the_weight_makes_a_constant_at_a_tenth_of_the_price(exact):
    one = torch.ones(20, 1, dtype=torch.float64)
    shortest = torch.linalg.pinv(exact.X_train) @ one

    assert torch.allclose(exact.X_train @ shortest, one)
    price = one.T @ torch.linalg.inv(exact.X_train @ exact.X_train.T) @ one
    assert float((shortest**2).sum()) == pytest.approx(price.item())
    assert price.item() == pytest.approx(20 / 200, rel=0.05)


def test_with_many_examples_the_bias_is_that_of_one_number(pages):
    line = next(line for line in pages[PAGE].printed if line.startswith("1000 "))
    many = synthetic_data(n_train=1000, num_inputs=5, dtype=torch.float64)
    b, _ = fitted(many, 3, 5, free=False)

    assert agrees(line.split("b = ")[1].split(",")[0], b)
    assert line.endswith(f"predicted {5 / (1 + 3):.2f}")
    assert b == pytest.approx(5 / (1 + 3), rel=0.02)


def test_the_mean_of_the_targets_does_not_care_either(pages, exact):
    (line,) = (line for line in pages[PAGE].printed if "for every c" in line)

    for shift in (0, 5):
        error = (exact.y_train + shift).mean() - (exact.y_test + shift)
        assert agrees(line.split()[-1], float((error**2).mean()) / 2)


def test_a_random_bias_had_better_decay_on_most_other_seeds_too():
    seeds = range(100, 140)
    free, decaying = (errors_of_batched_runs(seeds, 3, lambd_b) for lambd_b in (0, 3))

    assert float((decaying < free).float().mean()) > 0.85


def test_pytorch_decays_the_bias_unless_a_group_spares_it():
    def bias_after_one_step(groups):
        net = torch.nn.Linear(3, 1)
        torch.nn.init.ones_(net.bias)
        optimizer = torch.optim.SGD(groups(net), lr=0.1, weight_decay=1)
        (0 * net(torch.ones(1, 3))).sum().backward()
        optimizer.step()
        return net.bias.item()

    assert bias_after_one_step(lambda net: net.parameters()) == pytest.approx(0.9)
    spared = bias_after_one_step(
        lambda net: [
            {"params": [net.weight]},
            {"params": [net.bias], "weight_decay": 0},
        ]
    )
    assert spared == 1
