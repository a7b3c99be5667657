"""docs/_ext/light_scripts.py: which scripts a page loads, and when."""

from types import SimpleNamespace

import pytest
from light_scripts import lighten
from sphinx.builders.html._assets import _JavaScript

SCRIPTS = ("doctools.js", "clipboard.min.js", "copybutton.js", "sg-tags.js")


def scripts(body, builder="html", **attributes):
    """What is left of the scripts of a page with this body."""
    files = [_JavaScript(f"_static/{name}", **attributes) for name in SCRIPTS]
    context = {"body": body, "script_files": files}
    app = SimpleNamespace(builder=SimpleNamespace(name=builder))
    lighten(app, "page", "page.html", context, None)
    return context["script_files"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("<p>Text</p>", {"doctools.js"}),
        (
            '<div class="highlight"><pre>x</pre></div>',
            {"doctools.js", "clipboard.min.js", "copybutton.js"},
        ),
    ],
)
def test_a_page_loads_what_it_uses(body, names):
    assert {script.filename.split("/")[1] for script in scripts(body)} == names


def test_scripts_wait_for_the_text():
    assert all(s.attributes["defer"] == "defer" for s in scripts("<p>Text</p>"))


def test_a_module_waits_by_itself():
    assert all("defer" not in s.attributes for s in scripts("", type="module"))


def test_other_forms_of_the_book_stay_as_they_are():
    assert len(scripts("<p>Text</p>", builder="epub")) == len(SCRIPTS)
