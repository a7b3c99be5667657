r"""
The same λ is not the same λ
============================

Equal settings set two problems, and the curves differ for a second reason.

*Dive into Deep Learning* trains the model twice, by hand and with the library, with the
same :math:`\lambda` and the same :math:`\eta`. Its Chinese second edition says that the
plots look the same, its English edition of 2023 that they look similar
(:ref:`textbook-figure` compares the editions). Here is what the two programs minimise
on a batch, with :math:`r_i = \hat y_i - y_i`:

.. math::

   \text{scratch:} \quad \frac1B \sum_{i=1}^{B} \tfrac12 r_i^2
   + \lambda \cdot \tfrac12 \lVert w \rVert_2^2,
   \qquad
   \text{concise:} \quad \frac1B \sum_{i=1}^{B} r_i^2
   + \lambda \cdot \tfrac12 \lVert w \rVert_2^2 .

One has a :math:`\tfrac12` that the other lacks. And the bias starts at zero in the
first and at random in the second. We switch on one cause at a time.
"""

# %%
# Where the factor 2 sits
# -----------------------
# First a single batch, from the usual start, in 64-bit numbers. A step subtracts
# :math:`\eta` times two terms: the gradient of the data, and the decay
# :math:`\lambda w`. The missing :math:`\tfrac12` should double one of them.

import matplotlib.pyplot as plt
import torch
from tabulate import tabulate

from weight_decay import concise, ridge, scratch, synthetic_data
from weight_decay.plotting import TEST, TRAIN, book_style
from weight_decay.sweep import sweep

problem = synthetic_data(seed=0, dtype=torch.float64)
lr, lambd = 0.003, 3

stream = torch.Generator().manual_seed(0)
w, b = scratch.init_params(200, stream, dtype=torch.float64)
X, y = problem.X_train[:5], problem.y_train[:5]
losses = scratch.squared_loss(scratch.linreg(X, w, b), y)
penalty = lambd * scratch.l2_penalty(w)


def gradient_length(part):
    (gradient,) = torch.autograd.grad(part, w, retain_graph=True)
    return float(torch.linalg.vector_norm(gradient))


terms = {
    "data": (losses.mean(), (2 * losses).mean()),
    "decay": (penalty, penalty),
}
rows = [[name, *map(gradient_length, both)] for name, both in terms.items()]
print(tabulate(rows, ["gradient", "scratch", "concise"], floatfmt=".2f"))

# %%
# Only the data term doubles, against which :math:`\lambda` is weighed.
# ``weight_decay=3`` still means :math:`w \leftarrow (1 - 3\eta)\,w`.
#
# The ½ alone
# -----------
# Same weight, same batches, and zero as the start of both biases, so that the runs
# differ in the :math:`\tfrac12` only. All losses on this page are squared errors; the
# losses of the scratch runs are doubled for that.
#
# Two things can be said in advance.
#
# - In 180 directions the data have no say. There the two weights stay equal, and at
#   first these directions make nearly the whole test loss.
# - In the other 20 the concise run is pulled twice as hard by the data, against the
#   same decay. It should be quicker on the training examples, and end nearer to their
#   targets: half of the concise objective is the scratch objective with
#   :math:`\lambda/2`, so the limits are the ridge solutions of :math:`\lambda` and of
#   :math:`\lambda/2`.

zero = torch.zeros(1, dtype=torch.float64)


def limit(lambd):
    w, b = ridge.fit(problem, lambd)
    error = problem.X_train @ w + b - problem.y_train
    return float((error**2).mean())


def squared_error(run):
    unit = 2 if run.loss_unit == "half squared error" else 1
    return [unit * torch.tensor(x) for x in (run.train_loss, run.test_loss)]


rows = []
for lambd in (3, 10):
    hand, library = limit(lambd), limit(lambd / 2)
    rows.append([lambd, hand, library, hand / library])
columns = ["λ", "scratch", "concise", "ratio"]
print("train loss in the limit")
print(tabulate(rows, columns, floatfmt=("", ".5f", ".5f", ".2f")))

