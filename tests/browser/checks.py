"""What is asked of a page in the browser; a check returns its findings, a line each."""

import io
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import axe_playwright_python
import numpy as np
from PIL import Image


class Visit:
    """A page in a window, with what the browser has said and asked for on the way."""

    def __init__(self, window, address):
        self.window, self.home = window, urlsplit(address)[:2]
        self.errors, self.foreign = [], []
        listeners = {
            "console": self._hear,
            "pageerror": lambda error: self.errors.append(str(error)),
            "request": self._see,
            "requestfailed": lambda request: self.errors.append(f"lost {request.url}"),
        }
        for event, listener in listeners.items():
            window.on(event, listener)
        window.goto(address)
        settle(window)
        for event, listener in listeners.items():
            window.remove_listener(event, listener)

    def _hear(self, message):
        if message.type in {"error", "warning"}:
            self.errors.append(message.text)

    def _see(self, request):
        parts = urlsplit(request.url)
        if parts.scheme != "data" and parts[:2] != self.home:
            self.foreign.append(request.url)


def settle(window):
    """Unfold all, load what is loaded late, and wait until nothing moves any more."""
    window.evaluate(
        """async () => {
            document.querySelectorAll("details").forEach((d) => { d.open = true; });
            const images = [...document.images];
            images.forEach((image) => { image.loading = "eager"; });
            await Promise.allSettled(images.map((image) => image.decode()));
            await document.fonts.ready;
            for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
        }"""
    )


@cache
def _axe():
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


# Contrast takes most of axe's time, so of the words of a kind in programs and of the
# parts of formulas, which have the same colours, it looks at one.
ONE_OF_A_KIND = """() => {
    const seen = new Set();
    for (const element of document.querySelectorAll("pre span, math *")) {
        const kind = `${element.localName} ${element.className}`;
        if (seen.has(kind)) element.dataset.seen = "";
        seen.add(kind);
    }
    const selector = "*:not([data-seen])";
    axe.configure({ rules: [{ id: "color-contrast", selector }] });
}"""


def accessibility(window):
    """What axe-core objects to."""
    window.evaluate(f"{_axe()};0")
    window.evaluate(ONE_OF_A_KIND)
    violations = window.evaluate(
        "axe.run({ preload: false, resultTypes: ['violations'] })"
        ".then((result) => result.violations)"
    )
    return [
        f"{found['id']}: {node['html'][:150]} {node['failureSummary']}"
        for found in violations
        for node in found["nodes"]
    ]


def sideways(window):
    """The page, or the column of its text, can be scrolled sideways."""
    return window.evaluate(
        """() => {
            const found = [];
            let box = document.querySelector("article") ?? document.body;
            for (; box; box = box.parentElement) {
                const over = box.scrollWidth - box.clientWidth;
                const shows = getComputedStyle(box).overflowX === "visible";
                if (over <= 0 || (shows && box !== document.scrollingElement)) continue;
                const edge = box.getBoundingClientRect().left + box.clientWidth + 0.5;
                const wide = [...box.querySelectorAll("*")].findLast(
                    (e) => e.getBoundingClientRect().right > edge);
                const part = (wide ?? box).outerHTML.slice(0, 120);
                found.push(`${box.tagName} scrolls by ${over} px: ${part}`);
            }
            return found;
        }"""
    )


def formulas(window):
    """Formulas without extent, or cut where nothing scrolls."""
    return window.evaluate(
        """() => {
            const found = [];
            for (const math of document.querySelectorAll("math")) {
                const { width, height, right } = math.getBoundingClientRect();
                const name = math.textContent.slice(0, 60);
                if (!(width > 1 && height > 1)) found.push(`no extent: ${name}`);
                for (let e = math.parentElement; e; e = e.parentElement) {
                    const style = getComputedStyle(e).overflowX;
                    if (style === "auto" || style === "scroll") break;
                    const over = right - e.getBoundingClientRect().right;
                    if (style !== "visible" && over > 1) found.push(`cut: ${name}`);
                }
            }
            return found;
        }"""
    )


def drawn(window, folder):
    """Pictures that are not shown, out of shape, without a size, or not sharp.

    Sharp means two pixels of the file for one of the page.
    """
    shown = window.evaluate(
        """() => [...document.images].map((image) => ({
            path: decodeURI(new URL(image.currentSrc || image.src).pathname),
            width: image.width, height: image.height,
            shape: image.naturalWidth && image.naturalWidth / image.naturalHeight,
            sized: image.hasAttribute("width") && image.hasAttribute("height"),
        }))"""
    )
    faults = []
    for image in shown:
        name = Path(image["path"]).name
        if not image["width"] or not image["shape"]:
            faults.append(f"not shown: {name}")
            continue
        if abs(image["width"] / image["height"] / image["shape"] - 1) > 0.02:
            faults.append(f"out of shape: {name}")
        if not image["sized"]:
            faults.append(f"no size: {name}")
        if name.endswith(".png"):
            path = folder / image["path"].removeprefix(str(folder)).lstrip("/")
            with Image.open(path) as file:
                if file.width < 1.9 * image["width"]:
                    faults.append(f"not sharp: {file.width} pixels of {name}")
    return faults


