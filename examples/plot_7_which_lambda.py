r"""
Which λ?
========

The best λ answers a question about time and another about noise.

How long must a run last to forget its start? And how noisy are the targets? Each
question has a λ of its own, and both can be written down before any training:

.. math::

   \lambda_c \approx \frac{1}{2 \eta T} \ln \frac{90}{0.01}
   \qquad\text{and}\qquad
   \lambda^* = \frac{p\,\sigma^2}{n\,\lVert w^*\rVert_2^2} .

Here T is the number of steps, p the number of inputs and n of examples, and c stands
for cliff: 90 is the loss of the start, 0.01 that of a model without inputs.
"""

# %%
# Predict the cliff
# -----------------
# In 180 of the 200 directions decay is the only force (:ref:`the forgotten start
# <sphx_glr_auto_examples_plot_3_forgotten_start.py>`). There :math:`(1-\eta\lambda)^T`
# of the start is left after :math:`T` steps, so it adds about
# :math:`\tfrac12 \cdot 180\,(1-\eta\lambda)^{2T}` to the test loss. The rival is a
# model that looks at no input, the mean of the n training targets. Its expected test
# loss is :math:`\tfrac12(\lVert w^*\rVert_2^2 + \sigma^2)(1 + 1/n)`, about 0.01. At
# :math:`\lambda_c` the two are nearly equal: there the cliff must end.

import math

import matplotlib.pyplot as plt
import torch
from tabulate import tabulate

from weight_decay import ridge, scratch, synthetic_data
from weight_decay.plotting import COLOURS, book_style
from weight_decay.sweep import sweep

n, p, sigma, lr, steps = 20, 200, 0.01, 0.003, 400
w_norm = 0.01 * p**0.5
rival = (w_norm**2 + sigma**2) / 2 * (1 + 1 / n)


def start_left(lambd, steps=steps):
    """Return what a random start still adds to the test loss."""
    return 90 * (1 - lr * lambd) ** (2 * steps)


lambda_c = math.log(90 / rival) / (2 * lr * steps)
lambda_star = ridge.best_lambda(n, p, sigma, w_norm)
print(f"test loss of the mean of the targets: {rival:.5f}")
left = start_left(lambda_c)
print(f"time:   λ_c = {lambda_c:.2f}, the start adds {left:.5f}")
print(f"noise:  λ*  = {lambda_star:.2f}")

# %%
# So the test loss should stop falling near :math:`\lambda_c`, the smallest of all
# should be far to the left of it, and from a start at zero there should be no cliff.
#
# One hundred data sets, 35 values of λ
# -------------------------------------
# Each data set has its own random start and its own batches. We know the truth, so we
# take the mean loss over all possible test examples. For inputs from N(0, I) it is
# exactly
#
# .. math::
#
#    \tfrac12 \left( \lVert w - w^* \rVert_2^2 + (b - b^*)^2 + \sigma^2 \right).


def squared_errors(result):
    """Return ‖w − w*‖² and (b − b*)² of all runs, one row for each λ."""
    rows, columns = range(len(result.lambdas)), range(len(result.seeds))
    w = torch.stack([result.weight(i, j) for i in rows for j in columns])
    w_error = (w.double() - 0.01).square().sum(dim=(1, 2))
    return w_error.view_as(result.b), (result.b.double() - 0.05).square()


problems = [synthetic_data(seed=seed) for seed in range(100)]
lambdas = [0] + [10 ** (k / 8) for k in range(-12, 22)]
zero, true_bias = torch.zeros(p, 1), torch.tensor([0.05])

w_error, b_error = squared_errors(sweep(problems, lambdas))
random_start = ((w_error + b_error + sigma**2) / 2).mean(dim=1)
from_zero = squared_errors(sweep(problems, lambdas, w_init=zero))
zero_start = ((sum(from_zero) + sigma**2) / 2).mean(dim=1)
end_of_training = sum(
    ridge.expected_risk(problem.X_train, lambda_star, sigma, w_norm)
    for problem in problems
) / len(problems)

# %%
# Prediction and runs at five values of λ:

