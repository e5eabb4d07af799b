"""A Sphinx extension that writes `llms.txt` (https://llmstxt.org): every page, by the captions of the sidebar.

The Markdown copies that it links to are written by `sphinx_llm_friendly`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes


def first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0].removesuffix(":")


def summary_of(doctree: nodes.document) -> str:
    """The first sentence of a page; nothing if the page begins with something else."""
    return next((first_sentence(paragraph.astext()) for paragraph in doctree.findall(nodes.paragraph)), "")


def with_pages_below(env: Any, pages: list[str]) -> Iterator[str]:
    """The pages, each followed by those of its own lists."""
    for page in pages:
        yield page
        yield from with_pages_below(env, env.toctree_includes.get(page, []))


def write_llms_txt(app: Any, exception: Exception | None) -> None:
    """Write `llms.txt` with the pages by caption, in place of the flat list that `sphinx_llm_friendly` has written."""
    if exception is not None or app.builder.name != "html":
        return
    index = app.env.get_doctree("index")
    introduction = next(iter(index.findall(nodes.paragraph))).astext()
    lines = [f"# {app.config.project}", "", *(f"> {line}" for line in introduction.splitlines())]
    for toctree in index.findall(addnodes.toctree):
        lines += ["", f"## {toctree['caption']}", ""]
        for page in with_pages_below(app.env, [page for _, page in toctree["entries"]]):
            title, summary = app.env.titles[page].astext(), summary_of(app.env.get_doctree(page))
            lines.append(f"- [{title}]({page}.md): {summary}" if summary else f"- [{title}]({page}.md)")
    (Path(app.outdir) / "llms.txt").write_text("\n".join(lines) + "\n")


def setup(app: Any) -> dict[str, bool]:
    app.connect("build-finished", write_llms_txt, priority=900)  # after the handler of `sphinx_llm_friendly`
    return {"parallel_read_safe": True, "parallel_write_safe": True}
