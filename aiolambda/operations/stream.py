"""The operation InvokeWithResponseStream: its input, its request, and its output.

Owns the members, with their names in Python and in the API, and the path. Must not know how an answer is read.
Source: the Lambda API reference, "InvokeWithResponseStream".
"""

from collections.abc import Collection, Mapping
from typing import Literal, Self

import attrs

from ..pipeline.operation import CommandInput, CommandOutput, StreamedOperation, StreamEnd
from ..types.http import Request, Response, StreamingBody
from ..types.interfaces import Codec
from ..types.mistakes import explains_arguments
from ..types.values import LogType, Metadata, PayloadLimits
from . import invoke
from .invoke_types import members_of_api
from .payload import Payload, given_shown, payload_shown
from .response_stream import ResponseStream
from .stream_events import CONTENT_TYPE, ResponseEvents
from .stream_reader import StreamReader

__all__ = [
    "INVOKE_WITH_RESPONSE_STREAM",
    "InvokeWithResponseStreamCommandInput",
    "InvokeWithResponseStreamCommandOutput",
    "StreamingInvocationType",
]

StreamingInvocationType = Literal["RequestResponse", "DryRun"]

_API_MEMBERS = {
    "FunctionName": "function_name",
    "Payload": "payload",
    "InvocationType": "invocation_type",
    "LogType": "log_type",
    "ClientContext": "client_context",
    "Qualifier": "qualifier",
    "TenantId": "tenant_id",
}


@explains_arguments
@attrs.frozen(kw_only=True)
class InvokeWithResponseStreamCommandInput(CommandInput):
    """The input of InvokeWithResponseStream: its members, under their Python names.

    Args:
        function_name: A name, `name:alias`, a partial ARN or an ARN.
        payload: A value that the client's codec encodes, JSON text, bytes, or an open binary file. Default: no body.
        invocation_type: `"RequestResponse"` (the default) or `"DryRun"`. The answer to an `Event` cannot be streamed.
        log_type: `"Tail"` asks for the last 4 KiB of the log. Default: no log.
        client_context: A mapping, sent as base64 of its JSON, or a string that is already base64.
        qualifier: A version or an alias. Default: the latest version.
        tenant_id: The tenant, for a function with tenant isolation.
    """

    function_name: str
    """A name, `name:alias`, a partial ARN or an ARN."""
    payload: Payload = attrs.field(default=None, repr=payload_shown)
    """A value that the client's codec encodes, JSON text, bytes, or an open binary file. Default: no body."""
    invocation_type: StreamingInvocationType | None = None
    """`"RequestResponse"` (the default) or `"DryRun"`. The answer to an `Event` cannot be streamed."""
    log_type: LogType | None = None
    """`"Tail"` asks for the last 4 KiB of the log. Default: no log."""
    client_context: Mapping[str, object] | str | None = attrs.field(default=None, repr=given_shown)
    """A mapping, sent as base64 of its JSON, or a string that is already base64."""
    qualifier: str | None = None
    """A version or an alias. Default: the latest version."""
    tenant_id: str | None = attrs.field(default=None, repr=given_shown)
    """The tenant, for a function with tenant isolation."""

    @classmethod
    def from_api(cls, members: Mapping[str, object], /) -> Self:
        """The input from the member names of the API, as in boto3.

        Args:
            members: The members under their names in the API.

        Raises:
            InvalidInputError: InvokeWithResponseStream has no such member.
        """
        return cls(**members_of_api(members, "InvokeWithResponseStream", _API_MEMBERS))


@attrs.frozen(kw_only=True)
class InvokeWithResponseStreamCommandOutput(CommandOutput):
    """The head of a streamed answer. `event_stream` is its body: the reader closes it, best with `async with`.

    Args:
        status_code: 200, or 204 for a dry run.
        executed_version: The version of the function that runs.
        response_stream_content_type: The type of the event stream. `event_stream.content_type` is the function's own.
        event_stream: The body of the answer. It holds a connection and a slot until it is closed.
        metadata: The request id, the attempts and the headers.
    """

    status_code: int
    """200, or 204 for a dry run."""
    executed_version: str | None = None
    """The version of the function that runs."""
    response_stream_content_type: str | None = None
    """The type of the event stream. `event_stream.content_type` is the function's own."""
    event_stream: ResponseStream
    """The body of the answer. It holds a connection and a slot until it is closed."""
    metadata: Metadata
    """The request id, the attempts and the headers."""


