r"""
It is ridge regression
======================

Training with weight decay ends at the minimiser that statistics calls ridge regression.

With all :math:`n` training examples in one batch, the chapter descends

.. math::

   J(w, b) = \frac1n \sum_{i=1}^{n} \tfrac12 (x_i^\top w + b - y_i)^2
   + \lambda \cdot \tfrac12 \lVert w \rVert_2^2 .

Statistics has studied this objective since 1970, under the name **ridge
regression** (Hoerl and Kennard; see the :ref:`bibliography <bibliography>`). For
:math:`\lambda > 0` it has exactly one minimiser, and twenty linear equations give
it. So we can write down where a run goes, see how far the run of the chapter got,
and read what λ does there.
"""

# %%
# The end of training, without training
# -------------------------------------
# Set the gradient of :math:`J` to zero. The bias has no penalty, so it makes the
# mean residual zero, :math:`b = \bar y - \bar x^\top w`, and for the weight only
# the centred data count, :math:`X_c` and :math:`y_c`, from which the means are
# subtracted:
#
# .. math::
#
#    \tfrac1n X_c^\top (X_c w - y_c) + \lambda w = 0 .
#
# The first term is a combination of training examples, so the second one is, too:
# :math:`w = X_c^\top \alpha`. With that, the 200 equations become 20,
#
# .. math::
#
#    \left( X_c X_c^\top + n\lambda I \right) \alpha = y_c .

import matplotlib.pyplot as plt
import torch
from sklearn.linear_model import LinearRegression, Ridge

from weight_decay import ridge, scratch, synthetic_data
from weight_decay.plotting import COLOURS, book_style
from weight_decay.sweep import sweep

problem = synthetic_data(seed=0, dtype=torch.float64)
X, y = problem.X_train, problem.y_train
n, lambd = len(X), 3

X_c, y_c = X - X.mean(0), y - y.mean()
alpha = torch.linalg.solve(X_c @ X_c.T + n * lambd * torch.eye(n), y_c)
w_ridge = X_c.T @ alpha
b_ridge = y.mean() - X.mean(0) @ w_ridge

# %%
# The package does the same with a singular value decomposition,
# ``ridge.fit(problem, lambd)``. In scikit-learn it is ``Ridge(alpha=60)``. That
# ``alpha`` is a number: its objective is the *sum* of squared errors plus ``alpha``
# times :math:`\lVert w\rVert_2^2`. Multiply :math:`J` by :math:`2n`, and the factor
# there is :math:`n\lambda = 20 \cdot 3`.
# (:ref:`Other texts, other constants <conventions>`.)
#
# Predict, then run
# -----------------
# Three ways to compute the minimiser, and then a training run from a random start
# with the whole training set as one batch. With full batches the learning rate
# changes how fast a run arrives, not where. So we take 0.05 in place of 0.003.

w_fit, b_fit = ridge.fit(problem, lambd)
inputs, targets = X.numpy(), y.numpy()[:, 0]
theirs = Ridge(alpha=n * lambd).fit(inputs, targets)
long = scratch.train(problem, lambd, lr=0.05, epochs=3000, batch_size=n)

ways = {
    "twenty equations": (w_ridge, b_ridge),
    "ridge.fit": (w_fit, b_fit),
    "scikit-learn": (torch.tensor(theirs.coef_)[:, None], theirs.intercept_),
    "3000 steps from N(0, 1)": (long.w, long.b),
}
print(f"{'λ = 3':25}{'‖w‖₂':>14}{'b':>14}")
for name, (w, b) in ways.items():
    print(f"{name:25}{float(w.norm()):14.10f}{float(b):14.10f}")
    assert (w - w_ridge).norm() < 1e-12
    assert abs(float(b) - float(b_ridge)) < 1e-12

