"""The operation Invoke: the checks of its input, its request, and the output of an answer.

Owns path, headers and limits, those that InvokeWithResponseStream shares too. Must not know how a request is signed or sent.
Source: the Lambda API reference, "Invoke", and the restJson1 protocol.
"""

import base64
import contextlib
import json
from collections.abc import Callable, Collection, Mapping
from typing import Protocol, cast

from ..errors import InvalidInputError, InvalidPayloadSizeError
from ..pipeline.operation import TemplatedOperation
from ..protocol import names, urls
from ..types.http import Headers, Request, Response, StreamingBody, fields_of
from ..types.interfaces import Codec
from ..types.mistakes import choices_text
from ..types.values import Metadata, PayloadLimits, text_of
from .invoke_types import InvokeCommandInput, InvokeCommandOutput, output_with_later_metadata
from .payload import body_of, encoded

__all__ = [
    "INVOKE",
    "SYNCHRONOUS_READ_LIMIT",
    "InvocationInput",
    "InvokeOperation",
    "check",
    "default_read_timeout",
    "invocation_type_of",
    "request",
    "warning_of_context",
]

SYNCHRONOUS_READ_LIMIT = 1860.0
"""Seconds without a byte: a synchronous call may run for 1,800 s, and its answer needs a little longer.

Source: the description of Invoke in the Lambda service model, since November 2026.
"""
QUEUEING_READ_LIMIT = 60.0
"""Seconds without a byte for `Event` and `DryRun`, which run nothing while the caller waits."""

_LOG_TYPES = ("None", "Tail")
_CONTEXT_MEMBERS = {"custom", "client", "env"}
"""The members of a client context that Lambda's runtime for Python passes to the function."""


class InvocationInput(Protocol):
    """The members that the inputs of Invoke and InvokeWithResponseStream share."""

    @property
    def function_name(self) -> str: ...
    @property
    def payload(self) -> object: ...
    @property
    def invocation_type(self) -> str | None: ...
    @property
    def log_type(self) -> str | None: ...
    @property
    def client_context(self) -> Mapping[str, object] | str | None: ...
    @property
    def qualifier(self) -> str | None: ...
    @property
    def tenant_id(self) -> str | None: ...


