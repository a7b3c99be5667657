/* What the figures show, in double precision, as functions that draw nothing. The tests
   compare each with what of the package it names. */
"use strict";

const Live = { data: {} };

const sum = (list, of = (value) => value) => list.reduce((s, v, i) => s + of(v, i), 0);
const dot = (a, b, from = 0) => {
  let total = 0;
  for (let i = 0; i < b.length; i++) total += a[from + i] * b[i];
  return total;
};

/* Data are JSON, in which a string holds the doubles of a tensor, row after row. */
Live.unpack = (data) => Object.fromEntries(Object.entries(data).map(([name, value]) => {
  if (typeof value !== "string") return [name, value];
  const bytes = Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0));
  return [name, new Float64Array(bytes.buffer)];
}));

/* scratch.train and concise.train on synthetic_data(noise_std=noise), from start · w₀.
   The page "Twenty numbers are enough" derives w = q·w₀ + Xᵀα, where q, the n numbers α
   and b change. K holds inner products with the n training examples, theirs first. */
Live.run = (data, { lambd, lr, batch_size, start, noise, implementation }) => {
  const { K, order, every, p } = data;
  const y = data.y.map((clean, i) => clean + noise * data.noise[i]);
  const n = K.length / y.length;
  const epochs = order.length / n;
  const concise = implementation === "concise";
  const unit = concise ? 2 : 1; // no ½ there: twice the loss, twice its gradient
  const shrink = 1 - lr * lambd;
  const r = new Float64Array(n);
  const alpha = new Float64Array(n);
  let q = start;
  let b = concise ? data.b_start : 0;

  const residual = (_, i) => dot(K, alpha, n * i) + q * data.start[i] + b - y[i];
  const loss = (errors) => sum(errors, (e) => e * e * (unit / 2)) / errors.length;
  // Scaled: no square may overflow before that of the norm does.
  const norm = () => {
    const size = alpha.reduce((most, a) => Math.max(most, Math.abs(a)), Math.abs(q)) || 1;
    const [s, a] = [q / size, alpha.map((value) => value / size)];
    const square = s * s * data.w_square + 2 * s * dot(data.start, a) +
      sum(a, (value, i) => value * dot(K, a, n * i));
    return size * Math.sqrt(Math.max(square, 0));
  };

  const result = { epochs: [], train_loss: [], test_loss: [], diverged: 0 };
  for (let epoch = 1; epoch <= epochs && !result.diverged; epoch++) {
    const rows = order.slice((epoch - 1) * n, epoch * n);
    const seen = [];
    for (let from = 0; from < n; from += batch_size) {
      const batch = rows.slice(from, from + batch_size);
      for (const i of batch) r[i] = residual(0, i);
      if (from + batch_size >= n) {
        // By this loss, too, the package finds a run diverged.
        const penalty = concise ? 0 : lambd * (norm() ** 2 / 2);
        seen.push(sum(batch, (i) => r[i] * r[i] * (unit / 2) + penalty));
      }
      const step = (unit * lr) / batch.length;
      q *= shrink;
      for (let i = 0; i < n; i++) alpha[i] *= shrink;
      for (const i of batch) {
        alpha[i] -= step * r[i];
        b -= step * r[i];
      }
    }
    const recorded = epoch % every === 0;
    if (recorded) {
      const errors = y.map(residual);
      seen.push(loss(errors.subarray(0, n)), loss(errors.subarray(n)));
    }
    if (!seen.every(Number.isFinite)) result.diverged = epoch;
    else if (recorded) {
      result.epochs.push(epoch);
      result.train_loss.push(seen[1]);
      result.test_loss.push(seen[2]);
    }
  }

  // What is known before: p − n directions see the decay and nothing else.
  const per_epoch = Math.ceil(n / batch_size);
  const left = (epoch) => start * Math.abs(shrink) ** (epoch * per_epoch);
  const mean = sum(y.subarray(0, n)) / n;
  // The last test loss by its causes, as ridge.anatomy has them.
  const causes = {
    start: data.start_unseen.map((value) => q * value),
    bias: y.map(() => b - data.b_true),
    unseen: data.truth_unseen,
    fit: y.map((_, i) => residual(0, i) + noise * data.noise[i] - b + data.b_true -
      q * data.start_unseen[i] + data.truth_unseen[i]),
    noise: data.noise.map((drawn) => noise * drawn),
  };
  const parts = {};
  for (const name in causes) parts[name] = loss(causes[name].subarray(n));
  parts.cross = result.test_loss.at(-1) - sum(Object.values(parts));
  return {
    ...result,
    n,
    parts,
    steps: epochs * per_epoch,
    w_norm: norm(),
    predicted_norm: Math.sqrt(p - n) * left(epochs),
    predicted_loss: (epoch) => (unit / 2) * (p - n) * left(epoch) ** 2,
    mean_loss: loss(y.subarray(n).map((target) => mean - target)),
  };
};

