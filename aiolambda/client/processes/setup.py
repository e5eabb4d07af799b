"""The settings, middlewares and limits with which a worker makes the calls of a map as its client would.

Laws: nothing of the client is dropped silently: a part that cannot reach another process is refused, with its name and the
way out. Credentials are no part of a setup: a worker asks for them.

Owns what crosses. Must not know how.
"""

import sys
from collections.abc import Mapping
from typing import Any

import attrs

from ...codecs import JsonCodec
from ...config import LambdaClientConfig
from ...errors import ConfigurationError
from ...fanout.pickles import NotPicklable, pickled
from ...pipeline.entries import Entry, shown_entry
from ...pipeline.stack import ClientStack
from ...types.events import ClientObserver
from ...types.values import Timeouts, Unset, is_whole, shown

__all__ = ["MOST_PROCESSES", "WorkerSetup", "check_client", "check_processes", "settings_of", "stack_entries"]

MOST_PROCESSES = 64

_OF_CALLS = frozenset({"call_started", "attempt_sent", "attempt_ended", "call_ended", "credentials_refreshed"})
_STAY = frozenset({"credentials", "codec", "logger", "transport", "ssl_context", "_filled"})
"""Settings that a worker does not get with the others."""


@attrs.frozen(kw_only=True)
class WorkerSetup:
    """The first message to a worker."""

    settings: Mapping[str, Any] = attrs.field(repr=False)
    """The settings of its client, as they are after opening, by name."""
    codec: bytes | None
    """The pickle of the client's codec, for middlewares; `None` for the default one."""
    entries: bytes
    """The pickle of the entries of the client's middleware stack."""
    timeout: float | Timeouts | Unset | None
    idempotent: bool | None
    map_function: str | None
    """The function of the map, if it has one."""


def check_processes(processes: object) -> None:
    """`ConfigurationError` unless it is a number of processes."""
    if not is_whole(processes, least=1, most=MOST_PROCESSES):
        raise ConfigurationError(f"processes must be a whole number from 1 to {MOST_PROCESSES}; got {shown(processes)}")
    if processes != 1 and sys.platform == "win32":
        raise ConfigurationError("processes needs the pipes of POSIX, which Windows lacks; leave it out")
    if processes != 1 and (not sys.executable or getattr(sys, "frozen", False)):
        raise ConfigurationError(
            "processes needs a Python interpreter, and sys.executable is none: this program is frozen or embedded; leave it out"
        )


def check_client(config: LambdaClientConfig, observers: tuple[ClientObserver, ...]) -> None:
    """`ConfigurationError` if the client has a part that a worker cannot have."""
    if config.transport is not None:
        kind = type(config.transport).__name__
        raise ConfigurationError(
            f"processes cannot be used with transport={kind}: its calls would be made in other processes, without it; "
            "leave processes out"
        )
    if config.ssl_context is not None:
        raise ConfigurationError("processes cannot be used with ssl_context, which has no pickle; give ca_bundle instead")
    for observer in observers:
        if observer.wanted & _OF_CALLS:
            raise ConfigurationError(
                f"processes cannot be used while {type(observer).__name__} observes the calls of this client: they happen in "
                "other processes. Remove the observer, keep its map_started and map_ended alone, or leave processes out"
            )
    if config.retry is not None:
        _pickled("the retry strategy", config.retry)


def settings_of(config: LambdaClientConfig) -> dict[str, Any]:
    """The settings of an open client that its workers share."""
    fields = [field.name for field in attrs.fields(LambdaClientConfig) if field.name not in _STAY]
    settings = {name: getattr(config, name) for name in fields}
    return {**settings, "endpoint_url": config.given("endpoint_url")}  # that of the region is not given, and FIPS is part of it


def stack_entries(stack: ClientStack[Any, Any], config: LambdaClientConfig) -> tuple[bytes, bytes | None]:
    """The pickle of the entries of a stack, and that of the codec if a middleware may use it."""
    described, added = stack.described()
    for entry in added:
        _check_entry(entry)
    codec = (
        None if type(config.codec) is JsonCodec or not added else _pickled("the codec, which middlewares use,", config.codec)
    )
    return _pickled("the middleware stack", described), codec


def _check_entry(entry: Entry) -> None:
    try:
        pickled((entry.middleware, entry.only))
    except NotPicklable as problem:
        raise _refusal(f"the middleware {shown_entry(entry)}", problem) from None


def _pickled(what: str, value: object) -> bytes:
    try:
        return pickled(value)
    except NotPicklable as problem:
        raise _refusal(what, problem) from None


def _refusal(what: str, problem: NotPicklable) -> ConfigurationError:
    return ConfigurationError(
        f"processes cannot be used: {what} cannot reach another process: {problem}; or leave processes out"
    )
