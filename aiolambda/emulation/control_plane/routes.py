"""The operations that manage functions, by method and path of a request. Their routes are those of the commands.

Must not know which operations are answered.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib import import_module
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

__all__ = ["Asked", "asked_of", "operation_names"]

_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")


class Asked(NamedTuple):
    """A request of an operation: the labels of its path, decoded, and its query as sent."""

    operation: str
    labels: Mapping[str, str]
    query: str

    def query_member(self, name: str) -> str | None:
        """The value of a member in the query; `None` without it."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [None])[0]


class _Route(NamedTuple):
    operation: str
    method: str
    path: re.Pattern[str]
    fixed: Mapping[str, list[str]]


@lru_cache(maxsize=256)
def asked_of(method: str, path: str, query: str) -> Asked | None:
    """The operation that a request asks for; `None` if there is none. Path and query are as sent."""
    given = parse_qs(query, keep_blank_values=True)
    for route in _routes():
        match = route.path.fullmatch(path) if route.method == method else None
        if match is not None and all(given.get(name) == values for name, values in route.fixed.items()):
            return Asked(route.operation, {name: unquote(text) for name, text in match.groupdict().items()}, query)
    return None


@cache
def operation_names() -> frozenset[str]:
    """The names of all operations that run no function."""
    return frozenset(route.operation for route in _routes())


@cache
def _routes() -> Sequence[_Route]:
    """All routes. Those with fixed parts in their query come first: others have the same path without them."""
    return sorted(_read_routes(), key=lambda route: not route.fixed)


def _read_routes() -> Iterator[_Route]:
    commands = import_module("aiolambda.operations.api.commands")  # loaded by the first request that is no invocation
    for name in commands.__all__:
        if name.endswith("Command"):
            operation = getattr(commands, name).operation
            path, _, fixed = operation.route.uri.partition("?")
            pattern = _LABEL.sub(_group, path.rstrip("/")) + "/?"
            yield _Route(operation.name, operation.route.method, re.compile(pattern), parse_qs(fixed, keep_blank_values=True))


def _group(label: re.Match[str]) -> str:
    return f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})"
