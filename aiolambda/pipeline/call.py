"""The types of a middleware: the call in flight, the rest of the stack, the command, and its operation.

Owns these types. Must not know a concrete operation, or a step of the pipeline.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, Generic, Literal, Never, Protocol, TypeVar, cast

import attrs

from ..errors import AiolambdaError, ConfigurationError
from ..errors.checks import check_flag
from ..types.http import Request, Response, Stage, StreamingBody
from ..types.interfaces import Codec, Loop
from ..types.values import Attempt, Credentials, Metadata, PayloadLimits, Timeouts

if TYPE_CHECKING:
    import asyncio

    from .stack import MiddlewareStack

__all__ = [
    "Call",
    "CallNext",
    "Command",
    "CommandInput",
    "CommandOf",
    "CommandOutput",
    "Middleware",
    "NewCall",
    "Operation",
    "Plugin",
    "Priority",
    "Relation",
    "Step",
    "TemplatedOperation",
    "UnreadFile",
]

In = TypeVar("In")
Out = TypeVar("Out")
In_contra = TypeVar("In_contra", contravariant=True)
In_co = TypeVar("In_co", covariant=True)
Out_co = TypeVar("Out_co", covariant=True)

Step = Literal["initialize", "serialize", "build", "finalize", "finalizeRequest", "deserialize"]

Priority = Literal["high", "normal", "low"]

Relation = Literal["before", "after"]


class UnreadFile(Exception):
    """The payload is an open file. It must be read before the request can be made; `longest` bytes are enough."""

    def __init__(self, file: object, longest: int) -> None:
        super().__init__("the payload is an open file")
        self.file = file
        self.longest = longest


class CommandInput:
    """The base of the inputs of all commands.

    A middleware on `client.middleware_stack` sees every command, so it knows this much of `call.input`. Use
    `only=InvokeCommand` for a middleware that needs the members of one operation.
    """

    __slots__ = ()


class CommandOutput:
    """The base of the outputs of all commands. `metadata` has the request id, the attempts and the headers."""

    __slots__ = ()
    metadata: Metadata


class Operation(Protocol[In_contra, Out_co]):
    """An operation of the API: how its input becomes a request, and an answer its output. Pure: it does no I/O.

    - `streamed`: whether the answer is read while it arrives, from `response.stream`.
    - `check` raises `InvalidInputError`, or returns a warning about members that have no effect.
    - `open_answer` returns the body that an output is still reading, if there is one.
    - `default_read_timeout` is in seconds. `durable` are the functions, with their qualifiers, that ran as durable executions.
    """

    @property
    def streamed(self) -> bool: ...
    def check(self, input: In_contra, /, *, region: str | None, limits: PayloadLimits) -> str | None: ...
    def request(self, input: In_contra, /, *, endpoint: str, codec: Codec, limits: PayloadLimits) -> Request: ...
    def output(self, input: In_contra, response: Response, /, *, metadata: Metadata, codec: Codec) -> Out_co: ...
    def open_answer(self, output: Any, /) -> StreamingBody | None: ...
    def function_name(self, input: In_contra, /) -> str: ...
    def invocation_type(self, input: In_contra, /) -> str: ...
    def default_read_timeout(self, input: In_contra, /) -> float: ...
    def is_idempotent(self, input: In_contra, /, *, durable: Collection[tuple[str, str | None]]) -> bool: ...


class TemplatedOperation:
    """An operation that tells which of its inputs give requests that differ in the body alone.

    - `template_key`: equal keys have the same checks and, but for the body, the same requests. `None` for an input that is like
      no other. The key names the operation.
    - `body`: the body of the request for an input. It raises what `request` raises because of the payload.
    - `output_of`: the output of an answer. `metadata` makes the metadata when somebody asks.
    """

    __slots__ = ()

    def template_key(self, input: Any, /) -> tuple[object, ...] | None:
        raise NotImplementedError

    def body(self, input: Any, /, *, codec: Codec, limits: PayloadLimits) -> bytes:
        raise NotImplementedError

    def output_of(self, input: Any, response: Response, /, *, metadata: Callable[[], Metadata], codec: Codec) -> Any:
        raise NotImplementedError


class Plugin(Protocol):
    """A set of middlewares that is added as one, with `stack.use(plugin)`; `apply_to_stack` adds each."""

    def apply_to_stack(self, stack: Any, /) -> None: ...


class Command(Protocol[In, Out]):
    """An input, the operation that it is for, and the middlewares of this command alone.

    `client.send` takes any object with these members. The middlewares of a client rely on it that inputs derive from
    `CommandInput`, and outputs from `CommandOutput`.
    """

    @property
    def input(self) -> In: ...
    @property
    def middleware_stack(self) -> "MiddlewareStack[In, Out]": ...
    @property
    def operation(self) -> Operation[In, Out]: ...
    @property
    def idempotent(self) -> bool | None: ...


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

    For middlewares:

    - `command`, `function_name`, `command_name`, `invocation_id`, `client_name`.
    - `input`: may be replaced until `serialize`: `call.input = attrs.evolve(call.input, ...)`.
    - `request`: the request of this attempt, from `serialize` on. `ConfigurationError` before.
    - `response`: the raw answer of this attempt, or `None`.
    - `attempt`: 0 before `finalize`, then 1, 2, ... `history`: the attempts so far, each with its verdict.
    - `idempotent`: may be set. `timeouts`: the limits of this call, in seconds.
    - `state`: a dict for notes between middlewares.
    - `last_error`: the error of the last failed attempt. `total_retry_delay`: seconds of back-off so far.
    - `started`: when the call began, by `loop.time()`. `loop`: the event loop of the call.

    For the client itself:

    - `credentials`, `clock_offset`, `signing_region`: how this attempt is signed. A region other than the client's is set if
      the function's ARN names it.
    - `endpoint`: the URL that the operation's path is appended to. `stage`: how far this attempt has come.
    - `answers`: bodies that were still arriving when their attempt ended. The client closes those that are not returned.
    - `durable`: functions, with their qualifiers, that answered with a durable execution.
    - `run_ended`: set for a call of a map, and done once the map sends nothing more. The map handles the throttles of such a
      call, and the total limit of the call starts with its first slot.
    - `on_slot`: called for each attempt that gets a slot.
    - `is_shared`: `False` if nobody can look at `request` after the attempts.
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
    on_slot: Callable[[], None] | None = attrs.field(default=None, repr=False)
    attempt: int = 0
    response: Response | None = None
    # Plain `dict` and `list`: calling `dict[str, Any]` takes several times as long.
    state: dict[str, Any] = attrs.field(factory=cast("Callable[[], dict[str, Any]]", dict), repr=False)
    history: list[Attempt] = attrs.field(factory=cast("Callable[[], list[Attempt]]", list), repr=False)
    credentials: Credentials | None = attrs.field(default=None, repr=False)
    clock_offset: dt.timedelta = _NO_OFFSET
    total_retry_delay: float = 0.0
    last_error: AiolambdaError | None = attrs.field(default=None, repr=False)
    stage: Stage = "queue"
    answers: tuple[StreamingBody, ...] = attrs.field(default=(), repr=False)
    endpoint: str = attrs.field(default="", repr=False)
    signing_region: str | None = attrs.field(default=None, repr=False)
    is_shared: bool = attrs.field(default=True, repr=False)
    request: Request = attrs.field(init=False, repr=False)

    @property
    def command_name(self) -> str:
        return type(self.command).__name__

    @property
    def function_name(self) -> str:
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

    def __repr__(self) -> str:
        return f"<Call {self.command_name} {self.function_name!r} attempt {self.attempt}>"


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
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            raise ConfigurationError(
                "call.request does not exist yet: the serialize step makes it. Add the middleware to the step build, finalize "
                "or deserialize, or after serializerMiddleware",
                function_name=self.function_name,
            )


CallNext = Callable[[Call[In, Out]], Awaitable[Out]]
"""The rest of the stack, as a middleware sees it: `output = await call_next(call)`."""


class Middleware(Protocol[In, Out]):
    """`async def middleware(call, call_next)`: returns the output of `await call_next(call)`, or one of its own.

    For a client's stack, annotate `call: Call[CommandInput, CommandOutput]`, `call_next: CallNext[CommandInput,
    CommandOutput]` and `-> CommandOutput`. For one command, or with `only=InvokeCommand`, use the input and output of that
    command.
    """

    def __call__(self, call: Call[In, Out], call_next: CallNext[In, Out], /) -> Awaitable[Out]: ...
