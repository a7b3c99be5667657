"""The content security policy of the pages; a browser tries it in tests/audit."""

import re
from types import SimpleNamespace

import pytest
from content_policy import ContentPolicy, policy, source_of
from sphinx.errors import ExtensionError


def directives(text):
    parts = (part.split() for part in text.split(";"))
    return {name: sources for name, *sources in parts}


def policy_of(page):
    metas = page.html.find_all("meta", {"http-equiv": "Content-Security-Policy"})
    assert len(metas) == 1, page.name
    return directives(metas[0]["content"])


def forbidden(page):
    """What the page holds and its policy would not run."""
    allowed = policy_of(page)["script-src"]
    scripts = page.html.find_all("script", src=False)
    events = [
        f"{tag.name} {name}"
        for tag in page.html.find_all(True)
        for name in tag.attrs
        if name.startswith("on")
    ]
    inline = [s.string for s in scripts if source_of(s.string) not in allowed]
    links = [a for _, a in page.addresses if a.lower().startswith("javascript:")]
    return inline + events + links


def builder(template, name="html"):
    def get_source(environment, wanted):
        assert wanted == "base.html"
        return template, "base.html", None

    templates = SimpleNamespace(environment=None, get_source=get_source)
    return SimpleNamespace(builder=SimpleNamespace(name=name, templates=templates))


def test_no_page_lets_a_foreign_or_inline_script_run(pages):
    assert len(pages) > 50
    for page in pages.values():
        rules = policy_of(page)

        assert rules["default-src"] == ["'none'"]
        assert rules["base-uri"] == ["'none'"]
        digests = [s for s in rules["script-src"] if s.startswith("'sha256-")]
        assert set(rules["script-src"]) == {"'self'", "file:", *digests}
        assert "object-src" not in rules  # falls back to none


def test_every_script_that_a_page_needs_may_run(pages):
    assert {name: faults for name, p in pages.items() if (faults := forbidden(p))} == {}


def test_the_policy_comes_before_all_that_it_rules(pages):
    for page in pages.values():
        head = str(page.html.head)
        first = re.search(r'<(script|style|link rel="(stylesheet|preload)")', head)
        assert head.index("Content-Security-Policy") < first.start(), page.name


def test_a_digest_allows_one_script_to_the_byte():
    # The example of the specification, CSP level 3, section 8.3 in other words:
    # printf 'alert(1)' | openssl dgst -sha256 -binary | base64
    assert source_of("alert(1)") == (
        "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
    )
    assert source_of("alert(1) ") != source_of("alert(1)")


def test_the_theme_s_inline_scripts_are_found_in_its_template():
    content_policy = ContentPolicy()

    content_policy.settle(builder("<body><script>\n  a < b\n</script></body>"))

    context = {"metatags": "<meta><script>early</script>"}
    content_policy.add(None, "page", "page.html", context, None)
    assert source_of("\n  a < b\n") in context["metatags"]
    assert source_of("early") in context["metatags"]
    assert context["metatags"].endswith("<meta><script>early</script>")


def test_a_script_in_the_text_of_a_page_is_not_allowed():
    content_policy = ContentPolicy()
    content_policy.settle(builder(""))
    context = {"body": "<script>stray</script>"}

    content_policy.add(None, "page", "page.html", context, None)

    assert source_of("stray") not in context["metatags"]


def test_a_script_that_no_digest_can_allow_stops_the_build():
    with pytest.raises(ExtensionError, match="differs from page to page"):
        ContentPolicy().settle(builder("<script>show({{ title }})</script>"))


def test_a_book_without_a_browser_gets_no_policy():
    content_policy = ContentPolicy()

    content_policy.settle(builder("<script>x</script>", name="epub"))

    context = {}
    content_policy.add(None, "page", "page.html", context, None)
    assert context == {}


def test_nothing_is_allowed_from_a_host():
    text = policy(["x"])

    assert not re.search(r"https?:|\*|unsafe-eval", text)
    assert "'unsafe-inline'" not in directives(text)["script-src"]
