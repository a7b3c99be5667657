"""Two dimensions: every number from elsewhere, and the pictures as they are drawn."""

import math

import numpy
import pytest
import torch
from reading import agrees
from sklearn.linear_model import Lasso, LinearRegression, Ridge


@pytest.fixture(scope="module")
def script(gallery):
    return gallery["plot_8_two_dimensions"]


@pytest.fixture(scope="module")
def data(script):
    return script.names["X"].numpy(), script.names["Y"].numpy()[:, 0]


def after(script, head, number):
    """The rows of a table, under the rule below its header."""
    lines = script.printed.splitlines()
    start = [line.split() for line in lines].index(head.split()) + 2
    return lines[start : start + number]


def solution(data, lambd):
    X, y = data
    model = Ridge(alpha=len(X) * lambd, fit_intercept=False, tol=1e-12)
    return model.fit(X, y).coef_


def lasso(data, lambd):
    model = Lasso(alpha=lambd, fit_intercept=False, tol=1e-14, max_iter=100_000)
    return model.fit(*data).coef_


def loss(data, w):
    X, y = data
    return ((X @ w - y) ** 2).mean() / 2


def outline(ax, level):
    """The points of the contour that is drawn at a level."""
    (drawn,) = (
        path
        for contours in ax.collections
        for path, at in zip(contours.get_paths(), contours.levels, strict=True)
        if at == pytest.approx(level, rel=1e-9)
    )
    return drawn.vertices


# -- The valley ---------------------------------------------------------------


def test_along_the_valley_decay_is_alone(script):
    starts = [(-3, 0.5), (1.5, 3.5), (-1, -3), (3, -0.5)]

    rows = after(script, "start λ = 0 predicted λ = 0.3", 4)
    for row, (w1, w2) in zip(rows, starts, strict=True):
        begin = (2 * w2 - w1) / math.sqrt(5)
        start, kept, predicted, run = row.split()
        assert agrees(start, begin)
        assert agrees(kept, begin)
        assert agrees(predicted, 0.97**200 * begin)
        assert agrees(run, 0.97**200 * begin)


def test_the_runs_in_the_valley_are_those_of_the_optimiser(script):
    x, y = torch.tensor([2.0, 1.0]).double(), 3.0

    for lambd, path in ((0, script.names["kept"]), (0.3, script.names["forgotten"])):
        w = path[0].clone().requires_grad_()  # four weights in one tensor
        optimizer = torch.optim.SGD([w], lr=0.1, weight_decay=lambd)
        for t in range(200):
            assert torch.allclose(path[t], w.detach(), atol=1e-12)
            optimizer.zero_grad()
            ((x @ w - y) ** 2 / 2).sum().backward()
            optimizer.step()


def test_what_is_said_of_the_valley(script):
    x = torch.tensor([2.0, 1.0]).double()
    kept, forgotten = script.names["kept"], script.names["forgotten"]

    # Without decay: at the bottom, in four places.
    assert torch.allclose(x @ kept[-1], torch.full((4,), 3.0).double())
    places = kept[-1].T
    assert float(torch.pdist(places).min()) > 0.2
    # With decay: across first, before the first dot, then all to one place.
    across = x @ forgotten - 3
    left = (across - across[-1]).abs()
    assert bool((left[10] < 0.01 * left[0]).all())
    assert float(torch.pdist(forgotten[-1].T).max()) < 0.02
    assert torch.allclose(x @ forgotten[-1] - 3, torch.tensor(-3 * 0.3 / 5.3).double())


def test_the_valley_is_drawn_with_one_scale_and_a_dot_at_each_tenth_step(script):
    figure = script.figures[0]

    for ax, path in zip(
        figure.axes, (script.names["kept"], script.names["forgotten"]), strict=True
    ):
        assert ax.get_aspect() == 1
        bottom = next(x for x in ax.get_lines() if x.get_color() == "#aaaaaa")
        for w1, w2 in bottom.get_xydata():
            assert 2 * w1 + w2 == pytest.approx(3)
        dots = [line for line in ax.get_lines() if line.get_marker() == "."]
        for j, line in enumerate(dots):
            assert numpy.allclose(line.get_xydata(), path[::10, :, j])


# -- The circle ---------------------------------------------------------------


def test_the_data_are_as_described(script, data):
    X, y = data

    assert X.shape == (20, 2)
    assert numpy.corrcoef(X.T)[0, 1] == pytest.approx(0.8, abs=0.05)
    noise = y - X @ numpy.array([1.8, 0.3])
    assert 0.3 < noise.std() < 0.7


