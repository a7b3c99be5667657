"""Every budget of the project; `nox -s bench` prints what is measured beside each.

Times are for two idle cores. No test takes the time of anything.
"""

# Time of one run, over that of the loop that textbooks print, on the same machine.
TRAIN_RATIO = 0.5
SWEEP_RATIO = 1 / 5000  # one run of 64 λ × 32 seeds
SWEEP_GROWTH = 1.5  # one run of 16,000 λ at once, over one of those

# Seconds of `nox -s docs` without installation, for both editions.
COLD_SECONDS = 100
UNCHANGED_SECONDS = 3
ONE_PAGE_SECONDS = 40

# kB of a first visit as a host sends it, text compressed. The tests of the site ask
# for these two.
INDEX_KB = 350
PAGE_KB = 500

# The figures that a reader moves: kB of their scripts, compressed, and milliseconds
# from a move of λ until all is drawn.
LIVE_KB = 12
MOVE_MS = 8

# Lines of the machine around the book.
EXTENSION_LINES = 1600
TEST_LINES = 19_500
NOXFILE_LINES = 260

# By hand: CONTRIBUTING.md has the commands.
LIVE_SECONDS = 8  # until docs-live shows a page whose prose has changed
TESTS_SECONDS = 300  # `nox -s tests`, with the book built
LIGHTHOUSE = {"performance": 0.95, "accessibility": 1, "best-practices": 1, "seo": 1}
