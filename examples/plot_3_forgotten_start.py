r"""
Where 13.4 and 0.36 come from
=============================

Decay is the only force on 180 of 200 directions, and leaves there what we predict.

Two norms that the chapter prints are almost entirely the start of the run, and what is
left of it can be written down before anything is trained. We split the weight into the
part that the 20 examples can see and the part that they cannot,

.. math::

   w = P w + P_\perp w ,

where :math:`P` projects onto the row space of the training inputs (20 directions) and
:math:`P_\perp` onto their null space (180 directions). Then we ask what the test
loss is made of.
"""

# %%
# Two parts of a weight
# ---------------------
# The rows of :math:`X` are 20 vectors in 200 dimensions. A QR decomposition makes 20
# orthonormal columns of them, and with these the projection is two products. We
# work in 64-bit numbers, because we shall claim that something is exact. The start is
# that of :ref:`the scratch page <sphx_glr_auto_examples_plot_1_from_scratch.py>`.

import math

import matplotlib.pyplot as plt
import torch

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

print("                   row space   null space")
print(f"√20 and √180       {math.sqrt(20):9.3f}   {math.sqrt(180):10.3f}")
for name, w in (("start w₀", w_start), ("truth w*", problem.w_true)):
    seen, unseen = split(w)
    print(f"{name:17}  {norm(seen):9.3f}   {norm(unseen):10.3f}")

# %%
# The start is spread over all 200 directions alike, so about a tenth of its squared
# length is in the row space. (The table prints lengths: square them.) The same is true
# of the true weight: twenty examples can show about a tenth of its squared length.
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
# The sum is a combination of training inputs, whatever the errors are. So it lies in
# the row space, and :math:`P_\perp` of it is zero. Apply :math:`P_\perp` to both
# sides:
#
# .. math::
#
#    P_\perp w_t = (1 - \eta\lambda)^t \, P_\perp w_0 .
#
# No target, no batch and no bias is left in this formula. That is why we can draw
# the null space before we train. It is the curve that decides the norm.
#
# In the row space data and decay pull against each other. That path has a formula, too,
# for steps on all twenty examples at once. Here we only use it, as
# ``ridge.trajectory``; :ref:`a later page <every-direction>` derives it.

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
# This is the loop of the scratch page, with the same seed, and it keeps the weight of
# every step.


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
# In the null space the runs lie on the prediction: a level line, and two straight
# lines of slope :math:`\ln(1 - \eta\lambda)`. In the row space the data soon replace
# the start, and data and decay come nearly into balance. In this run λ = 10 keeps half
# of the length that λ = 0 has there. Of the start in the null space it keeps one part
# in 200 000.
#
# 13.4 and 0.36
# -------------
# The two parts are at right angles, so :math:`\lVert w \rVert^2 = \lVert P w \rVert^2
# + \lVert P_\perp w \rVert^2`. Now the printed norms can be read. "Typical" is
# :math:`\sqrt{180}\,(1 - \eta\lambda)^{400}`, for a start of which we know nothing;
# "this start" is the end of the grey line.

print(" λ   typical  this start   null space   row space     ‖w‖₂")
for lambd, weights in paths.items():
    typical = math.sqrt(180) * (1 - lr * lambd) ** steps
    seen, unseen = map(norm, split(weights[-1]))
    print(
        f"{lambd:2}  {typical:8.5f}  {unseen_norms[lambd][-1]:10.5f}"
        f"   {unseen:10.5f}  {seen:10.5f}  {norm(weights[-1]):7.4f}"
    )
    assert abs(unseen / unseen_norms[lambd][-1] - 1) < 1e-10
    assert abs(norm(weights[-1]) - math.hypot(seen, unseen)) < 1e-12

# %%
# For λ = 0 and λ = 3 the norm is the start, hardly changed by what was learned. For
# λ = 10 the lines have crossed: the start is gone from the null space, and the norm is
# that of the fit. (One trace stays: in the first steps the start has pushed the bias.)
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
# steps. Predict the first column.

noise_only = synthetic_data(noise_std=10, seed=0, dtype=torch.float64)
assert torch.equal(noise_only.X_train, X)  # the same inputs, other targets

same = {"lambd": 3, "w_init": w_start}
single = {"batch_size": 1, "epochs": 20}
whole = {"batch_size": 20, "epochs": 400}
variants = {
    "another order of the batches": scratch.train(problem, seed=1, **same),
    "one example at a time": scratch.train(problem, **same, **single),
    "all twenty at once": scratch.train(problem, **same, **whole),
    "targets that are nearly all noise": scratch.train(noise_only, **same),
    "concise: no ½, a random bias": concise.train(problem, **same),
}

