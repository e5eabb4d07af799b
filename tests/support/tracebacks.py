"""What an error gives away of a call: its texts, and the locals of its tracebacks as Sentry and rich print them."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import FrameType
from typing import Any

from rich.pretty import pretty_repr

_DEEPEST = 5
"""Levels of containers that Sentry prints."""
_WHOLE = (str, bytes, bytearray, memoryview)


def errors_of(error: BaseException) -> Iterator[BaseException]:
    """The error with all that stands behind it: causes, contexts even if they are suppressed, and members of groups."""
    seen, left = set[int](), [error]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [behind for behind in (one.__cause__, one.__context__) if behind is not None]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions


def frames_of(error: BaseException) -> Iterator[FrameType]:
    """The frames of all their tracebacks."""
    for one in errors_of(error):
        entry = one.__traceback__
        while entry is not None:
            yield entry.tb_frame
            entry = entry.tb_next


def is_ours(frame: FrameType) -> bool:
    """Whether it is one of the package, or of the code that attrs makes for its classes."""
    return frame.f_globals.get("__name__", "").partition(".")[0] == "aiolambda" or "<attrs" in frame.f_code.co_filename


def printed(value: Any, depth: int = 0) -> str:
    """A value as Sentry prints it (mappings and sequences by their members, all else by `repr`), and as rich does."""
    if depth < _DEEPEST and isinstance(value, Mapping):
        return "".join(f"{name!r}: {printed(member, depth + 1)}\n" for name, member in value.items())
    if depth < _DEEPEST and isinstance(value, Sequence | AbstractSet) and not isinstance(value, _WHOLE):
        return "".join(f"{printed(member, depth + 1)}\n" for member in value)
    try:
        return f"{value!r} {pretty_repr(value) if depth == 0 else ''}"
    except Exception:  # of an object that is half made: they print nothing of it either
        return ""


def given_away(error: BaseException, secrets: Mapping[str, str]) -> set[str]:
    """Each secret that can be seen, with the place: `payload in aiolambda.client.client.invoke: command`."""
    found = set[str]()
    for one in errors_of(error):
        said = f"{one!s} {one!r} {one.args!r} {getattr(one, '__notes__', '')}"
        found |= {f"{name} in {type(one).__name__}" for name, secret in secrets.items() if secret in said}
    for frame in filter(is_ours, frames_of(error)):
        place = f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"
        for variable, value in frame.f_locals.items():
            said = printed(value)
            found |= {f"{name} in {place}: {variable}" for name, secret in secrets.items() if secret in said}
    return found