def test_the_table_of_the_touching_points(script, data):
    X, y = data

    for row in after(script, "λ w₁ w₂ angle ‖∇L‖/‖w‖ best best", 3):
        lambd, w1, w2, angle, ratio, *best = row.split()
        w = solution(data, float(lambd))
        gradient = X.T @ (X @ w - y) / 20
        cosine = gradient @ w / numpy.linalg.norm(gradient) / numpy.linalg.norm(w)
        assert agrees(w1, w[0])
        assert agrees(w2, w[1])
        assert angle == "180°"
        assert cosine == pytest.approx(-1, abs=1e-12)
        assert agrees(ratio, numpy.linalg.norm(gradient) / math.hypot(*w))
        assert float(ratio) == float(lambd)
        turn = numpy.linspace(0, 2 * math.pi, 20_001)
        circle = math.hypot(*w) * numpy.array([numpy.cos(turn), numpy.sin(turn)])
        losses = ((X @ circle - y[:, None]) ** 2).mean(axis=0)
        place = circle[:, losses.argmin()]
        shown = [float(text) for text in best]
        assert shown == pytest.approx(place, abs=0.0075)
        assert place == pytest.approx(w, abs=1e-3)


def test_contour_and_circle_touch_as_they_are_drawn(script, data):
    for figure, position, lambd in ((1, 0, 0.5), (3, 0, 1)):
        ax = script.figures[figure].axes[position]
        w = solution(data, lambd)
        (circle,) = (patch for patch in ax.patches if hasattr(patch, "radius"))

        assert ax.get_aspect() == 1
        assert circle.radius == pytest.approx(math.hypot(*w))
        points = outline(ax, loss(data, w))
        distances = numpy.hypot(*points.T)
        # The contour is a polygon of a grid of 0.02: it stays outside, and touches.
        assert distances.min() == pytest.approx(circle.radius, abs=1e-3)
        assert points[distances.argmin()] == pytest.approx(w, abs=0.05)


def test_the_pulls_are_drawn_opposite_and_equal(script, data):
    w = solution(data, 0.5)
    arrows = [
        text
        for text in script.figures[1].axes[0].texts
        if getattr(text, "arrow_patch", None)
    ]

    for arrow in arrows:
        assert list(arrow.xyann) == pytest.approx(w)
    tips = [numpy.array(arrow.xy) for arrow in arrows]
    X, y = data
    gradient = X.T @ (X @ w - y) / 20
    decay, pull = sorted(tips, key=lambda tip: tip[0])
    assert pull - w == pytest.approx(-gradient)
    assert decay - w == pytest.approx(-0.5 * w)
    assert pull - w == pytest.approx(w - decay)


def test_the_path_starts_at_least_squares_and_one_weight_grows_on_it(script, data):
    X, y = data
    path = script.names["ridge_path"].numpy()
    best = LinearRegression(fit_intercept=False).fit(X, y).coef_

    assert path[:, 0] == pytest.approx(best)
    assert path[:, -1].tolist() == [0, 0]
    for k in range(0, 121, 20):
        assert path[:, 1 + k] == pytest.approx(solution(data, 10 ** (k / 20 - 3)))
    lengths = numpy.hypot(*path)
    assert (numpy.diff(lengths) < 0).all()
    assert path[1].max() > 2 * best[1]
    assert (numpy.diff(path[1][: path[1].argmax() + 1]) > 0).all()
    grey = next(
        line
        for line in script.figures[1].axes[0].get_lines()
        if line.get_color() == "#aaaaaa"
    )
    assert grey.get_xydata() == pytest.approx(path.T)


def test_what_is_kept_of_each_axis(script, data):
    X, _ = data
    _, s, axes = numpy.linalg.svd(X)
    rows = after(script, "axis d d/(d + λ) kept per step", 2)

    for row, k, name in zip(rows, (1, 0), ("long", "short"), strict=True):
        shown_name, d, formula, kept, factor = row.split()
        assert shown_name == name
        curvature = s[k] ** 2 / 20
        assert agrees(d, curvature)
        ratio = (axes[k] @ solution(data, 0.5)) / (axes[k] @ solution(data, 0))
        assert agrees(kept, ratio)
        assert agrees(formula, curvature / (curvature + 0.5))
        assert agrees(factor, 1 - 0.1 * (curvature + 0.5))


# -- The way there ------------------------------------------------------------


def test_every_run_ends_on_the_path(script, data):
    rows = after(script, "λ ridge start 1 start 2", 3)
    X, Y = script.names["X"], script.names["Y"]
    generator = torch.Generator().manual_seed(0)
    starts = 5 * torch.randn(2, 30, generator=generator).double()

    for row in rows:
        lambd, *shown = row.split()
        w = solution(data, float(lambd))
        assert len(shown) == 6
        for text, value in zip(shown, [*w, *w, *w], strict=True):
            assert float(text) == pytest.approx(value, abs=1e-3)
        # From any start: here from thirty more.
        end = script.names["descend"](X, Y, starts, float(lambd), steps=1000)[-1]
        assert torch.allclose(end, torch.tensor(w)[:, None].expand(2, 30), atol=1e-6)


