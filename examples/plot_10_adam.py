r"""
Adam is different
=================

Through Adam, an L2 penalty is no longer weight decay.

For plain SGD it does not matter whether :math:`\lambda w` is added to the gradient or
the weight is multiplied by :math:`1-\eta\lambda`; see :ref:`where the decay enters
<where-decay-enters>`. Adam divides the gradient by its own size, and then it does
matter. With an L2 penalty, the whole gradient :math:`g = \nabla L + \lambda w` goes
through the division:

.. math::

   w \leftarrow w - \eta\, \frac{\hat m(g)}{\sqrt{\hat v(g)} + \varepsilon} .

In AdamW the decay goes past it:

.. math::

   w \leftarrow (1 - \eta\lambda)\, w
   - \eta\, \frac{\hat m(\nabla L)}{\sqrt{\hat v(\nabla L)} + \varepsilon} .

Here :math:`\hat m` is the running mean of what is in the brackets, and :math:`\hat v`
the running mean of its square.
"""

# %%
# Three entries and no data
# -------------------------
# Let :math:`\nabla L = 0`, and start a weight at (1, 2, 3). What remains is decay
# alone.
#
# - *Adam with L2.* The gradient is :math:`\lambda w`. So :math:`\hat m` and
#   :math:`\sqrt{\hat v}` are both proportional to λ, and λ cancels, in every step. In
#   the first step their ratio is the sign of the entry: each moves by η towards zero.
# - *AdamW.* The second term is zero, and :math:`w_t = (1-\eta\lambda)^t\, w_0`.

import matplotlib.pyplot as plt
import torch
from tabulate import tabulate

from weight_decay import ridge, scratch, synthetic_data
from weight_decay.data import minibatches
from weight_decay.optimizers import SGD, Adam, coupled, decoupled
from weight_decay.plotting import COLOURS, book_style


def alone(optimizer, w, steps):
    """Return the path of w if the data say nothing."""
    path = [w]
    for _ in range(steps):
        path.append(optimizer.step(path[-1], torch.zeros_like(w)))
    return torch.stack(path)


double = torch.float64
three = torch.tensor([1.0, 2.0, 3.0], dtype=double)
through, past, rows = {}, {}, []
for lambd in (0.01, 1, 100):
    through[lambd] = alone(Adam(0.01, decay=coupled(lambd)), three, 300)
    past[lambd] = alone(Adam(0.01, decay=decoupled(lambd)), three, 300)
    ends = torch.cat([through[lambd][-1], past[lambd][-1]])
    rows.append([lambd, *ends.tolist()])
assert torch.allclose(through[0.01], through[100], rtol=0, atol=1e-4)
print("after 300 steps")
columns = ["λ", "L2", "", "", "AdamW", "", ""]
print(tabulate(rows, columns, floatfmt=("g", *6 * [".4f"])))

# %%
# Grey on the right is the prediction :math:`(1-\eta\lambda)^t\, w_0`. On the left only
# the first step is predicted, and that λ does not count; the grey line
# :math:`w_0 - \eta t` is where the first step points.

grey = {"color": "#aaaaaa", "linewidth": 4}
looks = (("-", "black"), ("--", COLOURS["orange"]), (":", COLOURS["sky"]))
t = torch.arange(301)
with book_style():
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3), sharey=True)
    for w in (1, 2, 3):
        left.plot([0, 100 * w], [w, 0], **grey)
        for lambd in (0.01, 1):
            right.plot(t, w * (1 - 0.01 * lambd) ** t, **grey)
    for (style, colour), lambd in zip(looks, through, strict=True):
        labels = [f"λ = {lambd:g}", "_", "_"]
        left.plot(through[lambd], style, color=colour, label=labels)
        right.plot(past[lambd], style, color=colour)
    for ax in (left, right):
        ax.set(xlabel="step", xlim=(-5, 300))
    left.set_title("Adam + L2", loc="center")
    right.set_title("AdamW", loc="center")
    left.set_ylabel("entry of the weight")
    left.legend(loc="upper right")
    title = "Through Adam all λ draw the same path"
    fig.suptitle(title, x=0.01, ha="left", size=12)
plt.show()

# %%
# On the left the curves leave the grey line because :math:`\hat v` has the longer
# memory: it still holds the larger entries of the steps before, and the ratio falls
# below 1. (λ cancels as long as :math:`\lambda |w|` is far above
# :math:`\varepsilon = 10^{-8}`.)
#
# Weight decay takes the same *share* from every entry, and λ says which share. An L2
# penalty through Adam takes, at first, the same *distance* from every entry, and η says
# which distance.
#
# Twenty examples, two hundred entries
# ------------------------------------
# Now the data come back, in the loop of ``scratch``, with its start, its batches and
# its loss. Several λ are trained side by side, one a column, in float64 and with
# :math:`\varepsilon = 0`.

