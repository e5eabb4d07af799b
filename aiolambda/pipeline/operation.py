"""What the pipeline asks of an operation of the API, and the bases of its inputs and outputs.

Owns these interfaces. Must not know a concrete operation, or a call in flight.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from ..errors import LambdaServiceException
from ..types.http import ParsedError, Request, Response, StreamingBody
from ..types.interfaces import Codec
from ..types.mistakes import NotDictionary
from ..types.values import Delivery, Metadata, PayloadLimits

if TYPE_CHECKING:
    from ..operations.report import Report

__all__ = [
    "CommandInput",
    "CommandOutput",
    "ControlPlaneOperation",
    "HttpOperation",
    "Operation",
    "StreamEnd",
    "StreamedOperation",
    "TemplatedOperation",
    "UnreadFile",
]

In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


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


class CommandOutput(NotDictionary):
    """The base of the outputs of all commands."""

    __slots__ = ()
    metadata: Metadata
    """The request id, the attempts and the headers."""


class Operation(Protocol[In_contra, Out_co]):
    """An operation of the API: how its input becomes a request, and an answer its output. Pure: it does no I/O."""

    @property
    def streamed(self) -> bool:
        """Whether the answer is read while it arrives, from `response.stream`."""
        ...

    def check(self, input: In_contra, /, *, region: str | None, limits: PayloadLimits) -> str | None:
        """Check an input before anything is sent. Returns a warning about members that have no effect, or `None`.

        Args:
            input: The input of the call.
            region: The region of the client; `None` if it has none.
            limits: The sizes that are accepted.

        Raises:
            InvalidInputError: Lambda would refuse the input.
        """
        ...

    def request(self, input: In_contra, /, *, endpoint: str, codec: Codec, limits: PayloadLimits) -> Request:
        """The request for an input, without host, user agent and signature.

        Args:
            input: The input of the call.
            endpoint: The URL that the path of the operation is appended to.
            codec: Encodes the payload.
            limits: The sizes that are accepted.

        Raises:
            InvalidInputError: The payload cannot be sent.
        """
        ...

    def output(self, input: In_contra, response: Response, /, *, metadata: Metadata, codec: Codec) -> Out_co:
        """The output for an answer that is not an error of the service.

        Args:
            input: The input of the call.
            response: The answer.
            metadata: The facts of the answer and of the call.
            codec: Decodes the payload when the caller asks.
        """
        ...

    def open_answer(self, output: Any, /) -> StreamingBody | None:
        """The body that an output is still reading; `None` if there is none.

        Args:
            output: The output that a middleware or `output()` returned.
        """
        ...

    def function_name(self, input: In_contra, /) -> str:
        """The name of the function, as the caller gave it; empty if the operation concerns none.

        Args:
            input: The input of the call.
        """
        ...

    def invocation_type(self, input: In_contra, /) -> str:
        """The invocation type, such as `"RequestResponse"`; empty if nothing is invoked.

        Args:
            input: The input of the call.
        """
        ...

    def default_read_timeout(self, input: In_contra, /) -> float:
        """The read limit in seconds if the caller gave none.

        Args:
            input: The input of the call.
        """
        ...

    def is_idempotent(self, input: In_contra, /, *, durable: Collection[tuple[str, str | None]]) -> bool:
        """Whether the input by itself makes a repeat safe, as a `DryRun` does.

        Args:
            input: The input of the call.
            durable: The functions, with their qualifiers, that ran as durable executions.
        """
        ...


class TemplatedOperation:
    """An operation that tells which of its inputs give requests that differ in the body alone.

    - `template_key`: equal keys have the same checks and, but for the body, the same requests. `None` for an input that is like
      no other. The key names the operation.
    - `varying_url`: the URL of the request, if the key stands for requests to all paths and queries of an origin; else `None`.
      It raises what `check` raises because of the URL.
    - `body`: the body of the request for an input. It raises what `request` raises because of the payload.
    - `output_of`: the output of an answer. `metadata` makes the metadata when somebody asks.
    """

    __slots__ = ()

    def template_key(self, input: Any, /) -> tuple[object, ...] | None:
        raise NotImplementedError

    def varying_url(self, input: Any, key: tuple[object, ...], /) -> str | None:
        return None

    def body(self, input: Any, /, *, codec: Codec, limits: PayloadLimits) -> bytes:
        raise NotImplementedError

    def output_of(self, input: Any, response: Response, /, *, metadata: Callable[[], Metadata], codec: Codec) -> Any:
        raise NotImplementedError


class StreamedOperation:
    """An operation that tells how a streamed answer has ended."""

    __slots__ = ()

    def end_of(self, output: Any, /) -> "StreamEnd":
        """How the answer of an output ended. It was closed."""
        raise NotImplementedError


class ControlPlaneOperation:
    """An operation that manages functions, and runs none.

    Its calls have slots of their own, so that they neither wait for invocations nor take their place. Their verdicts are about
    the operation: executed means that it was carried out. They are not counted in `client.stats`, and the client's own setting
    `idempotent`, which is about functions, does not apply to them.
    """

    __slots__ = ()
    verdict = Delivery.EXECUTED
    """The verdict on an answer that is not an error."""

    def arn_region(self, input: Any, /) -> str | None:
        """The region that an ARN in the input names; `None` if there is none."""
        return None

    def is_large(self, input: Any, /) -> bool:
        """Whether making the request takes so long that a thread should do it."""
        return False

    def read(self, response: Response, /) -> object:
        """Read an answer that is not an error, for `output`. `ConnectionLostError` if it is not one of this operation."""
        raise NotImplementedError


class HttpOperation:
    """An operation that is a request to a server which the input names, such as the URL of a function.

    Its signature follows from the input alone, and it judges the answers: any status may be that of the function.
    """

    __slots__ = ()

    def signing_region(self, input: Any, /) -> str | None:
        """The region to sign for; `None` if the request is not signed."""
        raise NotImplementedError

    def passes_trace(self, input: Any, /) -> bool:
        """Whether the request carries the trace of its call, as one to AWS does."""
        raise NotImplementedError

    def fingerprint(self, input: Any, /, *, codec: Codec) -> str:
        """A hash of all that the request follows from. `InvalidInputError` if its body cannot be encoded."""
        raise NotImplementedError

    def is_output(self, input: Any, response: Response, /) -> bool:
        """Whether an answer is an output, and not an error. Its head decides."""
        raise NotImplementedError

    def verdict(self, input: Any, response: Response, /) -> Delivery:
        """The verdict on an answer. `ConnectionLostError` for one that is neither the function's nor the platform's."""
        raise NotImplementedError

    def parsed_error(self, input: Any, response: Response, /) -> ParsedError:
        """Code, members and verdict of an answer that is no output."""
        raise NotImplementedError

    def explain(self, error: LambdaServiceException, input: Any, request: Request, /, *, details: bool) -> None:
        """Add to the error of an answer what its reader can do, as notes. With `details`, those for a developer too."""
        raise NotImplementedError


class StreamEnd(NamedTuple):
    """The end of a streamed answer."""

    completed: bool
    """Whether all of it was received."""
    error: Exception | None
    """What its reader gets raised, such as the `FunctionError` of a function that failed on the way."""
    report: "Report | None"
    """The REPORT line of the function, if its log was asked for."""
