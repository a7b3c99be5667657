r"""
Where 13.4 and 0.36 come from
=============================

Decay is the only force on 180 of 200 directions, and leaves there what we predict.

This experiment is the recipe of the Chinese second edition of *Dive into Deep
Learning*, section 4.5. (The English editions begin with a much smaller weight;
:ref:`textbook-figure` compares them.) The norms that it prints for λ = 0 and λ = 3 are
almost entirely the start of the run, and what is left of the start can be written down
before anything is trained. We split the weight,

.. math::

   w = P w + P_\perp w ,

where :math:`P` projects onto the :term:`row space` of the training inputs (20
directions) and :math:`P_\perp` onto their :term:`null space` (180 directions).
"""

# %%
# Two parts of a weight
# ---------------------
# A QR decomposition turns the 20 rows of :math:`X` into 20 orthonormal columns, and the
# projection is two products. The numbers have 64 bits, because one statement will be
# exact. The start is that of :ref:`the scratch page
# <sphx_glr_auto_examples_plot_1_from_scratch.py>`.

import math

import matplotlib.pyplot as plt
import torch
from tabulate import tabulate

from weight_decay import concise, ridge, scratch, synthetic_data
from weight_decay.data import minibatches
from weight_decay.plotting import COLOURS, book_style
from weight_decay.sweep import sweep

problem = synthetic_data(seed=0, dtype=torch.float64)
X, y = problem.X_train, problem.y_train
Q = torch.linalg.qr(X.T).Q  # (200, 20)


def split(w):
    seen = Q @ (Q.T @ w)
    return seen, w - seen


def norm(w):
    return float(torch.linalg.vector_norm(w))


stream = torch.Generator().manual_seed(0)
start = scratch.init_params(200, stream, dtype=torch.float64)
w_start, b_start = (param.detach() for param in start)

rows = [["√20, √180", math.sqrt(20), math.sqrt(180)]]
for name, w in (("start w₀", w_start), ("truth w*", problem.w_true)):
    rows.append([name, *map(norm, split(w))])
print(tabulate(rows, ["", "row space", "null space"], floatfmt=".3f"))

# %%
# The start is spread over all 200 directions alike, so about a tenth of its squared
# length is in the row space. (The table prints lengths: square them.) The same is true
# of the true weight.
#
# Predict
# -------
# A step of SGD with weight decay is
#
# .. math::
#
#    w \leftarrow (1 - \eta\lambda)\, w
#    - \frac{\eta}{B} \sum_{i \in \text{batch}} x_i (\hat y_i - y_i) .
#
# The sum is a combination of training inputs, so it lies in the row space, and
# :math:`P_\perp` of it is zero. Apply :math:`P_\perp` to both sides:
#
# .. math::
#
#    P_\perp w_t = (1 - \eta\lambda)^t \, P_\perp w_0 .
#
# No target, no batch and no bias is left. So we can draw the null space before we
# train.
#
# In the row space data and decay pull against each other. For steps on all twenty
# examples at once that path has a formula too: ``ridge.trajectory`` computes it, and
# :ref:`a later page <every-direction>` derives it.

lr, steps = 0.003, 400
lambdas = (0, 3, 10)
_, unseen_start = split(w_start)
unseen_norms, seen_norms = {}, {}
for lambd in lambdas:
    left = [(1 - lr * lambd) ** t for t in range(steps + 1)]
    unseen_norms[lambd] = [norm(unseen_start) * share for share in left]
    setting = problem, lambd, lr, range(steps + 1)
    w_path, _ = ridge.trajectory(*setting, w_start, b_start)
    seen_norms[lambd] = list(map(norm, split(w_path)[0]))

assert norm(split(X.T)[1]) < 1e-12  # no row has a part in the null space

# %%
# Then run
# --------
# This is the loop of the scratch page, with the same seed. It keeps every weight.


def path(lambd):
    generator = torch.Generator().manual_seed(0)
    w, b = scratch.init_params(200, generator, dtype=torch.float64)
    weights = [w.detach().clone()]
    for _ in range(100):
        for X_batch, y_batch in minibatches(X, y, 5, generator):
            y_hat = scratch.linreg(X_batch, w, b)
            loss = scratch.squared_loss(y_hat, y_batch)
            loss = loss + lambd * scratch.l2_penalty(w)
            loss.sum().backward()
            scratch.sgd([w, b], lr, len(X_batch))
            weights.append(w.detach().clone())
    return torch.stack(weights)  # (401, 200, 1)


paths = {lambd: path(lambd) for lambd in lambdas}

# %%
# Grey: the predictions. Black: the run.

