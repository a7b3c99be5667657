r"""
Weight decay from scratch
=========================

One linear model, trained by hand with λ = 0, 3 and 10, shows what weight decay changes.

The data are 20 examples with 200 inputs each, so there are ten times as many
weights as examples. The objective of a batch of :math:`B` examples is

.. math::

   \frac1B \sum_{i=1}^{B} \tfrac12 (\hat y_i - y_i)^2
   + \lambda \cdot \tfrac12 \lVert w \rVert_2^2,
   \qquad \hat y_i = x_i^\top w + b .

We write each part of it by hand, predict what will be printed, run it three
times, and read the curves.
"""

# %%
# The problem
# -----------
# The targets follow a rule that we know, because we made it: every entry of the
# true weight is 0.01, the true bias is 0.05, and the noise has standard deviation 0.01.
# Another 100 examples, drawn the same way, are kept for testing.

import matplotlib.pyplot as plt
import torch

from weight_decay import scratch, synthetic_data
from weight_decay.plotting import compare_runs, plot_losses

problem = synthetic_data(n_train=20, n_test=100, num_inputs=200, seed=0)
print(problem)

# %%
# The loss and the penalty
# ------------------------
# The loss gives one number per example. The penalty gives one number for the
# whole weight: square every entry, add up, halve.
#
# .. package-code::
#    weight_decay.scratch.linreg
#    weight_decay.scratch.squared_loss
#    weight_decay.scratch.l2_penalty
#
# The start is random for the weight and zero for the bias.
#
# .. package-code:: weight_decay.scratch.init_params

# %%
# The update and the loop
# -----------------------
# The gradient of the penalty :math:`\tfrac12\lVert w\rVert_2^2` is :math:`w`
# itself. So a step of gradient descent with learning rate :math:`\eta` shrinks
# the weight and corrects it by the data:
#
# .. math::
#
#    w \leftarrow (1 - \eta\lambda)\, w
#    - \frac{\eta}{B} \sum_{i=1}^{B} x_i (\hat y_i - y_i).
#
# That shrinking is the *decay*. The code never writes the factor
# :math:`1 - \eta\lambda`; it follows from the penalty in the loss.
#
# .. package-code::
#    weight_decay.scratch.sgd
#    weight_decay.scratch.train
#
# Two lines deserve a second look. ``+ lambd * l2_penalty(w)`` adds the same
# number to each of the :math:`B` losses; ``sum()`` then counts it :math:`B`
# times, and the division by :math:`B` in ``sgd`` makes it once again. And
# ``recorder`` writes down the loss *without* the penalty at every fifth epoch,
# so that runs with different λ can be compared. (``random_stream`` and
# ``check_start`` only prepare the seed and the start.)

# %%
# Predict, then run
# -----------------
# Each gradient of the data is a combination of the 20 training examples. The
# weight lives in 200 dimensions, so 180 directions never feel the data: there,
# decay is the only force. The start is N(0, 1) in each of them, so there its
# length is about :math:`\sqrt{180}`. A run takes 100 epochs of 4 steps. What is
# left at the end can be written down before anything is trained.

for lambd in (0, 3, 10):
    left = 180**0.5 * (1 - 0.003 * lambd) ** 400
    print(f"λ = {lambd:<2}  what decay leaves of the start: {left:.5f}")

# %%
# Keep these three numbers in mind. We now train.
#
# λ = 0: no decay
# ---------------

without = scratch.train(problem, lambd=0)
plot_losses(without, title="Without decay the test loss hardly moves")
plt.show()
print(f"L2 norm of w: {without.w_norm:.4f}")

# %%
# The training loss falls by orders of magnitude: the 20 examples are learned, ever
# more exactly. The test loss does not follow; the eye sees no change in it at all.
#
# The norm says why. It is close to the predicted :math:`\sqrt{180}` (the length of
# a random start varies by about 5 % from seed to seed). In 180 directions the
# weight is still the random start, and there it spoils the prediction of every
# new example. So the test loss of this famous figure is not noise that was
# learned. It is a start that was never forgotten.
#
# λ = 3: moderate decay
# ---------------------

