"""The error of a function: from the payload that its runtime wrote to a `FunctionError`.

Owns the names that each runtime gives to the parts of an error. Must not know whether it came in an answer or in a stream.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

from ..errors import FunctionError
from ..protocol import json_body

if TYPE_CHECKING:
    from .invoke_types import InvokeCommandOutput

__all__ = ["error_content", "function_error"]

_LONGEST_TEXT = 1000
"""Characters of the function's own words in the text of an error. The attributes have all of them."""
_MOST_CAUSES = 20
_ERROR_MEMBERS = {"errorType", "errorMessage", "stackTrace", "trace"}


def function_error(
    content: Mapping[str, object],
    *,
    kind: Literal["Handled", "Unhandled"],
    function_name: str,
    request_id: str | None,
    output: "InvokeCommandOutput | None" = None,
) -> FunctionError:
    """The exception for the content of an error, which `error_content` gives."""
    description = _description(content)
    if len(description) > _LONGEST_TEXT:
        description = f"{description[:_LONGEST_TEXT]}... ({len(description):,} characters)"
    return FunctionError(
        f"the function failed ({kind}) with {description}",
        kind=kind,
        error_type=_text(content.get("errorType")),
        error_message=_text(content.get("errorMessage")),
        stack_trace=_stack_trace(content),
        output=output,
        function_name=function_name,
        request_id=request_id,
    )


def error_content(payload: bytes | str) -> Mapping[str, object]:
    """The members of an error, under the names that the runtimes use: `errorType`, `errorMessage`, `stackTrace`.

    A function that writes an error itself may send text, a JSON string, a list, or an object with other names.
    """
    try:
        content = json_body.loads(payload)
    except (ValueError, RecursionError):
        return {"errorMessage": payload if isinstance(payload, str) else payload.decode(errors="replace")}
    if not isinstance(content, dict):
        return {"errorMessage": content}
    members = cast("dict[str, object]", content)
    if members.get("errorMessage") not in (None, ""):
        return members
    message = members.get("message") or members.get("Message")
    if message is None and members and _ERROR_MEMBERS.isdisjoint(members):
        message = members
    return {**members, "errorMessage": message}


def _text(value: object) -> str | None:
    """A member as text; its JSON if it is not a string. `None` if it is empty."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return json_body.writable(value)
    try:
        return json_body.writable(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        return "a value that is nested too deeply to be shown"


def _description(content: Mapping[str, object]) -> str:
    """Type and message of an error."""
    texts = (_text(content.get("errorType")), _text(content.get("errorMessage")))
    return ": ".join(filter(None, texts)) or "an error without a description"


def _stack_trace(content: Mapping[str, object]) -> Sequence[str]:
    """The frames as lines, then those of the errors that caused this one, as Java prints them."""
    lines, pending = _frames(content), _causes(content)
    for _ in range(_MOST_CAUSES):
        if not pending:
            break
        inner, *others = pending
        lines += [f"Caused by: {_description(inner)}", *_frames(inner)]
        pending = [*_causes(inner), *others]
    return lines


def _causes(content: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Java and .NET send `cause`; .NET sends `causes` if there are several."""
    several = content.get("causes")
    found = cast("list[object]", several) if isinstance(several, list) else [content.get("cause")]
    return [cast("Mapping[str, object]", cause) for cause in found if isinstance(cause, dict) and cause]


def _frames(content: Mapping[str, object]) -> list[str]:
    """Runtimes send `stackTrace` or `trace`: a list of strings, a list of lists, or one text."""
    trace = content.get("stackTrace") or content.get("trace")
    if isinstance(trace, str):
        return json_body.writable(trace).splitlines()
    return [_text(line) or "" for line in cast("list[object]", trace)] if isinstance(trace, list) else []
