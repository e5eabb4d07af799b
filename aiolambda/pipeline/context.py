"""What the built-in middlewares need of their client.

Owns the names of these parts. Must not make any of them: the client does, some when it is built, the rest when it opens.
"""

import contextlib
import datetime as dt
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import attrs

from ..errors import ClientClosedError, ConfigurationError
from ..policy.retry import announced_maximum
from ..protocol.sigv4 import Signer
from ..types.http import Request
from ..types.interfaces import Codec, CredentialsProvider, Loop, Reservation, RetryStrategy, Transport
from ..types.values import PayloadLimits, ResponseLimits, ThrottleReason
from .slots import Slots

__all__ = ["Counters", "Wiring"]


class Counters:
    """Verdicts since the client was built."""

    def __init__(self) -> None:
        self.executed = self.retried = self.unknown = 0
        self.throttled: dict[ThrottleReason, int] = {}


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Reserve(Protocol):
    def __call__(self, request: Request, /, *, first: bool) -> Awaitable[Reservation]: ...


@attrs.define(eq=False, repr=False, kw_only=True)
class Wiring:
    """The parts of one client. Those with a default of nothing are there once the client is open."""

    codec: Codec
    limits: PayloadLimits
    response_limits: ResponseLimits
    slots: Slots
    logger: logging.Logger
    environment: Mapping[str, str] = attrs.field(repr=False)  # rich goes by the fields, not by the class
    retry: RetryStrategy
    counters: Counters = attrs.field(factory=Counters)
    now: Callable[[], dt.datetime] = _now
    jitter: Callable[[], float] = random.random
    attempts_suffix: str = ""
    """What `amz-sdk-request` says of the most attempts, once the client is open."""
    corrects_clock: bool = True
    clock_offset: dt.timedelta = dt.timedelta(0)
    """How far the service's clock is ahead of this machine's, once a refusal has shown it."""
    durable: set[tuple[str, str | None]] = attrs.field(factory=set[tuple[str, str | None]])
    """The functions, with their qualifier, that have answered with a durable execution."""
    in_function: bool = True
    """Whether this process may be a Lambda function, whose trace id is handed on."""
    region: str | None = None
    endpoint: str = ""
    endpoint_in: Callable[[str], str] | None = None
    """The endpoint of another region than the client's, if a function's ARN may be of one."""
    user_agent: str = ""
    credentials: CredentialsProvider | None = None
    signer: Signer | None = None
    other_signers: dict[str, Signer] = attrs.field(factory=dict[str, Signer])
    """Those of the other regions, by region."""
    transport: Transport | None = None
    closed: bool = False
    """Whether the client has ended its transport."""
    promise: Callable[[Request, Loop], Reservation | None] | None = None
    """How to be promised a connection of the transport's at once, if it has a way; `None` where there is none now."""
    reserve: Reserve | None = None
    """How to wait for a connection before the request is signed, if the transport has a way."""

    def log(self, level: int, message: str, *args: object, exc_info: bool = False) -> None:
        """Log it. What a handler or a filter of the user's raises takes no answer away, nor the error that the call has."""
        with contextlib.suppress(Exception):
            self.logger.log(level, message, *args, exc_info=exc_info, stacklevel=2)

    def use_retry(self, strategy: RetryStrategy) -> None:
        """Take this strategy, and tell the service how many attempts it allows."""
        maximum = announced_maximum(strategy)
        self.retry, self.attempts_suffix = strategy, "" if maximum is None else f"; max={maximum}"

    def signer_for(self, region: str | None) -> Signer | None:
        """The client's signer, or that of another region; `None` where nothing is signed."""
        if region is None or self.signer is None:
            return self.signer
        return self.other_signers.setdefault(region, Signer(region, self.signer.service))

    def end_transport(self) -> Transport | None:
        """The transport, over which nothing is sent any more: a call may go on that has closed its own client."""
        transport, self.transport = self.transport, None
        self.promise = self.reserve = None
        self.closed = True
        return transport

    def use_transport(self, transport: Transport) -> None:
        """Send over it from now on, and keep places with it if it has a way to."""
        self.transport = transport
        self.promise, self.reserve = getattr(transport, "promise", None), getattr(transport, "reserve", None)

    @property
    def open_transport(self) -> Transport:
        """The transport of a client that is open, as every client is before it sends."""
        if self.transport is None:
            raise ClientClosedError("this client is closed") if self.closed else ConfigurationError("the client is not open")
        return self.transport
