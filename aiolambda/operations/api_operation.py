"""The operations that manage functions: one class for all of them, and the bases of their commands, inputs and outputs.

Invoke and InvokeWithResponseStream are not among them: an invocation has checks, limits and a request template of its own, and
a budget that a general way through tables would break.

Owns what all of these operations share. Must not know one of them: the generated modules in `api` do.
"""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from ..errors import ConnectionLostError, InvalidInputError
from ..pipeline.command import BaseCommand
from ..pipeline.operation import CommandInput, CommandOutput, ControlPlaneOperation
from ..protocol import durable_arn, names
from ..types.http import Request, Response
from ..types.interfaces import Codec
from ..types.mistakes import kind_of
from ..types.values import Delivery, Metadata, PayloadLimits
from .rest_request import Route, bytes_in, request_of
from .rest_response import Content, content_of
from .structure import Structure, built

__all__ = ["CONTROL_PLANE_READ_LIMIT", "ApiOperation", "OperationCommand", "OperationInput", "OperationOutput", "PagedCommand"]

CONTROL_PLANE_READ_LIMIT = 60.0
"""Seconds without a byte for a call that manages functions, if the caller gave none."""

_LARGE = 1024 * 1024
"""Bytes in an input that take a millisecond or more to encode."""
_NO_METADATA = Metadata(http_status_code=200, attempts=0)
_NOTHING: Mapping[str, object] = {}


class OperationInput(Structure, CommandInput):
    """The input of an operation."""


class OperationOutput(Structure, CommandOutput):
    """The output of an operation: its members, the facts of the answer, and the answer as it came."""

    metadata: Metadata = _NO_METADATA
    """The request id, the attempts and the headers. Default: status 200 and no attempt, for an output of your own."""
    raw: Mapping[str, object] = _NOTHING
    """The members of the JSON answer under their names in the API, also those that this version does not know."""

    def __init__(self, *, metadata: Metadata = _NO_METADATA, raw: Mapping[str, object] = _NOTHING, **members: Any) -> None:
        super().__init__(**members)
        self.__dict__.update(metadata=metadata, raw=raw)


In = TypeVar("In", bound=OperationInput)
Out = TypeVar("Out", bound=OperationOutput)


