r"""
Late understanding
==================

A linear model fits its examples early and forgets its start much later, which looks
like late understanding.

In 2022 Power et al. trained a small network on tables of modular arithmetic. It soon
knew the training examples, and the others only long after. They called it **grokking**,
and found that weight decay helps it. Our 20 examples with 200 inputs show such a wait
too, and here its length can be computed:

.. math:: \frac12 \lVert P_\perp w_t\rVert^2 = \frac12 \lVert P_\perp w_0\rVert^2
   (1-\eta\lambda)^{2t} \approx 90\, e^{-2\eta\lambda t} .

This is the part of the test loss that comes from the start, in the 180 directions that
the examples do not see; see :ref:`the forgotten start
<sphx_glr_auto_examples_plot_3_forgotten_start.py>`. It passes 1 at the step :math:`t =
\ln 90 / (2\eta\lambda)`. The training loss does not contain these directions at all.
"""

# %%
# Two times, one formula
# ----------------------
# We call the examples *learned* when the training loss passes 0.001, about a tenth of
# what a constant reaches there, and the start *forgotten* when the test loss passes 1.
# For the second time we have the formula. For the first, compare λ with the curvature
# of the loss in the directions that the examples see: a small λ is nothing beside it.

import math

import matplotlib.pyplot as plt
import torch
from tabulate import tabulate

from weight_decay import ridge, synthetic_data
from weight_decay.plotting import TEST, TRAIN, book_style
from weight_decay.sweep import sweep

lr = 0.003
lambdas = (0.1, 0.3, 1, 3)


def predicted_step(lambd, scale=1):
    """Return the step at which a start of that scale is forgotten."""
    return math.log(90 * scale**2) / (2 * lr * lambd)


rows = [[lambd, predicted_step(lambd)] for lambd in (0.01, *lambdas)]
print(tabulate(rows, ["λ", "forgotten at step"], floatfmt=("g", ".0f")))
exact = [synthetic_data(seed=seed, dtype=torch.float64) for seed in range(6)]
problem = exact[0]
curvature = torch.linalg.eigvalsh(problem.X_train @ problem.X_train.T / 20)
print(f"curvature: smallest {curvature[0]:.2f}, mean {curvature.mean():.2f}")

# %%
# Run: one λ, a hundred thousand steps
# ------------------------------------
# For the full batch every step has a formula, one factor for each direction
# (:ref:`every direction at once <every-direction>`). So λ = 0.1 can be followed for 100
# 000 steps at once. We also run minibatches for 5000 epochs, four λ on six data sets.

problems = [synthetic_data(seed=seed) for seed in range(6)]
runs = sweep(problems, lambdas, lr=lr, epochs=5000)
run_steps = [4 * epoch for epoch in runs.epochs]

w_start, b_start = runs.w_init.double(), torch.zeros(1, dtype=torch.float64)


def losses(steps, lambd, scale=1, seed=0):
    """Return both losses after these numbers of full-batch steps."""
    problem, start = exact[seed], scale * w_start[seed]
    w, b = ridge.trajectory(problem, lambd, lr, steps, start, b_start)
    data = (problem.X_train, problem.y_train), (problem.X_test, problem.y_test)
    return [((X @ w + b[:, None] - y) ** 2 / 2).mean((1, 2)) for X, y in data]


steps = [round(10 ** (k / 60)) for k in range(301)]
train_loss, test_loss = losses(steps, 0.1)
rival = problem.y_test - problem.y_train.mean()
mean_of_targets = float((rival**2 / 2).mean())

# %%
# Grey is the prediction. Curves are the closed form, markers the run on minibatches.
# The thin line is the mean of the training targets, a model without inputs.