# %%
# All digits agree. Not only the length does: the assertions compare the 200
# entries. The start has left nothing behind.
#
# How far did the run of the chapter get?
# ---------------------------------------
# It took 400 steps at the learning rate 0.003, on batches of 5. Split the distance
# that remains to the ridge minimiser into three parts: the weight along the 20
# training examples (the row space), the weight in the 180 directions that no
# example touches (the null space), and the bias. ``ridge.trajectory`` predicts
# them for full batches, by formula.

end = w_fit, b_fit


def distances(w, b, X=X, end=end):
    error = w - end[0]
    row = torch.linalg.pinv(X) @ (X @ error)  # its part in the row space
    null = error - row
    return float(row.norm()), float(null.norm()), abs(float(b - end[1]))


run = scratch.train(problem, lambd)
start = run.w_init, run.b_init
(w_400,), (b_400,) = ridge.trajectory(problem, lambd, run.lr, [400], *start)

print("               row space   null space    bias")
ends = [start, (w_400, b_400), (run.w, run.b)]
for name, at in zip(("start", "predicted", "400 steps"), ends, strict=True):
    row, null, bias = distances(*at)
    print(f"{name:12}{row:12.4f}{null:13.4f}{bias:8.4f}")
print(f"for comparison, the ridge weight has the length {w_ridge.norm():.4f}")

# %%
# The null part is ten times as long as the whole ridge weight: decay works on it
# alone, and 400 steps are not enough. The row part and the bias look nearly there. Is
# that the rule? Here are a hundred runs, each with its own data and start; the first is
# this one. "Own bias" means the distance to the best weight *for the bias that the run
# has reached*.

problems = [synthetic_data(seed=k, dtype=torch.float64) for k in range(100)]
many = sweep(problems, [lambd])
found = []
for k, other in enumerate(problems):
    Z, w, b = other.X_train, many.weight(0, k), many.b[0, k]
    goal = ridge.fit(other, lambd)
    row, _, bias = distances(w, b, Z, goal)
    K = Z @ Z.T + n * lambd * torch.eye(n)
    dual = torch.linalg.solve(K, other.y_train - b)
    own = distances(w, b, Z, (Z.T @ dual, b))[0]
    found.append([abs(float(goal[1])), bias, row, own])
found = torch.tensor(found)
at_start, bias, row, own = found.median(0).values

print("median of 100 runs        start   400 steps")
print(f"bias                  {at_start:9.4f}   {bias:9.4f}")
print(f"row space                       {row:11.4f}")
print(f"row space, own bias             {own:11.4f}")
farther = int((found[:, 1] > found[:, 0]).sum())
print(f"bias farther from its end than at the start: {farther} of 100")

# %%
# In this run the bias happens to be close. In about four of five it ends farther away
# than it began. Early on, the random weight makes large errors on the training
# examples. They push the bias to one side, and nothing brings it back quickly.
# Meanwhile the weight along the examples makes up for the wrong bias. That is why the
# row part is not at the ridge weight; for the bias of the run it is in place.
#
# So we let our run go on, 20 times as long. Grey, drawn first: the prediction for
# full batches. Black: the run of the chapter, then continued on batches of 5.

steps = [*range(0, 400, 40), *range(400, 8001, 400)]
path = ridge.trajectory(problem, lambd, run.lr, steps, *start)
predicted = [distances(w, b) for w, b in zip(*path, strict=True)]

followed = [distances(*start)]
for epochs in range(10, 101, 10):
    part = sweep([problem], [lambd], epochs=epochs)
    followed.append(distances(part.weight(0, 0), part.b[0]))
for seed in range(1, 20):  # 100 epochs more, from where the last part ended
    here = {"w_init": part.weight(0, 0), "b_init": part.b[0]}
    part = sweep([problem], [lambd], seeds=[seed], **here)
    followed.append(distances(part.weight(0, 0), part.b[0]))