with book_style():
    fig, axes = plt.subplots(1, 3, figsize=(6.4, 3.6), sharey=True)
    for ax, (lambd, weights) in zip(axes, paths.items(), strict=True):
        ax.plot(unseen_norms[lambd], color="#aaaaaa", linewidth=4)
        ax.plot(seen_norms[lambd], color="#aaaaaa", linewidth=4)
        seen, unseen = (list(map(norm, part)) for part in split(weights))
        ax.plot(unseen, "k-")
        ax.plot(seen, "k:")
        ax.set(yscale="log", xlim=(0, steps), ylim=(3e-5, 60), xlabel="step")
        ax.set_xticks([0, 200])
        ax.set_title(f"λ = {lambd}", loc="center")
    axes[0].text(200, 22, "null space", ha="center")
    axes[0].text(200, 0.018, "row space", ha="center")
    axes[0].text(200, 1e-4, "grey: predicted", ha="center")
    axes[0].set_ylabel("norm of the part of w")
    fig.suptitle(
        "In the null space the weight follows a line known before training",
        x=0.01,
        ha="left",
        fontsize=12,
    )
plt.show()

# %%
# In the null space the runs lie on the prediction: a level line, and two straight lines
# of slope :math:`\ln(1 - \eta\lambda)`. In the row space the data soon replace the
# start, and data and decay come nearly into balance.
#
# 13.4 and 0.36
# -------------
# The two parts are at right angles, so
# :math:`\lVert w \rVert^2 = \lVert P w \rVert^2 + \lVert P_\perp w \rVert^2`. "Typical"
# is :math:`\sqrt{180}\,(1 - \eta\lambda)^{400}`, for a start of which we know nothing.

rows = []
for lambd, weights in paths.items():
    typical = math.sqrt(180) * (1 - lr * lambd) ** steps
    seen, unseen = map(norm, split(weights[-1]))
    rows.append([lambd, typical, unseen, seen, norm(weights[-1])])
    assert abs(unseen / unseen_norms[lambd][-1] - 1) < 1e-10
print(tabulate(rows, ["λ", "typical", "null", "row", "‖w‖₂"], floatfmt=".5f"))

# %%
# For λ = 0 and λ = 3 the norm is the start, hardly changed by what was learned. For
# λ = 10 the start is gone from the null space, and the norm is that of the fit.
#
# The squared length of a start in 180 directions has the mean 180 and the standard
# deviation :math:`\sqrt{2 \cdot 180}`. Divide by twice the length: the length itself
# has :math:`\sqrt{360} / (2\sqrt{180}) = 1/\sqrt2`, about 0.71. With λ = 0 the printed
# norm varies by that from seed to seed. With λ = 3 it varies by that times
# :math:`0.991^{400}`, the 0.0269 of the next table, which is 0.019.
#
# Whatever the data do
# --------------------
# The formula knows neither the order of the batches, nor their size, nor the targets.
# So we change all of them. Every run below starts at the same weight and takes 400
# steps, and the first column should not change.

noise_only = synthetic_data(noise_std=10, seed=0, dtype=torch.float64)
assert torch.equal(noise_only.X_train, X)  # the same inputs, other targets

same = {"lambd": 3, "w_init": w_start}
single = {"batch_size": 1, "epochs": 20}
whole = {"batch_size": 20, "epochs": 400}
variants = {
    "another order": scratch.train(problem, seed=1, **same),
    "one example a batch": scratch.train(problem, **same, **single),
    "twenty a batch": scratch.train(problem, **same, **whole),
    "targets mostly noise": scratch.train(noise_only, **same),
    "concise": concise.train(problem, **same),
}

rows = [["predicted", 0.991**400, ""]]
for name, run in variants.items():
    seen, unseen = map(norm, split(run.w))
    rows.append([name, unseen / norm(unseen_start), seen])
columns = ["λ = 3", "null: left", "row"]
print(tabulate(rows, columns, floatfmt=("", ".10f", ".4f")))

# %%
# Ten digits, and all the same. The row space holds what the data wrote there: with
# noise for targets, a long weight that has learned noise.
#
# What the test loss is made of
# -----------------------------
# The error on a new example :math:`x` has five causes:
#
# .. math::
#
#    \begin{aligned}
#    \hat y - y = {} & \underbrace{x^\top P_\perp w}_{\text{start}}
#    - \underbrace{x^\top P_\perp w^*}_{\text{unseen}}
#    + \underbrace{x^\top P (w - w^*)}_{\text{fit}} \\
#    & + \underbrace{(b - b^*)}_{\text{bias}}
#    - \underbrace{\varepsilon}_{\text{noise}} .
#    \end{aligned}
#
# Weight that makes up for the error of the bias belongs to the *fit*, as do the
# shrinking and the noise that was learned.
#
# A part of the test loss is the mean of the half square of one cause alone. The square
# of a sum also has products, "cross". On average over starts and test sets they are
# zero, because start, inputs and noise have the mean zero. So we average over 200 data
# sets, each with a start of its own.
#
# Three parts can be predicted: :math:`\tfrac12 \cdot 180\,(1-\eta\lambda)^{800}` for
# the start, :math:`\tfrac12 \cdot \tfrac{180}{200} \lVert w^* \rVert^2` for the unseen,
# and :math:`\tfrac12\sigma^2` for the noise. All numbers are half squared errors, those
# of the concise runs too.

