"""Figures that the reader moves: their places on a page, and data from the package.

Without it a reader could only look at the runs that a page has chosen. ``{live} run``,
``two-weights`` or ``how-many`` has as content the picture that stands there without
scripts, on paper and in an EPUB; without content it takes the output of the cell before
it. The scripts in ``_static/live`` compute and draw.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import torch
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

# The data that a figure loads with the page, written here.
DATA = {"run": ("run-0",), "two-weights": (), "how-many": ("examples",)}
SEEDS, EXACT = range(8), torch.float64


def run_data(seed: int) -> dict[str, Any]:
    """Return what runs with a seed need, by the page "Twenty numbers are enough"."""
    from weight_decay import concise, scratch, synthetic_data

    quiet, noisy = (synthetic_data(noise_std=s, seed=seed, dtype=EXACT) for s in (0, 1))
    y, with_noise = (
        torch.cat([data.y_train, data.test_set[1]]) for data in (quiet, noisy)
    )
    X, X_all = quiet.X_train, torch.cat([quiet.X_train, quiet.test_set[0]])
    unseen = X_all - X_all @ torch.linalg.pinv(X) @ X
    first = concise.train(quiet, 0, seed=seed)
    w, every, epochs = first.w_init, first.epochs[0], first.epochs[-1]
    generator = torch.Generator().manual_seed(seed)
    scratch.init_params(len(w), generator)  # the orders are drawn after the start
    orders = [torch.randperm(len(X), generator=generator) for _ in range(epochs)]
    return {
        "order": torch.cat(orders).tolist(),
        "every": every,
        "p": len(w),
        "b_true": quiet.b_true,
        "b_start": float(first.b_init),
        "w_square": float(w.square().sum()),
        "K": X_all @ X.T,
        "start": X_all @ w,
        "start_unseen": unseen @ w,
        "truth_unseen": unseen @ quiet.w_true,
        "y": y,
        "noise": with_noise - y,
    }


def examples_data(seed: int = 2) -> dict[str, Any]:
    """Return a problem of 20 inputs, of which a reader takes the first n examples."""
    from weight_decay import scratch, synthetic_data

    problem = synthetic_data(60, 100, 20, seed=seed, dtype=EXACT)
    start = scratch.train(problem, 0, epochs=1, seed=seed).w_init
    return vars(problem) | {"start": start, "seed": seed, "lr": 0.05}


def write(app: Sphinx, env: Any) -> None:
    """Write the data as scripts, for a page in a folder may load nothing else."""
    wanted = any("live" in page for page in env.metadata.values())
    if app.builder.name != "html" or not wanted:
        return
    app.connect("html-page-context", load)
    folder = app.outdir / "_static" / "live"
    folder.mkdir(parents=True, exist_ok=True)
    files = {"examples": examples_data()} | {f"run-{s}": run_data(s) for s in SEEDS}
    for name, data in files.items():
        text = json.dumps(data, default=lambda each: b64encode(each.numpy()).decode())
        (folder / f"{name}.js").write_text(f'Live.data["{name}"] = {text};\n', "utf-8")


def load(app: Sphinx, *page: Any) -> None:
    """Load the scripts on the pages that have a figure."""
    for figure in page[-1].findall(live) if page[-1] else ():
        app.add_css_file("live/live.css")
        for script in ("model", *DATA[figure["kind"]], "figure", figure["kind"]):
            app.add_js_file(f"live/{script}.js", loading_method="defer", priority=900)


class live(nodes.General, nodes.Element):  # noqa: N801 - as docutils names nodes
    """A figure that moves; in it the picture that stands still."""


class Live(SphinxDirective):
    """Places a figure; an unknown one is an error that lists those there are."""

    required_arguments, has_content = 1, True

    def run(self) -> list[nodes.Node]:
        (kind,) = self.arguments
        if kind not in DATA:
            raise self.error(f"live must be one of {[*DATA]}, got {kind!r}")
        self.env.metadata[self.env.docname]["live"] = True
        figure = live("", *self.parse_content_to_nodes(), kind=kind)
        self.set_source_info(figure)
        return [figure]


def adopt(app: Sphinx, doctree: nodes.document) -> None:
    """Give a figure without content the output of the cell before it."""
    for figure in list(doctree.findall(live)):
        if figure.children:
            continue
        cell: Any = figure.parent[max(0, figure.parent.index(figure) - 1)]
        if "cell" in cell["classes"] and len(cell) > 1:
            figure += cell.pop()
        else:
            logger.warning("live: neither content nor cell", location=figure)


def begin(self: Any, figure: live) -> None:
    """Open the figure before its picture; other forms have the picture alone."""
    if self.builder.name != "html":
        raise nodes.SkipDeparture
    self.body.append(f'<figure class="live" data-live="{figure["kind"]}">\n')


def end(self: Any, figure: live) -> None:
    """Write controls, and places for what the scripts show."""
    from weight_decay import plotting

    given = {"kind": figure["kind"], "seeds": SEEDS, "plotting": plotting}
    self.body += [self.builder.templates.render("live.html", given), "</figure>\n"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, its node, and the listeners."""
    app.add_node(live, html=(begin, end), text=(begin, None))
    app.add_directive("live", Live)
    app.connect("doctree-read", adopt, priority=900)  # after pictures looks for it
    app.connect("env-updated", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
