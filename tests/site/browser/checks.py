"""What the audit asks of a page; every check returns its findings, one line each.

The first half reads the HTML, the second asks a browser that shows the page.
"""

import io
import re
from collections import Counter
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
from PIL import Image
from reading import is_local

# -- In the HTML --------------------------------------------------------------


def headings(page):
    """Faults in the outline: not one h1, or a level that is left out."""
    found = page.html.find_all(re.compile("^h[1-6]$"))
    levels = [int(heading.name[1]) for heading in found]
    faults = []
    if levels.count(1) != 1:
        faults.append(f"{levels.count(1)} headings h1")
    if levels and levels[0] != 1:
        faults.append(f"the first heading is h{levels[0]}: {found[0].text!r}")
    return faults + [
        f"h{next_} after h{level}: {heading.text!r}"
        for (level, next_), heading in zip(pairwise(levels), found[1:], strict=True)
        if next_ > level + 1
    ]


def ids(page):
    """Ids that are there twice."""
    return [f"id {name!r} twice" for name, n in Counter(page.ids).items() if n > 1]


def pictures(page):
    """Pictures without a sentence that says what they show.

    Only the picture of a link may be silent whose text is the title of the page
    that it leads to.
    """
    faults = []
    for image in page.html.find_all("img"):
        alt = image.get("alt")
        thumbnail = image.find_parent(class_="sphx-glr-thumbcontainer")
        if alt is None:
            faults.append(f"no alt: {image.get('src')}")
        elif thumbnail:
            if alt or not thumbnail.a.text.strip():
                faults.append(f"a thumbnail whose link says nothing: {image['src']}")
        elif len(alt.split()) < 6 or not (alt[0].isupper() or alt[0] == "λ"):
            faults.append(f"no sentence: {alt!r}")
    return faults


def links(page, pages):
    """Local addresses, of any tag, that lead nowhere."""
    faults = []
    for _, address in page.addresses:
        if not is_local(address):
            continue
        target, fragment = page.target(address)
        if target.startswith("..") or not (page.book / target).is_file():
            faults.append(f"no file: {address}")
        elif fragment and target in pages and fragment not in pages[target].ids:
            faults.append(f"no such place: {address}")
    return faults


def head(page):
    """What a browser, a screen reader or a search engine looks for first."""
    faults = []
    if not page.html.find("html").get("lang"):
        faults.append("no language")
    if not (page.html.title and page.html.title.text.strip()):
        faults.append("no title")
    if len(page.html.select('meta[name="viewport"]')) != 1:
        faults.append("not exactly one viewport")
    descriptions = page.html.select('meta[name="description"]')
    if len(descriptions) != 1 or len(descriptions[0].get("content", "")) < 20:
        faults.append("not exactly one description")
    return faults


# -- In the browser -----------------------------------------------------------


class Visit:
    """One visit of a page: goes there, and notes what the browser says and asks for."""

    def __init__(self, window, address):
        self.window, self.home = window, address
        self.said, self.asked, self.failed = [], [], []
        listeners = {
            "console": self._note,
            "pageerror": lambda error: self.said.append(f"script error: {error}"),
            "request": lambda request: self.asked.append(request.url),
            "requestfailed": lambda request: self.failed.append(request.url),
            "response": self._answer,
        }
        for event, listener in listeners.items():
            window.on(event, listener)
        try:
            window.goto(address, wait_until="load")
            settle(window)
        finally:
            for event, listener in listeners.items():
                window.remove_listener(event, listener)

    def _note(self, message):
        if message.type in {"error", "warning"}:
            self.said.append(f"console: {message.text}")

    def _answer(self, response):
        if response.status >= 400:
            self.failed.append(f"{response.status} {response.url}")

    def console(self):
        """Errors and warnings in the console, and requests that failed."""
        return self.said + [f"not loaded: {url}" for url in self.failed]

    def foreign(self):
        """Requests to any other host."""
        home = urlsplit(self.home)
        return [
            f"asks {url}"
            for url in self.asked
            if urlsplit(url).scheme not in {"data", "blob"}
            and urlsplit(url)[:2] != home[:2]
        ]

    def files(self, folder, address):
        """The files of a folder, served at an address, that the visit asked for."""
        names = {url.removeprefix(address) for url in self.asked if address in url}
        paths = {folder / unquote(urlsplit(name).path) for name in names}
        return {path / "index.html" if path.is_dir() else path for path in paths}


