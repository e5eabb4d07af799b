"""The manual: Markdown pages in the theme furo, and a reference out of the docstrings. No page needs the network to build."""

from typing import Any

from aiolambda.version import __version__

project = "aiolambda"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"aiolambda {release}"
myst_heading_anchors = 3  # pages link to each other's headings
default_role = "code"  # docstrings write names as `name`
autodoc_default_options = {"members": True, "undoc-members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 100


def without_module_docstring(app: Any, what: str, name: str, object: Any, options: Any, lines: list[str]) -> None:
    """Leave out a module's docstring: the page around it says the same for its readers."""
    if what == "module":
        lines.clear()


def without_constructor(app: Any, what: str, *_: Any) -> tuple[str, None] | None:
    """Leave out how an error is made: callers only catch it."""
    return ("", None) if what == "exception" else None


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", without_module_docstring)
    app.connect("autodoc-process-signature", without_constructor)