class ApiOperation(ControlPlaneOperation, Generic[In, Out]):
    """An operation of the service's model.

    - `is_idempotent`: the operation only reads, or the model says that a repeat does no harm.
    - `queues`: the answer says that something was queued, and not that it was done.
    - `items`: the member of an output that holds the items of its page; `None` if the answer is not split into pages.
    """

    streamed = False

    def __init__(
        self,
        name: str,
        route: str,
        input: type[In],
        output: type[Out],
        *,
        idempotent: bool = False,
        queues: bool = False,
        items: str | None = None,
    ) -> None:
        method, _, uri = route.partition(" ")
        self.name, self.route = name, Route(method, uri)
        self.input_class, self.output_class = input, output
        self.items = items
        self._idempotent = idempotent or method in ("GET", "HEAD")
        if queues:
            self.verdict = Delivery.ACCEPTED

    def check(self, input: In, /, *, region: str | None, limits: PayloadLimits) -> str | None:
        """Raise `InvalidInputError` for another input, or for a function or an execution in another region.

        `request` checks the values.
        """
        if not isinstance(input, self.input_class):
            raise InvalidInputError(f"{self.name} takes a {self.input_class.__name__}; got {kind_of(input)}", member="input")
        arn_region = names.region_of(self.function_name(input))
        if arn_region is not None and region is not None and arn_region != region:
            raise names.other_region(arn_region, region)
        execution_region = _execution_region(input)
        if execution_region is not None and region is not None and execution_region != region:
            raise durable_arn.other_region(execution_region, region)
        return None

    def arn_region(self, input: In, /) -> str | None:
        """The region that the ARN of the function or of the durable execution names; `None` if there is none."""
        return names.region_of(self.function_name(input)) or _execution_region(input)

    def request(self, input: In, /, *, endpoint: str, codec: Codec, limits: PayloadLimits) -> Request:
        """The request, without host, user agent and signature."""
        return request_of(self.route, input, endpoint=endpoint, new_token=_new_token)

    def is_large(self, input: In, /) -> bool:
        """Whether making the request takes so long that a thread should do it, as for the code of a function."""
        return bytes_in(input) > _LARGE

    def read(self, response: Response, /) -> Content:
        """The content of an answer, which is kept with it. `ConnectionLostError` if it has not the form of an output."""
        known = response.parsed_output
        if known is not None and known[0] is response.body:
            return cast("Content", known[1])
        try:
            content = content_of(self.output_class, response)
        except ValueError as error:
            problem = str(error)
        else:
            response.parsed_output = response.body, content
            return content
        raise ConnectionLostError(
            f"the answer to {self.name} cannot be read: {problem}", request_id=response.fields.get("x-amzn-requestid")
        )

    def output(self, input: In, response: Response, /, *, metadata: Metadata, codec: Codec) -> Out:
        """The output of an answer that is not an error of the service."""
        content = self.read(response)
        return built(self.output_class, {**content.values, "metadata": metadata, "raw": content.raw})

    def open_answer(self, output: Any, /) -> None:
        """`None`: an output of these operations has its whole answer."""
        return

    def function_name(self, input: In, /) -> str:
        """The member `function_name`; empty if the input has none."""
        name: object = getattr(input, "function_name", None)
        return name if isinstance(name, str) else ""

    def invocation_type(self, input: In, /) -> str:
        """Empty: nothing is invoked."""
        return ""

    def default_read_timeout(self, input: In, /) -> float:
        """The read limit in seconds if the caller gave none."""
        return CONTROL_PLANE_READ_LIMIT

    def is_idempotent(self, input: In, /, *, durable: Collection[tuple[str, str | None]]) -> bool:
        """Whether a repeat is safe by the model."""
        return self._idempotent


def _execution_region(input: OperationInput) -> str | None:
    return durable_arn.region_of(getattr(input, "durable_execution_arn", None))


def _new_token() -> str:
    from uuid import uuid4  # noqa: PLC0415 - three operations have tokens

    return str(uuid4())


class OperationCommand(BaseCommand[In, Out]):
    """The base of the generated commands. A command takes its input, or the members of it by keyword."""

    __slots__ = ()
    operation: ApiOperation[In, Out]
    """The operation of the Lambda API."""

    if not TYPE_CHECKING:  # a generic base would take a tenth of the time in which all commands are loaded

        def __class_getitem__(cls, _: object) -> type:
            return cls

    def __init__(self, input: object = None, /, *more: object, idempotent: bool | None = None, **members: Any) -> None:
        kind, shown = self.operation.input_class, type(self).__name__
        try:
            if input is None and not more:
                made: Any = kind(**members)
            elif isinstance(input, kind) and not more and not members:
                made = input
            else:
                given = kind_of(input if not more else more[0])
                raise TypeError(f"{shown} takes one {kind.__name__}, or its members by keyword; got {given}")
            super().__init__(made, idempotent)
        finally:
            del members, more  # a traceback that is printed with locals would show the values

    @classmethod
    def from_api(cls, members: Mapping[str, object], /) -> Self:
        """The command from the member names of the API, as in boto3: `{"FunctionName": ...}`.

        Args:
            members: The members under their names in the API.

        Raises:
            InvalidInputError: The operation has no such member, or one is missing.
        """
        make: Callable[[object], Self] = cls
        return make(cls.operation.input_class.from_api(members))


class PagedCommand(OperationCommand[In, Out]):
    """The base of the commands whose answer is a page: `next_marker` of the output is the `marker` of the next page's input."""

    __slots__ = ()
