r"""
Weight decay in a few lines of PyTorch
======================================

The optimiser can do the decay, one argument for the weight and none for the bias.

Same problem, same three settings as in the version
:ref:`from scratch <sphx_glr_auto_examples_plot_1_from_scratch.py>`.
Now ``nn.Linear`` is the model, ``nn.MSELoss`` the loss and ``torch.optim.SGD`` the
update. Two things change, as in the textbook, and both can be seen in the curves: the
loss loses its :math:`\tfrac12`, and the bias starts at random, like the weight.
"""

# %%
# The model and the optimiser
# ---------------------------
# ``nn.Linear`` keeps its weight as a row, so the start is transposed on its way
# in.
#
# .. package-code:: weight_decay.concise.linear_net
#
# The optimiser gets two parameter groups, because the bias should not decay. A
# single group would give every parameter the same ``weight_decay``.
#
# .. package-code:: weight_decay.concise.decaying_sgd
#
# For each parameter of a group, ``weight_decay=lambd`` adds
# :math:`\lambda w` to the gradient before the step:
#
# .. math::
#
#    w \leftarrow w - \eta\,(g + \lambda w) = (1 - \eta\lambda)\, w - \eta\, g .
#
# This is the same factor :math:`1 - \eta\lambda` as before, without a penalty in
# the loss. (Plain SGD passes :math:`\lambda w` on as it is. Adam rescales it with
# the rest of the gradient, and the factor is lost.)

# %%
# The loop
# --------
#
# .. package-code:: weight_decay.concise.train
#
# ``reduction="none"`` keeps one loss per example and ``mean()`` averages them.
# There is no :math:`\tfrac12` here, so the gradient :math:`g` is twice that of
# the scratch version.

# %%
# Predict, then run
# -----------------
# The factor per step is the same, and the 180 directions that the data never
# touch feel nothing else. So the prediction for the norm is the same as before.

import matplotlib.pyplot as plt
import torch

from weight_decay import concise, scratch, synthetic_data
from weight_decay.plotting import compare_runs, plot_losses

problem = synthetic_data(n_train=20, n_test=100, num_inputs=200, seed=0)

for lambd in (0, 3, 10):
    left = 180**0.5 * (1 - 0.003 * lambd) ** 400
    print(f"λ = {lambd:<2}  what decay leaves of the start: {left:.5f}")

# %%
# λ = 0: no decay
# ---------------

without = concise.train(problem, lambd=0)
plot_losses(without, title="Without decay the test loss stays, in PyTorch too")
plt.show()
print(f"L2 norm of w: {without.w_norm:.4f}")

# %%
# The training loss now falls to the rounding errors of 32-bit numbers, far below
# that of the scratch run: without the :math:`\tfrac12` each step on the data is
# twice as long. The test loss stays, at about twice the number of the scratch
# run. That factor is the unit, not the model: this axis shows squared errors, not
# half of them.
#
# λ = 3: moderate decay
# ---------------------

moderate = concise.train(problem, lambd=3)
plot_losses(moderate, title="With λ = 3 the test loss falls, then bends")
plt.show()
print(f"L2 norm of w: {moderate.w_norm:.4f}")

# %%
# The straight fall of the test loss is that of the scratch run, because the decay
# is the same. Towards the end it bends.
#
# λ = 10: strong decay
# --------------------

strong = concise.train(problem, lambd=10)
plot_losses(strong, title="With λ = 10 the test loss falls fast, then slowly")
plt.show()
print(f"L2 norm of w: {strong.w_norm:.4f}")

# %%
# After the fast fall comes a slow one. It is the bias, which started at random. Decay
# does not touch it, and the data correct it slowly: with 200 inputs, the weight can
# produce the same shift on the 20 examples, and takes over most of the correction.
# On new examples the weight gives no such shift, and the error of the bias remains,
# squared, in the test loss.

print(f"bias: start {float(strong.b_init):.4f}, true {problem.b_true}")
print(" λ     final    error squared    test loss")
for run in (without, moderate, strong):
    error = (float(run.b) - problem.b_true) ** 2
    print(
        f"{run.lambd:2.0f}   {float(run.b):.4f}   {error:12.4f}"
        f"   {run.test_loss[-1]:10.4f}"
    )

# %%
# Side by side
# ------------

runs = [without, moderate, strong]
compare_runs(runs, title="In PyTorch, too, a larger λ acts sooner")
plt.show()

# %%
# The same λ is not the same problem
# ----------------------------------
# Textbooks like to add that both versions give the same curves. With the same λ
# and the same learning rate they do not. The :math:`\tfrac12` can be undone,
# though: halve the penalty instead, and double the step. From the same start,
# with the same batches, scratch with :math:`2\eta` and :math:`\lambda/2` is
# concise with :math:`\eta` and :math:`\lambda`.

for run in runs:
    half, double = run.lambd / 2, 2 * run.lr
    twin = scratch.train(problem, lambd=half, lr=double, b_init=run.b_init)
    gap = torch.linalg.vector_norm(twin.w - run.w) / run.w_norm
    ratio = run.test_loss[-1] / twin.test_loss[-1]
    print(
        f"λ = {run.lambd:<3g} ‖w‖₂ = {run.w_norm:7.4f} and {twin.w_norm:7.4f}"
        f"   test losses in ratio {ratio:.4f}"
    )
    assert gap < 1e-4
    assert abs(ratio - 2) < 1e-3

# %%
# What to see, and how far it holds
# ---------------------------------
# ``weight_decay`` in ``torch.optim.SGD`` is the penalty
# :math:`\tfrac\lambda2\lVert w\rVert_2^2`, whatever the loss is. What that λ
# weighs against is the loss you chose: with the mean of squared errors it counts
# half as much as with half squared errors. Before you compare a λ from one text
# with a λ from another, look for the :math:`\tfrac12`.
#
# The :doc:`summary </chapter/summary>` puts the six runs into one table.