with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 4))
    t = torch.tensor(steps, dtype=torch.float64)
    start_alone = 90 * (1 - lr * 0.1) ** (2 * t)
    far = start_alone > 1e-3
    ax.plot(t[far], start_alone[far], color="#aaaaaa", linewidth=4)
    ax.axvline(predicted_step(0.1), color="#aaaaaa", linewidth=4)
    shown = [round(5 * 10 ** (k / 6)) // 5 - 1 for k in range(19)]
    for look, curve, points in (
        (TRAIN, train_loss, runs.train_loss[0, 0]),
        (TEST, test_loss, runs.test_loss[0, 0]),
    ):
        ax.plot(steps, curve, **{**look, "marker": "", "label": None})
        marks = [run_steps[k] for k in shown], points[shown]
        ax.plot(*marks, **{**look, "linestyle": ""})
    ax.set(xscale="log", yscale="log", ylim=(3e-7, 400), xlim=(1, 1e5))
    ax.set(xlabel="step", ylabel="mean loss (half squared error)")
    ax.axhline(mean_of_targets, color="black", linewidth=0.8)
    ax.text(1.2, 1.2 * mean_of_targets, "mean of the targets")
    ax.text(predicted_step(0.1), 2e-5, "predicted  ", ha="right")
    ax.set_title("The examples are learned early, the start is forgotten late")
    ax.legend(loc="lower left")
plt.show()

# %%
# On these axes it looks like an event: for thousands of steps nothing, then a fall.
#
# Four λ, six data sets
# ---------------------


def crossing(steps, loss, level):
    """Return the step at which the loss falls below the level for good."""
    k = int((loss > level).nonzero()[-1])
    before, after = (math.log(float(loss[j]) / level) for j in (k, k + 1))
    part = before / (before - after)  # straight in the logarithm
    return steps[k] + part * (steps[k + 1] - steps[k])


learned, forgotten, rows = [], [], []
for i, lambd in enumerate(lambdas):
    train, test = runs.train_loss[i], runs.test_loss[i]
    learned.append([crossing(run_steps, loss, 0.001) for loss in train])
    forgotten.append([crossing(run_steps, loss, 1) for loss in test])
    steps_of = forgotten[i], learned[i]
    times = [f"{min(x):.0f} to {max(x):.0f}" for x in steps_of]
    end = float(train[:, -1].mean())
    rows.append([lambd, predicted_step(lambd), *times, end])
    for step in forgotten[i]:
        assert abs(step / predicted_step(lambd) - 1) < 0.1
columns = ["λ", "predicted", "forgotten", "learned", "train"]
print(tabulate(rows, columns, floatfmt=("g", ".0f", "", "", ".1e")))

# %%
# ("train" is the training loss at the end.)

with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    fine = [10 ** (k / 20) for k in range(-22, 12)]
    line = [predicted_step(lambd) for lambd in fine]
    ax.plot(fine, line, color="#aaaaaa", linewidth=4)
    for times, look in ((learned, TRAIN), (forgotten, TEST)):
        for lambd, seeds in zip(lambdas, times, strict=True):
            points = [lambd] * len(seeds), seeds
            ax.plot(*points, **{**look, "linestyle": "", "label": None})
    ax.text(0.13, 1e4, "test loss passes 1")
    ax.text(0.13, 100, "train loss passes 0.001", va="top")
    ax.set(xscale="log", yscale="log", ylim=(40, 3e4))
    ax.set(xlabel="λ", ylabel="step")
    ax.set_title("A tenth of the decay means ten times the delay")
plt.show()

# %%
# We fitted no number. All 24 runs keep to the prediction within 10 %.
#
# With λ = 0.1 and 0.3 the examples are learned at nearly the same step. But decay holds
# the fit away from the targets: a few runs with λ = 1 or 3 pass 0.001 late.
#
# For which λ is it late?
# -----------------------
# Within T steps the start must be forgotten and the examples learned. Ridge leaves the
# share :math:`\lambda/(d+\lambda)` of the targets in a direction with curvature d. Our
# level is a tenth of the loss of a constant, so the share must be below
# :math:`1/\sqrt{10}`. With the mean curvature :math:`\bar d`:
#
# .. math:: \frac{\ln 90}{2\eta T} < \lambda < \frac{\bar d}{\sqrt{10} - 1} .

T = 20_000
low = math.log(90) / (2 * lr * T)
high = float(curvature.mean()) / (10**0.5 - 1)
print(f"predicted: {low:.4f} < λ < {high:.2f}")

# %%
# In how many of six data sets are the examples learned, the start forgotten, and both
# in this order?

until = [*(step for step in steps if step < T), T]


def last(loss, level):
    """Return the last step at which a loss is above a level."""
    return until[int((loss > level).nonzero()[-1])]


rows = []
for lambd in (0.01, 0.03, 0.05, 0.1, 1, 2, 3, 4, 5, 6, 8, 100):
    found = []
    for seed in range(6):
        on_train, on_test = losses(until, lambd, seed=seed)
        train, test = last(on_train, 0.001), last(on_test, 1)
        found.append((train < T, test < T, train < test < T))
    rows.append([lambd, *map(sum, zip(*found, strict=True))])
print(tabulate(rows, ["λ", "learned", "forgotten", "late"]))

# %%
# The lower end is sharp. The upper one is spread, and below it some data sets have the
# other order. In modular addition Manir and Rupa (2026) find such a range, but there
# too large a λ prevents generalisation. Here the test loss still passes 1, even with
# λ = 100.
#
# A smaller start, a shorter wait
# -------------------------------
# What comes late is forgetting. With less to forget there is less to wait for: from
# :math:`s\,w_0` the crossing is at :math:`\ln(90 s^2) / (2\eta\lambda)`, and for s
# below 0.105 there is none.

even = range(0, 20_001, 20)
rows = []
for scale in (3, 1, 0.3):
    step = crossing(even, losses(even, 0.1, scale)[1], 1)
    rows.append([scale, predicted_step(0.1, scale), step])
print(tabulate(rows, ["s", "predicted", "run"], floatfmt=("g", ".0f", ".0f")))
assert losses([0], 0.1, 0.1)[1] < 1

# %%
# Liu et al. (2023) find the same in deep networks: a large start brings grokking about
# on ordinary data, and weights that are held small take it away.
#
# How sudden is it?
# -----------------
# Not at all. The logarithm of the loss falls along a straight line, from the first step
# on. It looks sudden because a logarithmic axis presses thousands of steps together,
# and because a score is blind until the errors reach its threshold. Count a test
# example as right if the error is below 1. The errors are about normal, with the
# standard deviation :math:`\sqrt{180}\,(1-\eta\lambda)^t`, so this score can be
# predicted too.

w, b = ridge.trajectory(problem, 0.1, lr, steps, w_start[0], b_start)
errors = (problem.X_test @ w + b[:, None] - problem.y_test).abs()
score = 100 * (errors < 1).double().mean((1, 2))
spread = 180**0.5 * (1 - lr * 0.1) ** t

# %%
# Grey is the prediction.

with book_style():
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.6))
    predicted_score = 100 * torch.erf(1 / spread / 2**0.5)
    left.plot(t, predicted_score, color="#aaaaaa", linewidth=4)
    left.plot(steps, score, color=TEST["color"])
    left.set(xscale="log", xlabel="step (logarithmic)", xlim=(10, 1e5))
    left.set_ylabel("right test examples (%)")
    start_alone = [90 * (1 - lr * 0.1) ** (2 * k) for k in even]
    right.plot(even, start_alone, color="#aaaaaa", linewidth=4)
    right.plot(even, losses(even, 0.1)[1], color=TEST["color"])
    right.set(xlabel="step", ylabel="test loss (half squared error)")
    right.set(yscale="log", xlim=(0, 20_000), ylim=(3e-3, 300))
    right.set_xticks([0, 10_000, 20_000])
    title = "The same run, as an event and as a steady fall"
    fig.suptitle(title, x=0.01, ha="left", size=12)
