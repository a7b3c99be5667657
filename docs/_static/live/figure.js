/* What the figures share: controls, address, table, announcements, the frame of a plot. */
"use strict";

Live.raised = (power) =>
  [...String(power)].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign] ?? "⁻").join("");
Live.text = (value, digits = 4) => {
  if (!Number.isFinite(value)) return "–";
  const [mantissa, power] = value.toExponential(2).split("e");
  const plain = Math.abs(power) < 4 ? value.toPrecision(digits) : `${mantissa} · 10${Live.raised(+power)}`;
  return (value === 0 ? "0" : plain).replace("-", "−");
};

/* A plot in an svg element, in pixels of the screen: letters are as large on a phone. */
Live.frame = (svg, { x, y, log, xTicks, yTicks = [], xLabel, yLabel }) => {
  const { width, height } = svg.getBoundingClientRect();
  const [left, right, top, bottom] = [44, width - 14, 26, height - 40];
  const map = ([low, high], from, to) => (value) =>
    from + ((value - low) / (high - low)) * (to - from);
  const X = map(x, left, right);
  const scale = map(y, bottom, top);
  // Far outside it is all the same, and no coordinate may be infinite.
  const Y = (value) => Math.max(-1e4, Math.min(1e4, scale(log ? Math.log10(value) : value)));
  // A logarithmic axis has powers of ten: its ends are exponents.
  const every = Math.max(2, Math.ceil((y[1] - y[0]) / 8));
  for (let power = y[0]; log && power <= y[1]; power++) {
    if (power % every === 0) yTicks.push(power);
  }

  const text = (at, to, anchor, words) =>
    `<text x="${at}" y="${to}" text-anchor="${anchor}">${words}</text>`;
  const minus = (value) => String(value).replace("-", "−");
  const path = (kind, d) => `<path class="live-${kind}" d="${d}"/>`;
  const frame = [
    ...yTicks.map((v) => path("grid", `M${left} ${scale(v)}H${right}`) +
      text(left - 7, scale(v) + 4, "end", log ? `10${Live.raised(v)}` : minus(v))),
    path("axis", `M${left} ${top}V${bottom}H${right}`),
    ...xTicks.map((v) => path("axis", `M${X(v)} ${bottom}v5`) +
      text(X(v), bottom + 19, "middle", minus(v))),
    text((left + right) / 2, height - 5, "middle", xLabel),
    text(2, 14, "start", yLabel),
  ].join("");

  const [w, h] = [right - left, bottom - top];
  return {
    X, Y, left, right, top, bottom, text, path,
    line: (kind, points) =>
      path(kind, `M${points.map(([a, b]) => `${X(a).toFixed(1)} ${Y(b).toFixed(1)}`).join("L")}`),
    // What is inside is cut at the frame; what is above it is not.
    draw(inside, above = "") {
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.firstElementChild.innerHTML = `${frame}<svg x="${left}" y="${top}" width="${w}"
        height="${h}" viewBox="${left} ${top} ${w} ${h}">${inside}</svg>${above}`;
    },
  };
};

/* Data that come when they are asked for, by a script element: that works in a folder. */
const folder = document.currentScript.src.replace(/[^/]*$/, "");
const ready = {};
const need = (name, onload, onerror) => {
  if (Live.data[name]) ready[name] ??= Live.unpack(Live.data[name]);
  else if (!(name in Live.data)) {
    Live.data[name] = null;
    const script = document.createElement("script");
    document.head.append(Object.assign(script, { src: `${folder}${name}.js`, onload, onerror }));
  }
  return ready[name];
};

/* Sets a figure in motion. show(figure, state, { need, move }) draws a state and returns
   what to say about it, or nothing while need(name) waits for data; move(values) changes
   controls, as the reader does. */
