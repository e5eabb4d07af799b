"""The call in flight and the parts of a middleware stack, as every middleware sees them."""

import datetime as dt
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

import attrs

from ..errors import AiolambdaError, ConfigurationError
from ..errors.checks import check_flag
from ..types.http import Request, Response, Stage, StreamingBody
from ..types.interfaces import Codec, Loop
from ..types.values import Attempt, Credentials, Metadata, PayloadLimits, Timeouts

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "Call",
    "CallNext",
    "Command",
    "Middleware",
    "Operation",
    "Plugin",
    "Priority",
    "Relation",
    "Stack",
    "Step",
    "UnreadFile",
]

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)

Step = Literal["initialize", "serialize", "build", "finalize", "finalizeRequest", "deserialize"]

Priority = Literal["high", "normal", "low"]

Relation = Literal["before", "after"]


class UnreadFile(Exception):
    """The payload is an open file, and must be read before there is a request. More than `longest` bytes need not be read."""

    def __init__(self, file: object, longest: int) -> None:
        super().__init__("the payload is an open file")
        self.file = file
        self.longest = longest


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
    def open_answer(self, output: Any, /) -> StreamingBody | None: ...
    def function_name(self, input: In_contra, /) -> str: ...
    def invocation_type(self, input: In_contra, /) -> str: ...
    def default_read_timeout(self, input: In_contra, /) -> float: ...
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
    def resolve_behind(self, stack: Any, handler: "CallNext[In, Any]") -> "CallNext[In, Out]": ...


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
    answers: list[StreamingBody] = attrs.field(factory=list[StreamingBody], repr=False)
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
