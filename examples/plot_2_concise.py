r"""
Weight decay in a few lines of PyTorch
======================================

The optimiser can do the decay, for the parameters that it is told to decay.

Same data, same three settings as in the version
:ref:`from scratch <sphx_glr_auto_examples_plot_1_from_scratch.py>`. Two things
change, as in the Chinese second edition of the textbook: the loss loses its
:math:`\tfrac12`, and the bias starts at random, like the weight.
"""

# %%
# The whole program
# -----------------
# ``torch.optim.SGD`` takes groups of parameters. ``weight_decay=lambd`` adds
# :math:`\lambda w` to the gradient :math:`g` before the step,
#
# .. math::
#
#    w \leftarrow w - \eta\,(g + \lambda w) = (1 - \eta\lambda)\, w - \eta\, g ,
#
# which is the decay of the last page without a penalty in the loss. A group that
# does not name ``weight_decay`` takes what the constructor was given, 0 by default.
# So the weight decays here, and the bias does not.

import torch
from torch import nn

from weight_decay import concise, synthetic_data

problem = synthetic_data(n_train=20, n_test=100, num_inputs=200, seed=0)
X, y = problem.X_train, problem.y_train
moderate = concise.train(problem, lambd=3)

generator = torch.Generator().manual_seed(0)
w = torch.normal(0, 1, (1, 200), generator=generator)  # nn.Linear keeps a row
net = nn.Linear(200, 1)
net.load_state_dict({"weight": w, "bias": moderate.b_init})
groups = [{"params": net.weight, "weight_decay": 3}, {"params": net.bias}]
optimizer = torch.optim.SGD(groups, lr=0.003)
for _ in range(100):
    for batch in torch.randperm(20, generator=generator).split(5):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(X[batch]), y[batch]).backward()
        optimizer.step()

assert torch.equal(net.weight, moderate.w.T)
assert torch.equal(net.bias, moderate.b)

# %%
# ``concise.train`` is this loop, too: from the same start it gives the same weight to
# the last digit. (It also drew ``b_init``, the start of the bias, from N(0, 1).)
#
# In the 180 directions that the examples do not touch, the decay is that of the last
# page. So the norms for λ = 0 and 3 should be about those of the last page.
#
# λ = 0: no decay
# ---------------

from matplotlib import pyplot as plt

from weight_decay.plotting import compare_runs, plot_losses

without = concise.train(problem, lambd=0)
ax = plot_losses(without, title="Without decay the test loss stays here, too")
ax.set_ylim(1e-14, 1e3)
plt.show()
print(f"L2 norm of w: {without.w_norm:.4f}")

# %%
# The training loss falls to the rounding errors of 32-bit numbers: without the
# :math:`\tfrac12` each step on the data is twice as long. The test loss is about
# twice that of the scratch run. That factor is the unit, not the model: this axis
# shows squared errors, not half of them.
#
# λ = 3: moderate decay
# ---------------------

ax = plot_losses(moderate, title="With λ = 3 the test loss falls, then bends")
ax.set_ylim(1e-14, 1e3)
plt.show()
print(f"L2 norm of w: {moderate.w_norm:.4f}")

# %%
# The straight fall is that of the scratch run, because the decay is the same. The
# bend at the end is new.
#
# λ = 10: strong decay
# --------------------

strong = concise.train(problem, lambd=10)
ax = plot_losses(strong, title="With λ = 10 it falls fast, then slowly")
ax.set_ylim(1e-14, 1e3)
plt.show()
print(f"L2 norm of w: {strong.w_norm:.4f}")

# %%
# After the fast fall comes a slow one. It is the bias, which started at random and
# which nothing shrinks. The data correct it slowly: 200 inputs can produce a common
# shift of 20 predictions, too, so the weight takes over most of the correction. On
# new examples the weight gives no such shift. There the error of the bias stays, and
# with λ = 10 its square is more than half of the test loss.

from tabulate import tabulate

runs = [without, moderate, strong]
mean_loss = float(((problem.y_test - y.mean()) ** 2).mean())
rows = []
for run in runs:
    error = float(run.b) - problem.b_true
    rows.append((f"{run.lambd:g}", float(run.b), error**2, run.test_loss[-1]))
rows.append(("mean", float(y.mean()), None, mean_loss))
headers = ["λ", "final b", "its error²", "test loss"]
print(tabulate(rows, headers, floatfmt=("", ".4f", ".4f", ".4f")))

# %%
# Side by side
# ------------

compare_runs(runs, title="In PyTorch, too, a larger λ acts sooner")
plt.show()

# %%
# The same λ is not the same problem
# ----------------------------------
# The textbook says that both versions give the same curves. With the same λ and the
# same learning rate they do not. The :math:`\tfrac12` can be undone, though. If
# :math:`g` is the gradient of half the squared error, the concise step is
# :math:`\eta\,(2g + \lambda w) = 2\eta\,(g + \tfrac\lambda2 w)`. From the same
# start, with the same batches, scratch with :math:`2\eta` and :math:`\lambda/2` is
# concise with :math:`\eta` and :math:`\lambda`.

from weight_decay import scratch

rows = []
for run in runs:
    half, double = run.lambd / 2, 2 * run.lr
    twin = scratch.train(problem, half, lr=double, b_init=run.b_init)
    ratio = run.test_loss[-1] / twin.test_loss[-1]
    rows.append((run.lambd, run.w_norm, twin.w_norm, ratio))
    assert torch.allclose(run.w, twin.w, atol=1e-4)
headers = ["λ", "‖w‖₂", "‖w‖₂ of twin", "ratio of losses"]
print(tabulate(rows, headers, floatfmt=("g", ".4f", ".4f", ".4f")))

# %%
# ``weight_decay`` in ``torch.optim.SGD`` is the penalty :math:`\tfrac\lambda2\lVert
# w\rVert_2^2`, whatever the loss is. What that λ weighs against is the loss you
# chose: against the mean of squared errors it counts half as much as against half
# squared errors. Before you compare a λ from one text with a λ from another, look
# for the :math:`\tfrac12`.
