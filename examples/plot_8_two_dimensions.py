r"""
The picture in two dimensions
=============================

With two entries in the weight, loss, penalty and every path can be drawn on one sheet.

The loss becomes contours, like the heights on a map, the penalty a circle, and a
training run a path. There is no bias here. The objective is

.. math::

   J(w) = L(w) + \lambda \cdot \tfrac12 \lVert w \rVert_2^2,

.. math::

   L(w) = \frac1n \sum_{i=1}^n \tfrac12 (x_i^\top w - y_i)^2 .
"""

# %%
# One example, two entries: the whole book in one picture
# -------------------------------------------------------
# The smallest case of fewer examples than entries: the equation :math:`2 w_1 + w_2 = 3`
# fixes a line, and on all of it the loss is zero. On the map it is the bottom of a
# valley. Here is gradient descent with decay, for several starts at once, one in each
# column of ``w``.

import math

import matplotlib.pyplot as plt
import torch
from tabulate import tabulate

from weight_decay.plotting import COLOURS, book_style


def gradient(X, y, w):
    """Return the gradient of the loss L at each column of w."""
    return X.T @ (X @ w - y) / len(X)


def descend(X, y, w, lambd, lr=0.1, steps=200):
    """Return the path of gradient descent with decay, step by step."""
    path = [w]
    for _ in range(steps):
        w = (1 - lr * lambd) * w - lr * gradient(X, y, w)
        path.append(w)
    return torch.stack(path)


x = torch.tensor([[2, 1]], dtype=torch.float64)
y = torch.tensor([[3]], dtype=torch.float64)
starts = torch.tensor([[-3, 1.5, -1, 3], [0.5, 3.5, -3, -0.5]]).double()
valley = torch.tensor([-1, 2]).double() / 5**0.5  # at a right angle to x

# %%
# The gradient is a multiple of :math:`x`, so no step of the data moves the weight along
# the valley. The prediction: what is there at the start is multiplied by
# :math:`1-\eta\lambda` in each step, and by nothing else.

kept, forgotten = (descend(x, y, starts, lambd) for lambd in (0, 0.3))
ends = kept[0], kept[-1], forgotten[-1]
begin, without, with_decay = ((valley @ w).tolist() for w in ends)
predicted = [(1 - 0.1 * 0.3) ** 200 * part for part in begin]
rows = list(zip(begin, without, predicted, with_decay, strict=True))
columns = ["start", "λ = 0", "predicted", "λ = 0.3"]
print("along the valley, after 200 steps")
print(tabulate(rows, columns, floatfmt=(".3f", ".3f", ".4f", ".4f")))
assert torch.allclose(valley @ kept[-1], valley @ kept[0], atol=1e-12)

# %%
# The prediction for λ = 0 is the first column. We draw the loss as contours, and the
# runs with a dot at every tenth step.


def contours(ax, X, y, levels, size, color="#bbbbbb"):
    """Draw the loss as contours, with both axes to the same scale."""
    left, right, bottom, top = size
    w1, w2 = torch.meshgrid(
        torch.linspace(left, right, 201).double(),
        torch.linspace(bottom, top, 201).double(),
        indexing="xy",
    )
    w = torch.stack([w1.flatten(), w2.flatten()])
    loss = ((X @ w - y) ** 2 / 2).mean(dim=0).view_as(w1)
    ax.contour(w1, w2, loss, levels=levels, colors=color, linewidths=1)
    ax.plot(0, 0, "+", color="black", markersize=10)
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="$w_1$")
    ax.set_aspect("equal")
    ax.grid(visible=False)


with book_style():
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.9), sharey=True)
    for ax, path, lambd in zip(axes, (kept, forgotten), (0, 0.3), strict=True):
        contours(ax, x, y, [0.5, 2, 4.5, 8, 12.5], (-3.6, 3.6, -3.6, 4.6))
        ax.plot([-0.8, 3.3], [4.6, -3.6], color="#aaaaaa", linewidth=5)
        for j in range(4):
            ax.plot(*path[:, :, j].T, color="black", linewidth=1.2)
            ax.plot(*path[::10, :, j].T, ".", color="black")
            ax.plot(*starts[:, j], "o", color=COLOURS["orange"], markersize=7)
        ax.set_title(f"λ = {lambd}", loc="center")
    axes[0].set_ylabel("$w_2$")
    title = "Only decay moves a weight along the valley"
    fig.suptitle(title, x=0.01, ha="left", fontsize=12)