rows = []
for lambd in (0, 0.1, 1, 10, 100):
    i = lambdas.index(lambd)
    runs = float(random_start[i]), float(zero_start[i])
    rows.append([lambd, start_left(lambd) + rival, *runs])
columns = ["λ", "predicted", "random start", "from zero"]
print(tabulate(rows, columns, floatfmt=("g", ".4g", ".4g", ".5f")))
spread = float(zero_start.max() / zero_start.min() - 1)
print(f"from zero, the largest is above the smallest by {spread:.1%}")
assert spread < 0.06

# %%
# Grey: what the start still adds, plus the loss of the mean of the targets, which is
# dotted. :math:`\lambda_c` is dash-dotted, and the diamond is the mean loss of ridge at
# λ\*, the end of training.

with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 4))
    fine = [10 ** (k / 40) for k in range(-60, 108)]
    predicted = [start_left(lambd) + rival for lambd in fine]
    ax.plot(fine, predicted, color="#aaaaaa", linewidth=5)
    ax.axhline(rival, color="black", linewidth=1, linestyle=":")
    ax.plot(lambdas, zero_start, color=COLOURS["green"], linestyle="--")
    ax.plot(lambdas, random_start, color="black")
    ax.plot(lambda_star, end_of_training, "D", color=COLOURS["purple"])
    ax.axvline(lambda_c, color="black", linewidth=1, linestyle="-.")
    ax.set(xscale="log", yscale="log", xlim=(0.032, 422), ylim=(2e-3, 300))
    ax.set(xlabel="λ", ylabel="test loss (half squared error)")
    ax.text(0.04, 25, "random start")
    ax.text(0.04, 0.015, "start at zero", color="#007a58")
    ax.text(15, 0.0048, "mean of the targets")
    ax.text(0.06, 0.0048, "end of training, λ*", color="#a04a7d")
    ax.text(lambda_c * 1.15, 25, f"$λ_c$ = {lambda_c:.1f}")
    ax.set_title("The test loss falls down a cliff, then stays flat")
plt.show()

# %%
# There is no deep U in this picture. From a random start the test loss falls by four
# orders of magnitude, where it was predicted, and lands near the mean of the targets.
# From zero there is no cliff, only a minimum about 5 % deep. The smallest loss of the
# random start is not where it was expected: it is far to the right.
#
# Time: the product counts
# ------------------------
# In the prediction only :math:`\eta\lambda T` matters, to a good approximation. So 400
# epochs with a quarter of λ must end where 100 epochs end. One longer sweep, read at
# three epochs, is the test.

longer = sweep(problems, [8, 4, 2, 1, 0.5, 0.25], epochs=400)
rows = []
for product in (100, 200):
    for epochs in (25, 100, 400):
        lambd = product / epochs
        i, t = longer.lambdas.index(lambd), longer.epochs.index(epochs)
        prediction = start_left(lambd, 4 * epochs) + rival
        run = float(longer.test_loss[i, :, t].mean())
        rows.append([product, epochs, lambd, prediction, run])
        assert abs(run / prediction - 1) < 0.1
columns = ["λ · epochs", "epochs", "λ", "predicted", "run"]
print(tabulate(rows, columns, floatfmt=("", "", "g", ".3f", ".3f")))

# %%
# The cliff does not say which λ suits the data. It says how long you waited. With
# enough time even λ\* forgets the start:

waiting = math.log(90 / rival) / (2 * lr * lambda_star)
print(f"λ* = 0.05 needs {waiting:,.0f} steps, or {waiting / 4:,.0f} epochs")

# %%
# Why the best λ of the sweep is so large
# ---------------------------------------
# Behind the cliff the curve of the random start still falls, slowly, far beyond λ\* and
# :math:`\lambda_c`. The start of the weight is gone there. But while the examples
# pulled a large random weight into place, they also pushed the bias away from the
# truth. The bias has no decay, and with a small λ it comes back slowly (:ref:`the
# question about the bias <question-bias>` tells why). We take this error out after the
# training.
#
# Then we also start at zero, and at last with the true bias. "Nearly best" is every λ
# whose test loss is within 1 % of the smallest.