print("λ = 3                                ‖P⊥w‖/‖P⊥w₀‖      ‖Pw‖")
print(f"{'predicted':35}  {0.991**400:.10f}")
for name, run in variants.items():
    seen, unseen = split(run.w)
    left = norm(unseen) / norm(unseen_start)
    print(f"{name:35}  {left:.10f}   {norm(seen):8.4f}")
    expected = 0.991**400 * unseen_start
    assert norm(unseen - expected) < 1e-10 * norm(expected)

# %%
# Ten digits, and all the same. The row space holds what the data wrote there: with
# noise for targets, a long weight that has learned noise. In the concise run it is
# longer for another reason. The bias starts far off, and the weight makes up for it on
# the twenty examples.
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
# - *Start*: what is left of the start where no example looks.
# - *Unseen*: the part of the true weight that no example shows.
# - *Fit*: what the weight gets wrong where the examples do look. It makes up for the
#   error of the bias, it is shrunk, and it has learned a little noise.
# - *Bias*: the error of the bias.
# - *Noise*: the noise of the new target.
#
# A part of the test loss is the mean of the half square of one cause alone. The square
# of a sum also has products; together they are the rest, "cross". In a single run the
# rest can be several per cent of the loss, of either sign. On average over starts
# and test sets it is zero: start, inputs and noise have the mean zero, and the two
# subspaces are at right angles. So we average over 200 data sets, each with a start of
# its own.
#
# Three of the five parts can be predicted:
# :math:`\tfrac12 \cdot 180\,(1-\eta\lambda)^{800}` for the start,
# :math:`\tfrac12 \cdot \tfrac{180}{200} \lVert w^* \rVert^2` for the unseen, and
# :math:`\tfrac12\sigma^2` for the noise. All numbers are half squared errors, those of
# the concise runs too.

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

print("                   start  unseen     fit    bias    noise     cross")
for lambd in lambdas:
    left = 90 * (1 - lr * lambd) ** 800
    known = f"{180 * 0.01**2 / 2:6.2g}{'':18}{0.01**2 / 2:7.0e}"
    print(f"predicted {lambd:4}  {left:8.2g}  {known}")
for run, row in parts.items():
    start, unseen, fit, bias, noise, cross = row.tolist()
    print(
        f"{run:14}  {start:8.2g}  {unseen:6.2g}  {fit:6.2g}  {bias:6.2g}"
        f"  {noise:7.0e}  {cross:+8.0e}"
    )
    assert abs(float(row.sum()) / test_loss[run] - 1) < 1e-4
    assert abs(cross) < 0.005 * test_loss[run]

# %%
# How much of the fit is noise that was learned? The same runs, without any noise.

quiet = [synthetic_data(noise_std=0, seed=seed) for seed in range(200)]
result = sweep(quiet, lambdas)
print("fit              noise 0.01   no noise")
for i, lambd in enumerate(lambdas):
    fit = parts[f"scratch λ = {lambd}"][2]
    fit_quiet = mean_parts(quiet, result, i)[2]
    print(f"scratch λ = {lambd:2}  {fit:11.3g}  {fit_quiet:9.3g}")

# %%
# The six losses differ by a factor of thousands, so they cannot share an axis and
# still show their parts. Each bar below is one loss taken as 100 %, and its size is
# written beside it. The cross part is too small to be seen.

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
# part as soon as there is decay. And the noise is less than one per cent everywhere.
# The noise that was learned is smaller still: without any noise the fit hardly changes.
#
# The formula :math:`P_\perp w_t = (1-\eta\lambda)^t P_\perp w_0` is exact. It holds for
# every linear model whose loss looks only at its predictions, for plain SGD with
# any batches, and for any data. The shares in the picture belong to this experiment:
# a start of N(0, 1), 100 epochs, little noise.
#
# None of this is new. A subspace that is frozen without decay is described by Advani,
# Saxe and Sompolinsky (2020). Krogh and Hertz (1991) gave weight decay two effects:
# it removes what is irrelevant, and it holds noise down. This experiment shows the
# first. (Both papers are in the :ref:`bibliography <bibliography>`.)
#
# All of it was one data set, except for the last table and picture. Next:
# :ref:`the same λ, and two different problems
# <sphx_glr_auto_examples_plot_4_same_lambda.py>`.