plt.show()

# %%
# Grey, broad: the bottom of the valley. Orange: the starts. Without decay each run goes
# straight down and stops at the bottom, in four different places. With decay a run
# first falls to the bottom. Then it creeps along the valley, slower and slower, and all
# four meet: the start is forgotten. They meet a little beside the bottom, because decay
# pulls across the valley too.
#
# In the problem of this book 20 equations fix 20 directions of 200, and the valley has
# 180 dimensions.
#
# Where the contour touches the circle
# ------------------------------------
# Now 20 examples and two inputs that go together: their correlation is about 0.8.
# The loss has one minimum, least squares, and its contours are long ellipses. The
# minimum of :math:`J` we call :math:`w_\lambda`. There the gradient is zero:
#
# .. math::
#
#    \nabla L(w_\lambda) = -\lambda\, w_\lambda .
#
# So the contour of :math:`L` through :math:`w_\lambda` and the circle around 0 through
# the same point should touch. (The seed 18 makes the bend in the path below easy to
# see.)

generator = torch.Generator().manual_seed(18)
drawn = torch.randn(20, 3, generator=generator).double()
X, noise = drawn[:, :2], drawn[:, 2:]
X[:, 1] = 0.8 * X[:, 0] + 0.6 * X[:, 1]
Y = X @ torch.tensor([[1.8], [0.3]]).double() + 0.5 * noise


def ridge(lambd):
    """Return the minimum of L + λ · ½‖w‖²."""
    system = X.T @ X / len(X) + lambd * torch.eye(2, dtype=X.dtype)
    return torch.linalg.solve(system, X.T @ Y / len(X))


def loss(w):
    """Return the loss L at each column of w."""
    return ((X @ w - Y) ** 2 / 2).mean(dim=0)


rows = []
for lambd in (0.1, 0.5, 2):
    w = ridge(lambd)
    g = gradient(X, Y, w)
    cosine = float(g.T @ w / g.norm() / w.norm())
    turn = torch.linspace(0, 2 * math.pi, 3601).double()[:-1]
    circle = w.norm() * torch.stack([turn.cos(), turn.sin()])
    best = circle[:, loss(circle).argmin()]
    angle = f"{math.degrees(math.acos(max(cosine, -1))):.0f}°"
    ratio = float(g.norm() / w.norm())
    rows.append([lambd, *w[:, 0].tolist(), angle, ratio, *best.tolist()])
    assert torch.allclose(g, -lambd * w)
columns = ["λ", "w₁", "w₂", "angle", "‖∇L‖/‖w‖", "best", "best"]
floats = ("g", ".3f", ".3f", "", ".3f", ".2f", ".2f")
print(tabulate(rows, columns, floatfmt=floats))

# %%
# The gradient of a loss stands at a right angle to its contour; the direction of
# :math:`w` stands at a right angle to the circle. At :math:`w_\lambda` the two lie on
# one line (180° apart), so contour and circle *touch*, and λ is the ratio of their
# lengths. The last two columns are an independent check: a search of the circle. Of all
# weights of this length, :math:`w_\lambda` has the smallest loss.

least_squares, touching = ridge(0), ridge(0.5)
strengths = [10 ** (k / 20) for k in range(-60, 61)]
ridge_path = torch.cat([ridge(lambd) for lambd in strengths], dim=1)
ridge_path = torch.cat([least_squares, ridge_path, 0 * touching], dim=1)
levels = [float(loss(least_squares)) + rise for rise in (0.05, 0.6, 1.2, 2.2)]


def draw_map(ax, w, size):
    """Draw contours of the loss, one of them through w, and least squares."""
    contours(ax, X, Y, levels, size)
    ax.plot(*least_squares, "x", color="black", markersize=8, mew=2)
    if w is not None:
        contours(ax, X, Y, [float(loss(w))], size, "black")


