"""The stored form of an HTTP response: its status, and each of its header fields. The body is stored beside them.

Owns the members. Must not know where records are stored. Loaded by the first command that is a fetch.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ..operations.fetch_types import HttpHeaders, HttpOutput
from ..types.http import headers_of_pairs
from ..types.interfaces import Codec
from ..types.values import Metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["dump", "load"]


def dump(output: HttpOutput) -> dict[str, Any]:
    """The members of a response, without its body and its metadata."""
    return {"status_code": output.status_code, "fields": [list(pair) for pair in output.headers.multi_items()]}


def load(
    content: Mapping[str, object], body: bytes | None, metadata: Metadata, *, codec: Codec, function_name: str
) -> HttpOutput | None:
    """The response; `None` if the content is not that of one."""
    status, fields = content.get("status_code"), content.get("fields")
    if type(status) is not int or not isinstance(fields, list):
        return None
    pairs = list[tuple[str, str]]()
    for pair in cast("Sequence[object]", fields):
        if not isinstance(pair, list):
            return None
        match cast("list[object]", pair):
            case [str(name), str(value)]:
                pairs.append((name, value))
            case _:
                return None
    return HttpOutput(
        status_code=status,
        headers=HttpHeaders(headers_of_pairs(pairs)),
        content=body or b"",
        metadata=metadata,
        codec=codec,
        function_name=function_name,
    )