class InvokeOperation(TemplatedOperation):
    """The operation `Invoke` of 2015-03-31."""

    name = "Invoke"
    streamed = False

    def function_name(self, input: InvokeCommandInput, /) -> str:
        return input.function_name

    def invocation_type(self, input: InvokeCommandInput, /) -> str:
        """The invocation type; `RequestResponse` if the input has none."""
        return invocation_type_of(input)

    def default_read_timeout(self, input: InvokeCommandInput, /) -> float:
        """The read limit in seconds if the caller gave none."""
        return SYNCHRONOUS_READ_LIMIT if input.invocation_type is None else default_read_timeout(input)

    def is_idempotent(self, input: InvokeCommandInput, /, *, durable: Collection[tuple[str, str | None]]) -> bool:
        """Whether a repeat is safe: a `DryRun` runs nothing, and a durable function runs once for each execution name."""
        if invocation_type_of(input) == "DryRun":
            return True
        return input.durable_execution_name is not None and (input.function_name, input.qualifier) in durable

    def check(self, input: InvokeCommandInput, /, *, region: str | None, limits: PayloadLimits) -> str | None:
        """Raise `InvalidInputError` for an input that Lambda would refuse. `request` checks the size of the payload.

        Returns a warning if a member has no effect.
        """
        check(input, region=region, types=("RequestResponse", "Event", "DryRun"))
        if input.durable_execution_name is not None:
            names.check_pattern("durable_execution_name", input.durable_execution_name)
        if invocation_type_of(input) != "Event":
            return None if input.client_context is None else warning_of_context(input.client_context)
        if input.client_context is not None:
            return "client_context has no effect in an Event: Lambda passes it to the function in a synchronous call only"
        if text_of(input.log_type) == "Tail":
            return "log_type 'Tail' has no effect in an Event: only the answer to a synchronous call has a log"
        return None

    def request(self, input: InvokeCommandInput, /, *, endpoint: str, codec: Codec, limits: PayloadLimits) -> Request:
        """The request, without host, user agent and signature. `InvalidInputError` for a payload that cannot be sent."""
        return request(
            input,
            endpoint=endpoint,
            path="/2015-03-31/functions/{}/invocations",
            codec=codec,
            limits=limits,
            durable_execution_name=input.durable_execution_name,
        )

    def template_key(self, input: InvokeCommandInput, /) -> tuple[object, ...] | None:
        """The members that the request follows from. `None` for one with a context or an execution name, and for odd types."""
        if input.client_context is not None or input.durable_execution_name is not None or type(self) is not InvokeOperation:
            return None
        name, qualifier, kind, log, tenant = (
            input.function_name,
            input.qualifier,
            input.invocation_type,
            input.log_type,
            input.tenant_id,
        )
        if qualifier is None and kind is None and log is None and tenant is None and type(name) is str:  # nearly every input
            return self.name, name
        if (
            type(name) is str
            and (qualifier is None or type(qualifier) is str)
            and (kind is None or type(kind) is str)
            and (log is None or type(log) is str)
            and (tenant is None or type(tenant) is str)
        ):
            return self.name, name, qualifier, kind, log, tenant
        return None

    def body(self, input: InvokeCommandInput, /, *, codec: Codec, limits: PayloadLimits) -> bytes:
        """The body of the request. `InvalidInputError` for a payload that cannot be sent; `UnreadFile` for an open file."""
        payload = input.payload
        if type(payload) is bytes and len(payload) <= limits.event <= limits.request_response:
            return payload
        return _body(input, codec, limits, invocation_type_of(input))

    def output(
        self, input: InvokeCommandInput, response: Response, /, *, metadata: Metadata, codec: Codec
    ) -> InvokeCommandOutput:
        """The output of an answer that is not an error of the service."""
        return self.output_of(input, response, metadata=lambda: metadata, codec=codec)

    def output_of(
        self, input: InvokeCommandInput, response: Response, /, *, metadata: Callable[[], Metadata], codec: Codec
    ) -> InvokeCommandOutput:
        """The same, with metadata that are made when somebody asks."""
        fields = fields_of(response)
        return output_with_later_metadata(
            metadata,
            response.status,
            fields.get("x-amz-function-error") or None,
            fields.get("x-amz-log-result"),
            response.body,
            fields.get("x-amz-executed-version"),
            fields.get("x-amz-durable-execution-arn"),
            codec,
            input.function_name,
            "RequestResponse" if input.invocation_type is None else invocation_type_of(input),
        )

    def open_answer(self, output: InvokeCommandOutput, /) -> StreamingBody | None:
        """`None`: an output of this operation has its whole answer."""
        return None


INVOKE = InvokeOperation()


def invocation_type_of(input: InvocationInput) -> str:
    """The invocation type; `RequestResponse` if the input has none."""
    kind = input.invocation_type
    return "RequestResponse" if kind is None else str(text_of(kind) or "RequestResponse")


def default_read_timeout(input: InvocationInput) -> float:
    """The read limit in seconds if the caller gave none."""
    return SYNCHRONOUS_READ_LIMIT if invocation_type_of(input) == "RequestResponse" else QUEUEING_READ_LIMIT


def check(input: InvocationInput, *, region: str | None, types: tuple[str, ...]) -> None:
    """Raise `InvalidInputError` for a name or a choice that Lambda would refuse. `types` are the invocation types to accept."""
    names.check_function_name(input.function_name)
    arn_region = names.region_of(input.function_name)
    if arn_region is not None and region is not None and arn_region != region:
        raise names.other_region(arn_region, region)
    _check_choice("invocation_type", input.invocation_type, types)
    _check_choice("log_type", input.log_type, _LOG_TYPES)
    if input.qualifier is not None:
        names.check_pattern("qualifier", input.qualifier)
    if input.tenant_id is not None:
        names.check_pattern("tenant_id", input.tenant_id)
    if isinstance(input.client_context, str) and input.client_context:
        _check_encoded_context(input.client_context)


