/* What the book needs beside the scripts of Sphinx and of the theme. */
"use strict";

/* A page that is opened from a folder may not read other files, so the search shows
   its results without extracts there. */
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

/* The menu opens at the entry of this page. */
const here = document.querySelector(".sidebar-tree .current-page");
const menu = document.querySelector(".sidebar-scroll");
if (here && menu) menu.scrollTop = here.offsetTop - menu.clientHeight / 3;

/* L₂ and ℓ2 are searched as L2, and 权重衰退 under its other name. */
const words = new URLSearchParams(location.search);
const plain = words.get("q")?.normalize("NFKC").replaceAll("权重衰退", "权重衰减");
if (plain && plain !== words.get("q")) {
  words.set("q", plain);
  history.replaceState(null, "", `?${words}`);
}

/* What scrolls sideways can be scrolled with the keyboard. */
const scrollers = document.querySelectorAll(
  "pre, .table-wrapper, .text_html, .math-scroll, span.math",
);
const scrolls = (element) =>
  element.scrollWidth > element.clientWidth &&
  /auto|scroll/.test(getComputedStyle(element).overflowX);
const watcher = new ResizeObserver((entries) => {
  // All is read before anything is written: else the page is laid out for each.
  const found = entries.map(({ target }) => [target, scrolls(target)]);
  for (const [target, scrolling] of found) {
    if (scrolling && !target.hasAttribute("tabindex")) target.tabIndex = 0;
    if (!scrolling && target.hasAttribute("tabindex")) target.removeAttribute("tabindex");
  }
});

/* A formula that is drawn with another font has another width, in the same box. */
document.fonts?.ready.then(() => {
  scrollers.forEach((scroller) => {
    watcher.unobserve(scroller);
    watcher.observe(scroller);
  });
});

/* Escape closes the menu and the contents where they lie over the page. */
document.addEventListener("keydown", (event) => {
  const open = document.querySelector(".sidebar-toggle:checked");
  if (event.key !== "Escape" || !open) return;
  open.checked = false;
  open.focus();
});
