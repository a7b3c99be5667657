r"""
A deep network
==============

With wrong labels among the examples, decay of the right size helps a network classify.

Now the model is a network with a hidden layer, the examples are images of handwritten
digits, and three of ten training labels are wrong. Two questions are put to it:

- How does the accuracy depend on λ, and can a good λ be found without the test images?
- What does λ do to a weight in front of a normalisation layer?

In the second case, the formulas say, λ sets no size. It sets the angle :math:`\theta`
by which the weight turns at each step,

.. math::

   \cos\theta = 1 - \eta\lambda,
   \qquad \theta \approx \sqrt{2 \eta \lambda} .
"""

# %%
# Digits with wrong labels
# ------------------------
# scikit-learn brings 1797 images of 8 × 8 pixels. We shuffle them and take 300 to learn
# from, 300 to choose λ with (the **validation** images), and the other 1197 to test on.
# Then 30 % of the training labels and 30 % of the validation labels become another
# digit: whoever collects data with wrong labels has them in both. The test labels stay
# right.

import math

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from tabulate import tabulate
from torch.nn.functional import cross_entropy, layer_norm, one_hot

from weight_decay.plotting import TEST, TRAIN, book_style

digits = load_digits()
images = torch.tensor(digits.data / 16, dtype=torch.float32)
labels = torch.tensor(digits.target)
TRAINING, VALIDATION, TESTING = slice(300), slice(300, 600), slice(600, None)