def settle(window):
    """Unfold all, load what is loaded late, and wait until nothing moves any more."""
    window.evaluate(
        """async () => {
            document.querySelectorAll("details").forEach((d) => { d.open = true; });
            const images = [...document.images];
            images.forEach((image) => { image.loading = "eager"; });
            await Promise.allSettled(images.map((image) => image.decode()));
            await document.fonts.ready;
            await Promise.allSettled(document.getAnimations().map((a) => a.finished));
            for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
        }"""
    )


@cache
def _axe():
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


# Contrast takes most of axe's time. Of the words of a program and the parts of
# formulas that have the same colours, it looks at one.
ONE_OF_EACH_COLOUR = """() => {
    const seen = new Set();
    for (const element of document.querySelectorAll("pre span, math, math *")) {
        const { color, opacity, fontWeight } = getComputedStyle(element);
        let box = element, ground;
        do {
            ground = getComputedStyle(box).backgroundColor;
            box = box.parentElement;
        } while (box && ground === "rgba(0, 0, 0, 0)");
        const key = [color, opacity, fontWeight, ground].join();
        const word = element.textContent.trim().length > 1;  // it skips single letters
        if (seen.has(key) || !word) element.setAttribute("data-seen", "");
        else seen.add(key);
    }
    const selector = "*:not([data-seen])";
    axe.configure({ rules: [{ id: "color-contrast", selector }] });
}"""


