"""The versions that an alias leads to, and their shares of the calls.

Must not know functions or requests. The random number is an argument.
Source: "Implement Lambda canary deployments using a weighted alias" of the developer guide.
"""

from collections.abc import Collection, Mapping
from typing import cast

from ..emulation.identifiers import LATEST
from ..types.mistakes import kind_of
from ..types.values import shown

__all__ = ["LATEST", "Route", "choose", "problem_of_route", "route_of"]

Route = Mapping[str, float]
"""Versions with their shares, which add up to 1."""


def route_of(target: str | Mapping[str, float]) -> Route:
    """The route of an alias that leads to one version, or to several."""
    return {target: 1.0} if isinstance(target, str) else target


def choose(route: Route, number: float) -> str:
    """The version for a random number from 0 up to 1."""
    for version, share in route.items():
        number -= share
        if number < 0:
            return version
    return next(iter(route))  # the shares add up to a little less than 1


def problem_of_route(target: object, versions: Collection[str]) -> str | None:
    """The problem of the target of an alias, for a function with these versions; `None` if there is none."""
    if not isinstance(target, str | Mapping):
        return f"must lead to a version, or to versions with their shares; got {kind_of(target)}"
    route = route_of(cast("str | Mapping[str, float]", target))
    for version, share in route.items():
        if version != LATEST and version not in versions:
            known = ", ".join([LATEST, *versions])
            return f"leads to the version {shown(version)}, which does not exist; known: {known}"
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            return f"has a share of {shown(share)} for version {version}; a share is a number from 0 to 1"
    total = sum(route.values())
    return None if abs(total - 1) < 1e-6 else f"has shares that add up to {total:g}; they must add up to 1"
