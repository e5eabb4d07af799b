"""The parts of a client that its middlewares work with: those that are fixed when it opens, and those that change.

Owns their names. Must not make any of them: the client does.
"""

import datetime as dt
import functools
import logging
import random
from collections.abc import Callable, Mapping

import attrs

from ..errors import ClientClosedError, ConfigurationError
from ..policy.retry import announced_maximum
from ..protocol.sigv4 import Signer
from ..types.interfaces import (
    Codec,
    CredentialsProvider,
    ReadyCredentials,
    ReservingTransport,
    RetryStrategy,
    Transport,
    can_reserve,
)
from ..types.loggers import child_of, log_quietly
from ..types.values import Credentials, PayloadLimits, ResponseLimits, ThrottleReason
from .call_log import RetryLog
from .observers import Observers
from .slots import Slots

__all__ = ["Counters", "PipelineContext", "PipelineState", "attempt_header"]


class Counters:
    """The requests since the client was built."""

    def __init__(self) -> None:
        self.attempts = self.retries = 0
        self.hedged = self.hedges_won = 0
        self.throttled: dict[ThrottleReason | None, int] = {}


def _attempts_suffix(context: "PipelineContext") -> str:
    maximum = announced_maximum(context.retry)
    return "" if maximum is None else f"; max={maximum}"


def attempt_header(attempt: int, suffix: str) -> str:
    """The value of `amz-sdk-request`."""
    return f"attempt={attempt}{suffix}"


def _ready_credentials_of(provider: CredentialsProvider | None) -> Callable[[], Credentials | None]:
    return provider.ready_credentials if isinstance(provider, ReadyCredentials) else ReadyCredentials().ready_credentials


@attrs.frozen(eq=False, repr=False, kw_only=True)
class PipelineContext:
    """The settings and parts that are fixed while calls run. Opening the client replaces the defaults."""

    codec: Codec
    limits: PayloadLimits
    response_limits: ResponseLimits
    logger: logging.Logger
    environment: Mapping[str, str] = attrs.field(repr=False)  # rich goes by the fields, not by the class
    retry: RetryStrategy
    attempts_suffix: str = attrs.field(init=False, default=attrs.Factory(_attempts_suffix, takes_self=True))
    """The maximum of attempts as `amz-sdk-request` announces it; empty if there is none."""
    first_attempt: str = attrs.field(
        init=False, default=attrs.Factory(lambda context: attempt_header(1, context.attempts_suffix), takes_self=True)
    )
    """The value of `amz-sdk-request` for the first attempt of a call."""
    corrects_clock: bool = True
    in_function: bool = True
    """Whether this process may be a Lambda function, whose trace id is passed on."""
    required_region: str | None = None
    """The region that a function's ARN must have; `None` if it may have any."""
    endpoint: str = ""
    endpoint_in: Callable[[str], str] | None = None
    """The endpoint of another region than the client's, if a function's ARN may have one."""
    user_agent: str = ""
    credentials: CredentialsProvider | None = None
    ready_credentials: Callable[[], Credentials | None] = attrs.field(
        init=False, default=attrs.Factory(lambda context: _ready_credentials_of(context.credentials), takes_self=True)
    )
    """Asks for the credentials that are there without waiting; `None` for those that `get_credentials` has to fetch."""
    signer: Signer | None = None

    retry_log: RetryLog = attrs.field(
        init=False, default=attrs.Factory(lambda context: RetryLog(child_of(context.logger, "retry")), takes_self=True)
    )
    """Logs throttles and retries."""

    def log(self, level: int, message: str, *args: object, exc_info: bool = False) -> None:
        """Log a message. An error of the user's handler or filter is dropped: it must not replace the outcome of a call."""
        log_quietly(self.logger, level, message, *args, exc_info=exc_info, stacklevel=2)


_now = functools.partial(dt.datetime.now, dt.UTC)


@attrs.define(eq=False, repr=False, kw_only=True)
class PipelineState:
    """The parts that change while the client lives, and the `context` of its calls, which opening it replaces."""

    context: PipelineContext
    slots: Slots
    control_slots: Slots
    """The slots of calls that manage functions."""
    counters: Counters = attrs.field(factory=Counters)
    observers: Observers = attrs.field(factory=Observers)
    now: Callable[[], dt.datetime] = _now
    jitter: Callable[[], float] = random.random
    clock_offset: dt.timedelta = dt.timedelta(0)
    """How far the service's clock is ahead of this machine's, once a refusal has shown it."""
    durable: set[tuple[str, str | None]] = attrs.field(factory=set[tuple[str, str | None]])
    """The functions, with their qualifier, that have answered with a durable execution."""
    transport: Transport | None = None
    reserving_transport: ReservingTransport | None = None
    """The same transport, if it can reserve a connection before the request is signed."""
    closed: bool = False
    """Whether the client has closed its transport."""
    other_signers: dict[str, Signer] = attrs.field(factory=dict[str, Signer])
    """The signers of other regions than the client's, by region."""

    def signer_for(self, region: str) -> Signer | None:
        """The signer of another region than the client's; `None` if nothing is signed."""
        signer = self.context.signer
        return None if signer is None else self.other_signers.setdefault(region, Signer(region, signer.service))

    def use_transport(self, transport: Transport) -> None:
        """Send over this transport, and reserve connections with it if it can."""
        self.transport = transport
        self.reserving_transport = transport if can_reserve(transport) else None

    def take_transport(self) -> Transport | None:
        """Send nothing more, and return the transport for closing. A call that closes its own client may still be running."""
        transport, self.transport, self.reserving_transport = self.transport, None, None
        self.closed = True
        return transport

    @property
    def open_transport(self) -> Transport:
        """The transport; an error if the client is closed."""
        if self.transport is None:
            raise ClientClosedError("this client is closed") if self.closed else ConfigurationError("the client is not open")
        return self.transport