problems = [synthetic_data(seed=seed) for seed in range(200)]


def mean_parts(problems, result, i):
    rows = [
        ridge.anatomy(data, result.weight(i, j), result.b[i, j : j + 1])
        for j, data in enumerate(problems)
    ]
    return torch.tensor(rows, dtype=torch.float64).mean(0)


parts, test_loss = {}, {}
for implementation, unit in (("scratch", 1), ("concise", 2)):
    result = sweep(problems, lambdas, implementation=implementation)
    for i, lambd in enumerate(lambdas):
        run = f"{implementation} λ = {lambd}"
        parts[run] = mean_parts(problems, result, i)
        test_loss[run] = float(result.test_loss[i, :, -1].mean()) / unit

columns = ["start", "unseen", "fit", "bias"]
rows = [
    ["predicted", lambd, 90 * (1 - lr * lambd) ** 800, 90 * 0.01**2, "", ""]
    for lambd in lambdas
]
for run, row in parts.items():
    name, _, _, lambd = run.split()
    rows.append([name, int(lambd), *row[:4].tolist()])
    cross = float(row[-1])
    assert abs(cross) < 0.005 * test_loss[run]
print(tabulate(rows, ["run", "λ", *columns], floatfmt=".2g"))
noise = [float(row[4]) for row in parts.values()]
print(f"noise: predicted {0.01**2 / 2:.0e}, runs {max(noise):.0e}")

# %%
# (The cross part is below half a per cent of each loss.) How much of the fit is noise
# that was learned? The same runs, without any noise.

quiet = [synthetic_data(noise_std=0, seed=seed) for seed in range(200)]
result = sweep(quiet, lambdas)
rows = [
    [lambd, parts[f"scratch λ = {lambd}"][2], mean_parts(quiet, result, i)[2]]
    for i, lambd in enumerate(lambdas)
]
print(tabulate(rows, ["λ", "fit, σ = 0.01", "fit, σ = 0"], floatfmt=".3g"))

# %%
# Each bar is one loss taken as 100 %, its size beside it.

looks = (
    ("start", "white", "////"),
    ("bias", COLOURS["orange"], ""),
    ("unseen", COLOURS["sky"], ".."),
    ("fit", COLOURS["purple"], ""),
    ("noise", "black", ""),
)
with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 3.8))
    for line, (run, row) in enumerate(parts.items()):
        share = dict(zip(ridge.Anatomy._fields, row / row.sum(), strict=True))
        left = 0.0
        for part, colour, hatch in looks:
            width = float(share[part])
            ax.barh(
                line,
                width,
                left=left,
                color=colour,
                hatch=hatch,
                edgecolor="black",
                label=part if line == 0 else None,
            )
            left += width
        ax.text(1.02, line, f"{test_loss[run]:.2g}", va="center")
    ax.text(1.02, -0.8, "loss", va="center")
    ax.set_yticks(range(6), list(parts))
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    ax.set(xlabel="share of the test loss", ylabel="run")
    ax.grid(visible=False)
    fig.suptitle(
        "Start, bias and unseen truth make up the test loss, not noise",
        x=0.01,
        ha="left",
        fontsize=12,
    )
    fig.legend(loc="outside lower center", ncols=5)
plt.show()

# %%
# What to see, and how far it holds
# ---------------------------------
# Without decay the test loss is the start. With λ = 3 the start is still the largest
# part of the scratch loss. With λ = 10 it is gone from the null space, and nearly two
# thirds of the scratch loss are unseen truth: no λ and no training can remove that,
# only more examples. One third is bias. In the concise runs the bias is the largest
# part as soon as there is decay. The noise is less than one per cent everywhere, and
# without any noise the fit hardly changes.
#
# The formula :math:`P_\perp w_t = (1-\eta\lambda)^t P_\perp w_0` is exact. It holds for
# every linear model whose loss looks only at its predictions, for plain SGD with any
# batches, and for any data. The shares in the picture belong to this experiment: a
# start of N(0, 1), 100 epochs, little noise.
#
# A subspace that is frozen without decay is described by Advani, Saxe and Sompolinsky
# (2020). Krogh and Hertz (1991) gave weight decay two effects: it removes what is
# irrelevant, which this experiment shows, and it holds noise down. (Both papers are in
# the :ref:`bibliography <bibliography>`.)
