"""What must hold between the arguments of a map before it begins. Must not know how items are mapped."""

from collections.abc import AsyncIterable, Coroutine, Iterable, Mapping
from os import PathLike
from typing import cast

from ..errors import ConfigurationError
from ..errors.checks import check_hedge_after
from ..types.mistakes import kind_of
from ..types.values import HedgeAfter, is_whole, shown

__all__ = ["check_items", "checked_concurrency", "checked_hedge"]


def check_items(name: str, items: object) -> None:
    """`ConfigurationError` for an input that cannot be iterated, or whose iteration would surprise."""
    kind = kind_of(items)
    if isinstance(items, Mapping):
        problem = f"{kind}: write {name}.values(), or {name}.items() for pairs"
    elif isinstance(items, str | bytes | bytearray):
        problem = f"{kind}: for one item, write [item]; for the lines of a text, text.splitlines()"
    elif isinstance(items, PathLike):
        problem = f"{kind}: for the lines of the file, open it: with open(path, 'rb') as lines"
    elif isinstance(items, Coroutine):
        items.close()  # else Python warns that it was never awaited
        problem = "a coroutine: await it, and pass its result"
    elif callable(items) and not isinstance(items, Iterable | AsyncIterable):
        problem = f"{kind}: call it, and pass its result"
    elif not isinstance(items, Iterable | AsyncIterable) and not hasattr(items, "__getitem__"):
        problem = kind
    else:
        return
    raise ConfigurationError(f"{name} must be an iterable, or an asynchronous one; got {problem}")


def checked_concurrency(asked: object, max_concurrency: int, function_name: str | None) -> int:
    """The number that was asked for. `ConfigurationError` if it is none, or more than the client allows."""
    if not is_whole(asked, least=1):
        words = "or 'adaptive'" if function_name is None else "'adaptive' or 'limits'"
        raise ConfigurationError(f"concurrency must be a number of invocations, 1 or more, {words}; got {shown(asked)}")
    if not is_whole(asked, least=1, most=max_concurrency):
        raise ConfigurationError(
            f"concurrency is {shown(asked)}, and the client's max_concurrency is {max_concurrency:,}: lower the one, or raise "
            "the other with LambdaClient(max_concurrency=...)"
        )
    return cast("int", asked)


def checked_hedge(asked: object, *, idempotent: bool) -> HedgeAfter | None:
    """When items are hedged, as it was asked for. `ConfigurationError` for another value, or if they must not run twice."""
    check_hedge_after("hedge_after", asked)
    if asked is not None and not idempotent:
        raise ConfigurationError(
            "hedge_after needs idempotent=True, because an item that is sent a second time may run the function twice"
        )
    return cast("HedgeAfter | None", asked)
