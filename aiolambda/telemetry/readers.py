"""Whether somebody reads what a provider is given: the API alone drops it.

Owns this question, for tracers and meters alike. Must not import OpenTelemetry.
"""

from collections.abc import Callable

__all__ = ["Reader"]

_OF_THE_API = ("opentelemetry.trace", "opentelemetry.metrics")


class Reader:
    """The reader behind one provider. `current` gives the global provider; `None` if this provider was chosen instead of it."""

    def __init__(self, provider: object, current: Callable[[], object] | None) -> None:
        self._provider = provider
        self._current = current
        self._exists = not type(provider).__module__.startswith(_OF_THE_API)

    @property
    def exists(self) -> bool:
        """Whether there is one now."""
        # The default provider of the API passes everything on as soon as the program has set another one.
        if not self._exists and self._current is not None:
            self._exists = self._current() is not self._provider
        return self._exists
