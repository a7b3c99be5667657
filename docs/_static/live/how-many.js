/* How many examples: the norm, the test loss, and what is left of the start. */
"use strict";

let directions; // for each n; no control changes them
let runs; // for each n, with the settings before
let before;

Live.figure("how-many", (figure, { n, lambd, steps }, { need }) => {
  const data = need("examples");
  if (!data) return null;
  const { lr, seed, y_train, y_test } = data;
  const p = data.w_true.length;
  const most = y_train.length;
  const settings = { lambd, lr, steps };
  directions ??= Array.from({ length: most }, (_, i) => Live.directions(data, i + 1));
  if (before !== `${lambd} ${steps}`) {
    runs = directions.map((found) => Live.howMany(data, found, settings));
    before = `${lambd} ${steps}`;
  }
  const at = directions[n - 1];
  const left = Live.left(at, settings);
  const naive = (count) => Math.sqrt(Math.max(p - count, 0)) * (1 - lr * lambd) ** steps;
  const { w_norm, test_loss } = runs[n - 1];

  const frame = (name, axes) =>
    Live.frame(figure.querySelector(`[data-picture=${name}]`), axes);
  const against_n = { x: [0, most], xTicks: [0, 20, 40, 60], xLabel: "examples n" };
  const points = (value) => runs.map((run, i) => [i + 1, value(run, i + 1)]);
  const here = ({ X, Y, top, bottom, path }, kind, value) =>
    path("here", `M${X(n)} ${top}V${bottom}`) +
    path(kind, `M${X(n) - 5} ${Y(value) - 5}h10v10h-10z`);

  const norms = frame("norm", {
    ...against_n, y: [-0.15, 5], yTicks: [0, 1, 2, 3, 4, 5], yLabel: "norm ‖w‖₂",
  });
  const losses = frame("test", {
    ...against_n, y: [-5, 2], log: true, yLabel: "mean test loss (half squared error)",
  });
  const shares = frame("left", {
    x: [0, p], y: [0, 1], xTicks: [], yTicks: [0, 0.5, 1],
    xLabel: `${p} directions, by falling curvature d`, yLabel: "share of the start that is left",
  });
  norms.draw(
    norms.line("known", points((_, count) => naive(count))) +
    norms.line("path", points((run) => run.w_norm)),
    norms.path("axis", `M${norms.X(p)} ${norms.top}V${norms.bottom}`) +
    norms.text(norms.X(p), 20, "middle", "n = p") + here(norms, "step", w_norm),
  );
  losses.draw(
    losses.line("mean", points((_, count) => directions[count - 1].mean_loss)) +
    losses.line("test", points((run) => run.test_loss)),
    here(losses, "test-mark", test_loss),
  );
  const bar = (kind, i, share, width) => shares.path(kind,
    `M${shares.X(i + 0.5 - width / 2)} ${shares.bottom}V${shares.Y(share)}H${shares.X(i + 0.5 + width / 2)}V${shares.bottom}z`);
  shares.draw(left.map((share, i) => {
    const known = Math.abs(1 - lr * (at.d[i] + lambd)) ** steps;
    return bar("bar-known", i, known, 0.9) + bar("step", i, share, 0.45);
  }).join(""));

  return {
    title: `With n = ${n} the norm is ${Live.text(w_norm, 3)}, predicted ${Live.text(naive(n), 3)}`,
    says: `The test loss ends at ${Live.text(test_loss, 3)}. More than half of the start is left in ${left.filter((share) => share > 0.5).length} of ${p} directions`,
    outputs: { w_norm, predicted_norm: naive(n), test_loss },
    rows: runs.map((run, i) => [i + 1, run.w_norm, naive(i + 1), run.test_loss]),
    code: `from dataclasses import replace

import torch
from weight_decay import scratch, synthetic_data

data = synthetic_data(${most}, ${y_test.length}, ${p}, seed=${seed}, dtype=torch.float64)
few = replace(data, X_train=data.X_train[:${n}], y_train=data.y_train[:${n}])
run = scratch.train(
    few, lambd=${lambd}, lr=${lr}, epochs=${steps}, batch_size=${n}, seed=${seed}
)
print(run.w_norm, run.test_loss[-1])`,
  };
});
