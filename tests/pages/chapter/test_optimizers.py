"""Where the decay enters: the page's numbers by recursion, torch and scikit-learn."""

import inspect
import textwrap

import pytest
import torch
from reading import NUMBER, agrees, numbers_of
from sklearn.linear_model import Ridge

from weight_decay import optimizers, synthetic_data

DOUBLE = torch.float64


@pytest.fixture(scope="module")
def page(pages):
    return pages["chapter/optimizers.html"]


@pytest.fixture(scope="module")
def data():
    problem = synthetic_data(dtype=DOUBLE)
    generator = torch.Generator().manual_seed(0)
    start = torch.normal(0.0, 1.0, (200, 1), generator=generator, dtype=DOUBLE)
    return problem.X_train, problem.y_train, start


def rows_below(page, heading, number):
    (first,) = [k for k, line in enumerate(page.printed) if line.startswith(heading)]
    return page.printed[first + 1 : first + 1 + number]


def train(data, maker, steps, **options):
    """The weight after full-batch steps of torch.optim, gradients by autograd."""
    X, y, start = data
    w = start.clone().requires_grad_()
    optimizer = maker([w], **options)
    for _ in range(steps):
        optimizer.zero_grad()
        (((X @ w - y) ** 2).mean() / 2).backward()
        optimizer.step()
    return w.detach()


def unseen(data, w):
    X = data[0]
    return (w - torch.linalg.pinv(X) @ (X @ w)).norm().item()


def test_a_decay_changes_the_gradient_or_the_weight(page):
    through, past = page.printed[:2]

    # w = (4, -2), g = (1, 1), λ = 2, η = 1/8: g + λw, and (1 - ηλ) w.
    assert through.split(maxsplit=1)[0] == "coupled(2)"
    assert numbers_of(through.replace("coupled(2)", "")) == [4, 2, 1 + 8, 4 - 1]
    assert numbers_of(past.replace("decoupled(2)", "")) == [3, 1.5, 1, 1]
    assert "w [3.0, -1.5]" in past
    assert "gradient [9.0, -3.0]" in through


def test_the_code_is_that_of_the_package(page):
    shown = [block.text.strip() for block in page.article.select("pre")]

    for optimizer in (optimizers.SGD, optimizers.Momentum, optimizers.Adam):
        step = inspect.getsource(inspect.unwrap(optimizer.step))
        assert textwrap.dedent(step).strip() in shown


def test_the_norms_are_those_of_torch(page, data):
    settings = [
        (torch.optim.SGD, {}),
        (torch.optim.SGD, {"momentum": 0.9}),
        (torch.optim.Adam, {}),
        (torch.optim.AdamW, {}),
    ]

    for row, (maker, options) in zip(
        rows_below(page, "‖w‖₂ after 100 steps", 4), settings, strict=True
    ):
        w = train(data, maker, 100, lr=0.003, weight_decay=3, **options)
        by_hand, by_torch = row.split()[-2:]
        assert by_hand == by_torch
        assert agrees(by_torch, w.norm().item())


def test_momentum_leaves_what_the_recursion_leaves(page, data):
    rows = rows_below(page, "momentum 0.9", 3)

    # Step by step: u <- 0.9 u + λw, w <- w - ηu, from w = 1 and u = 0.
    w, u = 1.0, 0.0
    for _ in range(400):
        u = 0.9 * u + 3 * w
        w -= 0.0003 * u
    for row, name, left in zip(
        rows,
        ("coupled(3)", "decoupled(3)", "decoupled(30)"),
        (w, 0.9991**400, 0.991**400),
        strict=True,
    ):
        assert row.startswith(name)
        assert agrees(row.removeprefix(name).split()[0], left)
    # Exact for the data, too: torch's SGD is coupled.
    options = {"lr": 0.0003, "momentum": 0.9, "weight_decay": 3}
    end = train(data, torch.optim.SGD, 400, **options)
    assert unseen(data, end) / unseen(data, data[2]) == pytest.approx(w, rel=1e-9)
    # About ten times the λ forgets about as fast.
    assert 0.75 < w / 0.991**400 < 1.25


def test_with_momentum_coupled_ends_at_lambda_and_decoupled_at_a_tenth_of_it(
    page, data
):
    X, y, _ = data
    settled = train(
        data, torch.optim.SGD, 2000, lr=0.003, momentum=0.9, weight_decay=3
    )[:, 0]

    three, tenth = (
        torch.from_numpy(
            Ridge(alpha=20 * lambd, fit_intercept=False).fit(X, y[:, 0]).coef_
        )
        for lambd in (3, 0.3)
    )
    apart = (three - tenth).norm().item()
    assert (settled - three).norm().item() < 1e-6
    for row, name, gaps in zip(
        rows_below(page, "distance to", 3),
        ("coupled(3)", "decoupled(30)", "decoupled(3)"),
        ((0, apart), (0, apart), (apart, 0)),
        strict=True,
    ):
        shown = row.removeprefix(name).split()
        assert len(shown) == 2
        assert all(map(agrees, shown, gaps))


