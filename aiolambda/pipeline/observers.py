"""The observers of a client, and of one call: who wants which event, and how it is told.

Laws: what an observer raises changes nothing for a call. An event that nobody wants is not made.

Owns the telling. Must not know what happens in a call: those who do call `tell`.
"""

import logging
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from ..errors import ConfigurationError
from ..protocol.urls import url_shown
from ..types.events import (
    AttemptEnded,
    AttemptSent,
    CallFacts,
    ClientObserver,
    CredentialsRefreshed,
    MapEnded,
    MapFacts,
    MapStarted,
    new_call_facts,
)
from ..types.loggers import PACKAGE, log_quietly
from ..types.mistakes import kind_of
from ..types.values import Credentials, text_of
from .operation import HttpOperation

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..fanout.values import MapStats
    from .call import Call
    from .hedging import Leg

__all__ = ["CallWatch", "MapWatch", "Observation", "Observers", "tell_ended", "tell_sent", "watching"]


def _checked(observer: object) -> ClientObserver:
    if isinstance(observer, ClientObserver):
        return observer
    given = f"the class {observer.__name__} itself" if isinstance(observer, type) else kind_of(observer)
    raise ConfigurationError(f"an observer must be an object of a class derived from ClientObserver; got {given}")


class Observation:
    """An observer of a client, from `client.observe` on until `remove`. As a context manager, until the end of the block."""

    def __init__(self, observers: "Observers", observer: ClientObserver) -> None:
        """Made by `client.observe`.

        Args:
            observers: The observers of the client.
            observer: The observer.
        """
        self._observers = observers
        self.observer = observer
        """The observer."""

    def remove(self) -> None:
        """Tell the observer of no further call. Calls in flight go on telling it. Removing twice is fine."""
        self._observers.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} by {type(self.observer).__name__}>"


class Observers:
    """The observers of one client."""

    def __init__(self) -> None:
        self._observations: tuple[Observation, ...] = ()
        self.all: tuple[ClientObserver, ...] = ()
        self.wanted: frozenset[str] = frozenset()
        """The methods that at least one of them has."""
        self._credentials: Credentials | None = None

    def add(self, observer: ClientObserver) -> Observation:
        """Tell an observer of all calls that start later. `ConfigurationError` if it is none."""
        _checked(observer)
        observation = Observation(self, observer)
        self._set((*self._observations, observation))
        return observation

    def remove(self, observation: Observation) -> None:
        """Undo an `add`."""
        self._set(tuple(other for other in self._observations if other is not observation))

    def _set(self, observations: tuple[Observation, ...]) -> None:
        self._observations = observations
        self.all = tuple(observation.observer for observation in observations)
        self.wanted = frozenset().union(*(observer.wanted for observer in self.all))

    def watch(self, map: MapFacts | None, side: "Leg | None" = None) -> "CallWatch":
        """What a call that begins now tells them, and the hedged call that it is a side of."""
        watch = CallWatch(self.all, self.wanted, map)
        if side is not None:
            watch.side = side
            watch.join(side)
        return watch

    def tell(self, method: str, event: object) -> None:
        """Tell all of something that belongs to no call."""
        _tell(self.all, method, event)

    def see_credentials(self, credentials: Credentials | None) -> None:
        """Tell all if the keys are others than before."""
        if credentials is None or credentials is self._credentials:
            return
        before, self._credentials = self._credentials, credentials
        if before not in (None, credentials) and "credentials_refreshed" in self.wanted:
            self.tell("credentials_refreshed", CredentialsRefreshed(credentials.expires_at))


class MapWatch:
    """What a run of a map tells the observers of its client."""

    def __init__(self, observers: Observers, facts: MapFacts) -> None:
        self._observers, self._facts = observers, facts

    def started(self) -> None:
        """Tell that the run begins."""
        if "map_started" in self._observers.wanted:
            self._observers.tell("map_started", MapStarted(self._facts))

    def ended(self, stats: "Callable[[], MapStats]", error: "Callable[[], BaseException | None]") -> None:
        """Tell that the run has ended."""
        if "map_ended" in self._observers.wanted:
            self._observers.tell("map_ended", MapEnded(self._facts, stats(), error()))