# %%
# Now the runs.

pairs = {
    lambd: (
        scratch.train(problem, lambd=lambd),
        concise.train(problem, lambd=lambd, b_init=zero),
    )
    for lambd in (0, 3, 10)
}
rows = [
    [lambd, name, run.w_norm, *(float(x[-1]) for x in squared_error(run))]
    for lambd, both in pairs.items()
    for name, run in zip(("scratch", "concise"), both, strict=True)
]
columns = ["λ", "", "‖w‖₂", "train", "test"]
print(tabulate(rows, columns, floatfmt=("", "", ".4f", ".1e", ".4f")))

# %%
# The limits are in grey.

with book_style():
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.8), sharey=True)
    for ax, lambd in zip(axes, (3, 10), strict=True):
        for at_rest in (limit(lambd), limit(lambd / 2)):
            ax.axhline(at_rest, color="#aaaaaa", linewidth=4)
        hand, library = pairs[lambd]
        for i, look in enumerate((TRAIN, TEST)):
            line = {"color": look["color"]}
            ax.plot(hand.epochs, squared_error(hand)[i], **line)
            marks = line | {"marker": look["marker"], "ls": ""}
            marks["markerfacecolor"] = "white"
            ax.plot(hand.epochs, squared_error(library)[i], **marks)
        ax.set(yscale="log", xlabel="epoch")
        ax.set_title(f"λ = {lambd}", loc="center")
    axes[0].set_ylabel("mean loss (squared error)")
    axes[0].text(44, 15, "test", color=TEST["color"])
    axes[0].text(34, 0.03, "train", color=TRAIN["color"])
    axes[1].plot([], [], "k", label="lines: scratch")
    axes[1].plot([], [], "ko", markerfacecolor="white", label="marks: concise")
    axes[1].legend()
    title = "The missing ½ changes the training loss, hardly the test loss"
    fig.suptitle(title, x=0.01, ha="left", fontsize=12)
plt.show()

# %%
# The training losses part at once, first because the concise run is quicker, then
# because it ends lower. The test losses lie close together.
#
# At rest
# -------
# Long runs, with the whole training set as one batch and ten times the learning rate,
# come to rest at two different solutions.


def ridge_norm(lambd):
    w, _ = ridge.fit(problem, lambd)
    return float(torch.linalg.vector_norm(w))


rows = []
settings = {"lr": 10 * lr, "epochs": 1500, "batch_size": 20}
for name, share in {"scratch": 1, "concise": 1 / 2}.items():
    runs = sweep([problem], (3, 10), implementation=name, **settings)
    for lambd, norm in zip((3, 10), runs.w_norm[:, 0].tolist(), strict=True):
        limits = ridge_norm(lambd), ridge_norm(lambd / 2)
        rows.append([lambd, name, norm, *limits])
        assert abs(norm - ridge_norm(share * lambd)) < 1e-6
columns = ["λ", "", "‖w‖₂", "ridge(λ)", "ridge(λ/2)"]
print(tabulate(rows, columns, floatfmt=".5f"))

# %%
# So concise with λ = 3 ends where scratch with λ = 1.5 ends.
#
# The identity
# ------------
# To halve λ is not enough, because the data step would still be twice as long.
# Compare the updates of the weight:
#
# .. math::
#
#    \text{scratch:} \quad w \leftarrow (1 - \eta\lambda)\, w
#    - \frac{\eta}{B} \sum_{i=1}^{B} x_i r_i,
#    \qquad
#    \text{concise:} \quad w \leftarrow (1 - \eta\lambda)\, w
#    - \frac{2\eta}{B} \sum_{i=1}^{B} x_i r_i .
#
# Put :math:`2\eta` and :math:`\lambda/2` into the first one. The decay stays as it is,
# the data step doubles, and the second one appears. From the same start, on the same
# batches, scratch with :math:`2\eta` and :math:`\lambda/2` must take the very steps of
# concise with :math:`\eta` and :math:`\lambda`. The recorded losses must have the ratio
# 2, which is the unit.

