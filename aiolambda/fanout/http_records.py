"""The stored form of an HTTP response: its status, and each of its header fields. The body is stored beside them.

Owns the members. Must not know where records are stored. Loaded by the first command that is a fetch.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import attrs

from ..operations.fetch_types import HttpHeaders, HttpOutput
from ..types.http import headers_of_pairs
from ..types.interfaces import Codec
from .journal_members import Content, UnreadableError, load_metadata, member_of, metadata_record
from .journal_outputs import NOT_KEPT

__all__ = ["OutcomeResponse", "dump", "load"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class OutcomeResponse(HttpOutput):
    """The response of an item whose body was not kept: its readers raise an error that says so."""

    def text(self) -> str:
        """Raise `DecodeError`."""
        return self._decoded(bytes.decode, "text")

    def _decoded(self, decode: Callable[[bytes], T], form: str) -> T:
        raise self._undecoded(NOT_KEPT)


def dump(output: HttpOutput, *, whole: bool) -> dict[str, Any]:
    """The members of a response, without its body. Without `whole`, there are no header fields either."""
    record: dict[str, Any] = {"status_code": output.status_code, "metadata": metadata_record(output.metadata)}
    if not whole:
        record["metadata"]["headers"] = {}
        return {**record, "kind": "outcome", "fields": []}
    return {**record, "kind": "http", "fields": [list(pair) for pair in output.headers.multi_items()]}


def load(content: Content, body: bytes | None, *, codec: Codec, function_name: str) -> HttpOutput:
    """The response. `UnreadableError` if the content is not that of one."""
    kind = {"http": HttpOutput, "outcome": OutcomeResponse}.get(member_of(content, "kind", str))
    if kind is None:
        raise UnreadableError("its response is of a kind that this version does not know")
    pairs = [_pair(field) for field in cast("list[object]", member_of(content, "fields", list))]
    return kind(
        status_code=member_of(content, "status_code", int),
        headers=HttpHeaders(headers_of_pairs(pairs)),
        content=body or b"",
        metadata=load_metadata(content.get("metadata")),
        codec=codec,
        function_name=function_name,
    )


def _pair(field: object) -> tuple[str, str]:
    match field:
        case [str(name), str(value)]:
            return name, value
        case _:
            raise UnreadableError("a field of its response is not a name and a value")