plt.show()

# %%
# Levi et al. (2023) showed this for linear models with Gaussian inputs, which ours is:
# the jump in accuracy can be a matter of the measure.
#
# What has been understood?
# -------------------------
# Little. Compare the end with the mean of the training targets, and with training on
# five times as many examples. The last column is the mean over true weights of this
# length and all test examples, in closed form.

end = float(losses([200_000], 0.1)[1])
length = float(torch.linalg.vector_norm(problem.w_true))
on_average = ridge.expected_risk(problem.X_train, 0.1, 0.01, length)
mean_on_average = (length**2 + 0.01**2) / 2 * (1 + 1 / 20)
X_100 = synthetic_data(100, dtype=torch.float64).X_train
with_100 = ridge.expected_risk(X_100, 0.1, 0.01, length)
rows = [
    ["end, λ = 0.1", end, on_average],
    ["mean of the targets", mean_of_targets, mean_on_average],
    ["100 examples", "", with_100],
]
print(tabulate(rows, ["", "this test set", "average"], floatfmt=".5f"))
right = 100 * float((rival.abs() < 1).double().mean())
print(f"right within 1: end {float(score[-1]):.0f} %, mean {right:.0f} %")

# %%
# What to see, and how far it holds
# ---------------------------------
# The test loss falls by four orders of magnitude, late, and ends a little below that of
# the mean of the targets, which has the full score from the beginning. "Understanding"
# is the wrong word here: the model forgets a start that it never needed. With 100
# examples half of the rule is within reach, and the end has about half the loss.
#
# The times hold for a linear model with a quadratic loss. For deeper networks Lyu et
# al. (2024) prove that with a large start and a small decay training can stay for long
# at one solution and then move quickly to another, better or worse. Xu, Vardi and
# Safran (2026) bound the wait for ridge regression, our setting. So forgetting can
# explain when understanding seems to come. What is left when the start is gone depends
# on the data: here hardly more than a constant, in the tables of Power et al. the rule
# itself. (All sources are in the :ref:`bibliography <bibliography>`.)