true_bias_after = ((w_error + sigma**2) / 2).mean(dim=1)
known_bias = sweep(problems, lambdas, w_init=zero, b_init=true_bias)
both_known = ((sum(squared_errors(known_bias)) + sigma**2) / 2).mean(dim=1)

rows = []
for name, loss in (
    ("random start", random_start),
    ("same, true bias", true_bias_after),
    ("start at zero", zero_start),
    ("zero, true bias", both_known),
):
    best = int(loss.argmin())
    near = [lambdas[i] for i in (loss < 1.01 * loss[best]).nonzero()[:, 0]]
    near = f"{near[0]:.2g} to {near[-1]:.0f}"
    rows.append([name, lambdas[best], near, float(loss[best])])
limit = ridge.asymptotic_risk(0, n, p, sigma, w_norm)
lowest = ridge.asymptotic_risk(lambda_star, n, p, sigma, w_norm)
rows.append(["end, true bias", lambda_star, "", lowest])
columns = ["after 100 epochs", "best λ", "nearly best", "test loss"]
print(tabulate(rows, columns, floatfmt=("", ".3g", "", ".5f")))
print(f"gain of λ* over λ → 0 at the end: {1 - lowest / limit:.4%}")

# %%
# Same noise, same learning rate, and the best λ goes from near 100 down to 0. While the
# bias has still to be learned, a larger λ pays, because with it the bias is learned
# sooner. With the bias known nothing is left to gain: λ = 0 is as good as λ = 1. The 3
# and 10 of the chapter stand on the two sides of :math:`\lambda_c` and answer the
# question about time. The question about noise has the answer 0.05, and at this noise
# it is hardly worth asking.
#
# The flat part again. Grey is what the start still adds, plus the loss at the end of
# training with a known bias, by the formula of the next section.

with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    predicted = [
        start_left(lambd) + ridge.asymptotic_risk(lambd, n, p, sigma, w_norm)
        for lambd in fine
    ]
    ax.plot(fine, predicted, color="#aaaaaa", linewidth=5)
    ax.axhline(rival, color="black", linewidth=1, linestyle=":")
    ax.plot(lambdas, true_bias_after, color=COLOURS["sky"], linestyle="--")
    ax.plot(lambdas, random_start, color="black")
    ax.set(xscale="log", xlim=(3.2, 422), ylim=(0.0075, 0.0205))
    ax.set(xlabel="λ", ylabel="test loss (half squared error)")
    ax.text(9.5, 0.0152, "as trained, from a random start")
    ax.text(6, 0.0082, "the same with the true bias", color="#22729c")
    ax.text(410, 0.0094, "mean of the targets", ha="right", va="top")
    ax.set_title("The slow fall behind the cliff is the error of the bias")
plt.show()

# %%
# Noise: where the U is real
# --------------------------
# Now the second question alone: the weight starts at zero, the bias at the truth, and
# the targets get more noise. At the end of training the mean of
# :math:`\lVert w - w^*\rVert_2^2` is known in closed form (Dobriban and Wager, 2018,
# and Hastie et al., 2022; see the :ref:`bibliography <bibliography>`).
#
# .. math::
#
#    \lambda^2 m'\,\lVert w^*\rVert_2^2 + \gamma\,(m - \lambda m')\,\sigma^2,
#    \qquad \gamma = \frac pn,
#
# .. math::
#
#    m = \frac{\sqrt{(1 - \gamma + \lambda)^2 + 4\gamma\lambda}
#    - (1 - \gamma + \lambda)}{2\gamma\lambda}, \qquad m' = -\frac{dm}{d\lambda},
#
# and least at :math:`\lambda^* = p\sigma^2/(n\lVert w^*\rVert_2^2)`. We divide by
# :math:`\lVert w^*\rVert_2^2`, so that 1 means: no better than :math:`w = 0`. The last
# column is the mean of the runs, the others are predictions. The third case, with 100
# examples, needs longer steps: all examples are one batch, and
# :math:`\eta(d_{\max}+\lambda)` stays below 2.

cases = [  # n, σ, number of data sets, settings
    (20, 0.3, 100, {}),
    (20, 0.1, 100, {}),
    (100, 0.1, 20, {"lr": 0.1, "batch_size": 100, "epochs": 250}),
]


