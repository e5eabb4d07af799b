"""The seams: what one room asks of another, as protocols; and the call in flight, which every middleware is handed.

Owns the shapes that floors 1 to 3, and users' own parts, agree on. Must not know any implementation of them.
"""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

import attrs

from .checks import check_flag
from .errors import AiolambdaError, ConfigurationError
from .messages import OpenAnswer, Request, Response, Stage
from .models import Attempt, Credentials, Metadata, PayloadLimits, Timeouts

if TYPE_CHECKING:
    import asyncio
    import ssl

    from .failure import Failure

__all__ = [
    "Call",
    "CallNext",
    "Codec",
    "Command",
    "CredentialsProvider",
    "Fetch",
    "Loop",
    "Middleware",
    "Operation",
    "Plugin",
    "Priority",
    "RefreshingCredentialsProvider",
    "Relation",
    "Reservation",
    "ReservingTransport",
    "RetryStrategy",
    "Stack",
    "Step",
    "StreamedResponse",
    "Timer",
    "Transport",
]

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)

Step = Literal["initialize", "serialize", "build", "finalize", "finalizeRequest", "deserialize"]
Priority = Literal["high", "normal", "low"]
Relation = Literal["before", "after"]


class Loop(Protocol):
    """What a call asks of the event loop that it runs on; asyncio's."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> "Timer": ...


class Timer(Protocol):
    """Something that will be called, unless it is cancelled before."""

    def cancel(self) -> None: ...


class Codec(Protocol):
    """Turns values into payload bytes and back; `decode` makes a value of the type that is asked for."""

    def encode(self, value: object, /) -> bytes: ...
    def decode(self, data: bytes, type: type[T], /) -> T: ...


class CredentialsProvider(Protocol):
    """Gives the keys to sign with; asked before every attempt, so it keeps what is still good."""

    async def get_credentials(self) -> Credentials: ...


class RefreshingCredentialsProvider(CredentialsProvider, Protocol):
    """A provider whose keys may be replaced: asked for others when the service refused these as expired."""

    async def refresh(self, rejected: Credentials, /) -> Credentials: ...


class Fetch(Protocol):
    """Gets a small document that settings are in: no redirect is followed, no proxy used. `TransportError` where none comes.

    `tls` is what an https server is verified with, `True` for the authorities of the system.
    """

    async def __call__(self, url: str, headers: Mapping[str, str], /, *, tls: "ssl.SSLContext | bool" = True) -> Response: ...


class RetryStrategy(Protocol):
    """Decides when a failed call is tried again.

    It is never asked about an attempt that must not be repeated, nor about the loss of an idle connection, after which the
    request goes out at once on another. `pause` gives the seconds to wait first, or `None` to give up. `succeeded` hears of
    every call that ended well, with the failures that it had before; what it raises is logged, and the call has its answer.
    """

    def pause(self, failure: "Failure", /) -> float | None: ...
    def succeeded(self, failures: "Sequence[Failure]", /) -> None: ...


class StreamedResponse(Protocol):
    """An answer whose head is there and whose body comes in pieces."""

    status: int
    headers: Mapping[str, str]

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Transport(Protocol):
    """Sends one signed request and gives the answer; raises `TransportError`, with its `delivery`, where none comes."""

    async def send(self, request: Request, /) -> Response: ...
    def stream(self, request: Request, /) -> AbstractAsyncContextManager[StreamedResponse]: ...
    async def close(self) -> None: ...


class Reservation(Protocol):
    """A place with a transport, until it is ended."""

    def end(self) -> None: ...


class ReservingTransport(Transport, Protocol):
    """A transport that can wait before the request is signed for whatever else it would wait for after it.

    `promise` does not wait: it gives `None` where `reserve` would, and is told the running loop. `first`, before all who wait.
    """

    def promise(self, request: Request, loop: Loop, /) -> Reservation | None: ...
    async def reserve(self, request: Request, /, *, first: bool = False) -> Reservation: ...


class Operation(Protocol[In_contra, Out_co]):
    """An operation of the API: how its input becomes a request, and its answer an output. Pure.

    `streamed`: the answer is read while it comes, from `response.stream`; `open_answer` is what an output reads it from.
    `check` raises for an input that is wrong, and returns a warning for members that have no effect.
    """

    @property
    def streamed(self) -> bool: ...
    def check(self, input: In_contra, /, *, region: str | None, limits: PayloadLimits) -> str | None: ...
    def request(self, input: In_contra, /, *, endpoint: str, codec: Codec, limits: PayloadLimits) -> Request: ...
    def output(self, input: In_contra, response: Response, /, *, metadata: Metadata, codec: Codec) -> Out_co: ...
    def open_answer(self, output: Any, /) -> OpenAnswer | None: ...
    def function_name(self, input: In_contra, /) -> str: ...
    def invocation_type(self, input: In_contra, /) -> str: ...
    def answer_limit(self, input: In_contra, /) -> float: ...
    def is_idempotent(self, input: In_contra, /, *, durable: Collection[tuple[str, str | None]]) -> bool: ...


class Plugin(Protocol):
    """A set of middlewares that is added as one: `stack.use(plugin)`."""

    def apply_to_stack(self, stack: Any, /) -> None: ...


class Stack(Plugin, Protocol[In, Out]):
    """A middleware stack, as a client and a command's author see it; `version` grows with every change."""

    @property
    def version(self) -> int: ...
    def __len__(self) -> int: ...
    def add(
        self,
        middleware: "Middleware[In, Out]",
        *,
        step: Step = "initialize",
        priority: Priority = "normal",
        name: str | None = None,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        override: bool = False,
    ) -> None: ...
    def add_relative_to(
        self,
        middleware: "Middleware[In, Out]",
        *,
        relation: Relation,
        to_middleware: str,
        name: str | None = None,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        override: bool = False,
    ) -> None: ...
    def use(self, plugin: Plugin, /) -> None: ...
    def remove(self, name_or_middleware: "str | Middleware[In, Out]", /) -> bool: ...
    def remove_by_tag(self, tag: str, /) -> bool: ...
    def identify(self) -> list[str]: ...
    def resolve_behind(self, stack: Any, handler: "CallNext[In, Out]") -> "CallNext[In, Out]": ...


