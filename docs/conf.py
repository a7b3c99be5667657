"""Settings of the book; the code they need lives in docs/_ext/."""

import os
import re
import sys
import tempfile
import tomllib
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE / "_ext"), str(ROOT)]

CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
PACKAGE = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# -- The same book wherever and by whomever it is built ------------------------
if sys.flags.optimize:
    raise RuntimeError("Unset PYTHONOPTIMIZE: sphinx-gallery needs its assertions.")
# What the kernels of the pages and the processes of the gallery inherit: nobody's
# settings, the package beside this file, the backend that a kernel takes by itself,
# and one thread, since printed digits depend on the thread count.
for name in list(os.environ):
    if name.startswith(("PYTHON", "IPYTHON", "JUPYTER", "MPLBACKEND", "TQDM_")):
        del os.environ[name]
NOBODYS = tempfile.TemporaryDirectory(prefix="settings-")
for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
    os.environ[name] = NOBODYS.name
os.environ["PYTHONPATH"] = str(ROOT)
os.environ["MATPLOTLIBRC"] = str(HERE / "_ext" / "matplotlibrc")
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

# -- The project -----------------------------------------------------------------
project = "Weight decay"
author = "The weight_decay authors"
project_copyright = "2026, The weight_decay authors"
html_title = "Weight decay"
version = release = PACKAGE["version"]
language = "en"

extensions = [
    # What a build may use again, and how it executes pages
    "executed_outputs",
    "forked_kernels",
    # What a page may hold
    "live",
    "mathml",
    "package_code",
    "solution",
    # What a reader gets
    "accessible_markup",
    "description",
    "epub",
    "gallery",
    "line_breaks",
    "pictures",
    # From elsewhere
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
]

# -- Pages that run ----------------------------------------------------------
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "smartquotes"]
nb_execution_mode = "cache"
nb_execution_show_tb = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_code_prompt_show = "Show the code of this picture"
nb_code_prompt_hide = "Hide the code of this picture"
nb_output_stderr = "warn"

# -- Gallery and downloads -----------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "gallery.by_number",
    "minigallery_sort_order": "gallery.by_number",
    "parallel": True,
    "remove_config_comments": True,
    "image_srcset": ["2x"],
    "thumbnail_size": (320, 224),  # twice the size at which they are shown
    "reset_modules": ("matplotlib", "gallery.reset_torch"),
    "min_reported_time": float("inf"),
    "write_computation_times": False,
    "download_all_examples": False,
    "backreferences_dir": "auto_examples/used_by",
    "doc_module": ("weight_decay",),
    "only_warn_on_example_error": True,
    "show_signature": False,
}
archive_name = "weight-decay-examples.zip"
archive_files = ["LICENSE", "weight_decay/**/*.py", "weight_decay/py.typed"]
archive_requirements = [
    *PACKAGE["dependencies"],
    *PACKAGE["optional-dependencies"]["examples"],
]

# -- Reference and links to elsewhere --------------------------------------------
autodoc_typehints = "none"  # the docstrings give types with shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
bibtex_bibfiles = ["reference/references.bib"]
bibtex_reference_style = "author_year"
bibtex_default_style = "unsrt"
bibtex_cite_id = "source-{key}"
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_rate_limit_timeout = 60
# Sites make the targets of their fragments with scripts; the page is enough.
linkcheck_anchors = False

# -- HTML --------------------------------------------------------------------
html_theme = "furo"
html_math_renderer = "mathml"
mathml_font = "fonts/stix-two-math-subset.woff2"
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
released = re.findall(r"^## \[.+\] - (\S+)$", CHANGELOG, re.M)
epoch = datetime.fromisoformat(max(released, default="2026-01-01") + "T00:00Z")
os.environ.setdefault("SOURCE_DATE_EPOCH", f"{epoch.timestamp():.0f}")


# Of what the extensions bring to every page, the book has no use for: MyST-NB's sheet
# (book.css says how cells look; it weighs as much as the theme's) and, of the gallery,
# launch buttons and tags.
UNUSED = ("mystnb.", "sg_gallery-binder", "sg_gallery-rendered-html", "sg-tags")


def setup(app):
    """Leave out what is not used; ask about a DOI at the registry, not the publisher."""

    def leave_out(app, pagename, templatename, context, doctree):
        for kind in ("css_files", "script_files"):
            context[kind] = [
                file
                for file in context[kind]
                if not Path(getattr(file, "filename", None) or "").name.startswith(UNUSED)
            ]

    app.connect("html-page-context", leave_out, priority=900)
    # Publishers turn programs away.
    registry = ("https://doi.org/10.", "https://doi.org/api/handles/10.")
    app.connect("linkcheck-process-uri", lambda _, uri: uri.replace(*registry))