problem = synthetic_data(dtype=double)
data = problem.X_train, problem.y_train


def descend(method, lambdas, lr=0.003, epochs=100, batch_size=5, scale=1):
    """Return w after every step, a column for each λ, and the last b."""
    stream = torch.Generator().manual_seed(0)
    w = scratch.init_params(200, stream, dtype=double)[0].detach()
    lambdas = torch.tensor(lambdas, dtype=double)
    w, b = w.expand(200, len(lambdas)), 0 * lambdas
    make, options = (SGD, {}) if method == "SGD" else (Adam, {"eps": 0})
    for_w, for_b, path = make(lr, **options), make(lr, **options), [w]
    for _ in range(epochs):
        for X, y in minibatches(*data, batch_size, stream):
            r = scale * (X @ w + b - y) / len(X)
            if method == "AdamW":
                w = for_w.step((1 - lr * lambdas) * w, X.T @ r)
            else:
                w = for_w.step(w, X.T @ r + lambdas * w)
            b = for_b.step(b, r.sum(0))
            path.append(w)
    return torch.stack(path), b


def norm(w):
    """Return the length of w."""
    return float(torch.linalg.vector_norm(w))


# %%
# Another unit for the loss
# -------------------------
# What is λ measured in? Multiply the loss by 1024. (A power of two changes no digit, so
# we can compare every bit.) Adam divides by the size of the gradient, so AdamW should
# not see the factor. With L2 it tips the balance between :math:`\nabla L` and
# :math:`\lambda w`, so λ/1024 should be what counts.

adamw, _ = descend("AdamW", [3])
l2, _ = descend("Adam + L2", [0, 3, 100])
adamw_scaled, _ = descend("AdamW", [3], scale=1024)
l2_scaled, _ = descend("Adam + L2", [3, 3072], scale=1024)

rows = [
    ["AdamW", 3, 1, norm(adamw[-1])],
    ["AdamW", 3, 1024, norm(adamw_scaled[-1])],
    ["Adam + L2", 3, 1, norm(l2[-1, :, 1])],
    ["Adam + L2", 3, 1024, norm(l2_scaled[-1, :, 0])],
    ["Adam + L2", 3072, 1024, norm(l2_scaled[-1, :, 1])],
]
print(tabulate(rows, ["", "λ", "loss ×", "‖w‖₂"], floatfmt=".4f"))
assert torch.equal(adamw, adamw_scaled)  # every bit of every step
assert torch.equal(l2[:, :, 1], l2_scaled[:, :, 1])

# %%
# AdamW takes the same path to the last bit. Adam with L2 does so only if λ is
# multiplied as well: there λ has the unit of the loss, as the price of a penalty must.
# In AdamW :math:`\eta\lambda` is a share per step, and has no unit.
#
# Where the data are silent
# -------------------------
# 180 directions are orthogonal to all 20 examples (the :term:`null space`),
# and the gradient of the data is zero there. How long is the part of the weight in
# these directions after 400 steps? For SGD it has shrunk by
# :math:`(1-\eta\lambda)^{400}`. For AdamW that is a rough rule only: its other term
# leaves the :term:`row space`, as we shall see. For Adam with L2 we can
# predict the limit of a large λ, where :math:`\lambda w` drowns the data: the start
# then takes the path that it takes alone.

V_t = torch.linalg.svd(problem.X_train, full_matrices=False).Vh


def unseen(w):
    """Return the length of the part of w that no example sees."""
    return norm(w - V_t.T @ (V_t @ w))


sgd, _ = descend("SGD", [0, 3])
start = sgd[0, :, :1]
free = alone(Adam(0.003, eps=0, decay=coupled(1)), start, 400)[-1]
rows = [
    ["predicted: start alone", unseen(start * 0.991**400)],
    ["SGD, λ = 3", unseen(sgd[-1, :, 1])],
    ["AdamW, λ = 3", unseen(adamw[-1])],
    ["predicted: λ → ∞", unseen(free)],
    ["Adam + L2, λ = 100", unseen(l2[-1, :, 2])],
    ["Adam + L2, λ = 3", unseen(l2[-1, :, 1])],
]
print(tabulate(rows, ["", "null part"], floatfmt=".4f"))

# %%
# AdamW forgets nearly as SGD does. Adam with L2 hardly forgets, and λ = 100 only brings
# it to what λ → ∞ would do. A step is about η long in each entry at most, and 400 steps
# of 0.003 are too few for entries of size 2.
#
# Where the gradient of the data is zero, SGD without decay leaves the weight alone.
# Adam does not. A gradient is a combination of the 20 examples. Divide each of its 200
# entries by its own :math:`\sqrt{\hat v_j}`, and it is one no longer.