def accessibility(window):
    """What axe-core objects to.

    It goes in through the browser's own door, so that no policy of the page keeps it
    out and it is no request of the page.
    """
    window.evaluate(_axe() + ";0")
    window.evaluate(ONE_OF_EACH_COLOUR)
    violations = window.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations)"
    )
    return [
        f"axe {found['id']}: {node['html'][:150]} {node['failureSummary']}"
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
                const hidden = getComputedStyle(box).overflowX === "visible";
                if (over > 0 && (!hidden || box === document.scrollingElement)) {
                    const edge = box.getBoundingClientRect().left + box.clientWidth;
                    const wide = [...box.querySelectorAll("*")].findLast(
                        (e) => e.getBoundingClientRect().right > edge + 0.5);
                    const part = (wide ?? box).outerHTML.slice(0, 120);
                    found.push(`${box.tagName} scrolls by ${over} px: ${part}`);
                }
            }
            return found;
        }"""
    )


def formulas(window):
    """Formulas without extent, without ink, or cut where nothing scrolls."""
    return window.evaluate(
        """() => {
            const found = [];
            for (const math of document.querySelectorAll("math")) {
                const box = math.getBoundingClientRect();
                const name = math.textContent.slice(0, 60);
                if (box.width < 1 || box.height < 1) {
                    found.push(`no extent: ${name}`);
                    continue;
                }
                if (!math.textContent.trim()) found.push("an empty formula");
                let [left, right] = [box.left, box.right];
                for (let e = math.parentElement; e; e = e.parentElement) {
                    const style = getComputedStyle(e).overflowX;
                    const outer = e.getBoundingClientRect();
                    const over = Math.max(right - outer.right, outer.left - left);
                    if (style === "hidden" || style === "clip") {
                        if (over > 1) found.push(`cut by ${over | 0} px: ${name}`);
                    }
                    if (style === "auto" || style === "scroll") {
                        if (e.tabIndex < 0 && e.scrollWidth > e.clientWidth) {
                            found.push(`no key scrolls: ${name}`);
                        }
                        [left, right] = [outer.left, outer.right];
                    }
                }
                if (left < -1 || right > innerWidth + 1) {
                    found.push(`leaves the screen: ${name}`);
                }
            }
            return found;
        }"""
    )


def drawn(window, folder=None, address=""):
    """Pictures that are not shown, out of shape, without a size, or not sharp.

    Sharp means two pixels of the file for one of the page.
    """
    faults = []
    shown = window.evaluate(
        """() => [...document.images].map((image) => ({
            source: image.currentSrc || image.src,
            width: image.width, height: image.height,
            natural: [image.naturalWidth, image.naturalHeight],
            sized: image.hasAttribute("width") && image.hasAttribute("height"),
        }))"""
    )
    for image in shown:
        name = image["source"].rsplit("/", 1)[-1]
        width, height = image["natural"]
        if not width or not image["width"]:
            faults.append(f"not shown: {name}")
            continue
        if abs(image["width"] / image["height"] * height / width - 1) > 0.02:
            faults.append(f"out of shape: {name}")
        if not image["sized"]:
            faults.append(f"no size: {name}")
        path = image["source"].removeprefix(address)
        if folder and path != image["source"] and not path.endswith(".svg"):
            with Image.open(folder / unquote(path)) as file:
                if file.width < 1.9 * image["width"]:
                    faults.append(f"not sharp: {file.width} pixels of {name}")
    return faults


def picture(window, **options):
    """What the window shows, as an array of colours from 0 to 255."""
    shot = window.screenshot(animations="disabled", caret="hide", **options)
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def luminance(colours):
    """The relative luminance of WCAG, for colours from 0 to 255."""
    part = np.asarray(colours, dtype=float) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    """The contrast of WCAG between colours, from 1 to 21."""
    one, other = luminance(one) + 0.05, luminance(other) + 0.05
    return np.maximum(one, other) / np.minimum(one, other)


def ground(pixels):
    """The commonest colour."""
    colours, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    return colours[counts.argmax()]


def legible(pixels, page):
    """Faults of a figure, given its pixels and the colour of the page around it.

    Its ground must be about that of the page (else a white figure glares in the dark),
    its ink, the thousandth part of the pixels that differs most, must stand out as text
    has to, and in the dark no larger part may be bright.
    """
    faults = []
    base = ground(pixels)
    if contrast(base, page) > 1.25:
        faults.append(f"ground {base} on a page of {page}")
    ink = np.quantile(contrast(pixels.reshape(-1, 3), base), 0.999)
    if ink < 4.5:
        faults.append(f"ink with a contrast of {ink:.1f}")
    if luminance(page) < 0.2 and (share := glare(pixels)) > 0.01:
        faults.append(f"{share:.0%} of it is bright")
    return faults


def glare(pixels, side=16):
    """The share of squares that are wholly bright; text and hatching are none."""
    height, width = (size // side * side for size in pixels.shape[:2])
    bright = luminance(pixels[:height, :width]) > 0.7
    squares = bright.reshape(height // side, side, width // side, side)
    return float(squares.all(axis=(1, 3)).mean())


def lab(colours):
    """Colours from 0 to 255 in CIELAB, where distances are as large as they look."""
    part = np.asarray(colours, dtype=float) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array(
        [[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]]
    )
    ratio = xyz / [0.9505, 1.0, 1.089]
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


# -- By keyboard --------------------------------------------------------------

# What Tab stops at, by the rules of HTML, where it is on the screen and not hidden.
REACHABLE = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, iframe, [tabindex]")]
    .filter((e) => e.tabIndex >= 0 && !e.disabled && e.type !== "hidden"
        && e.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}))
    .map((e, i) => { e.dataset.stop = i; return e.outerHTML.slice(0, 100); })"""
HERE = """async () => {
    const e = document.activeElement;
    // The page may glide to what has the focus.
    for (let old = NaN, now; (now = e.getBoundingClientRect().y) !== old; old = now) {
        await new Promise((done) => setTimeout(done, 40));
    }
    if (!e || e === document.body || e === document.documentElement) return null;
    const { x, y, width, height } = e.getBoundingClientRect();
    return {
        stop: +(e.dataset.stop ?? -1), html: e.outerHTML.slice(0, 100),
        x, y, width, height, top: y + scrollY, index: e.tabIndex,
        text: e.closest("article") !== null && !e.matches("button.copybtn"),
        skips: e.matches("a[href^='#']") ? e.hash : "",
    };
}"""