def test_one_step_tells_what_grows_with_lambda_and_two_tell_momentum(page):
    eta = 0.01
    shrinks, steps = (eta * 0.1, eta), (eta, eta)
    decayed = 1 - (1 - eta * 0.1) ** 2
    kinds = [
        ("SGD", shrinks, decayed),
        ("SGD momentum", shrinks, decayed + 0.9 * eta * 0.1),
        ("Adam", steps, None),
        ("Adam decoupled_weight_decay", shrinks, decayed),
        ("AdamW", shrinks, decayed),
        # Its v is (1 - 0.99) g² after a step.
        ("RMSprop", (eta / 0.01**0.5,) * 2, None),
        ("Adagrad", steps, None),
    ]

    for row, (name, taken, twice) in zip(
        rows_below(page, "taken with", 7), kinds, strict=True
    ):
        maker = getattr(torch.optim, name.split()[0])
        if twice is None:
            w = torch.ones(1, dtype=DOUBLE, requires_grad=True)
            optimizer = maker([w], lr=eta)
            for _ in range(2):
                w.grad = 0.1 * w.detach()  # the penalty by hand
                optimizer.step()
            twice = 1 - w.item()
        default = inspect.signature(maker).parameters["weight_decay"].default
        assert row.startswith(name + "  ")
        shown = NUMBER.findall(row.removeprefix(name))
        assert len(shown) == 4
        assert all(map(agrees, shown, [*taken, twice, default]))


def test_one_step_cannot_see_momentum_and_the_second_can():
    first, second = {}, {}
    for kind in (optimizers.coupled, optimizers.decoupled):
        for lambd in (0.1, 1):
            momentum = optimizers.Momentum(0.01, momentum=0.9, decay=kind(lambd))
            w0 = torch.ones(1, dtype=DOUBLE)
            w1 = momentum.step(w0, 0 * w0)
            w2 = momentum.step(w1, 0 * w1)
            first[kind.__name__, lambd] = float(w0 - w1)
            second[kind.__name__, lambd] = float(w1 - w2)

    for lambd in (0.1, 1):
        for kind in ("coupled", "decoupled"):
            assert first[kind, lambd] == pytest.approx(0.01 * lambd)
    assert second["coupled", 0.1] == pytest.approx(0.0019, abs=5e-5)
    assert second["decoupled", 0.1] == pytest.approx(0.0010, abs=5e-5)


def test_coupled_momentum_bends_at_the_start():
    w, u, falls = 1.0, 0.0, []
    for _ in range(400):
        u = 0.9 * u + 3 * w
        falls.append(0.0003 * u / w)  # the slope on a logarithmic axis
        w -= 0.0003 * u

    assert falls[0] < 0.2 * falls[-1]
    assert falls[50:] == pytest.approx([falls[-1]] * 350, rel=0.02)


def test_the_lambda_of_the_paper_is_eta_times_that_of_adamw():
    w = torch.ones(1, dtype=DOUBLE, requires_grad=True)
    optimizer = torch.optim.AdamW([w], lr=0.001, weight_decay=0.1)
    w.grad = torch.zeros_like(w)
    optimizer.step()

    assert 1 - w.item() == pytest.approx(0.0001)


def test_the_steps_of_adam_leave_the_row_space_and_those_of_sgd_do_not(data):
    start = data[2]
    for maker, low, high in (
        (torch.optim.SGD, 0, 1e-9),
        (torch.optim.Adam, 1e-3, 0.2),
        (torch.optim.AdamW, 1e-3, 0.2),
    ):
        options = {"lr": 0.003, "weight_decay": 0}
        moved = train(data, maker, 100, **options) - start
        assert low <= unseen(data, moved) / moved.norm().item() + 1e-12
        if maker is torch.optim.SGD:
            assert unseen(data, moved) < high
    # So for AdamW the rule is rough, but not useless.
    w = train(data, torch.optim.AdamW, 400, lr=0.003, weight_decay=3)
    rule = 0.991**400 * unseen(data, start)
    assert 0.005 < abs(unseen(data, w) / rule - 1) < 0.2


def test_adamw_decays_the_bias_too_without_being_asked():
    layer = torch.nn.Linear(2, 1, bias=True)
    torch.nn.init.ones_(layer.bias)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.5)
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)

    optimizer.step()

    assert layer.bias.item() == pytest.approx(1 - 0.5 * 0.01)


def test_where_the_data_are_silent_lambda_cancels_in_adam_only():
    def left(maker, lambd, **options):
        w = torch.ones(1, dtype=DOUBLE, requires_grad=True)
        optimizer = maker([w], lr=0.01, weight_decay=lambd, **options)
        for _ in range(50):
            w.grad = torch.zeros_like(w)
            optimizer.step()
        return w.item()

    for momentum in (0, 0.9):
        small, large = (
            left(torch.optim.SGD, lambd, momentum=momentum) for lambd in (0.1, 1)
        )
        assert small > 1.4 * large
    adam = [left(torch.optim.Adam, lambd) for lambd in (0.1, 1)]
    adamw = [left(torch.optim.AdamW, lambd) for lambd in (0.1, 1)]
    assert adam[0] == pytest.approx(adam[1], abs=1e-5)
    assert adamw == pytest.approx([0.999**50, 0.99**50])
