"""Settings of the book; the code they need lives in docs/_ext/."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

# One thread: printed digits depend on the thread count, and at this size two
# threads are slower than one. Set before anything imports torch; the kernels of
# the pages inherit it.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

project = "Weight decay"
author = "The weight_decay authors"
project_copyright = "2026, The weight_decay authors"
html_title = "Weight decay"
language = "en"

extensions = [
    "clean_end",
    "cache_key",
    "light_code",
    "mathml",
    "package_code",
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

# -- What a change re-runs ---------------------------------------------------
cache_key_sources = ["../weight_decay/**/*.py", "../constraints.txt", "_ext/*.py"]

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

# -- Mathematics -------------------------------------------------------------
html_math_renderer = "mathml"
mathml_font = "fonts/stix-two-math-subset.woff2"

# -- HTML --------------------------------------------------------------------
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["mathml.css", "book.css"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sourcelink = False
copybutton_exclude = ".linenos, .gp, .go"