def shuffled(seed, wrong):
    """Return images, labels with so many wrong ones, and true labels."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=generator)
    X, truth = images[order], labels[order]
    given = truth.clone()
    for part in (given[TRAINING], given[VALIDATION]):
        shift = torch.randint(1, 10, (wrong,), generator=generator)
        part[:wrong] = (part[:wrong] + shift) % 10
    return X, given, truth


X, given, truth = shuffled(seed=0, wrong=90)
for name, part in (("training", TRAINING), ("validation", VALIDATION)):
    wrong = int((given[part] != truth[part]).sum())
    print(f"{name:10}  wrong labels: {wrong} of 300")

# %%
# All networks at once
# --------------------
# The network has 64 inputs, 64 hidden units and 10 outputs. Many are trained at once:
# every tensor gets a leading axis that counts the networks. The loss is the *sum* over
# the networks: no parameter of one occurs in the loss of another, so the gradient of
# the sum is the gradient of each.

WIDTH = 64


def start(seed):
    generator = torch.Generator().manual_seed(seed)
    W_1 = torch.randn(64, WIDTH, generator=generator) * (2 / 64) ** 0.5
    W_2 = torch.randn(WIDTH, 10, generator=generator) * (2 / WIDTH) ** 0.5
    return W_1, torch.zeros(1, WIDTH), W_2, torch.zeros(1, 10)


def network(params, X):
    W_1, b_1, W_2, b_2 = params
    return torch.relu(X @ W_1 + b_1) @ W_2 + b_2


def gradients(model, params, X, y):
    outputs = model(params, X).flatten(0, 1)
    loss = cross_entropy(outputs, y.flatten(), reduction="sum") / y.shape[1]
    return torch.autograd.grad(loss, params)


# %%
# The step is that of gradient descent. Every parameter has its own η and its own λ;
# 200 epochs in batches of 50 are 1200 steps.


def train_all(params, rates, decays, X, y, model=network, watch=None):
    generator = torch.Generator().manual_seed(0)
    params = [p.clone().requires_grad_() for p in params]
    for _ in range(200):
        for batch in torch.randperm(300, generator=generator).split(50):
            steps = gradients(model, params, X[:, batch], y[:, batch])
            with torch.no_grad():
                parts = zip(params, steps, rates, decays, strict=True)
                for p, g, lr, lambd in parts:
                    p.mul_(1 - lr * lambd).sub_(lr * g)
            if watch is not None:
                watch(params)
    return [p.detach() for p in params]


# %%
# ``accuracies`` trains one network for each λ and each seed, with η = 0.3. Only the
# matrices decay (:ref:`question-parameter-groups`). A seed stands for a shuffle of the
# images, a choice of wrong labels, and a start.

SEEDS = range(4)


def accuracies(lambdas, wrong):
    of_seeds = [shuffled(seed, wrong) + start(seed) for seed in SEEDS]
    X, given, truth, *params = (
        torch.stack([tensor for _ in lambdas for tensor in tensors])
        for tensors in zip(*of_seeds, strict=True)
    )
    of_weights = torch.tensor(lambdas).repeat_interleave(len(SEEDS))
    of_weights = of_weights.view(-1, 1, 1)  # one λ for each network
    decays = [of_weights, 0] * 2
    X_train, y_train = X[:, TRAINING], given[:, TRAINING]
    params = train_all(params, [0.3] * 4, decays, X_train, y_train)
    answer = network(params, X).argmax(2)
    results = {
        "train": (answer == given)[:, TRAINING].float().mean(1),
        "validation": (answer == given)[:, VALIDATION].float().mean(1),
        "test": (answer == truth)[:, TESTING].float().mean(1),
        "learned": (answer == given)[:, :wrong].float().mean(1),
        "put right": (answer == truth)[:, :wrong].float().mean(1),
        "kept": (answer == given)[:, wrong:300].float().mean(1),
        "length": sum(W.square().sum((1, 2)) for W in params[::2]).sqrt(),
    }
    return {key: value.view(-1, len(SEEDS)) for key, value in results.items()}


# %%
# The sweep
# ---------
# A network that knows its 300 examples by heart has a training accuracy of 1, and gives
# the wrong answer to 90 of them. A network that has only learned what digits look like
# gives the right answer to those 90, so it *fails* on their labels, and its training
# accuracy is at most 0.70. That, not 1, should go with the best test accuracy.

lambdas = [0, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1]
noisy = accuracies(lambdas, wrong=90)

columns = ["train", "validation", "test", "learned", "put right", "kept"]
means = torch.stack([noisy[name].mean(1) for name in columns], dim=1).tolist()
rows = [[lambd, *row] for lambd, row in zip(lambdas, means, strict=True)]
headers = ["λ", "train", "valid", "test", "wrong", "true", "kept"]
print(tabulate(rows, headers, floatfmt=("g", *6 * [".3f"])))

# %%
# (Means over the four seeds. "wrong" is the share of the 90 wrong labels that the
# network repeats, "true" the share of those images that get their true digit,
# "kept" the share of the 210 right labels.) Without decay the network repeats nearly
# all wrong labels. In the middle of the table it gives most of those 90 images their
# *true* digit, although the training told it otherwise 200 times. As λ grows, the wrong
# labels are given up first, and the right ones much later.
#
# λ from the validation images
# ----------------------------
# The test column may not choose λ; the validation column may. Its labels are as bad as
# those of the training, so even the truth would reach only 0.70 there. But every λ is
# judged by the same labels. For each seed we take the λ with the best validation
# accuracy, and only then look at the test images. As a rival, without any training, we
# let the k nearest training images vote. Validation picks k as well.

neighbours = (1, 3, 5, 10, 20, 30)


def votes(X, given, k):
    distances = torch.cdist(X[300:], X[TRAINING])
    nearest = distances.topk(k, largest=False).indices
    answer = one_hot(given[TRAINING][nearest], 10).sum(1).argmax(1)
    return answer[:300], answer[300:]  # validation, test


picked = noisy["validation"].argmax(0)
rows = []
for seed in SEEDS:
    X, given, truth = shuffled(seed, wrong=90)
    by_votes = [votes(X, given, k) for k in neighbours]
    hits = [int((valid == given[VALIDATION]).sum()) for valid, _ in by_votes]
    best = hits.index(max(hits))
    vote = (by_votes[best][1] == truth[TESTING]).float().mean()
    test = noisy["test"][:, seed]
    row = [float(test[picked[seed]]), float(test[0]), float(test.max())]
    row = [seed, lambdas[picked[seed]], *row, neighbours[best], float(vote)]
    rows.append(row)
    assert test[picked[seed]] > test[0] + 0.1
columns = ["seed", "λ", "test", "λ = 0", "best", "k", "vote"]
print(tabulate(rows, columns, floatfmt=("", "g", *3 * [".3f"], "", ".3f")))

# %%
# The validation images find the top or a neighbour of it ("best"), and decay wins more
# than ten points of accuracy with every seed. But look at the last column: the vote
# does better still. With 300 examples and 90 wrong labels, decay only narrows the gap
# to a simple method that a single label cannot mislead.
#
# Is it decay, or decay against wrong labels?
# -------------------------------------------
# The same sweep with right labels tells.

some_lambdas = [0, 0.01, 0.03, 0.1]
clean = accuracies(some_lambdas, wrong=0)
best = clean["test"].mean(1).max() - clean["test"][0].mean()
print(f"right labels: best mean over λ, minus λ = 0: {best:+.3f}")

# %%
# The grey line is the λ with the best validation accuracy over all seeds.

with book_style():
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.8), sharey=True)
    for ax, values, run, title in (
        (axes[0], lambdas, noisy, "30 % wrong labels"),
        (axes[1], some_lambdas, clean, "all labels right"),
    ):
        ax.plot(values, run["train"].mean(1), **TRAIN)
        ax.plot(values, run["test"].mean(1), **TEST)
        # Logarithmic from 0.001 on; below it linear, to have a place for 0.
        ax.set_xscale("symlog", linthresh=0.001)
        ax.set_xticks([0, 0.001, 0.01, 0.1], ["0", "0.001", "0.01", "0.1"])
        ax.set(xlabel="λ", ylim=(0, 1.03))
        ax.set_title(title, loc="center")
    axes[0].plot(lambdas, noisy["learned"].mean(1), "k:^")
    axes[0].text(0.004, 0.4, "wrong labels\nlearned", ha="right")
    top = lambdas[noisy["validation"].mean(1).argmax()]
    axes[0].axvline(top, color="#aaaaaa", linewidth=4, zorder=0)
    axes[0].text(top, 0.01, "picked ", ha="right")
    axes[0].set_ylabel("accuracy")
    axes[1].legend(loc="lower left")
    title = "Wrong labels make the hill, and validation finds it"
    fig.suptitle(title, x=0.01, ha="left", fontsize=12)
plt.show()

# %%
# With right labels there is no hill. The test accuracy is flat until λ is so large that
# the network cannot even follow right labels.
#
# λ does not know which labels are wrong. So what tells them apart? Here is one hint:
# the lengths of the networks without decay, which know their 300 examples by heart.

print("length of all weights, λ = 0")
print(f"90 wrong labels:  {noisy['length'][0].mean():.1f}")
print(f"all labels right: {clean['length'][0].mean():.1f}")
assert noisy["length"][0].min() > clean["length"][0].max()

# %%
# A label that goes against its neighbours takes longer weights than one that agrees
# with them, and length is what decay makes expensive. Two lengths prove no cause. But
# they fit the table: what costs more is given up first.

# %%
# A weight in front of a normalisation layer
# ------------------------------------------
# A normalisation layer divides its inputs by their standard deviation. Let :math:`w` be
# the whole weight matrix in front of it, read as one vector. If :math:`w` is doubled,
# nothing behind the layer changes: :math:`L(cw) = L(w)` for every :math:`c > 0`. So
# along :math:`w` the loss is flat. And for twice the length, the same turn takes twice
# the way, so the slope is half as steep:
#
# .. math::
#
#    g^\top w = 0,
#    \qquad \lVert g \rVert = \frac{\tilde g}{\lVert w \rVert},
#
# where :math:`\tilde g` depends only on the direction of :math:`w`. In a step
# :math:`w' = (1-\eta\lambda)\, w - \eta g` the two parts are at a right angle, so
# Pythagoras gives the new length,
#
# .. math::
#
#    \lVert w' \rVert^2 = (1-\eta\lambda)^2 \lVert w \rVert^2
#    + \frac{\eta^2 \tilde g^2}{\lVert w \rVert^2},
#
# and the angle between :math:`w` and :math:`w'`,
#
# .. math::
#
#    \cos\theta = (1-\eta\lambda) \frac{\lVert w \rVert}{\lVert w' \rVert} .
#
# A long weight shrinks, a short one grows. They come to rest where
# :math:`\lVert w' \rVert = \lVert w \rVert`, that is, at
#
# .. math::
#
#    \lVert w \rVert^4 = \frac{\eta\, \tilde g^2}{2\lambda - \eta\lambda^2},
#    \qquad \cos\theta = 1 - \eta\lambda .
#
# Nothing of the data, of the loss or of the start is left in the angle. In :ref:`the
# question about normalisation <question-normalisation>` weights come to rest there.
#
# A real normalisation layer
# --------------------------
# Now the hidden layer of our network gets a layer normalisation, and the labels are
# those of seed 0, 90 of them wrong. First the two properties of the gradient, on one
# batch, at :math:`w` and at :math:`2w`. (``eps=0.0`` leaves out the small number that
# such layers add to the variance.)


def normalised(params, X):
    W_1, W_2 = params
    return torch.relu(layer_norm(X @ W_1, (WIDTH,), eps=0.0)) @ W_2


X, given, truth = shuffled(seed=0, wrong=90)
W_1, _, W_2, _ = start(seed=0)
params = [torch.stack([W_1, 2 * W_1]), torch.stack([W_2, W_2])]
params = [p.requires_grad_() for p in params]
batch = torch.stack([X[:50]] * 2), torch.stack([given[:50]] * 2)
g = gradients(normalised, params, *batch)[0].flatten(1)
cosine = (g[0] @ W_1.flatten() / g[0].norm() / W_1.norm()).abs()
print(f"cosine of g and w:      {cosine:.4f}")
print(f"‖g‖ at 2w / ‖g‖ at w:   {g[1].norm() / g[0].norm():.4f}")

# %%
# Now seven runs: two values of ηλ, each from a short and from a long weight; two with a
# fourth of the λ and four times the η; and one without decay. (The second layer has η =
# 0.1 and λ = 0.02 in all runs.) Beside the measured angles stands
# :math:`\arccos(1 - \eta\lambda)`. Lengths and angles are of the last 50 epochs, "low"
# and "high" the test accuracies of the last 5.

settings = torch.tensor(
    [  # η, λ, length of the start
        (0.1, 0.2, 2),
        (0.1, 0.2, 12),
        (0.1, 0.05, 2),
        (0.1, 0.05, 12),
        (0.4, 0.0125, 4),
        (0.4, 0.0125, 2),
        (0.1, 0, 2),
    ]
)
rates, decays, begin = settings.T.view(3, -1, 1, 1)
weights, lengths, angles, tests = [begin * W_1 / W_1.norm()], [], [], []


def norm(w):
    return torch.linalg.vector_norm(w, dim=1, keepdim=True)


def angles_between(w, w_new):
    # From the chord, because arccos loses digits near 1.
    return 2 * torch.asin(norm(w_new / norm(w_new) - w / norm(w)) / 2)


def watch(params):
    w = params[0].detach().clone()
    angles.append(angles_between(weights.pop().flatten(1), w.flatten(1)))
    lengths.append(norm(w.flatten(1)))
    weights.append(w)
    if len(lengths) > 1170:  # the last five epochs
        answers = normalised(params, X[TESTING]).argmax(2)
        tests.append((answers == truth[TESTING]).float().mean(1))


trained = train_all(
    [weights[0], torch.stack([W_2] * 7)],
    [rates, 0.1],
    [decays, 0.02],
    X[TRAINING].expand(7, 300, 64),
    given[TRAINING].expand(7, 300),
    normalised,
    watch,
)
lengths, angles = torch.cat(lengths, 1), torch.cat(angles, 1)
tests = torch.stack(tests)
low, high = tests.amin(0).tolist(), tests.amax(0).tolist()


def rms(values):
    return values.square().mean(-1).sqrt()


rows = []
for k, (eta, lambd, length) in enumerate(settings.tolist()):
    theta, measured = math.acos(1 - eta * lambd), rms(angles[k, -300:])
    run = float(measured), float(rms(lengths[k, -300:])), low[k], high[k]
    rows.append([eta, lambd, length, theta if lambd else "", *run])
    assert lambd == 0 or abs(measured / theta - 1) < 0.03
columns = ["η", "λ", "start", "θ", "run", "‖w‖", "low", "high"]
floats = (*3 * ["g"], ".4f", ".4f", *3 * [".2f"])
print(tabulate(rows, columns, floatfmt=floats))

# %%
# Grey: the prediction. Solid: long starts. Dashed: short starts. Dotted: no decay.

with book_style():
    fig, ax = plt.subplots(figsize=(6.4, 3.8))
    for product, place in ((0.02, 0.222), (0.005, 0.122)):
        ax.axhline(math.acos(1 - product), color="#aaaaaa", linewidth=4)
        ax.text(1200, place, f"ηλ = {product}", ha="right")
    ax.text(1200, 0.04, "λ = 0", ha="right")
    for k, style in ((0, "k--"), (1, "k-"), (2, "k--"), (3, "k-"), (6, "k:")):
        curve = rms(angles[k].view(-1, 30))  # a point for five epochs
        ax.plot(torch.arange(15, 1200, 30), curve, style)
    ax.set(xlabel="step", ylabel="angle per step (rad)", ylim=(0, 0.26))
    ax.set_title("In training, too, ηλ sets the angle per step")
plt.show()

# %%
# The prediction knows nothing of digits, and it is met within 3 %. Without decay the
# weight grows at every step, since the step is at a right angle to it. So the same
# gradient turns it less and less: the training slows down by itself.
#
# The last columns show what the angle is good for. A weight that turns by 0.2 rad at
# every step does not settle, and its test accuracy jumps within five epochs. With half
# the angle it jumps less, and without decay least.
#
# One η, one λ, or only their product?
# ------------------------------------
# Compare the rows with η = 0.4 with the third row. They have :math:`4\eta` and
# :math:`\lambda/4`, and the first of them also a start of twice the length. If
# :math:`w` is doubled, :math:`g` is halved, and the step
#
# .. math::
#
#    (1 - \eta\lambda)\, 2w - 4\eta \cdot \tfrac12 g
#    = 2 \left( (1-\eta\lambda)\, w - \eta g \right)
#
# ends at twice the weight of the third row. This goes on: the weight is always twice as
# long and points the same way, and the network gives the same answers. Here are the
# answers to the 1197 test images after 1200 steps, compared with the third row.

outputs = normalised(trained, X[TESTING])
rows = []
for k, name in ((4, "start doubled"), (5, "same start")):
    changed = int((outputs[2].argmax(1) != outputs[k].argmax(1)).sum())
    ratio = lengths[k, -1] / lengths[2, -1]
    rows.append([name, changed, float(ratio)])
print(tabulate(rows, ["", "differ", "length ×"], floatfmt=".2f"))
assert torch.allclose(outputs[2], outputs[4], rtol=1e-3, atol=1e-3)

# %%
# So only the product counts for the angle, and for the length at rest up to a scale.
# For the same answers the start must grow too, by the root of the factor of η.
#
# What to see, and how far it holds
# ---------------------------------
# In a plain network decay makes it expensive to learn single examples by heart. With
# wrong labels this gives a hill in the test accuracy, and validation images find it,
# wrong labels and all. Behind this stand one small network, one data set, 30 % wrong
# labels and four seeds. Other data may have a hill for other reasons, or none.
#
# In front of a normalisation layer λ is no price for size, for size does nothing there.
# Decay sets an *angular learning rate* (van Laarhoven, 2017; Kosson et al., 2024; both
# in the :ref:`bibliography <bibliography>`). :math:`\cos\theta = 1 - \eta\lambda` is
# exact for plain gradient descent at a constant length; momentum and Adam have formulas
# of their own. Most networks hold weights of both kinds, and there one λ does two
# different things.