moderate = scratch.train(problem, lambd=3)
plot_losses(moderate, title="With λ = 3 the test loss falls for the whole run")
plt.show()
print(f"L2 norm of w: {moderate.w_norm:.4f}")

# %%
# The same start, the same batches; only λ has changed. Now the test loss is a
# straight line too, and it is still falling when the run ends. The training
# loss stops falling, because the penalty keeps the weight from fitting the
# examples exactly. The norm is again near the prediction: most of the weight
# that remains is still the start. We can even take the luck of this start out of
# the prediction: both runs began alike, so shrink the norm of the first one.

print(f"from the λ = 0 run: {without.w_norm * 0.991**400:.4f}")
print(f"trained, λ = 3:     {moderate.w_norm:.4f}")

# %%
# λ = 10: strong decay
# --------------------

strong = scratch.train(problem, lambd=10)
plot_losses(strong, title="With λ = 10 the test loss reaches its floor early")
plt.show()
print(f"L2 norm of w: {strong.w_norm:.4f}")

# %%
# The test loss falls faster and then turns flat. This time the norm is far
# *above* the prediction, because almost nothing is left of the start: the
# printed number is the weight that the data hold up against the decay.
#
# Side by side
# ------------
# One loss axis for all three.

runs = [without, moderate, strong]
compare_runs(runs, title="The larger λ, the sooner the test loss falls")
plt.show()

# %%
# The table puts the prediction beside the run.

print(" λ   predicted      ‖w‖₂    train loss    test loss")
for run in runs:
    left = 180**0.5 * (1 - run.lr * run.lambd) ** 400
    print(
        f"{run.lambd:2.0f}  {left:10.5f}  {run.w_norm:8.4f}"
        f"  {run.train_loss[-1]:12.2e} {run.test_loss[-1]:12.2e}"
    )

# More decay: smaller norm, larger training loss, smaller test loss.
for less, more in ((without, moderate), (moderate, strong)):
    assert more.w_norm < less.w_norm
    assert more.train_loss[-1] > less.train_loss[-1]
    assert more.test_loss[-1] < less.test_loss[-1]

# %%
# What to see, and how far it holds
# ---------------------------------
# More decay gives a smaller norm, a larger training loss and a smaller test
# loss. But the figure does not show that large weights fit noise. It shows that
# decay *forgets the start*, by the factor :math:`1-\eta\lambda` per step, in the
# directions about which 20 examples say nothing. Two controls put this to the
# test: the same runs on data without noise, and the same runs from zero. Predict
# which of the two changes the test loss.

noiseless = synthetic_data(n_train=20, n_test=100, noise_std=0, seed=0)
zero = torch.zeros(200, 1)
print(" λ    as above    no noise    start at 0")
for run in runs:
    no_noise = scratch.train(noiseless, lambd=run.lambd)
    from_zero = scratch.train(problem, lambd=run.lambd, w_init=zero)
    print(
        f"{run.lambd:2.0f}  {run.test_loss[-1]:10.4f}"
        f"  {no_noise.test_loss[-1]:10.4f}  {from_zero.test_loss[-1]:12.5f}"
    )

# %%
# Without noise hardly a digit changes. From zero nearly the whole effect of λ is gone,
# because there is nothing to forget.
#
# How good is the result? The model that always predicts the true bias, 0.05,
# needs no training at all.

null_loss = float(((problem.y_test - problem.b_true) ** 2 / 2).mean())
print(f"test loss of the constant 0.05: {null_loss:.4f}")
print(f"test loss of λ = 10:            {strong.test_loss[-1]:.4f}")

# %%
# The two are close: strong decay has brought the model back to where a constant
# already was. One data set and one start stand behind this page; change ``seed``
# and see what stays.
#
# The next page,
# :ref:`weight decay in PyTorch <sphx_glr_auto_examples_plot_2_concise.py>`,
# lets the library do the work, and finds that the same λ does not mean the same
# thing there.