class Command(Protocol[In, Out]):
    """An input, the operation it is for, and the middlewares of this command alone."""

    @property
    def input(self) -> In: ...
    @property
    def middleware_stack(self) -> Stack[In, Out]: ...
    @property
    def operation(self) -> Operation[In, Out]: ...
    @property
    def idempotent(self) -> bool | None: ...


@attrs.define(eq=False, slots=True)
class Call(Generic[In, Out]):
    """One `send` on its way through the stack: the only mutable thing, and nobody else's.

    `input` may be replaced (`call.input = attrs.evolve(call.input, ...)`) until it is serialized. `attempt` is 0 before
    finalize, then 1, 2, ... `response` is the raw answer of this attempt. `state` is for middlewares to leave notes in.
    `request` is that of this attempt. `loop` is the one that the call runs on, and `started` its time when the call began.
    `last_error` is what the last failed attempt raised; `credentials` and `clock_offset` are what it was signed with.
    `run_ended` is set for a call of a map's run, and done once that run sends nothing more. The throttles of such a call are
    the run's affair, and its time begins with its slot. `time_begins` is called for each attempt that has its slot.
    `durable` are the functions (name and qualifier) that have shown themselves durable. `answers` are those whose bodies were
    still to come when their attempt ended. `signing_region` is set where the call goes to another region than the client's.
    """

    command: Command[In, Out]
    input: In
    client_name: str
    invocation_id: str
    timeouts: Timeouts
    loop: Loop = attrs.field(repr=False)
    started: float
    _said_idempotent: bool | None = attrs.field(default=None, alias="said_idempotent")
    durable: Collection[tuple[str, str | None]] = attrs.field(default=(), repr=False)
    run_ended: "asyncio.Future[None] | None" = attrs.field(default=None, repr=False)
    time_begins: Callable[[], None] | None = attrs.field(default=None, repr=False)
    attempt: int = 0
    response: Response | None = None
    state: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    history: list[Attempt] = attrs.field(factory=list[Attempt], repr=False)
    credentials: Credentials | None = attrs.field(default=None, repr=False)
    clock_offset: dt.timedelta = dt.timedelta(0)
    total_retry_delay: float = 0.0
    last_error: AiolambdaError | None = attrs.field(default=None, repr=False)
    stage: Stage = "queue"
    answers: list[OpenAnswer] = attrs.field(factory=list[OpenAnswer], repr=False)
    endpoint: str = attrs.field(default="", repr=False)
    signing_region: str | None = attrs.field(default=None, repr=False)
    request: Request = attrs.field(init=False, repr=False)

    @property
    def command_name(self) -> str:
        return type(self.command).__name__

    @property
    def function_name(self) -> str:
        return self.command.operation.function_name(self.input)

    @property
    def idempotent(self) -> bool:
        """Whether it may run twice: as the call, the command or the client said, or else as the input implies."""
        if self._said_idempotent is not None:
            return self._said_idempotent
        return self.command.operation.is_idempotent(self.input, durable=self.durable)

    @idempotent.setter
    def idempotent(self, said: bool | None) -> None:
        check_flag("call.idempotent", said)
        self._said_idempotent = said

    if not TYPE_CHECKING:  # else every name would pass for a member

        def __getattr__(self, name: str) -> Any:
            """What is asked for a member that is not there: for the request, until there is one."""
            if name != "request":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            raise ConfigurationError(
                "there is no request yet: the serialize step makes it, so a middleware that needs one belongs in the step "
                "build, finalize or deserialize, or after serializerMiddleware",
                function_name=self.function_name,
            )

    def __repr__(self) -> str:
        return f"<Call {self.command_name} {self.function_name!r} attempt {self.attempt}>"


CallNext = Callable[[Call[In, Out]], Awaitable[Out]]
"""The rest of the stack, as a middleware sees it."""


class Middleware(Protocol[In, Out]):
    """`async def middleware(call, call_next)`: returns the output, its own or what `await call_next(call)` gave."""

    def __call__(self, call: Call[In, Out], call_next: CallNext[In, Out], /) -> Awaitable[Out]: ...