def _around(stop, viewport):
    """What to take a picture of: the surroundings of a stop, or the whole window.

    The latter where the stop has no extent, and its label shows the focus elsewhere.
    """
    left, top = max(stop["x"] - 8, 0), max(stop["y"] - 8, 0)
    right = min(stop["x"] + stop["width"] + 8, viewport["width"])
    bottom = min(stop["y"] + stop["height"] + 8, viewport["height"])
    if stop["width"] * stop["height"] < 9 or right <= left or bottom <= top:
        return {}
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return {"clip": clip}


def walk(window, most=400):
    """Press Tab until it leaves the page; return the stops, and how each one shows.

    ``shows`` counts the pixels around a stop that change with the focus, by a
    contrast of 3 or more.
    """
    window.evaluate(REACHABLE)
    stops = []
    while len(stops) < most:
        window.keyboard.press("Tab")
        stop = window.evaluate(HERE)
        if stop is None or any(stop["stop"] == s["stop"] >= 0 for s in stops):
            break
        options = _around(stop, window.viewport_size)
        with_focus = picture(window, **options)
        window.evaluate("(window.held = document.activeElement).blur()")
        without = picture(window, **options)
        window.evaluate("window.held.focus({ preventScroll: true })")
        stop["shows"] = int((contrast(with_focus, without) >= 3).sum())
        stop["seen"] = window.evaluate(
            "({ x, y, width, height }) => x + width > 0 && x < innerWidth"
            " && y + height > 0 && y < innerHeight",
            stop,
        )
        stops.append(stop)
    return stops


def first_stop(stops):
    """The first stop is no link that skips the menu."""
    if not stops or not stops[0]["skips"]:
        return [f"first comes {stops[0]['html'] if stops else 'nothing'}"]
    return []


def unreached(window, stops):
    """What should be a stop and is none; a trap shows as everything behind it."""
    reached = {stop["stop"] for stop in stops}
    every = window.evaluate(
        "[...document.querySelectorAll('[data-stop]')].map("
        "(e) => [+e.dataset.stop, e.outerHTML.slice(0, 100), e.checkVisibility("
        "{visibilityProperty: true})])"
    )
    return [
        f"not reached: {html}"
        for stop, html, visible in every
        if stop not in reached and visible
    ]


def out_of_order(stops):
    """Stops that come before what stands above them in the text, or by a number.

    The button that copies a program comes after the program, and lies at its top.
    """
    faults = [f"tabindex: {stop['html']}" for stop in stops if stop["index"] > 0]
    text = [stop for stop in stops if stop["text"]]
    faults += [
        f"out of order: {after['html']}"
        for before, after in pairwise(text)
        if after["top"] + after["height"] / 2 < before["top"] - 1
    ]
    return faults


def unseen(stops):
    """Stops that do not show that they have the focus, or are not on the screen."""
    return [f"not on the screen: {s['html']}" for s in stops if not s["seen"]] + [
        f"focus changes {s['shows']} pixels: {s['html']}"
        for s in stops
        if s["shows"] < 30
    ]


# -- For a screen reader ------------------------------------------------------


class Part:
    """A node of the accessibility tree."""

    def __init__(self, tree, node):
        self.tree, self.node = tree, node
        self.role = node.get("role", {}).get("value", "")
        self.name = node.get("name", {}).get("value", "")
        self.properties = {
            each["name"]: each["value"].get("value")
            for each in node.get("properties", [])
        }

    @property
    def descendants(self):
        """The nodes below this one, in reading order."""
        for child in self.node.get("childIds", []):
            if child in self.tree.parts:
                yield self.tree.parts[child]
                yield from self.tree.parts[child].descendants

    @property
    def text(self):
        """What is read out below this node."""
        texts = (p.name for p in self.descendants if p.role == "StaticText")
        return "".join(texts)


