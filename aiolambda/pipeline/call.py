"""The types of a middleware: the call in flight, the rest of the stack, and the command.

Owns these types. Must not know a concrete operation, or a step of the pipeline.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, Generic, Literal, Never, Protocol, TypeVar, cast

import attrs

from ..errors import AiolambdaError, ConfigurationError
from ..errors.checks import check_flag
from ..types.events import ClientObserver
from ..types.http import Request, Response, Stage, StreamingBody
from ..types.interfaces import Loop
from ..types.mistakes import Remedies, remedy_of
from ..types.values import Attempt, Credentials, Delivery, Timeouts
from .observers import CallWatch, watching
from .operation import Operation

if TYPE_CHECKING:
    import asyncio

    from .stack import MiddlewareStack

__all__ = [
    "Call",
    "CallNext",
    "Command",
    "CommandOf",
    "Middleware",
    "NewCall",
    "Plugin",
    "Priority",
    "Relation",
    "Step",
]

In = TypeVar("In")
Out = TypeVar("Out")
In_co = TypeVar("In_co", covariant=True)
Out_co = TypeVar("Out_co", covariant=True)

Step = Literal["initialize", "serialize", "build", "finalize", "finalizeRequest", "deserialize"]
"""A step of the pipeline. `finalizeRequest` is the name of `finalize` in the SDK for JavaScript."""

Priority = Literal["high", "normal", "low"]
"""The place of a middleware inside its step; the default is `"normal"`."""

Relation = Literal["before", "after"]
"""The side of its anchor on which a middleware stands."""


class Plugin(Protocol):
    """A set of middlewares that is added as one, with `stack.use(plugin)`."""

    def apply_to_stack(self, stack: Any, /) -> None:
        """Add each middleware to the stack.

        Args:
            stack: The `MiddlewareStack` of a client or a command.
        """
        ...


class Command(Protocol[In, Out]):
    """An input, the operation that it is for, and the middlewares of this command alone.

    `client.send` takes any object with these members. The middlewares of a client rely on it that inputs derive from
    `CommandInput`, and outputs from `CommandOutput`.
    """

    @property
    def input(self) -> In:
        """The input: the members of the operation."""
        ...

    @property
    def middleware_stack(self) -> "MiddlewareStack[In, Out]":
        """The middlewares of this command alone."""
        ...

    @property
    def operation(self) -> Operation[In, Out]:
        """The operation that the input is for."""
        ...

    @property
    def idempotent(self) -> bool | None:
        """Whether running the function twice does no harm; `None` leaves this to the client."""
        ...


class CommandOf(Protocol[In_co, Out_co]):
    """A command, as `only=` sees it. It is covariant, so that a tuple of commands has the union of their inputs and outputs."""

    @property
    def input(self) -> In_co: ...
    @property
    def operation(self) -> Operation[Never, Out_co]: ...


_NO_OFFSET = dt.timedelta(0)


@attrs.define(eq=False, slots=True)
class Call(Generic[In, Out]):
    """One `send` on its way through the middlewares. It is mutable, and belongs to that send alone.

    ::

        async def stamped(call: Call[In, Out], call_next: CallNext[In, Out]) -> Out:
            call.request.headers["x-team"] = "orders"
            return await call_next(call)

    Middlewares read and set the attributes. They do not build a call.

    Args:
        command: The command that is sent.
        input: Its input, which may be replaced until `serialize`: `call.input = attrs.evolve(call.input, ...)`.
        client_name: The name of the client's class.
        invocation_id: The id of this call, the same for all its attempts.
        timeouts: The limits of this call, in seconds.
        loop: The event loop of the call.
        started: When the call began, by `loop.time()`.
        said_idempotent: The answer of the caller, the command or the client for `idempotent`; `None` if none said anything.
        durable: For the client: functions, with their qualifiers, that answered with a durable execution.
        run_ended: For the client: set for a call of a map, and done once the map sends nothing more.
            The map handles the throttles of such a call, and the total limit of the call starts with its first slot.
        on_slot: For the client: called for each attempt that gets a slot, and again if signing took a while. It may refuse.
        attempt: The number of this attempt: 0 before `finalize`, then 1, 2, ....
        response: The raw answer of this attempt, or `None`.
        state: A dictionary for notes between middlewares.
        trace_id: The value of the header `X-Amzn-Trace-Id` for the requests of this call, which may be set until `build`.
            `None`, the default: inside Lambda the value of the function that makes the call, elsewhere no header.
        history: The attempts so far, each with its verdict.
        credentials: For the client: the keys that this attempt is signed with.
        clock_offset: For the client: the difference between the service's clock and this machine's.
        total_retry_delay: Seconds of back-off so far.
        last_error: The error of the last failed attempt, or `None`.
        stage: For the client: how far this attempt has come.
        answers: For the client: bodies that were still arriving when their attempt ended.
            The client closes those that are not returned.
        endpoint: For the client: the URL that the operation's path is appended to.
        signing_region: For the client: the region that the function's ARN names, if it is not the client's.
        signs: For the client: whether the request is signed.
        is_shared: For the client: `False` if nobody can look at `request` after the attempts.
        cut_by: For the client: the class of the error that it cancels this call with, at the total limit or at its close.
        sent: For the client: the number of requests that were handed to the transport.
        queued: Seconds so far that the call has waited for slots and connections.
        watch: For the client: who is told of this call; `None` if nobody is.
    """

    command: Command[In, Out]
    """The command that is sent."""
    input: In
    """Its input, which may be replaced until `serialize`: `call.input = attrs.evolve(call.input, ...)`."""
    client_name: str
    """The name of the client's class."""
    invocation_id: str
    """The id of this call, the same for all its attempts."""
    timeouts: Timeouts
    """The limits of this call, in seconds."""
    loop: Loop = attrs.field(repr=False)
    """The event loop of the call."""
    started: float
    """When the call began, by `loop.time()`."""
    _said_idempotent: bool | None = attrs.field(default=None, alias="said_idempotent")
    """The answer of the caller, the command or the client for `idempotent`; `None` if none said anything."""
    durable: Collection[tuple[str, str | None]] = attrs.field(default=(), repr=False)
    """For the client: functions, with their qualifiers, that answered with a durable execution."""
    run_ended: "asyncio.Future[None] | None" = attrs.field(default=None, repr=False)
    """For the client: set for a call of a map, and done once the map sends nothing more. The map handles the throttles of such
    a call, and the total limit of the call starts with its first slot."""
    on_slot: Callable[[], None] | None = attrs.field(default=None, repr=False)
    """For the client: called for each attempt that gets a slot, and again if signing took a while. It may refuse."""
    attempt: int = 0
    """The number of this attempt: 0 before `finalize`, then 1, 2, ...."""
    response: Response | None = None
    """The raw answer of this attempt, or `None`."""
    # Plain `dict` and `list`: calling `dict[str, Any]` takes several times as long.
    state: dict[str, Any] = attrs.field(factory=cast("Callable[[], dict[str, Any]]", dict), repr=False)
    """A dictionary for notes between middlewares."""
    trace_id: str | None = attrs.field(default=None, repr=False)
    """The value of the header `X-Amzn-Trace-Id` for the requests of this call, which may be set until `build`. `None`, the
    default: inside Lambda the value of the function that makes the call, elsewhere no header."""
    history: list[Attempt] = attrs.field(factory=cast("Callable[[], list[Attempt]]", list), repr=False)
    """The attempts so far, each with its verdict."""
    credentials: Credentials | None = attrs.field(default=None, repr=False)
    """For the client: the keys that this attempt is signed with."""
    clock_offset: dt.timedelta = _NO_OFFSET
    """For the client: the difference between the service's clock and this machine's."""
    total_retry_delay: float = 0.0
    """Seconds of back-off so far."""
    last_error: AiolambdaError | None = attrs.field(default=None, repr=False)
    """The error of the last failed attempt, or `None`."""
    stage: Stage = "queue"
    """For the client: how far this attempt has come."""
    answers: tuple[StreamingBody, ...] = attrs.field(default=(), repr=False)
    """For the client: bodies that were still arriving when their attempt ended. The client closes those that are not returned.
    """
    endpoint: str = attrs.field(default="", repr=False)
    """For the client: the URL that the operation's path is appended to."""
    signing_region: str | None = attrs.field(default=None, repr=False)
    """For the client: the region that the function's ARN names, if it is not the client's."""
    signs: bool = attrs.field(default=True, repr=False)
    """For the client: whether the request is signed."""
    is_shared: bool = attrs.field(default=True, repr=False)
    """For the client: `False` if nobody can look at `request` after the attempts."""
    cut_by: type[AiolambdaError] | None = attrs.field(default=None, repr=False)
    """For the client: the class of the error that it cancels this call with, at the total limit or at its close."""
    sent: int = attrs.field(default=0, repr=False)
    """For the client: the number of requests that were handed to the transport."""
    queued: float = attrs.field(default=0.0, repr=False)
    """Seconds so far that the call has waited for slots and connections."""
    watch: CallWatch | None = attrs.field(default=None, repr=False)
    """For the client: who is told of this call; `None` if nobody is."""
    request: Request = attrs.field(init=False, repr=False)
    """The request of this attempt, from `serialize` on. `ConfigurationError` before."""

    @property
    def command_name(self) -> str:
        """The name of the command's class, such as `"InvokeCommand"`."""
        return type(self.command).__name__

    @property
    def function_name(self) -> str:
        """The name of the function, as the caller gave it; empty if the command concerns none."""
        return self.command.operation.function_name(self.input)

    @property
    def idempotent(self) -> bool:
        """Whether the function may run twice: as set here, for the call, the command or the client, or as the input implies."""
        if self._said_idempotent is not None:
            return self._said_idempotent
        return self.command.operation.is_idempotent(self.input, durable=self.durable)

    @idempotent.setter
    def idempotent(self, said: bool | None) -> None:
        check_flag("call.idempotent", said)
        self._said_idempotent = said

    def observe(self, observer: ClientObserver, /) -> None:
        """Tell an observer of this call too, from now on until it ends.

        Args:
            observer: An object of a class derived from `ClientObserver`. Its `call_started` is not called any more.
        """
        self.watch = watching(self.watch, observer)

    @property
    def verdicts(self) -> list[Delivery]:
        """For the client: the verdict on each request. One that is still in flight, in a task of a middleware, is unknown."""
        return [attempt.delivery for attempt in self.history] + [Delivery.UNKNOWN] * (self.sent - len(self.history))

    @property
    def is_dry_run(self) -> bool:
        """Whether it asks Lambda to run nothing."""
        return self.command.operation.invocation_type(self.input) == "DryRun"

    def __repr__(self) -> str:
        return f"<Call {self.command_name} {self.function_name!r} attempt {self.attempt}>"


