"""The manual: Markdown pages in the theme furo, and a reference out of the docstrings. No page needs the network to build."""

from aiolambda.version import __version__

project = "aiolambda"
author = "the aiolambda authors"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"aiolambda {release}"
myst_heading_anchors = 3  # so that pages can link to each other's headings
default_role = "code"  # docstrings write names as `name`
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
