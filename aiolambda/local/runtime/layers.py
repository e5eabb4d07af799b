"""The folders of layers as search paths, in the order in which Lambda searches `/opt`.

Lambda unpacks all layers into one `/opt`, and a later one overwrites an earlier one. Here each stays in its own folder, and the
later ones are searched first. So a package comes from one layer as a whole.

Must not know processes.
Source: "Layer paths for each Lambda runtime" of the developer guide.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

__all__ = ["python_folders", "with_layers"]

_PARTS = ("python", "nodejs", "bin", "lib")
"""The folders of a layer that Lambda searches. A layer without any of them is itself a folder of modules."""
_NODE = re.compile(r"node([0-9]{1,4})")


def python_folders(layers: Sequence[Path]) -> list[str]:
    """The folders for Python's module path: those of `site-packages` come first, as on Lambda."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = [*_folders(layers, f"python/lib/{version}/site-packages"), *_folders(layers, "python"), *_module_folders(layers)]
    return [str(folder) for folder in found]


def with_layers(variables: Mapping[str, str], layers: Sequence[Path], *, for_python: bool) -> dict[str, str]:
    """The variables with the folders of layers in their search paths, in `PYTHONPATH` only if `for_python`."""
    versions = {found.name for layer in layers for found in Path(layer).glob("nodejs/node*") if _NODE.fullmatch(found.name)}
    parts = [f"nodejs/{name}/node_modules" for name in sorted(versions, key=_number, reverse=True)]
    node = [folder for part in (*parts, "nodejs/node_modules") for folder in _folders(layers, part)]
    extended = dict(variables)
    _prepend(extended, "NODE_PATH", [*node, *_module_folders(layers)])
    if for_python:
        _prepend(extended, "PYTHONPATH", python_folders(layers))
    _append(extended, "PATH", _folders(layers, "bin"))
    _append(extended, "LD_LIBRARY_PATH", _folders(layers, "lib"))
    return extended


def _number(name: str) -> int:
    return int(name.removeprefix("node"))


def _folders(layers: Sequence[Path], part: str) -> list[Path]:
    """The existing folders of this name, those of later layers first."""
    found = [layer / part for layer in _absolute(layers)]
    return [folder for folder in found if folder.is_dir()]


def _module_folders(layers: Sequence[Path]) -> list[Path]:
    return [layer for layer in _absolute(layers) if not any((layer / part).is_dir() for part in _PARTS)]


def _absolute(layers: Sequence[Path]) -> list[Path]:
    """The layers in the order of the search. The process has another current directory."""
    return [Path(layer).absolute() for layer in reversed(layers)]


def _prepend(variables: dict[str, str], name: str, folders: Iterable[object]) -> None:
    _set_path(variables, name, [*map(str, folders), variables.get(name)])


def _append(variables: dict[str, str], name: str, folders: Iterable[object]) -> None:
    _set_path(variables, name, [variables.get(name), *map(str, folders)])


def _set_path(variables: dict[str, str], name: str, parts: Iterable[str | None]) -> None:
    """An empty part would stand for the current directory."""
    path = os.pathsep.join(part for part in parts if part)
    if path:
        variables[name] = path