rows = []
for name, path in (("SGD", sgd), ("Adam", l2)):
    moved = path[-1, :, 0] - path[0, :, 0]
    rows.append([name, norm(moved), unseen(moved)])
print(tabulate(rows, ["λ = 0", "moved", "in null space"], floatfmt=".3f"))

# %%
# Beside a start of length 13 this is little, so the rule is good here.
#
# The same grid for both
# ----------------------
# Each method gets the same grid: three learning rates, ten λ from 0.03 to 30, and 400
# steps on the same batches. For each η we print the λ with the smallest test loss. (To
# choose a λ, take a validation set, as in :ref:`which λ
# <sphx_glr_auto_examples_plot_7_which_lambda.py>`.) The rival, the mean of the training
# targets, looks at no input.

rates = (0.003, 0.01, 0.03)
lambdas = [10 ** (k / 3 - 1.5) for k in range(10)]
losses, rows = {}, []
for method in ("Adam + L2", "AdamW"):
    losses[method] = []
    for lr in rates:
        path, b = descend(method, lambdas, lr=lr)
        error = problem.X_test @ path[-1] + b - problem.y_test
        row = (error**2 / 2).mean(0).tolist()
        losses[method].append(row)
        best = min(row)
        rows.append([method, lr, lambdas[row.index(best)], best])
rival = ((problem.y_train.mean() - problem.y_test) ** 2 / 2).mean()
rows.append(["mean of targets", "", "", float(rival)])
columns = ["", "η", "best λ", "test loss"]
print(tabulate(rows, columns, floatfmt=("", "g", ".2f", ".4f")))

# %%
# The predictions are grey. For AdamW it is the loss of the decayed start,
# :math:`90\,(1-\eta\lambda)^{800}`. For Adam with L2 it is the loss of the start that
# λ → ∞ leaves after 400 steps: one level for each η, and the third below the picture.

with book_style():
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.2), sharey=True)
    for i, (lr, style) in enumerate(zip(rates, ("-", "--", ":"), strict=True)):
        free = alone(Adam(lr, decay=coupled(1)), start, 400)[-1]
        axes[0].plot(lambdas, [norm(free) ** 2 / 2] * 10, **grey)
        decay = [90 * (1 - lr * lambd) ** 800 for lambd in lambdas]
        axes[1].plot(lambdas, decay, **grey)
        for ax, table in zip(axes, losses.values(), strict=True):
            ax.plot(lambdas, table[i], f"k{style}", label=f"η = {lr:g}")
    for ax, method in zip(axes, losses, strict=True):
        ax.set(xscale="log", yscale="log", ylim=(4e-3, 200), xlabel="λ")
        ax.minorticks_off()
        ax.set_title(method, loc="center")
    axes[0].set_ylabel("test loss (½ squared error)")
    entries = ax.get_legend_handles_labels()
    fig.legend(*entries, loc="outside lower center", ncols=3)
    title = "Through Adam η does the forgetting; in AdamW ηλ does"
    fig.suptitle(title, x=0.01, ha="left", size=12)
plt.show()

# %%
# With L2 the lines turn flat: from there on λ has no say, and only a larger η helps.
# With AdamW every line reaches the floor, at a λ that is proportional to 1/η. So AdamW
# finds a good λ for each of the three η, and Adam with L2 for the largest only. (That
# one is the edge of the grid for both, so the grid names no winner.) All lines that
# reach the floor lie within a fifth of the loss of the mean of the targets: beyond
# forgetting the start there is little to win.
#
# So decay is decoupled from the gradient, not from η: PyTorch multiplies λ by η.
# Loshchilov and Hutter (2019) multiply λ by the schedule of η only.
#
# Where they end
# --------------
# The L2 penalty defines a problem, ridge regression. Which of the two methods solves
# it? We take the full batch, a larger η and 1800 steps.

w_ridge, b_ridge = ridge.fit(problem, lambd=3)


def report(name, path, b):
    """Return how far the path is from ridge, and what its end is like."""
    w = path[-1]
    gaps = [norm(w - w_ridge) for w in path]
    train = ((problem.X_train @ w + b - problem.y_train) ** 2 / 2).mean()
    test = ((problem.X_test @ w + b - problem.y_test) ** 2 / 2).mean()
    return [name, *gaps, float(train), float(test), float(w.abs().max())]


rows = []
for method in ("Adam + L2", "AdamW"):
    path, b = descend(method, [3], lr=0.01, epochs=1800, batch_size=20)
    rows.append(report(method, path[[100, 400, 1800]], b))
rows.append(report("ridge", [w_ridge] * 3, b_ridge))
rows.append(report("targets", [0 * w_ridge] * 3, problem.y_train.mean()))
columns = ["", "100", "400", "1800", "train", "test", "max"]
floats = ("", ".3f", ".3f", ".3f", ".0e", ".4f", ".3f")
print(tabulate(rows, columns, floatfmt=floats))