class CallWatch:
    """What one call tells, and to whom. `wanted` names the methods that at least one observer has."""

    __slots__ = ("_facts", "_map", "_observers", "side", "throttles", "wanted")

    def __init__(self, observers: tuple[ClientObserver, ...], wanted: frozenset[str], map: MapFacts | None = None) -> None:
        self._observers, self.wanted, self._map = observers, wanted, map
        self._facts: CallFacts | None = None
        self.side: Leg | None = None
        """The side of a hedged call that this call is."""
        self.throttles = 0
        """The requests that were throttled so far."""

    def facts_of(self, call: "Call[Any, Any]") -> CallFacts:
        """The facts of the call, which is always the same."""
        facts = self._facts
        if facts is None:
            input, operation = call.input, call.command.operation
            name: object = operation.function_name(input)
            facts = self._facts = new_call_facts(
                call.invocation_id,
                call.client_name,
                call.command_name.removesuffix("Command"),
                name if isinstance(name, str) else f"<{type(name).__name__}>",  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed; it may be a payload
                getattr(input, "qualifier", None),
                str(text_of(operation.invocation_type(input))),
                self._map,
                self.side is not None and self.side.hedge,
            )
        return facts

    def tell(self, method: str, event: object) -> None:
        """Tell an event to all observers with this method."""
        _tell(self._observers, method, event)

    def join(self, observer: ClientObserver) -> None:
        """Tell one observer more."""
        self.wanted = _union(self.wanted, _checked(observer).wanted)
        self._observers = (*self._observers, observer)


@lru_cache(maxsize=64)
def _union(some: frozenset[str], more: frozenset[str]) -> frozenset[str]:
    """Cached, because a middleware that observes its calls does so at each."""
    return some | more


def watching(watch: CallWatch | None, observer: ClientObserver) -> CallWatch:
    """The watch of a call, with one observer more."""
    watch = watch or CallWatch((), frozenset())
    watch.join(observer)
    return watch


def tell_sent(call: "Call[Any, Any]", watch: CallWatch, observers: Observers) -> None:
    """Tell that the request of an attempt goes to the transport now."""
    observers.see_credentials(call.credentials)
    if watch.side is not None:
        watch.side.note_call(call)
    if "attempt_sent" in watch.wanted:
        request, url = call.request, call.request.url
        if isinstance(call.command.operation, HttpOperation):
            url = url_shown(url)  # its query is the user's, and may hold a secret
        watch.tell("attempt_sent", AttemptSent(watch.facts_of(call), call.sent + 1, url, request.method))


def tell_ended(call: "Call[Any, Any]", watch: CallWatch) -> None:
    """Tell of the attempt that was just recorded, in the `finally` of its sending."""
    if "attempt_ended" not in watch.wanted:
        return
    attempt, response, error = call.history[-1], call.response, sys.exception()
    request_id = None if response is None else response.fields.get("x-amzn-requestid")
    watch.tell(
        "attempt_ended",
        AttemptEnded(
            watch.facts_of(call),
            len(call.history),
            attempt.delivery,
            attempt.status_code,
            request_id or getattr(error, "request_id", None),
            attempt.duration,
            error,
        ),
    )


def _tell(observers: tuple[ClientObserver, ...], method: str, event: object) -> None:
    for observer in observers:
        if method in observer.wanted:
            try:
                getattr(observer, method)(event)
            except Exception:  # noqa: BLE001 - the call goes on, whatever an observer raises
                _log_once(type(observer), method)


def _log_once(kind: type[ClientObserver], method: str) -> None:
    """Log the exception that is being handled: an observer that fails fails at every call."""
    if method in kind.logged:
        return
    kind.logged |= {method}
    message = "%s.%s() raised; the call goes on. Further errors of this method are not logged"
    log_quietly(PACKAGE, logging.ERROR, message, kind.__name__, method, exc_info=True)