_REMEDIES: Remedies = {
    "args": "the call itself has input and request",
    "context": "write call.state for notes, call.command_name for the command",
    "headers": "write call.request.headers",
    "output": "the output is what `await call_next(call)` returns",
}


class NewCall(Call[In, Out]):
    """A call that has no request yet, and says so.

    It becomes a plain `Call` with its request: `__getattr__` slows down every attribute of a class, and the rest of the
    pipeline reads a hundred of them.
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # else every name would pass for a member

        def __getattr__(self, name: str) -> Any:
            """Explain a request that is not there yet; refuse any other name."""
            if name != "request":
                remedy = remedy_of(name, (field.name.lstrip("_") for field in attrs.fields(Call)), _REMEDIES)
                raise AttributeError(f"'Call' object has no attribute {name!r}" + (f"; {remedy}" if remedy else ""))
            raise ConfigurationError(
                "call.request does not exist yet: the serialize step makes it. Add the middleware to the step build, finalize "
                "or deserialize, or after serializerMiddleware",
                function_name=self.function_name,
            )


NewCall.__name__ = NewCall.__qualname__ = Call.__name__
"""As a middleware knows it, which a wrong use quotes: "'Call' object is not callable"."""

CallNext = Callable[[Call[In, Out]], Awaitable[Out]]
"""The rest of the stack, as a middleware sees it: `output = await call_next(call)`."""


class Middleware(Protocol[In, Out]):
    """`async def middleware(call, call_next)`: returns the output of `await call_next(call)`, or one of its own.

    For a client's stack, annotate `call: Call[CommandInput, CommandOutput]`, `call_next: CallNext[CommandInput,
    CommandOutput]` and `-> CommandOutput`. For one command, or with `only=InvokeCommand`, use the input and output of that
    command.
    """

    def __call__(self, call: Call[In, Out], call_next: CallNext[In, Out], /) -> Awaitable[Out]:
        """Handle one call.

        Args:
            call: The call in flight.
            call_next: The rest of the stack. Awaiting `call_next(call)` returns the output.
        """
        ...