with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 4.9))
    ax.plot(*ridge_path, color="#aaaaaa", linewidth=5)
    draw_map(ax, touching, (-1.5, 3.1, -1.5, 1.9))
    outline = {"fill": False, "color": COLOURS["green"], "linewidth": 1.8}
    ax.add_patch(plt.Circle((0, 0), float(touching.norm()), **outline))
    pull = {"arrowstyle": "->", "linewidth": 2, "color": COLOURS["purple"]}
    for sign in (-1, 1):  # −λw and −∇L, which is λw
        end = touching + sign * 0.5 * touching
        ax.annotate("", end[:, 0], touching[:, 0], arrowprops=pull)
    ax.plot(*touching, "D", color=COLOURS["purple"], markersize=7)
    ax.text(0.98, 0.68, "$w_λ$ for λ = 0.5", ha="right", color="#a04a7d")
    ax.text(1.72, 1.09, "pull of the data", color="#a04a7d")
    ax.text(0.55, 0.03, "pull of\nthe decay", color="#a04a7d")
    ax.text(2.05, 0.22, "least squares")
    ax.text(-0.9, -0.75, "‖$w$‖ = ‖$w_λ$‖", color="#007a58")
    ax.set_ylabel("$w_2$")
    ax.set_title("The contour touches the circle at the ridge solution")
plt.show()

# %%
# As λ grows, the grey path runs from least squares to the origin. At each point of it
# the two pulls balance.
#
# The path is not straight. At its beginning, while the whole weight gets shorter,
# :math:`w_2` *grows*. λ does not act on :math:`w_1` and :math:`w_2` one by one. It acts
# on the axes of the ellipse. Along an axis of curvature :math:`d` it keeps
# :math:`d/(d+\lambda)` of least squares. So it first takes away the long axis, along
# which the data say little. And a step multiplies what is still missing by
# :math:`1-\eta(d+\lambda)`.

curvature, axes_of_ellipse = torch.linalg.eigh(X.T @ X / len(X))
rows = []
for k, name in enumerate(("long", "short")):
    d, v = float(curvature[k]), axes_of_ellipse[:, k]
    share = float(v @ touching) / float(v @ least_squares)
    rows.append([name, d, d / (d + 0.5), share, 1 - 0.1 * (d + 0.5)])
columns = ["axis", "d", "d/(d + λ)", "kept", "per step"]
print(tabulate(rows, columns, floatfmt=".3f"))

# %%
# Training ends on the path
# -------------------------
# Now we train, from two starts and with three values of λ. The prediction: each run
# settles the short axis first and ends at the point of its λ.

starts = torch.tensor([[-1.1, 2.6], [1.7, -1.2]]).double()
runs = {k: descend(X, Y, starts, k, steps=600) for k in (0, 0.5, 2)}
rows = []
for lambd, run in runs.items():
    points = ridge(lambd)[:, 0], run[-1, :, 0], run[-1, :, 1]
    rows.append([lambd, *(x for w in points for x in w.tolist())])
    assert torch.allclose(run[-1], ridge(lambd).expand(2, 2), atol=1e-3)
columns = ["λ", "ridge", "", "start 1", "", "start 2", ""]
print(tabulate(rows, columns, floatfmt=("g", *6 * [".3f"])))

# %%
# Orange: the starts. Diamonds: the three points.

with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 4.9))
    draw_map(ax, None, (-1.5, 3.1, -1.5, 2.2))
    ax.plot(*ridge_path, color="#aaaaaa", linewidth=5)
    for (lambd, run), look in zip(runs.items(), ("-", "--", ":"), strict=True):
        for j in range(2):
            label = f"λ = {lambd}" if j == 0 else None
            ax.plot(*run[:, :, j].T, look, color="black", label=label)
        ax.plot(*ridge(lambd), "D", color=COLOURS["purple"], markersize=7)
    ax.plot(*starts, "o", color=COLOURS["orange"], markersize=8)
    ax.legend(loc="lower left")
    ax.set_ylabel("$w_2$")
    ax.set_title("From any start a run ends at its point of the ridge path")
plt.show()

# %%
# The larger λ is, the straighter is the way: decay adds the same speed to both axes, so
# they differ less. The start is forgotten on each axis at the rate :math:`d+\lambda`.
# In the valley above, :math:`d` was zero, and λ had to do it alone.
#
# L1: a diamond in place of the circle
# ------------------------------------
# Replace the penalty by :math:`\lambda \lVert w \rVert_1 = \lambda(|w_1| + |w_2|)`.
# After a step of the data to :math:`a`, an entry goes to the minimum of
# :math:`\tfrac12 (w - a)^2 + \eta\lambda |w|`. If that is positive, its slope there,
# :math:`w - a + \eta\lambda`, is zero, so :math:`w = a - \eta\lambda`, which needs
# :math:`a > \eta\lambda`. For negative entries it is the same with the other sign, and
# in between :math:`w = 0`. This is called **soft thresholding**. Decay multiplies; soft
# thresholding subtracts, and stops at zero.


