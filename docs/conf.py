"""The manual: Markdown pages in the theme furo, and a reference out of the docstrings. No page needs the network to build."""

import builtins
import inspect
import sys
from pathlib import Path
from typing import Any

import attrs
from sphinx.ext.napoleon import GoogleDocstring

from aiolambda.version import __version__

sys.path.append(str(Path(__file__).parent))  # for llms_txt

project = "aiolambda"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_llm_friendly", "llms_txt"]
exclude_patterns = ["_build"]
html_theme = "furo"
pygments_dark_style = "github-dark"  # the default underlines the names of modules
html_title = f"aiolambda {release}"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_search_scorer = str(Path(__file__).with_name("search_order.js"))
myst_heading_anchors = 3  # pages link to each other's headings
default_role = "code"  # docstrings write names as `name`
nitpicky = True  # a reference to a name that no page has is an error
nitpick_ignore_regex = [
    # Other libraries: the build has no network to look them up.
    (r"py:.*", r"(aiohttp|asyncio|collections|contextlib|datetime|dt|logging|os|pathlib|ssl|types|typing)\..*"),
    (r"py:.*", "|".join(dir(builtins))),
    # Type variables.
    (r"py:.*", r"(aiolambda\..*\.)?(T|Item|Sent|In|Out|OnlyIn|OnlyOut|PagedIn|PagedOut|In_contra|In_co|Out_co)"),
    # Types that stand in a signature, and that only the client makes or reads.
    (r"py:class", r"aiolambda\.types\..*\.(Loop|ParsedError|StreamingBody)"),
    (r"py:class", r"(aiolambda\.(fanout|operations|pipeline)\..*\.)?(CommandOf|MapScheduler|RunLog|StreamReader)"),
    (r"py:class", r"aiolambda\.pipeline\..*\.(CallWatch|MapWatch|Observers|StreamEnd)"),
    (r"py:class", r"Alive|DurableStatus|Params|Questions|Sign|TracingMiddleware|aiolambda\.client\.sending\.Sending"),
    (r"py:class", "MeterProvider|TracerProvider"),  # of OpenTelemetry, which is imported when it is needed
    (r"py:class", r"aiolambda\.testing\.piece_stream\.PieceStream"),
    (r"py:class", r"aiolambda\..*\._\w+"),
    # Structures of the API, which AWS's reference explains, and the base of the commands with pages.
    (r"py:class", r"(aiolambda\.operations\.api\.structures\.)?(\w+Configuration|Event|EventDetails)"),
    (r"py:class", r"(aiolambda\.operations\..*\.)?PagedCommand"),
]
suppress_warnings = ["ref.python"]  # `type` in a signature is the builtin, and several classes have an attribute `type`
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 100


def without_module_docstring(app: Any, what: str, name: str, object: Any, options: Any, lines: list[str]) -> None:
    """Leave out a module's docstring: the page around it says the same for its readers."""
    if what == "module":
        lines.clear()


def as_fields(app: Any, what: str, name: str, object: Any, options: Any, lines: list[str]) -> None:
    """Read the sections `Args:` and `Raises:`, and explain each parameter and attribute of a class once.

    In the docstring of an attrs class or an error, `Args:` and `Attributes:` repeat the texts of the attributes, which the page
    shows below. The parameters of other classes are explained by their constructor. napoleon is not loaded as an extension: it
    would take the words in front of a colon, in the text of an attribute, for its type.
    """
    if what in ("attribute", "data", "property"):
        return
    if what == "exception" or (what == "class" and attrs.has(object)):
        for start in [number for number, line in enumerate(lines) if line in ("Args:", "Attributes:")]:
            end = next((n for n in range(start + 1, len(lines)) if lines[n][:1].strip()), len(lines))
            lines[start:end] = [""] * (end - start)
    elif what == "class" and "__init__" in vars(object) and object.__init__.__doc__:
        lines += [*inspect.cleandoc(object.__init__.__doc__).splitlines(), ""]
    lines[:] = GoogleDocstring(lines, what=what, name=name, obj=object).lines()


def without_constructor(app: Any, what: str, *_: Any) -> tuple[str, None] | None:
    """Leave out how an error is made: callers only catch it."""
    return ("", None) if what == "exception" else None


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", without_module_docstring)
    app.connect("autodoc-process-docstring", as_fields)
    app.connect("autodoc-process-signature", without_constructor)
