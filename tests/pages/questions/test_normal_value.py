"""The page "Which λ is normal, 3 or 0.0001?"."""

import math

import numpy as np
import pytest
import torch
from reading import agrees, numbers_of, table
from sklearn.linear_model import Ridge

from weight_decay import synthetic_data
from weight_decay.conventions import CONVENTIONS, convert


@pytest.fixture
def page(pages):
    return pages["questions/normal-value.html"]


def test_three_is_sixty_in_one_text_and_six_in_another():
    ours = "half mean squared error"

    assert convert(3, ours, "scikit-learn alpha", n_train=20) == pytest.approx(60)
    assert convert(3, ours, "mean squared error") == pytest.approx(6)
    assert len(CONVENTIONS) == 7


def imagenet():
    """The sum of the learning rates, step by step: tenfold less every 30 epochs."""
    steps = np.arange(90 * 5005)
    return float((0.1 * 0.1 ** (steps // 5005 // 30)).sum())


def nanogpt():
    """A linear warm-up of 2000 steps, then a cosine from 6e-4 to 6e-5."""
    t = np.arange(600_000)
    cosine = (1 + np.cos(np.pi * (t - 2000) / 598_000)) / 2
    rates = np.where(t < 2000, 6e-4 * (t + 1) / 2001, 6e-5 + cosine * 5.4e-4)
    return float(rates.sum())


def cifar():
    """Batches of 128, a cosine from 0.1 to 0 over 200 epochs, epoch by epoch."""
    epochs = np.arange(200)
    return float(391 * (0.05 * (1 + np.cos(np.pi * epochs / 200))).sum())


def test_the_products_are_those_of_the_schedules_step_by_step(page):
    products = [3 * 0.003 * 400, 10 * 0.003 * 400, 1e-4 * imagenet() * 10]
    products += [5e-4 * cifar() * 10, 0.1 * nanogpt()]

    rows = table(page, "setting  λ  λ Σ η  left of the start", 5)
    for (_, lambd, product, left), exact in zip(rows, products, strict=True):
        # The page takes one half for the mean of a cosine of 200 epochs: 0.1 off.
        assert float(product) == pytest.approx(exact, abs=0.15)
        assert float(left) == pytest.approx(math.exp(-exact), rel=0.12)
        assert float(lambd) in (3, 10, 1e-4, 5e-4, 0.1)
    names = ["chapter", "chapter", "ImageNet", "CIFAR-10", "nanoGPT"]
    assert [name for name, *_ in rows] == names
    lambdas = [float(row[1]) for row in rows]
    assert max(lambdas) / min(lambdas) == pytest.approx(100_000)
    assert max(products) / min(products) < 6
    assert math.ceil(1_281_167 / 256) == 5005


def test_the_exponential_is_a_good_approximation_of_the_product():
    # Worst for the largest ηλ, that of the chapter with λ = 10.
    for lambd, close in ((3, 0.02), (10, 0.2)):
        product, exponential = (1 - 0.003 * lambd) ** 400, math.exp(-1.2 * lambd)

        assert product == pytest.approx(exponential, rel=close)


def test_a_momentum_of_nine_tenths_makes_a_step_ten_times_as_effective():
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    w.grad = torch.zeros_like(w)
    trainer = torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=1e-3)
    for _ in range(2_000):
        trainer.step()

    assert w.item() == pytest.approx(math.exp(-2_000 * 1e-4 * 10), rel=0.02)


def test_the_defaults_are_those_of_the_optimisers(page):
    def defaults(optimiser):
        group = optimiser([torch.zeros(1)], lr=1e-3).param_groups[0]
        return group["weight_decay"]

    line = next(line for line in page.printed if line.startswith("AdamW:"))
    lr = torch.optim.AdamW([torch.zeros(1)]).param_groups[0]["lr"]
    lambd = defaults(torch.optim.AdamW)
    assert numbers_of(line) == pytest.approx([lr, lambd, lr * lambd])
    steps = next(line for line in page.printed if line.startswith("steps to reach"))
    assert steps.endswith(f": {round(3.6 / (lr * lambd)):_}".replace("_", " "))
    assert defaults(torch.optim.SGD) == defaults(torch.optim.Adam) == 0
    assert "over 3000 steps the product is 0.03." in " ".join(page.article.text.split())
    assert 3_000 * lr * lambd == pytest.approx(0.03)


def test_what_is_kept_depends_on_the_scale_of_the_inputs(page):
    X = synthetic_data().X_train.double().numpy()
    centred = X - X.mean(0)

    rows = table(page, "inputs  mean d  kept at λ = 3", 2)
    for row, scale in zip(rows, (1, 255), strict=True):
        d = np.linalg.eigvalsh(centred @ centred.T / 20)[1:] * scale**2
        assert agrees(row[-2], d.mean())
        assert agrees(row[-1], (d / (d + 3)).mean())


@pytest.mark.parametrize("seed", range(3))
def test_the_same_predictions_take_the_square_of_the_scale(page, seed):
    p = synthetic_data(seed=seed, dtype=torch.float64)
    X, y, X_test = p.X_train.numpy(), p.y_train.numpy(), p.X_test.numpy()

    as_drawn = Ridge(alpha=20 * 3).fit(X, y).predict(X_test)
    larger = Ridge(alpha=20 * 195_075).fit(255 * X, y).predict(255 * X_test)
    np.testing.assert_allclose(as_drawn, larger)
    assert "195 075" in page.article.text