@attrs.frozen(kw_only=True)
class InvokeWithResponseStreamOperation(StreamedOperation):
    """The operation `InvokeWithResponseStream` of 2021-11-15.

    `end_limit`: seconds to wait for the end of an answer after its completion event.
    """

    end_limit: float = 5.0

    name = "InvokeWithResponseStream"
    streamed = True

    def function_name(self, input: InvokeWithResponseStreamCommandInput, /) -> str:
        return input.function_name

    def invocation_type(self, input: InvokeWithResponseStreamCommandInput, /) -> str:
        """The invocation type; `RequestResponse` if the input has none."""
        return invoke.invocation_type_of(input)

    def default_read_timeout(self, input: InvokeWithResponseStreamCommandInput, /) -> float:
        """The read limit in seconds if the caller gave none. It applies until the head of the answer."""
        return invoke.default_read_timeout(input)

    def is_idempotent(
        self, input: InvokeWithResponseStreamCommandInput, /, *, durable: Collection[tuple[str, str | None]]
    ) -> bool:
        """Whether a repeat is safe: a `DryRun` runs nothing."""
        return invoke.invocation_type_of(input) == "DryRun"

    def check(self, input: InvokeWithResponseStreamCommandInput, /, *, region: str | None, limits: PayloadLimits) -> str | None:
        """Raise `InvalidInputError` for an input that Lambda would refuse. Returns a warning if a member has no effect."""
        invoke.check(input, region=region, types=("RequestResponse", "DryRun"))
        return None if input.client_context is None else invoke.warning_of_context(input.client_context)

    def request(
        self, input: InvokeWithResponseStreamCommandInput, /, *, endpoint: str, codec: Codec, limits: PayloadLimits
    ) -> Request:
        """The request, without host, user agent and signature. `InvalidInputError` for a payload that cannot be sent."""
        path = "/2021-11-15/functions/{}/response-streaming-invocations"
        return invoke.request(input, endpoint=endpoint, path=path, codec=codec, limits=limits)

    def output(
        self, input: InvokeWithResponseStreamCommandInput, response: Response, /, *, metadata: Metadata, codec: Codec
    ) -> InvokeWithResponseStreamCommandOutput:
        """The head of an answer that is not an error of the service, with the stream of its body."""
        headers = response.headers
        content_type = headers.get("content-type")
        own_type = headers.get("x-amzn-remapped-content-type") or (None if content_type == CONTENT_TYPE else content_type)
        reader = StreamReader(
            function_name=input.function_name,
            status_code=response.status,
            executed_version=headers.get("x-amz-executed-version"),
            content_type=own_type,
            metadata=metadata,
            events=ResponseEvents(content_type=content_type, function_name=input.function_name, request_id=metadata.request_id),
            answer=response.stream,
            end_limit=self.end_limit,
            is_dry_run=invoke.invocation_type_of(input) == "DryRun",
        )
        if response.body:
            reader.events.receive(response.body)
        return InvokeWithResponseStreamCommandOutput(
            status_code=response.status,
            executed_version=reader.executed_version,
            response_stream_content_type=content_type,
            event_stream=ResponseStream(reader),
            metadata=metadata,
        )

    def open_answer(self, output: InvokeWithResponseStreamCommandOutput, /) -> StreamingBody | None:
        """The answer that the output still reads. `None` if a middleware returned an output of its own without a stream."""
        stream = getattr(output, "event_stream", None)
        return stream.answer if isinstance(stream, ResponseStream) else None

    def end_of(self, output: InvokeWithResponseStreamCommandOutput, /) -> StreamEnd:
        """How the answer of an output ended."""
        return output.event_stream.end


INVOKE_WITH_RESPONSE_STREAM = InvokeWithResponseStreamOperation()