with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 3.4))
    ax.plot(steps, predicted, color="#aaaaaa", linewidth=4)
    for i, look in enumerate("so^"):
        measured = [distance[i] for distance in followed]
        ax.plot(steps, measured, look, color="black")
    ax.text(1550, 3e-5, "null space")
    ax.text(2200, 3.5e-3, "bias")
    ax.text(5600, 9e-4, "row space")
    ax.axvline(400, color="#888888", linewidth=1)
    ax.text(480, 15, "end of the chapter's run")
    ax.set(yscale="log", ylim=(1e-5, 50), xlim=(0, 8000))
    ax.set(xlabel="step", ylabel="distance to the ridge minimiser")
    ax.set_title("The null space is soon forgotten, the bias comes last")
plt.show()

# %%
# In grey, after a short bend, three straight lines. The null part falls by the factor
# :math:`1 - \eta\lambda` a step. The bias is the slowest, and the row part is tied to
# it. :ref:`Every direction at once <every-direction>` derives these slopes.
#
# How near does SGD stay?
# -----------------------
# Below 0.001 first the row part and later the bias leave their grey lines: full batches
# go on to the minimiser, batches of 5 hover near it. To measure how near, start *at*
# the minimiser, with 20 seeds, and see how far a run drifts away. Guess what half the
# learning rate does. The last line of the table checks that 100 epochs are enough, and
# below it are other data sets.

at_end = {"w_init": w_fit, "b_init": b_fit}
print("    η   epochs   distance from ridge, as a share of its ‖w‖₂")
print("                  mean     largest    of the mean weight")
for lr, epochs in ((0.006, 100), (0.003, 100), (0.0015, 100), (0.003, 1500)):
    drift = sweep([problem] * 20, [lambd], lr=lr, epochs=epochs, **at_end)
    weights = torch.stack([drift.weight(0, j) for j in range(20)])
    away = (weights - w_fit).norm(dim=1) / w_fit.norm()
    shared = (weights.mean(0) - w_fit).norm() / w_fit.norm()
    mean, largest = away.mean(), away.max()
    print(f"{lr:.4f} {epochs:6} {mean:10.2%} {largest:9.2%} {shared:12.2%}")
    assert 3.5 < mean / lr < 4.5

others = []
for other in problems[1:11]:
    goal, b = ridge.fit(other, lambd)
    w = sweep([other], [lambd], w_init=goal, b_init=b).weight(0, 0)
    others.append(float((w - goal).norm() / goal.norm()))
least, most = min(others), max(others)
print(f"ten other data sets, η = 0.003: {least:.1%} to {most:.1%}")

# %%
# About one per cent at the learning rate of the chapter, and in proportion to it. 15
# times as many epochs, several half-lives of the bias, change nothing. The last column
# is the surprise: the mean of the 20 weights is hardly nearer. So this is
# little noise and mostly a shift that all seeds share, because four short steps on
# quarters of the data are not quite one long step on all of them. SGD with decay
# ends *beside* the ridge minimiser; the smaller η, the nearer.
#
# What λ keeps of each direction
# ------------------------------
# Now the minimiser itself. Let :math:`v_j` be the principal directions of the
# centred inputs and :math:`d_j` the variance of the data along them (over
# :math:`n`, not :math:`n - 1`). In these coordinates ridge is least squares, shrunk:
#
# .. math::
#
#    v_j^\top w_\lambda
#    = \frac{d_j}{d_j + \lambda} \; v_j^\top w_{\lambda \to 0} .
#
# The row space above had 20 directions. Centred rows add up to zero, so they leave 19:
# one direction of the data goes into the bias. The formula is drawn first, in grey.
# The marks are measured on fits of scikit-learn.

d = ridge.shrinkage(X, 0)[0]
V_c = torch.linalg.svd(X_c)[2][: len(d)].T
least_squares = LinearRegression().fit(inputs, targets).coef_
unshrunk = V_c.T @ torch.tensor(least_squares)

