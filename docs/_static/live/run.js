/* The run: its losses, its norm, and what its test loss is made of. */
"use strict";

Live.figure("run", (figure, state, { need, move }) => {
  const { lambd, lr, batch_size, start, noise, implementation, seed, guess } = state;
  const find = (selector) => figure.querySelector(selector);
  const data = need(`run-${seed}`);
  if (!data) return null;
  const run = Live.run(data, state);
  const { epochs, train_loss, test_loss, predicted_loss, parts, diverged } = run;
  const end = test_loss.at(-1);
  const last = data.order.length / run.n;

  // The axis is the same for most runs, so that it is the curves that move.
  const powers = [...train_loss, ...test_loss, guess].filter((v) => v > 0).map(Math.log10);
  const low = Math.max(Math.floor(Math.min(-7, ...powers)), -32);
  const high = Math.ceil(Math.max(3, ...powers));
  const unit = implementation === "concise" ? "squared error" : "half squared error";
  const plot = Live.frame(find(".live-picture"), {
    x: [0, last], y: [low, high], log: true, xTicks: [0, 20, 40, 60, 80, 100],
    xLabel: "epoch", yLabel: `mean loss (${unit})`,
  });
  const known = Array.from({ length: 21 }, (_, i) => (i * last) / 20);
  const curve = (kind, losses, mark) => ({
    line: losses.length ? plot.line(kind, losses.map((v, i) => [epochs[i], v])) : "",
    marks: `<g class="live-${kind}">${losses.map((v, i) => mark(plot.X(epochs[i]), plot.Y(v))).join("")}</g>`,
  });
  const train = curve("train", train_loss, (x, y) => `<circle cx="${x}" cy="${y}" r="4"/>`);
  const test = curve("test", test_loss, (x, y) =>
    `<rect x="${x - 4}" y="${y - 4}" width="8" height="8"/>`);
  const y = plot.Y(guess);
  plot.draw(
    plot.line("known", known.map((epoch) => [epoch, predicted_loss(epoch)])) +
    plot.line("mean", [[0, run.mean_loss], [last, run.mean_loss]]) + train.line + test.line,
    train.marks + test.marks + (guess > 0 ? plot.path("guess", `M${plot.left} ${y}H${plot.right}`) +
      plot.path("guess-mark", `M${plot.right - 8} ${y}l14 -7v14z`) +
      plot.text(plot.right - 12, guess < end ? y + 15 : y - 6, "end", `you said ${Live.text(guess, 2)}`) : ""),
  );
  find(".live-picture").onclick = ({ clientY, currentTarget }) => {
    const height = plot.bottom - (clientY - currentTarget.getBoundingClientRect().top);
    const power = low + ((high - low) * height) / (plot.bottom - plot.top);
    move({ guess: (10 ** power).toPrecision(2) });
  };

  const { cross, ...causes } = parts;
  const share = (name) => (diverged ? 0 : (100 * parts[name]) / (end - cross));
  for (const name in parts) {
    find(`[data-part=${name}] b`).textContent = diverged ? "–" : Live.text(parts[name], 3);
  }
  for (const name in causes) find(`.live-bar .live-part-${name}`).style.width = `${share(name)}%`;
  const factor = lr * lambd > 1 ? "|1 − ηλ|" : "(1 − ηλ)";
  find("[name=predicted_norm]").previousElementSibling.textContent =
    `predicted ${start === 1 ? "" : `${start} · `}√${data.p - run.n} · ${factor}${Live.raised(run.steps)}`;

  let title = `With λ = ${lambd} the test loss ends at ${Live.text(end, 3)}`;
  if (end > 1e3) title = `With λ = ${lambd} the run explodes, to ${Live.text(end, 3)}`;
  if (diverged) title = `With λ = ${lambd} the run explodes in epoch ${diverged}`;
  const { w_norm, predicted_norm } = run;
  const scaled = start === 1 ? ["", ""] : [
    `w_0 = ${implementation}.train(problem, 0, epochs=1, seed=${seed}).w_init\n`,
    `, w_init=${start} * w_0`,
  ];
  return {
    title,
    diverged,
    says: diverged
      ? `The loss stops being finite, in 64-bit numbers`
      : `The training loss ends at ${Live.text(train_loss.at(-1), 3)}, the norm of the weight at ${Live.text(w_norm)}; predicted is ${Live.text(predicted_norm)}`,
    outputs: diverged ? { predicted_norm } :
      { w_norm, predicted_norm, train_loss: train_loss.at(-1), test_loss: end },
    rows: epochs.map((epoch, i) => [epoch, train_loss[i], test_loss[i], predicted_loss(epoch)]),
    code: `import torch
from weight_decay import ${implementation}, synthetic_data

problem = synthetic_data(noise_std=${noise}, seed=${seed}, dtype=torch.float64)
${scaled[0]}run = ${implementation}.train(
    problem, lambd=${lambd}, lr=${lr}, batch_size=${batch_size}, seed=${seed}${scaled[1]}
)
print(run.w_norm, run.train_loss[-1], run.test_loss[-1])`,
  };
});
