r"""
Weight decay from scratch
=========================

A loop of a dozen lines trains one linear model with λ = 0, 3 and 10.

The data are 20 examples with 200 inputs each. The objective of a batch of
:math:`B` examples is

.. math::

   \frac1B \sum_{i=1}^{B} \tfrac12 (\hat y_i - y_i)^2
   + \lambda \cdot \tfrac12 \lVert w \rVert_2^2,
   \qquad \hat y_i = x_i^\top w + b .

We write each part of it by hand, predict the norm of the trained weight, and read
the curves.
"""

# %%
# The parts
# ---------
# Four functions. The loss gives one number per example. The penalty gives one
# number for the whole weight: square every entry, add up, halve. A step of SGD
# subtracts η times the gradient; the loss will be summed over the batch, so the
# step divides by the batch size.

import torch

from weight_decay import synthetic_data

problem = synthetic_data(n_train=20, n_test=100, num_inputs=200, seed=0)


def linreg(X, w, b):
    return X @ w + b


def squared_loss(y_hat, y):
    return (y_hat - y) ** 2 / 2


def l2_penalty(w):
    return w.pow(2).sum() / 2


def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr / batch_size * param.grad
            param.grad.zero_()


# %%
# The loop
# --------
# The weight starts from N(0, 1), the bias from zero. Each epoch shuffles the
# examples and cuts them into batches.


def train(lambd, lr=0.003, epochs=100, batch_size=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    w = torch.normal(0, 1, (200, 1), generator=generator, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    for _ in range(epochs):
        for batch in torch.randperm(20, generator=generator).split(batch_size):
            X, y = problem.X_train[batch], problem.y_train[batch]
            loss = squared_loss(linreg(X, w, b), y) + lambd * l2_penalty(w)
            loss.sum().backward()
            sgd([w, b], lr, batch_size)
    return w.detach(), b.detach()


# %%
# One line deserves a second look. ``+ lambd * l2_penalty(w)`` adds the same number
# to each of the :math:`B` losses; ``sum()`` then counts it :math:`B` times, and the
# division in ``sgd`` makes it once again. The factor :math:`1 - \eta\lambda` is
# nowhere written; it follows from the penalty.
#
# Predict, then run
# -----------------
# The examples pull in 20 directions. In the other 180, the :term:`null space`,
# decay is the only force, and a run takes 100 epochs of 4 steps. How long will the
# trained weight be for λ = 0, 3 and 10?
#
# .. solution-start:: Answer
#
# A random start has the length :math:`\sqrt{180}` in 180 directions, and decay leaves
# :math:`(1 - 0.003\,\lambda)^{400}` of it. In the other 20 something remains where
# the pull of the examples and that of decay balance. The table below has the three
# numbers, beside those of the runs.
#
# .. solution-end::
#
# λ = 0: no decay
# ---------------
# ``scratch.train`` of the package is the loop above, line for line. Besides, it
# checks its arguments and keeps the losses, *without* the penalty, of every fifth
# epoch. That it ends at the same weight, to the last digit, is asserted here; from
# now on we use it.

from matplotlib import pyplot as plt

from weight_decay import scratch
from weight_decay.plotting import compare_runs, plot_losses

w, b = train(lambd=0)
without = scratch.train(problem, lambd=0)
assert torch.equal(w, without.w)
assert torch.equal(b, without.b)

ax = plot_losses(without, title="Without decay the test loss hardly moves")
ax.set_ylim(1e-7, 1e3)
plt.show()
print(f"L2 norm of w: {without.w_norm:.4f}")

# %%
# The training loss falls by orders of magnitude: the examples are learned ever more
# exactly. The test loss does not follow, because it is made of the random start,
# and the norm says that most of the start is still there.
#
# λ = 3: moderate decay
# ---------------------

moderate = scratch.train(problem, lambd=3)
ax = plot_losses(moderate, title="With λ = 3 the test loss falls to the end")
ax.set_ylim(1e-7, 1e3)
plt.show()
print(f"L2 norm of w: {moderate.w_norm:.4f}")

# %%
# The same start, the same batches; only λ has changed. The test loss falls on a
# straight line and is still falling when the run ends. The training loss stops
# falling: the penalty keeps the weight from fitting the examples exactly.
#
# λ = 10: strong decay
# --------------------

strong = scratch.train(problem, lambd=10)
ax = plot_losses(strong, title="With λ = 10 the test loss soon turns flat")
ax.set_ylim(1e-7, 1e3)
plt.show()
print(f"L2 norm of w: {strong.w_norm:.4f}")

# %%
# The test loss falls faster, and then turns flat: the start is gone.
#
# Side by side
# ------------

runs = [without, moderate, strong]
compare_runs(runs, title="The larger λ, the sooner the test loss falls")
plt.show()

# %%
# The table puts the predicted norm beside the runs, and below them the model that
# always predicts the mean of the training targets.

from tabulate import tabulate

y_test, mean = problem.y_test, problem.y_train.mean()
rows = []
for run in runs:
    left = 180**0.5 * (1 - run.lr * run.lambd) ** 400
    rows.append((f"{run.lambd:g}", left, run.w_norm, run.test_loss[-1]))
rows.append(("mean", None, None, float(squared_loss(mean, y_test).mean())))
headers = ["λ", "predicted", "‖w‖₂", "test loss"]
print(tabulate(rows, headers, floatfmt=("", ".5f", ".4f", ".4f")))

# %%
# For λ = 0 and 3 the prediction is right, apart from luck: the length of 180 random
# numbers varies by about 5 % from seed to seed. For λ = 10 the start is gone, and the
# printed norm is that of the balance in 20 directions.
#
# What the figure shows, and what it does not
# -------------------------------------------
# More decay gives a smaller norm, a larger training loss and a smaller test loss. It
# is tempting to conclude that the large weights had fitted noise. Two controls ask:
# the same runs on data without noise, and the same runs from zero.

noiseless = synthetic_data(n_train=20, n_test=100, noise_std=0, seed=0)
rows = []
for run in runs:
    no_noise = scratch.train(noiseless, run.lambd)
    from_zero = scratch.train(problem, run.lambd, w_init=torch.zeros(200, 1))
    losses = [each.test_loss[-1] for each in (run, no_noise, from_zero)]
    rows.append([run.lambd, *losses])
headers = ["λ", "as above", "no noise", "start at 0"]
print(tabulate(rows, headers, floatfmt=("g", ".4f", ".4f", ".5f")))

# %%
# Without noise hardly anything changes. From zero nearly the whole effect of λ is
# gone, because there is nothing to forget. So the figure shows that decay *forgets
# the start*, in directions about which 20 examples say nothing; and λ = 10, which
# forgets it all, ends about where the mean of the targets was without any training.
#
# That is not all that weight decay can do.
# :doc:`Where decay earns its keep </chapter/benefit>` shows the rest. Before that,
# :ref:`the library <sphx_glr_auto_examples_plot_2_concise.py>` does the work.