def test_the_short_axis_is_settled_first_and_decay_makes_the_way_straighter(
    script, data
):
    X, _ = data
    axes = numpy.linalg.svd(X)[2]  # the short axis of the ellipse comes first
    detours = []

    for lambd, run in script.names["runs"].items():
        steps = run.numpy()
        left = axes @ (steps - solution(data, lambd)[None, :, None])
        short, long = numpy.abs(left / left[0])[10].max(axis=1)
        assert short < long
        way = numpy.hypot(*numpy.moveaxis(numpy.diff(steps, axis=0), 1, 0)).sum(axis=0)
        straight = numpy.hypot(*(steps[-1] - steps[0]))
        detours.append(way / straight)
    assert (numpy.diff(detours, axis=0) < 0).all()


def test_the_third_figure_shows_these_runs(script, data):
    ax = script.figures[2].axes[0]

    assert ax.get_aspect() == 1
    drawn = [line.get_xydata() for line in ax.get_lines()]
    for run in script.names["runs"].values():
        for j in range(2):
            assert any(
                line.shape == (601, 2) and numpy.allclose(line, run[:, :, j])
                for line in drawn
            )
    ends = [line.get_xydata()[0] for line in ax.get_lines() if line.get_marker() == "D"]
    for end, lambd in zip(ends, (0, 0.5, 2), strict=True):
        assert end == pytest.approx(solution(data, lambd))
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["λ = 0", "λ = 0.5", "λ = 2"]


# -- The diamond --------------------------------------------------------------


def test_soft_thresholding_moves_towards_zero_and_not_across(script):
    w = torch.tensor([-2.0, -0.5, 0.0, 0.3, 1.0])

    moved = script.names["soft_threshold"](w, 0.5)
    assert moved.tolist() == [-1.5, 0, 0, 0, 0.5]


def test_the_table_of_l1_and_l2(script, data):
    lines = script.printed.splitlines()
    (line,) = (line for line in lines if line.startswith("predicted: w₂ = 0"))
    w2_zero, w_zero = (float(part.split()[0]) for part in line.split("λ = ")[1:])

    # Where scikit-learn's coefficients become zero, by bisection.
    for shown, k in ((w2_zero, 1), (w_zero, 0)):
        low, high = 0.01, 5
        while high - low > 1e-6:
            middle = (low + high) / 2
            low, high = (low, middle) if lasso(data, middle)[k] == 0 else (middle, high)
        assert shown == pytest.approx(high, abs=6e-4)
    for row in after(script, "λ L1: w₁ w₂ L2: w₁ w₂", 7):
        texts = row.split()
        lambd = float(texts[0])
        # The third and the fourth λ are printed rounded.
        exact = min(script.names["lambdas"], key=lambda x: abs(x - lambd))
        assert agrees(texts[0], exact)
        l1, l2 = lasso(data, exact), solution(data, exact)
        shown = [float(text) for text in texts[1:]]
        assert shown == pytest.approx([*l1, *l2], rel=1e-3)
        assert (texts[2] == "0") == (l1[1] == 0)
        assert (texts[1] == "0") == (l1[0] == 0)
    # "In this data set none would come at any λ": w is (G₂₂ + λ, −G₂₁; −G₂₁, G₁₁ + λ) c
    # over a positive determinant, so each weight is of the form a + λc, and rises in λ.
    X, y = data
    G, c = X.T @ X / len(X), X.T @ y / len(X)
    assert c[0] > c[1] > 0
    assert G[1, 1] * c[0] > G[0, 1] * c[1]
    assert G[0, 0] * c[1] > G[0, 1] * c[0]
    for exponent in range(-3, 12):
        assert (solution(data, 10.0**exponent) > 0).all()


def test_the_diamond_is_touched_at_its_corner(script, data):
    ax = script.figures[3].axes[1]
    w = lasso(data, 1)
    (diamond,) = ax.patches

    assert ax.get_aspect() == 1
    assert w[1] == 0
    assert numpy.abs(diamond.get_xy()).sum(axis=1) == pytest.approx(w[0])
    points = outline(ax, loss(data, w))
    lengths = numpy.abs(points).sum(axis=1)
    assert lengths.min() == pytest.approx(w[0], abs=3e-3)
    assert points[lengths.argmin()] == pytest.approx(w, abs=0.05)


def test_the_l1_path_runs_into_the_axis_and_stays(script, data):
    path = script.names["l1_path"].numpy()
    strengths = numpy.linspace(0, 2.2, 111)

    for k in range(10, 111, 10):
        assert path[:, k] == pytest.approx(lasso(data, strengths[k]), abs=1e-6)
    on_axis = path[1] == 0
    assert on_axis.tolist() == sorted(on_axis)
    assert 20 < on_axis.argmax() < 30