with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 3))
    j = torch.arange(1, len(d) + 1)
    for lam, look in ((0.05, "o"), (3, "s"), (10, "^"), (100, "D")):
        ax.plot(j, d / (d + lam), color="#aaaaaa", linewidth=4)
        fit = Ridge(alpha=n * lam).fit(inputs, targets).coef_
        kept = V_c.T @ torch.tensor(fit) / unshrunk
        ax.plot(j, kept, look, color="black")
        ax.text(19.6, kept[-1], f"λ = {lam:g}", va="center")
        assert torch.allclose(kept, d / (d + lam), atol=1e-6)
    ax.set(xlim=(0.5, 19.5), ylim=(0, 1.05), xticks=(1, 5, 10, 15, 19))
    ax.set(xlabel="direction j, by falling variance d", ylabel="share kept")
    ax.set_title("λ takes most where the data vary least")
plt.show()

print(f"variances d: from {d[0]:.1f} down to {d[-1]:.1f}")

# %%
# λ is measured in the unit of :math:`d`. Where :math:`d` is much larger than λ the
# fit is left alone; at :math:`d = \lambda` half of it is taken. The variances lie
# around :math:`p/n = 10`, so λ = 0.05 takes almost nothing here, and λ = 10 half.
#
# Degrees of freedom
# ------------------
# How many parameters does such a fit use? Move one target :math:`y_i` by 1, fit
# again, and see how far the fit's own prediction :math:`\hat y_i` follows. A constant
# that is known beforehand does not follow at all; a model that passes through every
# point follows all the way. Add up over the examples:
#
# .. math::
#
#    \mathrm{df}(\lambda) = \sum_{i=1}^n \frac{\partial \hat y_i}{\partial y_i}
#    = 1 + \sum_j \frac{d_j}{d_j + \lambda} .
#
# The 1 is the bias. For random inputs of this shape a formula predicts the sum without
# looking at the data (``ridge.asymptotic_degrees_of_freedom``; Dobriban and Wager,
# 2018). The 20 centred rows count as 19 rows, with the same
# :math:`n\lambda`. To measure, we take the definition at its word: the columns of
# the unit matrix are twenty sets of targets, all zero but for one that is moved to 1.


def follow(lam):
    fit = Ridge(alpha=n * lam).fit(inputs, torch.eye(n).numpy())
    return float(fit.predict(inputs).trace())


def predicted_df(lam):
    p = problem.num_inputs
    return 1 + ridge.asymptotic_degrees_of_freedom(lam * n / (n - 1), n - 1, p)


lambdas = torch.logspace(-2, 4, 37).tolist()
marked = (0.05, 3, 10, 100)
with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 3.4))
    formula = [predicted_df(lam) for lam in lambdas]
    ax.plot(lambdas, formula, color="#aaaaaa", linewidth=4)
    ax.plot(lambdas, [follow(lam) for lam in lambdas], color="black")
    for lam in marked:
        df = follow(lam)
        ax.plot(lam, df, "o", color="black")
        ax.text(lam, 1.13 * df, f"λ = {lam:g}: {df:.1f}")
    ax.axhline(201, color="#888888", linestyle="--")
    ax.text(9e3, 222, "parameters of the model", ha="right")
    ax.annotate("", (0.02, 21), (0.02, 190), arrowprops={"arrowstyle": "->"})
    ax.text(0.026, 62, "taken by having\nonly 20 examples", va="center")
    ax.set(xscale="log", yscale="log", xlim=(0.01, 1e4), ylim=(0.9, 330))
    ticks = (1, 5, 10, 20, 201)
    ax.set_yticks(ticks, ticks)
    ax.minorticks_off()
    ax.set(xlabel="λ", ylabel="degrees of freedom")
    ax.set_title("λ = 3 leaves about 15 of 20 degrees of freedom")
plt.show()