# -- Colours --------------------------------------------------------------------


def pixels(shown, **options):
    """What a window, or a part of it, shows: an array of colours from 0 to 255."""
    shot = shown.screenshot(animations="disabled", **options)
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def ground(colours):
    """The commonest colour."""
    packed = colours.reshape(-1, 3) @ [1 << 16, 1 << 8, 1]
    found, counts = np.unique(packed, return_counts=True)
    return np.array([*int(found[counts.argmax()]).to_bytes(3)])


def _linear(colours):
    part = np.asarray(colours, dtype=float) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def luminance(colours):
    """The relative luminance of WCAG."""
    return _linear(colours) @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    """The contrast of WCAG between colours, from 1 to 21."""
    one, other = luminance(one) + 0.05, luminance(other) + 0.05
    return np.maximum(one, other) / np.minimum(one, other)


def legible(figure, page):
    """Faults of a figure on a page, given the colours of both.

    Its ground must be about that of the page (else a white figure glares in the dark),
    and its ink, the thousandth part of it that differs most, stand out as text has to.
    """
    base, around = ground(figure), ground(page)
    faults = []
    if contrast(base, around) > 1.25:
        faults.append(f"ground {base} on a page of {around}")
    ink = np.quantile(contrast(figure.reshape(-1, 3), base), 0.999)
    return [*faults, f"ink with a contrast of {ink:.1f}"] if ink < 4.5 else faults


def lab(colours):
    """Colours in CIELAB, where distances are as large as they look."""
    xyz = _linear(colours) @ np.array(
        [[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]]
    )
    ratio = xyz / [0.9505, 1.0, 1.089]
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


# -- By keyboard ----------------------------------------------------------------

# What Tab stops at, by the rules of HTML, where it is not hidden.
STOPS = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, iframe, [tabindex]")]
    .filter((e) => e.tabIndex >= 0 && !e.disabled && e.type !== "hidden"
        && e.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }))
    .forEach((e) => { e.dataset.stop = e.outerHTML.slice(0, 100); })"""
# A switch without extent shows the focus by its label.
HERE = """() => {
    const e = document.activeElement;
    if (e === document.body) return null;
    const first = !("reached" in e.dataset);
    e.dataset.reached = "";
    const sized = (box) => box.getBoundingClientRect().width > 1;
    const shown = [e, ...(e.labels ?? [])].filter(sized);
    const { top, bottom, left, right } = (shown[0] ?? e).getBoundingClientRect();
    return {
        first, html: e.outerHTML.slice(0, 100), index: e.tabIndex,
        text: e.closest("article") !== null && !e.matches("button.copybtn"),
        middle: (top + bottom) / 2 + scrollY, top: top + scrollY,
        ring: shown.some((box) => parseFloat(getComputedStyle(box).outlineWidth) >= 2
            && getComputedStyle(box).outlineStyle !== "none"),
        seen: bottom > 0 && top < innerHeight && right > 0 && left < innerWidth,
    };
}"""


def walk(window):
    """Press Tab until it leaves the page or comes round; return the faults met."""
    window.evaluate(STOPS)
    stops, faults = [], []
    while True:
        window.keyboard.press("Tab")
        stop = window.evaluate(HERE)
        if stop is None or not stop["first"]:
            break
        stops.append(stop)
        faults += [] if stop["ring"] else [f"no ring: {stop['html']}"]
        faults += [] if stop["seen"] else [f"not on the screen: {stop['html']}"]
        faults += [f"tabindex: {stop['html']}"] if stop["index"] > 0 else []
    if not stops or 'href="#' not in stops[0]["html"]:
        faults.append("the first stop does not skip the menu")
    # A button that copies a program comes after it, and lies at its top.
    faults += [
        f"out of order: {after['html']}"
        for before, after in pairwise(stop for stop in stops if stop["text"])
        if after["middle"] < before["top"] - 1
    ]
    missed = window.evaluate(
        """() => [...document.querySelectorAll("[data-stop]:not([data-reached])")]
            .filter((e) => e.checkVisibility({ visibilityProperty: true }))
            .map((e) => e.dataset.stop)"""
    )
    return faults + [f"not reached: {html}" for html in missed]