rows = []
for lambd in (0, 3, 10):
    run = concise.train(problem, lambd=lambd)
    twin = scratch.train(problem, lambd / 2, 2 * lr, b_init=run.b_init)
    gap = float(torch.linalg.vector_norm(twin.w - run.w)) / run.w_norm
    rows.append([lambd, gap, run.test_loss[-1] / twin.test_loss[-1]])
    assert gap < 1e-13
columns = ["λ", "relative gap of w", "test losses"]
print(tabulate(rows, columns, floatfmt=("", ".0e", ".12f")))

# %%
# What differs is the rounding of 64-bit numbers. This is an identity of two programs:
# it holds for all data, all batches and all starts.
#
# The slowest coordinate
# ----------------------
# Now the other cause. The bias of the concise program starts at a random :math:`b_0`
# from N(0, 1). The data do not soon correct it. With 200 inputs and 20 examples the
# weight can produce the same shift on every training example, and within a few epochs
# it has done so with the opposite sign. The training error that :math:`b_0` made is
# gone, and with it the gradient of the bias. On new examples the weight gives no such
# shift, so there the error stays.
#
# What still moves the bias is weight decay. It shrinks that shift of the weight, a
# small training error comes back, and the bias follows. The share that comes back is
# about :math:`\lambda/(\lambda + p/n)`, as :ref:`a later page <every-direction>`
# explains. So after :math:`t` steps the share of :math:`b_0` that is left is roughly
#
# .. math::
#
#    \left(1 - \frac{\eta\lambda}{\lambda + p/n}\right)^{t},
#    \qquad p/n = 10 .
#
# For the concise program :math:`\eta` and :math:`\lambda` have to be translated into
# :math:`2\eta` and :math:`\lambda/2` first.
#
# The update is linear in the start. So what is left of :math:`b_0` can be measured:
# train from :math:`b_0 = 1` and from :math:`b_0 = 0`, and subtract the final biases.
# "Full batch" is the same by formula (``ridge.trajectory``).

one = torch.ones(1, dtype=torch.float64)
translated = {"scratch": (1, 1), "concise": (2, 1 / 2)}


def left_by_closed_form(name, lambd, steps):
    faster, weaker = translated[name]
    start = weaker * lambd, faster * lr, steps, problem.w_true
    _, from_one = ridge.trajectory(problem, *start, one)
    _, from_zero = ridge.trajectory(problem, *start, zero)
    return (from_one - from_zero).flatten()


def left_by_training(name, lambdas, epochs):
    program = {"implementation": name, "epochs": epochs}
    from_one = sweep([problem], lambdas, **program, b_init=one)
    from_zero = sweep([problem], lambdas, **program, b_init=zero)
    return (from_one.b - from_zero.b).flatten()


rows = []
for lambd in (0, 3, 10):
    for name, (faster, weaker) in translated.items():
        pull = weaker * lambd
        rule = (1 - faster * lr * pull / (pull + 10)) ** 400
        closed = float(left_by_closed_form(name, lambd, [400]))
        run = float(left_by_training(name, [lambd], 100))
        rows.append([lambd, name, rule, closed, run])
print("left of b₀, by the")
print(tabulate(rows, ["λ", "", "rule", "full batch", "run"], floatfmt=".3f"))

# %%
# The rule knows nothing of the data but :math:`p/n`, and errs by less than a tenth. It
# leaves out the first epochs, in which the data move weight and bias together. For
# λ = 0 nothing else happens: the bias gives way by one eleventh, and the rest of
# :math:`b_0` stays for ever. Now the whole way of the concise runs.