print("   λ   predicted   measured")
for lam in (0, *marked):
    measured = follow(lam or 1e-9)  # at 0 the limit
    print(f"{lam:4g}   {predicted_df(lam):9.2f}   {measured:8.2f}")

# %%
# λ = 3 leaves about 15 of 20 degrees of freedom, and λ = 10 about 10. But look at the
# dashed line. The model has 200 weights and a bias. The twenty examples, not decay,
# took these 201 down to 20: the shortest fit through the data (λ → 0) has 20.
#
# The 200 coefficients
# --------------------
# At last the usual picture of ridge, coefficients against λ. Each entry of the true
# weight is 0.01. Where will the lines be?
#
# A fit sees the truth only along 19 directions out of 200. Without shrinking it keeps
# 19/200 of the true entries, on average over data sets; with shrinking
# :math:`(\mathrm{df}(\lambda) - 1)/200`. In grey, drawn first: this share of 0.01.

with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 3))
    mean = [0.01 * (predicted_df(lam) - 1) / 200 for lam in lambdas]
    ax.plot(lambdas, mean, color="#aaaaaa", linewidth=4, zorder=3)
    fits = [Ridge(alpha=n * lam).fit(inputs, targets).coef_ for lam in lambdas]
    coefficients = torch.tensor([fit.tolist() for fit in fits])
    some = coefficients[:, ::10]  # 20 of them are enough for the eye
    ax.plot(lambdas, some, color=COLOURS["sky"], linewidth=1)
    ax.plot(lambdas, coefficients.mean(1), color="black", zorder=4)
    ax.axhline(0.01, color="black", linestyle="--")
    ax.text(9e3, 0.0106, "the true weight, 200 times", ha="right")
    arrow = {"arrowprops": {"arrowstyle": "->"}}
    ax.annotate("mean of all 200", (12, 0.0006), (110, 0.0045), **arrow)
    ax.set(xscale="log", xlim=(0.01, 1e4), ylim=(-0.0085, 0.0125))
    ax.set(xlabel="λ", ylabel="coefficient")
    ax.set_title("No λ brings the mean coefficient near the truth")
plt.show()

print("   λ       ‖w‖₂    mean coefficient   predicted")
for lam in marked:
    w, _ = ridge.fit(problem, lam)
    share = 0.01 * (predicted_df(lam) - 1) / 200
    print(f"{lam:4g}   {w.norm():8.5f}   {w.mean():16.6f}   {share:9.6f}")
means = torch.stack([ridge.fit(other, lambd)[0].mean() for other in problems])
varies = means.std() / means.mean()
print(f"the mean varies by {varies:.0%} between data sets (λ = {lambd})")

# %%
# The lines go to zero together, and none stays there before the others do: ridge
# shrinks, it does not :ref:`select <question-zeros>`. Their mean is about 15 % above
# the prediction in every row (from data set to data set it varies by about a third).
# It is far below the dashed line for every λ. The fan is not noise. The truth has 200
# equal entries, and the part of it that lies in 19 random directions has unequal ones.
# Along each direction λ can only take away from what twenty examples have shown, and
# they show a tenth.
#
# What to see, and how far it holds
# ---------------------------------
# * With full batches and any λ > 0, training ends at the ridge minimiser from every
#   start. This is exact, for any data, if the learning rate is small enough.
# * On reshuffled minibatches with a constant learning rate it ends beside it: by about
#   one per cent at λ = 3, on this data set and on ten others.
# * 400 steps do not get there, even where the bias is lucky. What the figures of the
#   chapter show at λ = 3 is the way to ridge, with the start still on board.
# * :math:`d/(d+\lambda)` is exact. The formula for the degrees of freedom is meant for
#   large matrices; with 20 rows it is already good to about one per cent.
#
# The next page, :ref:`every direction at once <every-direction>`, follows each
# coordinate on its way. Which λ gives the best minimiser is another question, for
# :ref:`which λ? <sphx_glr_auto_examples_plot_7_which_lambda.py>`