def soft_threshold(w, amount):
    """Move each entry towards zero by the amount, at most to zero."""
    return w.sign() * (w.abs() - amount).clamp(min=0)


def descend_l1(X, y, lambd, lr=0.1, steps=1000):
    """Return the minimum of L + λ · ‖w‖₁, for each λ in a row."""
    w = torch.zeros(X.shape[1], len(lambd), dtype=X.dtype)
    for _ in range(steps):
        w = soft_threshold(w - lr * gradient(X, y, w), lr * lambd)
    return w


# %%
# From which λ on is :math:`w_2` exactly zero? With :math:`G = X^\top X/n` and
# :math:`c = X^\top y/n` the data pull on the weight with :math:`-\nabla L(w) = c - Gw`.
#
# - Suppose that :math:`w_2 = 0`. A positive :math:`w_1` rests where its pull is λ:
#   :math:`c_1 - G_{11} w_1 = \lambda`, which gives :math:`w_1 = (c_1-\lambda)/G_{11}`.
# - As long as the pull on :math:`w_2`, then :math:`c_2 - G_{21} w_1`, is at most λ, the
#   penalty holds :math:`w_2` at zero. Set it equal to λ and solve for λ.
# - From :math:`\lambda = c_1` on, :math:`w_1` is zero too (:math:`c_1 > c_2` here).

(G11, _), (G21, _) = (X.T @ X / len(X)).tolist()
c1, c2 = (X.T @ Y / len(X))[:, 0].tolist()
w2_zero = (c2 - G21 * c1 / G11) / (1 - G21 / G11)
assert c1 > c2
print(f"predicted: w₂ = 0 from λ = {w2_zero:.3f} on, w₁ from λ = {c1:.3f} on")

lambdas = [0.1, 0.4, 0.99 * w2_zero, 1.01 * w2_zero, 1, 2, 1.01 * c1]
l1 = descend_l1(X, Y, torch.tensor(lambdas, dtype=X.dtype))
rows = []
for lambd, (w1, w2) in zip(lambdas, l1.T.tolist(), strict=True):
    rows.append([lambd, w1, w2, *ridge(lambd)[:, 0].tolist()])
    assert (w2 == 0) == (lambd > w2_zero)
columns = ["λ", "L1: w₁", "w₂", "L2: w₁", "w₂"]
print(tabulate(rows, columns, floatfmt=(".3f", *4 * [".4g"])))

# %%
# The printed 0 is exactly zero. L2 has no zero in its columns, and in this data set
# none would come at any λ. For the picture we take λ = 1 in both cases. (The λ of L1
# has another unit, so 1 is not the same strength in both.)

l1_path = descend_l1(X, Y, torch.linspace(0, 2.2, 111).double())
corner = descend_l1(X, Y, torch.ones(1).double())
with book_style():
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.7), sharey=True)
    solutions = ((ridge(1), ridge_path), (corner, l1_path))
    for ax, (w, path) in zip(axes, solutions, strict=True):
        draw_map(ax, w, (-1.35, 2.3, -1.6, 1.9))
        ax.plot(*path, color="#aaaaaa", linewidth=5)
        ax.plot(*w, "D", color=COLOURS["purple"], markersize=7)
    axes[0].add_patch(plt.Circle((0, 0), float(ridge(1).norm()), **outline))
    r = float(corner.abs().sum())
    corners = [(r, 0), (0, r), (-r, 0), (0, -r)]
    axes[1].add_patch(plt.Polygon(corners, **outline))
    axes[0].set_title("L2", loc="center")
    axes[1].set_title("L1", loc="center")
    axes[0].set_ylabel("$w_2$")
    title = "The diamond is touched at a corner, and there an entry is zero"
    fig.suptitle(title, x=0.01, ha="left", fontsize=12)
plt.show()

# %%
# What to see, and how far it holds
# ---------------------------------
# A circle has no corners, so a contour touches it anywhere, and both entries stay
# non-zero. The diamond has its corners on the axes, and contours touch it there for a
# whole range of λ: the L1 path runs into the axis and stays on it. That zero is exact,
# but it is not the truth. The true weight was (1.8, 0.3).
#
# - That contour and circle touch holds for every data set and in any number of
#   dimensions.
# - That a run ends there from any start holds if λ > 0, or if there is no valley, and
#   if :math:`\eta(d_{\max}+\lambda) < 2`.
# - L2 sets an entry to zero by accident only, at one single λ. L1 does it as a rule.
#   :ref:`L1 or L2? <question-l1>` tells when to want that.