def relative_error(lambd, n, sigma):
    """Predict ‖w − w*‖²/‖w*‖² at the end of training."""
    risk = ridge.asymptotic_risk(lambd, n, p, sigma, w_norm)
    return (2 * risk - sigma**2) / w_norm**2


measured, rows = [], []
for n_train, noise, repeats, settings in cases:
    best = ridge.best_lambda(n_train, p, noise, w_norm)
    grid = [best * 10 ** (k / 4) for k in range(-8, 5)]
    data = [
        synthetic_data(n_train, n_test=1, noise_std=noise, seed=seed)
        for seed in range(repeats)
    ]
    result = sweep(data, grid, w_init=zero, b_init=true_bias, **settings)
    error = squared_errors(result)[0].mean(dim=1) / w_norm**2
    measured.append((grid, error))
    shown = (0, best / 10, 10 * best, best)
    row = [relative_error(lambd, n_train, noise) for lambd in shown]
    rows.append([n_train, noise, round(best), *row, float(error[8])])
    assert abs(error[8] / row[-1] - 1) < 0.02
columns = ["n", "σ", "λ*", "λ → 0", "λ*/10", "10λ*", "at λ*", "run"]
print(tabulate(rows, columns, floatfmt=("", "g", "", *5 * [".3f"])))

# %%
# Grey: the prediction, with a diamond at λ\*. Lines: means of the runs.

looks = [("black", "-"), (COLOURS["sky"], "--"), (COLOURS["green"], "-.")]
with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 4))
    for case, (grid, error), look in zip(cases, measured, looks, strict=True):
        fine = [grid[0] * 10 ** (k / 20) for k in range(61)]
        predicted = [relative_error(lambd, *case[:2]) for lambd in fine]
        ax.plot(fine, predicted, color="#aaaaaa", linewidth=5)
        ax.plot(grid, error, color=look[0], linestyle=look[1])
        ax.plot(grid[8], predicted[40], "D", color=COLOURS["purple"])
    ax.axhline(1, color="black", linewidth=1, linestyle=":")
    ax.text(450, 1.012, "w = 0", ha="right")
    ax.text(3, 1.22, "n = 20, σ = 0.3")
    ax.text(0.09, 0.967, "n = 20, σ = 0.1", color="#22729c")
    ax.text(2, 0.69, "n = 100, σ = 0.1", color="#007a58")
    ax.set(xscale="log", xlabel="λ", ylabel="‖w − w*‖² / ‖w*‖²")
    ax.set_title("The minimum stands where λ* = pσ²/(n‖w*‖²) puts it")
plt.show()

# %%
# Now there is a U, and its minimum was known before the first run.
#
# Look at the depth too: every minimum is flat. With 20 examples the best λ is hardly
# better than :math:`w = 0`, because even without noise they show only a tenth of the
# squared length of the true weight. With 100 examples there is more to win.
#
# Without the truth: a validation set
# -----------------------------------
# The formula needs σ and :math:`\lVert w^*\rVert_2`, and nobody has them. What one has
# is a **validation set**: examples that are not trained on, kept to compare values of
# λ. We take σ = 0.3, start at zero, train with each λ, and keep the λ with the smallest
# validation loss. First one data set, with 100 validation examples. In the package they
# go where the test examples go.

candidates = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500]
one = sweep([synthetic_data(noise_std=0.3)], candidates, w_init=zero)
validation_loss = one.test_loss[:, 0, -1]
chosen = int(validation_loss.argmin())
print(f"chosen λ:                       {candidates[chosen]:.3g}")
print(f"validation loss:                {validation_loss[chosen]:.4f}")

fresh = synthetic_data(n_test=10_000, noise_std=0.3, seed=1)
y_hat = scratch.linreg(fresh.X_test, one.weight(chosen, 0), one.b[chosen, 0])
test_loss = float(scratch.squared_loss(y_hat, fresh.y_test).mean())
print(f"test loss, 10 000 new examples: {test_loss:.4f}")