class Tree:
    """The accessibility tree of the page in a window."""

    def __init__(self, window):
        session = window.context.new_cdp_session(window)
        session.send("Accessibility.enable")
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        session.detach()
        self.parts = {n["nodeId"]: Part(self, n) for n in nodes if not n.get("ignored")}
        self.all = {n["nodeId"]: n for n in nodes}
        # An ignored node passes its children on.
        for node in nodes:
            node["childIds"] = list(self._kept(node))

    def _kept(self, node):
        for child in node.get("childIds", []):
            if child in self.parts:
                yield child
            elif child in self.all:
                yield from self._kept(self.all[child])

    def of_role(self, *roles):
        """The nodes with one of these roles."""
        return [part for part in self.parts.values() if part.role in roles]


def landmarks(tree):
    """No main part, or several landmarks of a kind that cannot be told apart."""
    faults = []
    if len(tree.of_role("main")) != 1:
        faults.append(f"{len(tree.of_role('main'))} main parts")
    for role in ("navigation", "complementary", "search", "region"):
        names = [part.name for part in tree.of_role(role)]
        if len(names) > 1 and (len(set(names)) < len(names) or "" in names):
            faults.append(f"several {role}: {names}")
    return faults


def outline(tree):
    """Headings as they are announced: no first level, or a level left out."""
    levels = [part.properties.get("level", 0) for part in tree.of_role("heading")]
    faults = [f"from level {a} to {b}" for a, b in pairwise(levels) if b > a + 1]
    if levels.count(1) != 1 or levels[0] != 1:
        faults.append(f"levels {levels}")
    return faults


def spoken_formulas(tree, count):
    """Formulas that are not announced as such, or without anything to read."""
    found = tree.of_role("math", "MathMLMath")
    faults = [] if len(found) == count else [f"{len(found)} formulas of {count}"]
    return faults + ["a silent formula" for f in found if not (f.name or f.text)]


def spoken_pictures(tree, page):
    """Pictures whose text in the page is not what is announced."""
    wanted = {" ".join(i["alt"].split()) for i in page.html.find_all("img", alt=True)}
    heard = {" ".join(part.name.split()) for part in tree.of_role("image", "img")}
    faults = [f"not announced: {alt}" for alt in wanted - heard - {""}]
    for figure in tree.of_role("figure"):
        captioned = any(p.role == "Figcaption" for p in figure.descendants)
        if not figure.name and not captioned:
            faults.append("a figure without a name and a caption")
    return faults


def folds(tree, count):
    """Folds that are not announced with their state."""
    found = [part for part in tree.of_role("DisclosureTriangle") if part.name]
    faults = [] if len(found) == count else [f"{len(found)} folds of {count}"]
    return faults + [
        f"no state: {part.name}" for part in found if "expanded" not in part.properties
    ]


def nameless(tree):
    """Things to operate that have no name."""
    roles = ("link", "button", "switch", "checkbox", "textbox", "searchbox")
    return [f"a {p.role} without a name" for p in tree.of_role(*roles) if not p.name]


# -- In both themes -----------------------------------------------------------

SIGHTS = ("none", "protanopia", "deuteranopia", "tritanopia")


def pixels_of(image):
    """What the window shows of a picture, as an array of colours."""
    shot = image.screenshot(animations="disabled")
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


@contextmanager
def seen_with(window, sight):
    """Let a window show what somebody with this sight sees."""
    session = window.context.new_cdp_session(window)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": sight})
    try:
        yield
    finally:
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
        session.detach()


def near(pixels, colour):
    """Where the pixels have a colour, given as #rrggbb."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(pixels.astype(int) - wanted).max(axis=-1) <= 12


def confused(pixels, *masks):
    """Two parts of a picture whose colours look alike, or like the ground."""
    base = ground(pixels)
    colours = [np.median(pixels[mask], axis=0) for mask in masks]
    faults = []
    if (apart := np.linalg.norm(np.subtract(*lab(colours)))) < 20:
        faults.append(f"{colours} differ by {apart:.0f}")
    faults += [
        f"{colour} on {base}: contrast {value:.1f}"
        for colour in colours
        if (value := contrast(colour, base)) < 3
    ]
    return faults