epochs = [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
steps = [4 * epoch for epoch in range(101)]
measured = [left_by_training("concise", (3, 10), epoch) for epoch in epochs]

# %%
# Grey: full batches. Dashed: :math:`(1 - \eta\lambda)^t`, the way of the weight where
# there are no data.

with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    for i, (lambd, marker) in enumerate(((3, "ko"), (10, "k^"))):
        predicted = left_by_closed_form("concise", lambd, steps)
        ax.plot(range(101), predicted, color="#aaaaaa", linewidth=4)
        left = [float(share[i]) for share in measured]
        ax.plot(epochs, left, marker, clip_on=False)
        ax.text(103, left[-1], f"bias, λ = {lambd}", va="center")
        weight = [(1 - lr * lambd) ** step for step in steps]
        ax.plot(range(101), weight, "k--")
    ax.text(103, 0.991**400, "weight, λ = 3", va="center")
    ax.text(40, 3e-3, "weight, λ = 10", va="center", ha="right")
    ax.set(yscale="log", xlim=(0, 100), ylim=(1e-3, 1.2), xlabel="epoch")
    ax.set_ylabel("share of the start that is left")
    ax.set_title("The bias forgets its start more slowly than the weight")
plt.show()

# %%
# The bias is the slowest coordinate of the model, and weight decay, which spares it,
# sets its speed.
#
# Each cause alone
# ----------------
# We switch on each of the two causes alone, on 200 data sets with 200 starts. To give a
# random bias to the scratch program we read the identity from right to left: concise
# with :math:`\eta/2` and :math:`2\lambda` is scratch. Each run is compared with the
# scratch run of its seed.

problems = [synthetic_data(seed=seed) for seed in range(200)]


def finals(has_half, random_bias):
    slower, stronger = (1 / 2, 2) if has_half else (1, 1)
    runs = sweep(
        problems,
        [3 * stronger, 10 * stronger],
        implementation="concise",
        lr=slower * lr,
        b_init=None if random_bias else torch.zeros(1),
    )
    return runs.train_loss[:, :, -1], runs.test_loss[:, :, -1]


rows = {
    "scratch": finals(has_half=True, random_bias=False),
    "no ½": finals(has_half=False, random_bias=False),
    "random bias": finals(has_half=True, random_bias=True),
    "concise: both": finals(has_half=False, random_bias=True),
}

table = []
for i, lambd in enumerate((3, 10)):
    for name in list(rows)[1:]:
        (train, test), (train_plain, test_plain) = rows[name], rows["scratch"]
        train, test = train[i] / train_plain[i], test[i] / test_plain[i]
        smaller = f"{(train < 1).float().mean():.0%}"
        table.append([lambd, name, train.median(), smaller, test.median()])
columns = ["λ", "switched on", "train ×", "smaller", "test ×"]
print(tabulate(table, columns, floatfmt=".2f"))

# %%
# "×" is the median ratio, "smaller" the share of seeds with a smaller training loss.
# Below, a dot is a run, a diamond the median.

jitter = torch.rand(200, generator=stream) / 2 - 1 / 4
with book_style():
    shared = {"sharex": True, "sharey": True}
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.6), **shared)
    for i, ax in enumerate(axes):
        for height, (_, test) in enumerate(rows.values()):
            ax.plot(test[i], height + jitter, ".", color="#888888", alpha=0.5)
            ax.plot(test[i].median(), height, "kd", markersize=9)
        ax.set(xscale="log", xlabel="test loss (squared error)")
        ax.set_title(f"λ = {(3, 10)[i]}", loc="center")
        ax.grid(axis="x")
    axes[0].set_yticks(range(4), list(rows))
    axes[0].set_ylabel("what is switched on")
    axes[0].invert_yaxis()
    title = "The random bias, not the ½, makes the test losses differ"
    fig.suptitle(title, x=0.01, ha="left", fontsize=12)
plt.show()

# %%
# What to see, and how far it holds
# ---------------------------------
# - *The* :math:`\tfrac12` changes the problem that is solved: concise with λ solves
#   that of scratch with :math:`\lambda/2`. Alone it makes the training loss smaller in
#   each of the 200 seeds.
# - *The random bias* is what the eye sees in the test losses. With both causes at work
#   the concise run fits the training examples better in the minority of the seeds.
#
# The identity is exact; the limits are exact for full batches. That the test loss
# hardly notices the :math:`\tfrac12` holds here, where start and unseen truth are the
# larger part of it. So a plot that looks similar need not mean the same problem. And
# different curves can come from something that is not λ at all.
