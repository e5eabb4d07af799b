"""The handle of an instrumented client, which ends the instrumentation, and the register of such clients.

Must not know what an instrumentation does.
"""

from typing import TYPE_CHECKING, Self
from weakref import WeakKeyDictionary, ref

if TYPE_CHECKING:
    from ..client.client import LambdaClient
    from ..pipeline.observers import Observation
    from .spans import TracingMiddleware

__all__ = ["Instrumentation", "automatic_instrumentations", "instrumentation_of"]

_instrumented: "WeakKeyDictionary[LambdaClient, Instrumentation]" = WeakKeyDictionary()


class Instrumentation:
    """The instrumentation of a client, from `instrument` on until `remove`. As a context manager, until the end of the block.

    Made by `instrument`.
    """

    def __init__(
        self,
        client: "LambdaClient",
        middleware: "TracingMiddleware",
        observation: "Observation",
        *,
        is_automatic: bool,
    ) -> None:
        """Made by `instrument`.

        Args:
            client: The client.
            middleware: Traces its calls.
            observation: Traces its maps.
            is_automatic: Whether `AiolambdaInstrumentor` made it.
        """
        self._client = ref(client)  # `_instrumented` has this object
        self._middleware, self._observation, self._is_automatic = middleware, observation, is_automatic
        _instrumented[client] = self

    @property
    def is_automatic(self) -> bool:
        """Whether `AiolambdaInstrumentor` made it. `instrument` replaces such a one."""
        return self._is_automatic

    def remove(self) -> None:
        """Trace no further call. Calls in flight keep their spans and metrics. Removing twice is fine."""
        self._observation.remove()
        client = self._client()
        if client is not None and _instrumented.get(client) is self:
            del _instrumented[client]
            client.middleware_stack.remove(self._middleware)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        client = self._client()
        state = "" if client is not None and _instrumented.get(client) is self else ", removed"
        return f"<{type(self).__name__} of {client!r}{state}>"


def instrumentation_of(client: "LambdaClient") -> Instrumentation | None:
    """The instrumentation of a client, by its program or automatic; `None` if there is none."""
    return _instrumented.get(client)


def automatic_instrumentations() -> list[Instrumentation]:
    """Those that `AiolambdaInstrumentor` made."""
    return [one for one in _instrumented.values() if one.is_automatic]
