"""The states that functions are said to have: scripted ones, for tests of code that waits.

Laws: states are told in the order in which they were set, each as often as its `times` says. One without `times` stays until
another one is set. Without any, a function is active and its last update was successful.

Owns the script. Must not know functions, or the form of an answer.
"""

import threading
from typing import Generic, TypeVar

import attrs

__all__ = ["FunctionState", "FunctionStates", "Provisioned", "Script"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class FunctionState:
    """A state, or the status of an update, with its reason."""

    status: str
    reason: str | None = None
    reason_code: str | None = None


@attrs.frozen(kw_only=True)
class Provisioned:
    """The provisioned concurrency of a version or an alias."""

    executions: int
    status: str = "READY"
    reason: str | None = None

    def ready(self) -> "Provisioned":
        """The same, once it is ready."""
        return Provisioned(executions=self.executions)


@attrs.define
class _Entry(Generic[T]):
    value: T
    times: int | None


class Script(Generic[T]):
    """Values by function name and qualifier. Those of a name without qualifier hold for all its qualifiers."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str | None], list[_Entry[T]]] = {}
        self._lock = threading.Lock()  # a server tells on another thread than the test that sets

    def __bool__(self) -> bool:
        return bool(self._entries)

    def set(self, name: str, qualifier: str | None, value: T, times: int | None) -> None:
        """Tell this value from now on, or after those that are still to be told `times` times."""
        with self._lock:
            entries = self._entries.setdefault((name, qualifier), [])
            entries[:] = [entry for entry in entries if entry.times is not None]
            entries.append(_Entry(value, times))

    def tell(self, name: str, qualifier: str | None, *, counts: bool = True) -> T | None:
        """The value to tell; `None` if there is none. Unless it `counts`, it can be told as often as before."""
        if qualifier == "$LATEST":
            qualifier = None
        with self._lock:
            for key in ((name, qualifier), (name, None)):
                for entry in self._entries.get(key, ()):
                    if entry.times is None or entry.times > 0:
                        if counts and entry.times is not None:
                            entry.times -= 1
                        return entry.value
        return None

    def last(self, name: str, qualifier: str | None) -> T | None:
        """The value that was set last, whether it was told or not."""
        with self._lock:
            entries = self._entries.get((name, qualifier))
            return entries[-1].value if entries else None

    def qualifiers(self, name: str) -> list[str]:
        """The qualifiers of a function that have values."""
        with self._lock:
            return sorted(str(qualifier) for known, qualifier in self._entries if known == name)

    def clear(self) -> None:
        """Forget all values."""
        with self._lock:
            self._entries.clear()


_NOT_INVOCABLE = ("Pending", "Failed")


class FunctionStates:
    """The scripts of a stand-in for Lambda: states, updates, and provisioned concurrency."""

    def __init__(self) -> None:
        self.states: Script[FunctionState] = Script()
        self.updates: Script[FunctionState] = Script()
        self.provisioned: Script[Provisioned] = Script()

    def refused_state(self, name: str, qualifier: str | None) -> str | None:
        """The state in which a function cannot be invoked; `None` if it can."""
        state = self.states.tell(name, qualifier, counts=False) if self.states else None
        return None if state is None or state.status not in _NOT_INVOCABLE else state.status

    def clear(self) -> None:
        """Forget what was set."""
        for script in (self.states, self.updates, self.provisioned):
            script.clear()