Live.figure = (kind, show) => {
  for (const figure of document.querySelectorAll(`[data-live="${kind}"]`)) {
    const find = (selector) => figure.querySelector(selector);
    const fields = [...figure.querySelectorAll("input[name], select")];
    const initial = (field) => field.defaultValue ?? field.options[0].value;
    const table = find(".live-table");
    let rows = [];
    let timer;

    const sliders = [...figure.querySelectorAll("[type=range]")].map((slider) => {
      const number = slider.parentElement.querySelector("[name]");
      let value = Number;
      let position = Number;
      if (slider.dataset.steps) {
        // In steps of a tenth or so, 23 to a factor of ten; the first may mean 0.
        const [from, to, zero] = slider.dataset.steps.split(" ").map(Number);
        value = (at) => (at < zero ? 0 : Number((from * 10 ** ((at - zero) / 23)).toPrecision(2)));
        position = (v) => Math.max(0, zero + Math.round(23 * Math.log10(v / from)));
        slider.max = position(to);
      }
      return { slider, number, value, position };
    });

    const complain = (message) => { find(".live-error").textContent = message; };
    const check = () => {
      const wrong = fields.find((field) => !field.checkValidity());
      const name = wrong?.labels[0].firstElementChild.textContent;
      complain(wrong ? `${name} = ${wrong.value}: ${wrong.validationMessage}` : "");
    };
    const fillTable = () => {
      const cell = (value) => `<td>${Number.isInteger(value) ? value : Live.text(value)}</td>`;
      const html = rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("");
      if (table.open) find("tbody").innerHTML = html;
    };
    const refresh = () => {
      delete figure.dataset.ready;
      if (!fields.every((field) => field.checkValidity())) return;
      complain("");
      const state = {};
      for (const { name, value } of fields) state[name] = isNaN(value) ? value : Number(value);
      const shown = show(figure, state, {
        need: (name) => need(name, refresh, () => complain(`${name}.js cannot be loaded.`)),
        move,
      });
      if (!shown) return;
      // All is measured before anything changes: the page is laid out once.
      for (const { slider, number, position } of sliders) {
        slider.value = position(number.value);
        slider.ariaValueText = number.value;
      }
      for (const output of figure.querySelectorAll("output")) {
        const value = shown.outputs[output.name];
        output.value = Live.text(value);
        output.dataset.value = value ?? "";
      }
      rows = shown.rows;
      fillTable();
      find(".live-title").textContent = shown.title;
      find(".live-code").textContent = shown.code;
      find("[role=img]").ariaLabel = `${shown.title}. ${shown.says}.`;
      if (shown.diverged) figure.dataset.diverged = shown.diverged;
      else delete figure.dataset.diverged;
      figure.dataset.ready = "";
    };
    // Said once the hand has come to rest.
    const announce = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        find(".live-status").textContent = find("[role=img]").ariaLabel;
      }, 800);
    };
    const write = () => {
      const changed = fields.filter((field) => field.value !== initial(field));
      const state = new URLSearchParams(changed.map(({ name, value }) => [name, value]));
      const { pathname, search } = location;
      history.replaceState(null, "", changed.length ? `#${state}` : pathname + search);
    };
    const read = () => {
      const state = new URLSearchParams(location.hash.slice(1));
      // An address may name a section, or a state of another figure.
      if (![...state.keys()].every((key) => fields.some(({ name }) => name === key))) return;
      for (const field of fields) field.value = state.get(field.name) ?? initial(field);
      refresh();
      check();
    };
    const move = (values) => {
      for (const field of fields) field.value = values[field.name] ?? field.value;
      refresh();
      announce();
      write();
    };

    figure.addEventListener("input", ({ target }) => {
      const moved = sliders.find(({ slider }) => slider === target);
      if (moved) moved.number.value = moved.value(target.value);
      refresh();
      announce();
    });
    figure.addEventListener("change", () => {
      check(); // not before: half a number is not wrong yet
      write();
    });
    figure.addEventListener("click", ({ target }) => {
      const select = find(`select[name="${target.dataset.next}"]`);
      if (select) move({ [select.name]: select[(select.selectedIndex + 1) % select.length].value });
      if (target.type === "reset") {
        move(Object.fromEntries(fields.map((field) => [field.name, initial(field)])));
      }
    });
    table.addEventListener("toggle", fillTable);
    addEventListener("hashchange", read);

    for (const field of fields) field.value = initial(field); // browsers keep old ones
    read();
    new ResizeObserver(refresh).observe(find(".live-picture"));
  }
};
