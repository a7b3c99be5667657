/* Two weights and one example: the path of gradient descent from a start that is dragged. */
"use strict";

Live.figure("two-weights", (figure, { lambd, lr, w1, w2 }, { move }) => {
  const [x, y, steps] = [[2, 1], 3, 200];
  const svg = figure.querySelector(".live-picture");
  const { path, losses, diverged } = Live.twoWeights({ x, y, start: [w1, w2], lambd, lr, steps });
  const curvature = x[0] ** 2 + x[1] ** 2;
  const gap = (x[0] * w1 + x[1] * w2 - y) / curvature;
  const shortest = x.map((value) => (value * y) / curvature);
  const [end1, end2] = path.at(-1);
  const norm = Math.hypot(end1, end2);

  // Both axes to the same scale: a right angle has to look like one.
  const { width, height } = svg.getBoundingClientRect();
  const half = (2.75 * (width - 58)) / (height - 66);
  const plot = Live.frame(svg, {
    x: [0.4 - half, 0.4 + half], y: [-1.25, 4.25],
    xTicks: [-2, -1, 0, 1, 2, 3], yTicks: [-1, 0, 1, 2, 3, 4], xLabel: "w₁", yLabel: "w₂",
  });
  const { X, Y } = plot;
  // An exploding path is drawn until it is far away.
  const far = path.findIndex(([a, b]) => !(Math.hypot(a, b) < 30));
  const near = far < 0 ? path : path.slice(0, far + 1);
  const circle = (kind, [a, b], r) =>
    `<circle class="live-${kind}" cx="${X(a)}" cy="${Y(b)}" r="${r}"/>`;
  plot.draw(
    plot.path("axis", `M${X(0) - 5} ${Y(0)}h10m-5 -5v10`) +
    (far < 0 ? circle("length", [0, 0], X(norm) - X(0)) +
      plot.text(X(0), Y(0) - 10, "middle", `‖w‖₂ = ${Live.text(norm, 3)}`) : "") +
    plot.line("fits", [[-3, 9], [6, -9]]) +
    plot.line("without", [[w1, w2], [w1 - gap * x[0], w2 - gap * x[1]]]) +
    plot.line("path", near) +
    near.filter((_, t) => t % 10 === 0).map((w) => circle("step", w, 3)).join("") +
    plot.path("mark", `M${X(shortest[0])} ${Y(shortest[1])}m0 -7l7 7l-7 7l-7 -7z`) +
    (far < 0 ? plot.path("mark", `M${X(end1) - 4} ${Y(end2) - 4}h8v8h-8z`) : ""),
    plot.text(Math.min(X(shortest[0]) + 8, plot.right - 84), Y(shortest[1]) - 10, "start",
      "shortest exact fit"),
  );

  const handle = svg.querySelector(".live-handle");
  handle.setAttribute("transform", `translate(${X(w1)} ${Y(w2)})`);
  const room = (at) => Math.max(plot.left + 40, Math.min(plot.right - 40, at)) - at;
  const label = handle.querySelector("text");
  label.setAttribute("x", room(X(w1)));
  label.setAttribute("y", w2 < 0 ? -17 : 27);
  handle.onpointerdown = ({ pointerId }) => handle.setPointerCapture(pointerId);
  handle.onpointermove = ({ pointerId, clientX, clientY }) => {
    if (!handle.hasPointerCapture(pointerId)) return;
    const box = svg.getBoundingClientRect();
    const value = (at, low, high) =>
      Math.max(low, Math.min(high, at / (X(1) - X(0)))).toFixed(2);
    move({
      w1: value(clientX - box.left - X(0), -2, 3),
      w2: value(Y(0) + box.top - clientY, -1, 4),
    });
  };

  const step = lr * (curvature + lambd);
  let title = `With λ = ${lambd} the path goes on along the line`;
  if (lambd > 1) title = `With λ = ${lambd} the path ends short of the line`;
  if (lambd === 0) title = "Without decay the path ends at the line";
  if (step >= 2) title = `The path explodes: η(‖x‖² + λ) = ${Live.text(step, 3)} ≥ 2`;
  return {
    title,
    diverged,
    says: `From (${w1}, ${w2}), ${steps} steps lead to (${Live.text(end1)}, ${Live.text(end2)}), a weight of length ${Live.text(norm)}`,
    outputs: { w_norm: norm, train_loss: losses.at(-1) },
    rows: path.map((w, t) => [t, ...w, losses[t], Math.hypot(...w)]).filter(([t]) => t % 10 === 0),
    code: `import torch

x, y = torch.tensor([2.0, 1.0], dtype=torch.float64), 3
w = torch.tensor([${w1}, ${w2}], dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=${lr}, weight_decay=${lambd})
for step in range(${steps}):
    optimizer.zero_grad()
    loss = (x @ w - y) ** 2 / 2
    loss.backward()
    optimizer.step()
print(w, w.norm())`,
  };
});
