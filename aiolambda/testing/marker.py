"""The arguments of `@pytest.mark.aiolambda`: functions, failures and delays of one test.

Must not know pytest.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import attrs

from ..errors import ConfigurationError
from ..types.mistakes import kind_of, nearest

__all__ = ["Marked"]

_ARGUMENTS = ("functions", "failures", "delays")


class Place(Protocol):
    """A fake, or a local endpoint."""

    def add(self, function_name: str, handler: Any, /) -> None: ...
    def fail(self, function_name: str, failure: Any, /, *, times: int | None = None) -> None: ...
    def delay(self, function_name: str, seconds: float, /) -> None: ...


@attrs.frozen
class Marked:
    """What the markers of a test say together."""

    functions: Mapping[str, Any]
    failures: Mapping[str, Any]
    delays: Mapping[str, Any]

    @classmethod
    def of(cls, markers: Sequence[tuple[tuple[object, ...], Mapping[str, object]]]) -> "Marked":
        """Join markers, each as its arguments. A later one wins. `ConfigurationError` if one is wrong."""
        found: dict[str, dict[str, Any]] = {name: {} for name in _ARGUMENTS}
        for positional, named in markers:
            if positional:
                raise ConfigurationError("the marker aiolambda takes keywords only: functions={'orders': handler}")
            for name, value in named.items():
                _check(name, value)
                found[name] |= cast("Mapping[str, Any]", value)
        return cls(**found)

    def apply_to(self, place: Place) -> None:
        """Add the functions, failures and delays. Each failure of a sequence makes one call fail."""
        for name, handler in self.functions.items():
            place.add(name, handler)
        for name, failure in self.failures.items():
            if isinstance(failure, list | tuple):
                for one in cast("Sequence[Any]", failure):
                    place.fail(name, one, times=1)
            else:
                place.fail(name, failure)
        for name, seconds in self.delays.items():
            place.delay(name, seconds)


def _check(name: str, value: object) -> None:
    if name not in _ARGUMENTS:
        meant = nearest(name, _ARGUMENTS)
        hint = f"did you mean {meant}?" if meant is not None else f"it has {', '.join(_ARGUMENTS)}"
        raise ConfigurationError(f"the marker aiolambda has no argument {name!r}; {hint}")
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} of the marker aiolambda must be a mapping by function name; got {kind_of(value)}")