# %%
# The first columns are the distance to ridge after so many steps, the last is the
# largest entry; "targets" is the mean of the training targets, no weight at all. Adam
# with L2 arrives late, but at the ridge solution: it can only rest where its gradient
# :math:`\nabla L + \lambda w` is zero, and that is the condition for the minimum. AdamW
# is quick and ends elsewhere, farther from the ridge solution than no weight at all. It
# goes on fitting the training examples as if there were no penalty.
#
# What does AdamW solve, then? It can rest where decay and step cancel,
#
# .. math:: \lambda w_j = - \hat m_j / \sqrt{\hat v_j} .
#
# There the gradient no longer changes. Suppose it is some :math:`g_j \ne 0`. Then
# :math:`\hat m_j = g_j` and :math:`\sqrt{\hat v_j} = |g_j|`. The right side is minus
# the sign of :math:`g_j`, so :math:`|w_j| = 1/\lambda`, and to go on downhill would
# make :math:`|w_j|` larger. Otherwise :math:`g_j = 0`, and no move of :math:`w_j` gains
# anything. So no :math:`|w_j|` exceeds :math:`1/\lambda`, and inside this box the loss
# is as small as it can be. Xie and Li (2024) prove this for the full batch, if AdamW
# converges.
#
# With λ = 3 the box reaches to 0.333 in each entry. The last column of the table is far
# below, so here the box decides nothing.
#
# Three features make it visible. They are uncorrelated and of scale
# :math:`s_j = 10, 1, 0.1`, and least squares finds :math:`1/s_j` for each. The gradient
# is then :math:`s_j^2 (w_j - 1/s_j)`. Of this fit ridge keeps the share
# :math:`s_j^2/(s_j^2 + \lambda)`, the box :math:`\min(1, s_j/\lambda)`. The runs begin
# at zero. η falls to zero, so that w comes to rest, and :math:`\beta_2 = 0.99` lets
# :math:`\hat v` forget the first, large gradients in time.

scale = torch.tensor([[10.0], [1.0], [0.1]], dtype=double)
shares = {
    "Adam + L2": lambda lambdas: scale**2 / (scale**2 + lambdas),
    "AdamW": lambda lambdas: (scale / lambdas).clamp(max=1),
}
lambdas = 10 ** torch.linspace(-2.75, 1.25, 9, dtype=double)
fine = 10 ** torch.linspace(-2.75, 1.25, 201, dtype=double)
kept, steps = {}, 1500
for method, share in shares.items():
    adam, w = Adam(0.1, betas=(0.9, 0.99)), 0 * scale * lambdas
    for step in range(steps):
        adam.lr = 0.1 * (1 - step / steps)
        g = scale**2 * (w - 1 / scale)
        if method == "AdamW":
            w = adam.step((1 - adam.lr * lambdas) * w, g)
        else:
            w = adam.step(w, g + lambdas * w)
    kept[method] = w * scale
    gap = float((kept[method] - share(lambdas)).abs().max())
    print(f"{method:10} largest difference from the prediction {gap:.3f}")
    assert gap < 0.01

# %%
# Lines are predictions, points are runs.

with book_style():
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3), sharey=True)
    for ax, (method, share) in zip(axes, shares.items(), strict=True):
        for j, marker in enumerate(("ks", "ko", "k^")):
            ax.plot(fine, share(fine)[j], **grey)
            look = {"markersize": 10 - 3 * j, "markerfacecolor": "none"}
            look |= {"zorder": 3, "label": f"scale {float(scale[j]):g}"}
            ax.plot(lambdas, kept[method][j], marker, **look)
        ax.set(xscale="log", xlabel="λ")
        ax.minorticks_off()
        ax.set_title(method, loc="center")
    axes[0].set_ylabel("share that is kept")
    entries = ax.get_legend_handles_labels()
    fig.legend(*entries, loc="outside lower center", ncols=3)
    title = "Adam with L2 ends at ridge, AdamW in a box"
    fig.suptitle(title, x=0.01, ha="left", size=12)
plt.show()

# %%
# What to see, and how far it holds
# ---------------------------------
# Exact are the paths without data, the indifference of AdamW to the unit of the loss,
# and the condition at rest for Adam with L2. The numbers of the 20 examples come from
# one data set and one start.
#
# Two sentences are true together. *As a decay*, AdamW does what its name says, and L2
# through Adam does not: where the data are silent, λ cancels. *As a penalty*, L2
# through Adam solves the problem that was written down, in its own time, and AdamW
# solves another one. (The sources are in the :ref:`bibliography <bibliography>`.)
#
# Which of them matters depends on whether a run comes to rest. For new examples the two
# ends differ little here: AdamW's test loss is a tenth higher.
