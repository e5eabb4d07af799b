"""The stored form of an output: its kind, its members, its payload.

The record names its kind, and `_KINDS` has the class of each. Records of the formats 3 and 4 name none: theirs is `invoke`.

Must not know the errors of an item, or what an item has cost.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import attrs

from ..errors import AiolambdaError, FunctionError
from ..operations.invoke_types import InvokeCommandOutput
from ..types.interfaces import Codec
from ..types.values import Delivery
from .journal_members import TEXT, Content, UnreadableError, load_metadata, member_of, members_of, metadata_record

__all__ = ["NOT_KEPT", "OutcomeOutput", "bytes_of", "compacted_output", "function_error_of", "load_output", "output_record"]

T = TypeVar("T")

_OUTPUT_MEMBERS: Mapping[str, tuple[type, ...]] = {
    "status_code": (int,),
    "function_error": TEXT,
    "log_result": TEXT,
    "executed_version": TEXT,
    "durable_execution_arn": TEXT,
}

NOT_KEPT = (
    "this result was replayed without its payload: the journal keeps outcomes only, because the run that sent the item "
    'had journal_results="outcome"'
)


@attrs.frozen(kw_only=True)
class OutcomeOutput(InvokeCommandOutput):
    """The output of an item whose payload was not kept: its readers raise an error that says so."""

    def text(self) -> str:
        """Raise `DecodeError`."""
        return self._decoded(bytes.decode, "text")

    def _decoded(self, decode: Callable[[bytes], T], form: str) -> T:
        raise self._undecoded(NOT_KEPT)


def output_record(output: InvokeCommandOutput, *, whole: bool) -> dict[str, Any]:
    """The record of an output. Its `kind` says what it is; `outcome` is one whose payload and log were not kept."""
    record: dict[str, Any] = {"kind": "invoke" if whole else "outcome"}
    record |= {name: getattr(output, name) for name in _OUTPUT_MEMBERS} | {"metadata": metadata_record(output.metadata)}
    if whole:
        return compacted_output(record)
    record["log_result"] = None
    record["metadata"]["headers"] = {}
    return record


def compacted_output(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the log tail as text, which is shorter when it is compressed, and once: a header repeats it."""
    tail = record.get("log_result")
    if not isinstance(tail, str):
        return record
    metadata = record.get("metadata")
    if isinstance(metadata, dict):
        whole = cast("dict[str, Any]", metadata)
        headers = whole.get("headers")
        if isinstance(headers, dict):
            short = {name: None if value == tail else value for name, value in cast("dict[str, Any]", headers).items()}
            record = {**record, "metadata": {**whole, "headers": short}}
    try:
        text = base64.b64decode(tail, validate=True).decode()
    except (binascii.Error, ValueError):
        return record
    return {**record, "log_result": None, "log_text": text} if _base64(text) == tail else record


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def bytes_of(payload: object, key: str) -> bytes:
    """The payload. A middleware may have put another type in its place, which would come back as a changed row."""
    if not isinstance(payload, bytes | bytearray):
        raise AiolambdaError(
            f"the output of the item {key!r} has a payload of the type {type(payload).__name__}, and a journal stores bytes: "
            "check the middleware that made this output",
            delivery=Delivery.EXECUTED,
        )
    return bytes(payload)


def load_output(content: Content, payload: bytes | None, codec: Codec, function_name: str) -> InvokeCommandOutput:
    kind = _KINDS.get(member_of({"kind": "invoke", **content}, "kind", str))
    if kind is None:
        raise UnreadableError("its output is of a kind that this version does not know")
    members = members_of(content, _OUTPUT_MEMBERS)
    if "log_text" in content:
        members["log_result"] = _base64(_writable(member_of(content, "log_text", str)))
    metadata = load_metadata(content.get("metadata"), members["log_result"])
    return kind(**members, payload=payload or b"", metadata=metadata, codec=codec, function_name=function_name)


def _writable(text: str) -> str:
    """The text, unless it cannot be written: `UnreadableError`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableError("log_text is not Unicode") from None
    return text


def function_error_of(output: InvokeCommandOutput, content: Content, function_name: str) -> FunctionError | None:
    """The error of the function, made from the payload, or from its type alone if no payload was kept."""
    if isinstance(output, OutcomeOutput) and output.function_error is not None:
        return FunctionError(
            kind=output.function_error,
            error_type=member_of(content, "error_type", *TEXT),
            output=output,
            function_name=function_name,
            request_id=output.metadata.request_id,
        )
    try:
        output.raise_for_function_error()
    except FunctionError as failure:
        return failure.with_traceback(None)
    return None


_KINDS: Mapping[str, type[InvokeCommandOutput]] = {"invoke": InvokeCommandOutput, "outcome": OutcomeOutput}
"""The classes of outputs, by the name of their kind."""
