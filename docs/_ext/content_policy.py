"""Gives each page a content security policy.

With it a browser runs the book's own scripts and no other: a script from another
host, an inline script and an event handler in an attribute stay dead, however they
came into the page. The policy stands in the page itself, because a book that is
read from a folder has no server to send it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import TYPE_CHECKING, Any

from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from sphinx.application import Sphinx

INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def source_of(script: str) -> str:
    """Return the source expression that allows one inline script and no other.

    Parameters
    ----------
    script : str
        All that stands between ``<script>`` and ``</script>``.

    Returns
    -------
    str
        ``'sha256-…'``, quotation marks included.
    """
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def policy(inline_scripts: list[str]) -> str:
    """Return the policy of a page whose theme has these inline scripts."""
    # On file:// some browsers take 'self' for nothing; a page that came over the
    # network cannot load from file: in any case.
    own = "'self' file:"
    scripts = " ".join([own, *map(source_of, inline_scripts)])
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {scripts}",
            # The theme, the gallery and the formulas carry styles in attributes.
            f"style-src {own} 'unsafe-inline'",
            f"img-src {own} data:",
            f"font-src {own}",
            f"connect-src {own}",  # the search reads the pages that it found
            f"form-action {own}",  # the search box
            "base-uri 'none'",
        ]
    )


class ContentPolicy:
    """The policy of one build."""

    def __init__(self) -> None:
        self.scripts: list[str] | None = None

    def settle(self, app: Sphinx) -> None:
        """Find the inline scripts that the theme's own template has."""
        self.scripts = None
        if app.builder.name not in ("html", "dirhtml"):
            return
        templates = app.builder.templates
        source, *_ = templates.get_source(templates.environment, "base.html")
        self.scripts = INLINE_SCRIPT.findall(source)
        if any("{{" in script or "{%" in script for script in self.scripts):
            raise ExtensionError(
                "content_policy: an inline script of the theme's base.html differs "
                "from page to page, so that no digest can allow it"
            )

    def add(
        self,
        app: Sphinx,
        pagename: str,
        templatename: str,
        context: dict[str, Any],
        doctree: Any,
    ) -> None:
        """Put the policy before the page's first script and style sheet.

        Allowed are the theme's scripts and those that extensions have put among the
        meta tags; what came in with the text of a page is not.
        """
        if self.scripts is None:
            return
        others = context.get("metatags", "")
        allowed = self.scripts + INLINE_SCRIPT.findall(others)
        content = html.escape(policy(allowed), quote=False)
        context["metatags"] = (
            f'\n<meta http-equiv="Content-Security-Policy" content="{content}">'
            + others
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    content_policy = ContentPolicy()
    app.connect("builder-inited", content_policy.settle)
    # After all that write meta tags.
    app.connect("html-page-context", content_policy.add, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