def _check_choice(member: str, given: str | None, choices: tuple[str, ...]) -> None:
    value = None if given is None else text_of(given)
    if value is not None and value not in choices:
        raise InvalidInputError(f"{member} is {value!r}; {choices_text(value, choices)}", member=member)


def request(
    input: InvocationInput,
    *,
    endpoint: str,
    path: str,
    codec: Codec,
    limits: PayloadLimits,
    durable_execution_name: str | None = None,
) -> Request:
    """The request for a path with a placeholder for the function's name. `InvalidPayloadSizeError` if it is too large."""
    kind = invocation_type_of(input)
    body = _body(input, codec, limits, kind)
    fields = {"content-type": "application/octet-stream"}
    if input.invocation_type is not None:
        fields["x-amz-invocation-type"] = kind
    if input.log_type is not None:
        fields["x-amz-log-type"] = str(text_of(input.log_type))
    if durable_execution_name is not None:
        fields["x-amz-durable-execution-name"] = durable_execution_name
    if input.tenant_id is not None:
        fields["x-amz-tenant-id"] = input.tenant_id
    if input.client_context is not None:
        fields["x-amz-client-context"] = _client_context(input.client_context, limits.client_context)
    query = "" if input.qualifier is None else f"?Qualifier={urls.encode_label(input.qualifier)}"
    return Request("POST", f"{endpoint}{path.format(urls.encode_label(input.function_name))}{query}", Headers.of(fields), body)


def _body(input: InvocationInput, codec: Codec, limits: PayloadLimits, kind: str) -> bytes:
    limit = limits.event if kind == "Event" else limits.request_response
    body = body_of(input.payload, codec, limit)
    if len(body) > limit:
        raise InvalidPayloadSizeError(
            f"payload has {len(body):,} bytes, and the limit of {kind} is {limit:,}", size=len(body), limit=limit
        )
    return body


def warning_of_context(context: Mapping[str, object] | str) -> str | None:
    """A warning if a function in Python would see nothing of the context: its runtime passes on three members only."""
    members: object = context
    if isinstance(context, str):
        with contextlib.suppress(ValueError, RecursionError):
            members = json.loads(base64.b64decode(context))
    if (
        not isinstance(members, Mapping)
        or not members
        or not _CONTEXT_MEMBERS.isdisjoint(cast("Mapping[object, object]", members))
    ):
        return None
    return (
        "client_context has neither custom, client nor env: a function in Python sees nothing of it; put your values under "
        "custom, as in {'custom': {...}}"
    )


def _client_context(context: object, limit: int) -> str:
    if not isinstance(context, str | Mapping):
        raise InvalidInputError(
            f"client_context must be a mapping, or an already base64-encoded string, not {type(context).__name__}",
            member="client_context",
        )
    if isinstance(context, str):
        text = context
    else:
        text = base64.b64encode(
            encoded("client_context", lambda: json.dumps(context, separators=(",", ":"), allow_nan=False).encode())
        ).decode()
    if len(text) > limit:
        raise InvalidInputError(
            f"client_context has {len(text):,} characters in base64, and the limit is {limit:,}",
            member="client_context",
            limit=limit,
        )
    return text


def _check_encoded_context(text: str) -> None:
    """`InvalidInputError` unless it is a JSON object in base64, as Lambda requires: it answers 400 to anything else."""
    with contextlib.suppress(ValueError, RecursionError):
        if isinstance(json.loads(base64.b64decode(f"{text}{'=' * (-len(text) % 4)}", validate=True)), dict):
            return
    raise InvalidInputError(
        "client_context is text that is not a JSON object in base64: pass the mapping itself, and the client encodes it",
        member="client_context",
    )