# %%
# The validation loss cannot serve as the test loss as well: we chose the λ that suited
# *these* examples. A test set is needed that had no part in the choice.
#
# Is such a choice good? We repeat it on 200 data sets, with 20 and with 100 validation
# examples, and judge by the truth, which the choice does not use. From here on losses
# are given without :math:`\tfrac12\sigma^2`, the noise of the new examples. The
# **regret** is how far the loss at the chosen λ lies above that of the best candidate
# for the same data set. The last columns compare the gain over λ = 0 that the
# validation set promises with the gain that is kept on new examples. Two rivals have
# not looked at any input: the mean of the training targets, and the untrained model
# with :math:`w = 0` and :math:`b = 0`.

repeats, noise, choices, rows = 200, 0.3, {}, []
column = torch.arange(repeats)
for size in (20, 100):
    seeds = range(repeats)
    data = [synthetic_data(20, size, p, noise, seed) for seed in seeds]
    result = sweep(data, candidates, w_init=zero)
    truth = sum(squared_errors(result)) / 2
    validation_loss = result.test_loss[:, :, -1]
    choices[size] = choice = validation_loss.argmin(dim=0)
    loss = truth[choice, column]
    regret = loss / truth.amin(dim=0) - 1
    promised = validation_loss[0] - validation_loss[choice, column]
    kept = truth[0] - loss
    regrets = f"{regret.median():.1%}", f"{regret.quantile(0.9):.0%}"
    gains = float(promised.mean()), float(kept.mean())
    rows.append([size, float(loss.mean()), *regrets, *gains])
columns = ["size", "loss", "regret", "90 % below", "promised", "kept"]
print(tabulate(rows, columns, floatfmt=".5f"))

best = int(truth.mean(dim=1).argmin())
untrained = (w_norm**2 + 0.05**2) / 2
y_mean = torch.stack([problem.y_train.mean() for problem in data])
mean_loss = (w_norm**2 + (y_mean - 0.05) ** 2).mean() / 2
means = truth.mean(dim=1).tolist()
rows = [[f"λ = {candidates[i]} for all", means[i]] for i in (best, -1)]
rows += [["mean of the targets", float(mean_loss)], ["untrained", untrained]]
print(tabulate(rows, ["rivals", "mean loss"], floatfmt=".5f"))

# %%
# The dashed line marks the λ that is best on average.

with book_style():
    fig, both = plt.subplots(2, figsize=(6.4, 4.4), sharex=True, sharey=True)
    for ax, (size, choice) in zip(both, choices.items(), strict=True):
        counts = torch.bincount(choice, minlength=len(candidates))
        share = (100 * counts / repeats).tolist()
        ax.bar(range(len(candidates)), share, color="#888888")
        ax.axvline(best, color=COLOURS["purple"], linestyle="--")
        ax.text(0.5, 25, f"{size} validation examples")
        ax.set_ylabel("chosen in % of cases")
    ax.set_xticks(range(len(candidates)), candidates)
    ax.set_xlabel("λ")
    title = "A small validation set may choose any λ"
    fig.suptitle(title, x=0.01, ha="left", fontsize=12)
plt.show()

# %%
# The largest λ of the list is the most frequent choice in both pictures. Twenty
# validation examples often choose the other end, λ = 0, too. On average their choice is
# worse than λ = 500 for every data set, and it promises about twice the gain that it
# keeps, because the winner won partly by luck.
#
# Both beat the mean of the targets. Neither gains much over the untrained model,
# whose bias of 0 happens to be near the true one. Even the λ that is best on average
# gains only about 2 % over it. With 20 examples and this noise there is almost nothing
# to choose for.
#
# What to see, and how far it holds
# ---------------------------------
# - λ has two jobs: to forget the start, and to hold back the noise. The problem of the
#   chapter tests the first. Its λ falls with :math:`1/(\eta T)`, for any batches and
#   whenever there are more inputs than examples.
# - The formula for the second, λ\*, is exact at the end of training with a known bias,
#   for inputs from N(0, I), on average over the directions of the truth. The grey
#   curves are a limit for many inputs, good to a few per cent with 200.
# - A validation set decides as well as its size allows, and the loss it reports for the
#   winner is too good on average. :ref:`How do I choose λ? <question-choose>` goes on.
