"""Finds what lacks documentation: public names, their parameters and attributes, by what `help()` and editors read.

`help()` shows the docstrings of classes and functions, with their `Args:`. Editors also show the string literal below an
attribute. For a parameter they show the first line of its entry in `Args:`, so that line must hold whole sentences.

Owns these rules. Must not know a name of the package.
"""

import ast
import enum
import inspect
import itertools
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import attrs

Problems = Iterator[str]

_SECTION = re.compile(r"^(?:Args|Attributes):\n((?:(?: {4}.*)?(?:\n|\Z))+)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}\*{0,2}(\w+): (\S.*)$", re.MULTILINE)


def entries_of(documented: Any) -> Mapping[str, str]:
    """The names in the sections `Args:` and `Attributes:` of a docstring, each with the first line of its text."""
    doc = inspect.getdoc(documented) or ""
    return dict(entry for section in _SECTION.findall(doc) for entry in _ENTRY.findall(section))


def whole_entries_of(documented: Any) -> Mapping[str, str]:
    """The same names, each with its whole text on one line."""
    doc = inspect.getdoc(documented) or ""
    joined = (re.sub(r"\n {8}", " ", section) for section in _SECTION.findall(doc))
    return dict(entry for section in joined for entry in _ENTRY.findall(section))


def attribute_docs(kind: type) -> Mapping[str, str]:
    """The string literals below the attributes of a class: in its body, and below `self.name = ...` in its `__init__`."""
    found: dict[str, str] = {}
    for part in reversed(kind.__mro__):
        node = _source_of(part.__module__).classes.get(part.__qualname__)
        if node is not None:
            found |= _literals(node.body)
            for function in node.body:
                if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                    found |= _literals(function.body)
    return found


def undocumented(module: ModuleType) -> list[str]:
    """Every name in `__all__` of a module, and every member and parameter of these, that lacks documentation."""
    return sorted(set(_undocumented(module)))


def _undocumented(module: ModuleType) -> Problems:
    if not module.__doc__:
        yield module.__name__
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value):
            yield from undocumented_in_class(value)
        elif inspect.isfunction(value):
            yield from _of_function(value, name)
        elif not inspect.ismodule(value) and not _has_literal(module.__name__.partition(".")[0], name, value):
            yield name


def undocumented_in_class(kind: type) -> Problems:
    """The class, its members and the parameters of its constructor, as far as they lack documentation.

    A member is named with the class that defines it: a base that is not public counts too, but for those of other packages.
    """
    if not kind.__dict__.get("__doc__"):
        yield kind.__qualname__
    literals, package = attribute_docs(kind), kind.__module__.partition(".")[0]
    for part in kind.__mro__:
        if part.__module__.partition(".")[0] == package:
            for name in _members_of(part):
                yield from _of_member(kind, name, f"{part.__qualname__}.{name}", literals)
    yield from _of_constructor(kind, literals)


def _of_member(kind: type, name: str, where: str, literals: Mapping[str, str]) -> Problems:
    member = inspect.getattr_static(kind, name, None)
    if isinstance(member, classmethod | staticmethod) or inspect.isfunction(member):
        yield from _of_function(getattr(kind, name), where)
    elif isinstance(member, property):
        if not inspect.getdoc(member):
            yield where
    elif name not in literals and (member is None or name in dir(kind)):  # a value that `dir` hides is no member
        yield where


def _of_constructor(kind: type, literals: Mapping[str, str]) -> Problems:
    init: Any = kind.__init__
    if issubclass(kind, enum.Enum) or not hasattr(init, "__code__") or init.__module__ in ("builtins", "typing"):
        return
    # For a parameter, editors read the docstring of the function. attrs makes one without, and there they read the fields.
    explained = dict(entries_of(kind) if attrs.has(kind) else entries_of(init))
    if issubclass(kind, BaseException):  # callers only catch it, so its attributes explain it
        explained |= literals | {name: inspect.getdoc(member) or "" for name, member in inspect.getmembers(kind, _is_property)}
        for part in kind.__mro__:
            explained |= entries_of(part.__init__)
    reference = re.search(r"`(\w+)\.__init__` explains", kind.__doc__ or "")
    if reference is not None:
        explained |= entries_of(getattr(import_module(kind.__module__.partition(".")[0]), reference[1]).__init__)
    yield from _missing(init, explained, init.__qualname__)


def _is_property(member: object) -> bool:
    return isinstance(member, property)


def _of_function(function: Callable[..., Any], where: str) -> Problems:
    if not inspect.getdoc(function):
        yield where
    yield from _missing(function, entries_of(function), where)


def _missing(function: Callable[..., Any], explained: Mapping[str, str], where: str) -> Problems:
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ("self", "cls") or name.startswith("_") or parameter.kind is parameter.VAR_KEYWORD:
            continue
        if name not in explained:
            yield f"{where}({name})"
        elif not explained[name].endswith((".", ":", "?")):
            yield f"{where}({name}): an editor shows only the first line, {explained[name]!r}"


def _members_of(part: type) -> Iterator[str]:
    node = _source_of(part.__module__).classes.get(part.__qualname__)
    names = {*part.__dict__, *inspect.get_annotations(part)}
    if node is not None:
        constructors = (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
        names |= {name for constructor in constructors for name in _set_on_self(constructor)}
    for name in names:
        if not name.startswith("_") or (name == "__call__" and inspect.isfunction(part.__dict__.get(name))):
            yield name


def _set_on_self(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        for target in targets:
            for one in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "self":
                    yield one.attr


@attrs.frozen
class _Source:
    """The classes of a module by their qualified names, and the string literals below its own names."""

    classes: Mapping[str, ast.ClassDef]
    literals: Mapping[str, str]


_SOURCES: dict[str, _Source] = {}


def _source_of(module: str) -> _Source:
    if module not in _SOURCES:
        file = getattr(sys.modules.get(module), "__file__", None)
        tree = ast.parse("" if file is None or not file.endswith(".py") else inspect.getsource(sys.modules[module]))
        _SOURCES[module] = _Source(dict(_classes(tree, "")), _literals(tree.body))
    return _SOURCES[module]


def _classes(tree: ast.AST, inside: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield f"{inside}{node.name}", node
            yield from _classes(node, f"{inside}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield from _classes(node, f"{inside}{node.name}.<locals>.")


def _literals(body: list[ast.stmt]) -> dict[str, str]:
    """By name: the string literal in the statement behind an assignment."""
    found: dict[str, str] = {}
    for node, behind in itertools.pairwise(body):
        if isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant) and isinstance(behind.value.value, str):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
            for target in targets:
                name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else None
                if name is not None:
                    found[name] = inspect.cleandoc(behind.value.value)
    return found


def _has_literal(package: str, name: str, value: object) -> bool:
    """Whether a module of the package gives this value this name, with a string literal below it."""
    for found in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        if found.name.endswith("__main__"):
            continue
        module = sys.modules.get(found.name)
        if module is not None and getattr(module, name, None) is value and name in _source_of(found.name).literals:
            return True
    return False