/* Gradient descent on ½(xᵀw − y)², two weights, no bias: torch.optim.SGD. */
Live.twoWeights = ({ x, y, start, lambd, lr, steps }) => {
  const error = ([w1, w2]) => x[0] * w1 + x[1] * w2 - y;
  const path = [start];
  while (path.length <= steps) {
    const w = path.at(-1);
    path.push(w.map((value, j) => (1 - lr * lambd) * value - lr * error(w) * x[j]));
  }
  const losses = path.map((w) => error(w) ** 2 / 2);
  const first = losses.findIndex((loss) => !Number.isFinite(loss));
  return { path, losses, diverged: Math.max(first, 0) };
};

/* Eigenvalues of a symmetric matrix, largest first, with their eigenvectors: rotations,
   as Jacobi's, each of which makes an entry beside the diagonal zero. */
Live.eigen = (matrix) => {
  const size = matrix.length;
  // On the right the unit matrix, which becomes the eigenvectors.
  const A = matrix.map((row, i) => Float64Array.from([...row, ...row.map((_, j) => +(i === j))]));
  const turn = (one, other, c, s) => {
    for (let k = 0; k < one.length; k++) {
      const value = one[k];
      one[k] = c * value - s * other[k];
      other[k] = s * value + c * other[k];
    }
  };
  for (let beside = 1; beside > 1e-30;) {
    beside = 0;
    for (let i = 0; i < size; i++) {
      for (let j = i + 1; j < size; j++) {
        const entry = A[i][j];
        if (entry ** 2 < 1e-40) continue;
        beside += entry ** 2;
        const half = (A[j][j] - A[i][i]) / 2 / entry;
        const t = (half < 0 ? -1 : 1) / (Math.abs(half) + Math.sqrt(half * half + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        turn(A[i], A[j], c, t * c);
        for (let k = 0; k < size; k++) {
          const value = A[k][i];
          A[k][i] = c * value - t * c * A[k][j];
          A[k][j] = t * c * value + c * A[k][j];
        }
      }
    }
  }
  return A.map((row, i) => [row[i], row.subarray(size)]).sort((a, b) => b[0] - a[0]);
};

/* The first n examples in the directions of XᵀX/n, which mix with the bias alone. */
Live.directions = ({ X_train, y_train, y_test, w_true, start }, n) => {
  const p = w_true.length;
  const y = y_train.subarray(0, n);
  const columns = Array.from({ length: p }, (_, j) => y.map((_, i) => X_train[p * i + j]));
  const gram = columns.map((one) => columns.map((other) => dot(one, other) / n));
  const found = Live.eigen(gram);
  const along = (vector) => Float64Array.from(found, ([, v]) => dot(v, vector));
  const y_mean = sum(y) / n;
  return {
    V: columns.map((_, j) => found.map(([, v]) => v[j])), // a direction is a column
    d: Float64Array.from(found, ([value]) => Math.max(value, 0)),
    mean: along(columns.map((x) => sum(x) / n)),
    goal: along(columns.map((x) => dot(x, y) / n)),
    y_mean,
    start: along(start),
    mean_loss: sum(y_test, (target) => (y_mean - target) ** 2 / 2) / y_test.length,
  };
};

/* scratch.train, all n in a batch: changes c, w along each direction; returns the bias. */
const descend = ({ d, mean, goal, y_mean }, c, { lambd, lr, steps }) => {
  const kept = d.map((curvature) => 1 - lr * (curvature + lambd));
  let pull = dot(mean, c);
  let b = 0;
  for (let t = 0; t < steps; t++) {
    const push = lr * b;
    b -= lr * (pull + b - y_mean);
    pull = 0;
    for (let i = 0; i < c.length; i++) {
      c[i] = kept[i] * c[i] - push * mean[i] + lr * goal[i];
      pull += mean[i] * c[i];
    }
  }
  return b;
};

Live.howMany = ({ X_test, y_test }, directions, settings) => {
  const c = directions.start.slice();
  const b = descend(directions, c, settings);
  const w = directions.V.map((row) => dot(row, c));
  const error = (y, i) => dot(X_test, w, w.length * i) + b - y;
  return {
    w_norm: Math.hypot(...w),
    test_loss: sum(y_test, (y, i) => error(y, i) ** 2 / 2) / y_test.length,
  };
};

/* What is left of a start of length 1 along each direction: a run on targets of 0. */
Live.left = (directions, settings) =>
  Array.from(directions.d, (_, i) => {
    const silent = { ...directions, goal: directions.d.map(() => 0), y_mean: 0 };
    const c = directions.d.map((_, j) => Number(i === j));
    descend(silent, c, settings);
    return c[i];
  });
