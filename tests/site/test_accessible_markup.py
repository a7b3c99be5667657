"""docs/_ext/accessible_markup.py: what it mends, in the words of those who write it."""

from accessible_markup import VIEWPORT, mend_body, mend_navigation


def test_citations_are_items_of_their_list():
    body = '<div role="list" class="citation-list"><div role="doc-biblioentry"></div>'

    assert mend_body(body).count('role="listitem"') == 1


def test_the_title_of_a_thumbnail_is_read_once():
    body = (
        '<div class="sphx-glr-thumbcontainer" tooltip="A &quot;word&quot;"><p><a>T</a>'
        '</p>\n  <div class="sphx-glr-thumbnail-title">T</div></div>'
    )

    mended = mend_body(body)
    assert "tooltip" not in mended
    assert '<div class="sphx-glr-thumbnail-title" aria-hidden="true">T' in mended


def test_a_caption_of_the_navigation_is_the_name_of_its_list():
    tree = (
        '<p class="caption" role="heading"><span>A</span></p>\n<ul>\n<li></li></ul>'
        '<p class="caption" role="heading"><span>B</span></p>\n<ul class="current">'
    )

    mended = mend_navigation(tree)
    assert "heading" not in mended
    assert '<p class="caption" id="navigation-1"><span>A' in mended
    assert '<ul aria-labelledby="navigation-1">' in mended
    assert '<ul aria-labelledby="navigation-2" class="current">' in mended


def test_the_second_viewport_goes():
    tags = '<meta name="viewport" content="width=device-width" />\n<meta name="a">'

    assert VIEWPORT.sub("", tags) == '<meta name="a">'
