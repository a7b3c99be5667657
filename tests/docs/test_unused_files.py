"""Files of extensions that no page needs: named in conf.py, loaded by no page."""

import ast
from pathlib import Path
from types import SimpleNamespace

from unused_files import leave_out

CONF = Path(__file__).parents[2] / "docs" / "conf.py"
# What each of the files works on.
WORKS_ON = {
    "sg_gallery-binder.css": ".binder-badge",
    "sg_gallery-dataframe.css": "table.dataframe",
    "sg_gallery-rendered-html.css": ".rendered_html",
    "sg-tags.js": ".sphx-glr-tag, [data-sgtags]",
}


def test_named_files_are_left_out_and_others_stay():
    files = [SimpleNamespace(filename=f"_static/{name}") for name in ("a.js", "b.js")]
    context = {"script_files": files, "css_files": ["_static/a.css"]}
    app = SimpleNamespace(config=SimpleNamespace(unused_files=["a.js", "a.css"]))

    leave_out(app, "page", "page.html", context, None)
    assert context == {"script_files": files[1:], "css_files": []}


def test_what_is_left_out_has_nothing_to_do_on_any_page(pages):
    tree = ast.parse(CONF.read_text("utf-8"))
    (named,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "unused_files"
    )

    assert set(named) == set(WORKS_ON)
    for name, page in pages.items():
        loaded = {address.split("?")[0] for _, address in page.addresses}
        for file, target in WORKS_ON.items():
            assert not [a for a in loaded if a.endswith(file)], f"{name}: {file}"
            assert not page.article.select(target), f"{name}: {file} is needed"
