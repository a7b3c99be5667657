"""Settings of the book; the code they need lives in docs/_ext/."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "docs" / "_ext"), str(ROOT)]
PACKAGE = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# -- The project -----------------------------------------------------------------
project = "Weight decay"
author = "The weight_decay authors"
project_copyright = "2026, The weight_decay authors"
html_title = "Weight decay"
version = release = PACKAGE["version"]

extensions = ["myst_nb", "executed_outputs", "forked_kernels"]
extensions += ["sphinx_gallery.gen_gallery", "gallery", "pictures"]
extensions += ["live", "mathml", "solution", "line_breaks"]
extensions += ["accessible_markup", "description", "epub", "translation"]
extensions += ["numpydoc", "sphinx.ext.autodoc", "sphinx_copybutton"]
extensions += ["sphinxcontrib.bibtex"]

nitpicky = True
# It takes the path of the checkout for part of the scripts' names, which have none.
suppress_warnings = ["sphinx_gallery.space_in_filename"]
exclude_patterns = [
    "_build",
    "auto_examples/*.ipynb",  # downloads, which MyST-NB would take for pages
    "auto_examples/index.rst",  # the scripts stand in the chapter's order
    "_static",
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
    "remove_config_comments": True,
    "first_notebook_cell": "# weight_decay is in weight-decay-examples.zip (the book's "
    "page Downloads): unpack\n# that and work in its folder. In a clone of the book: "
    'python -m pip install -e ".[examples]"',
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
archive_requirements = PACKAGE["dependencies"]
archive_requirements += PACKAGE["optional-dependencies"]["examples"]

# -- Reference and links to elsewhere --------------------------------------------
autodoc_typehints = "none"  # the docstrings give types with shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = numpydoc_class_members_toctree = False
bibtex_bibfiles = ["reference/references.bib"]
bibtex_reference_style = "author_year"
bibtex_default_style = "unsrt"
bibtex_cite_id = "source-{key}"
linkcheck_timeout = 20
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

# -- The Chinese edition -------------------------------------------------------
# docs/tools/build.py sets the tag; `nox -s docs-live -- -t zh_CN` shows the edition.
locale_dirs = ["locale"]
gettext_compact = gettext_location = False
nb_mime_priority_overrides = [("gettext", "image/png", 0)]  # with alternative texts
# A term is linked to under its Chinese name; our tests compare all other references.
suppress_warnings += ["i18n.inconsistent_references"]
language = "en"
if tags.has("zh_CN"):  # noqa: F821 - Sphinx gives it
    language = "zh_CN"
    project = html_title = "权重衰减"
    nb_code_prompt_show = "展开画这张图的代码"
    nb_code_prompt_hide = "收起画这张图的代码"
    # The words of the glossary, which the extension `translation` writes.
    html_search_options = {"dict": str(ROOT / "docs" / "_build" / "words.txt")}
    epub_language = "zh-CN"
    epub_basename = "weight-decay-zh-cn"
    epub_description = "会运行的权重衰减教科书：数字都是算出来的，论断都有检验。"
    epub_copyright = f"{project_copyright}. 文字与图：CC BY 4.0。代码：MIT。"
    epub_identifier = epub_uid = "weight-decay-0e0a1f6e-8c5d-5a55-9a53-4a2f0c0f3c11"

# -- What is left out, and asked elsewhere ---------------------------------------
# MyST-NB's sheet weighs as much as the theme's, and book.css says how cells look; the
# book has none of the gallery's launch buttons and tags.
UNUSED = ("mystnb.", "sg_gallery-binder", "sg_gallery-rendered-html", "sg-tags")


def setup(app):
    """Leave out what is not used; ask about a DOI where programs are welcome."""

    def used(file):
        return not Path(str(file.filename)).name.startswith(UNUSED)

    def leave_out(app, pagename, templatename, context, doctree):
        for kind in ("css_files", "script_files"):
            context[kind] = list(filter(used, context[kind]))

    app.connect("html-page-context", leave_out, priority=900)
    registry = ("https://doi.org/10.", "https://doi.org/api/handles/10.")
    app.connect("linkcheck-process-uri", lambda _, uri: uri.replace(*registry))
