"""Settings of the book; the code they need lives in docs/_ext/."""

import os
import re
import sys
import tomllib
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

CHANGELOG = HERE.parent / "CHANGELOG.md"
PACKAGE = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]

# One thread: printed digits depend on the thread count, and at this size two
# threads are slower than one. Set before anything imports torch; the kernels of
# the pages inherit it.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["MATPLOTLIBRC"] = str(HERE / "_ext" / "matplotlibrc")

project = "Weight decay"
author = "The weight_decay authors"
project_copyright = "2026, The weight_decay authors"
html_title = "Weight decay"
version = release = PACKAGE["version"]
language = "en"

extensions = [
    "clean_end",
    "accessible_markup",
    "archive",
    "cache_key",
    "content_policy",
    "description",
    "doi_registry",
    "early_pages",
    "epub",
    "light_code",
    "light_scripts",
    "mathml",
    "no_break",
    "one_style",
    "package_code",
    "picture_size",
    "small_images",
    "solution",
    "steady_streams",
    "steady_zips",
    "warm_kernels",
    "whole_book",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
]

nitpicky = True
# It takes the path of the checkout for part of the scripts' names, which have none.
suppress_warnings = ["sphinx_gallery.space_in_filename"]
exclude_patterns = [
    "_build",
    # sphinx-gallery leaves its notebooks beside the pages made from the same
    # scripts; MyST-NB would take them for pages of their own.
    "auto_examples/*.ipynb",
    # The scripts stand in the chapter's order; the gallery's own index would
    # list them a second time.
    "auto_examples/index.rst",
    "sg_execution_times.rst",
]

# -- Downloads ---------------------------------------------------------------
archive_name = "weight-decay-examples.zip"
archive_files = ["LICENSE", "weight_decay/**/*.py", "weight_decay/py.typed"]
archive_requirements = [
    *PACKAGE["dependencies"],
    *PACKAGE["optional-dependencies"]["examples"],
]

# -- What a change re-runs ---------------------------------------------------
cache_key_sources = ["../weight_decay/**/*.py", "../constraints.txt", "_ext/*.py"]
cache_key_sources += ["_ext/matplotlibrc"]

# -- Pages that run ----------------------------------------------------------
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "smartquotes"]
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_code_prompt_show = "Show the code of this picture"
nb_code_prompt_hide = "Hide the code of this picture"
nb_output_stderr = "warn"

# -- Gallery -----------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "gallery_order.by_number",
    "minigallery_sort_order": "gallery_order.by_number",
    "remove_config_comments": True,
    "image_srcset": ["2x"],
    "thumbnail_size": (320, 224),  # twice the size at which they are shown
    "reset_modules": ("matplotlib", "gallery_reset.reset_torch"),
    "min_reported_time": float("inf"),
    "write_computation_times": False,
    "download_all_examples": False,
    "backreferences_dir": "reference/generated",
    "doc_module": ("weight_decay",),
    "abort_on_example_error": True,
    "show_signature": False,
}

# -- Reference ---------------------------------------------------------------
autodoc_typehints = "none"  # the docstrings give types with shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
bibtex_bibfiles = ["reference/references.bib"]
bibtex_reference_style = "author_year"
bibtex_default_style = "unsrt"
# By key, so that a page that is not built anew still links to its source.
bibtex_cite_id = "source-{key}"

# -- Links to elsewhere (nox -s linkcheck) -------------------------------------
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_rate_limit_timeout = 60
# Sites make the targets of their fragments with scripts; the page is enough.
linkcheck_anchors = False

# -- Mathematics -------------------------------------------------------------
html_math_renderer = "mathml"
mathml_font = "fonts/stix-two-math-subset.woff2"

# -- HTML --------------------------------------------------------------------
html_theme = "furo"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["mathml.css", "book.css", ("print.css", {"media": "print"})]
html_js_files = [("book.js", {"priority": 800}), ("print.js", {"priority": 800})]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sourcelink = False
html_domain_indices = False  # the list of modules is the API page
copybutton_exclude = ".linenos, .gp, .go"

# -- EPUB --------------------------------------------------------------------
epub_basename = "weight-decay"
epub_description = PACKAGE["description"]
epub_contributor = author  # the standard needs none, Sphinx does
epub_copyright = f"{project_copyright}. Text and figures: CC BY 4.0. Code: MIT."
# One name for both, as toc.ncx repeats the second where the first belongs.
epub_identifier = epub_uid = "weight-decay-5edcc7b9-5301-5b7a-88c9-ca7d140f6578"
epub_cover = ("_static/cover.png", "")  # for the shelf; the first page is the book's
epub_css_files = ["mathml.css"]  # _static/epub.css takes the place of the theme's
epub_use_index = False  # a reader searches
epub_show_urls = "no"  # links can be followed
epub_tocdup = False
epub_tocscope = "includehidden"  # the lists of pages are in the sidebar of the site
# The static files of the web site that no page of an EPUB needs.
suppress_warnings += ["epub.unknown_project_files"]
# The date of the newest release, so that a build does not depend on its day.
released = re.findall(r"^## \[.+\] - (\S+)$", CHANGELOG.read_text("utf-8"), re.M)
epoch = datetime.fromisoformat(max(released, default="2026-01-01") + "T00:00Z")
os.environ.setdefault("SOURCE_DATE_EPOCH", f"{epoch.timestamp():.0f}")
