"""The content of a file of functions, and the steps that its readers share: its text, its paths, its `LocalFunction`s.

Must not know a format.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypedDict

import attrs

from ...errors import ConfigurationError
from ..functions import LocalFunction

__all__ = ["EndpointSettings", "FunctionFile", "existing_path", "make_function", "read_text"]

LARGEST_FILE = 1_000_000
"""Bytes: about the largest template that CloudFormation takes."""


class EndpointSettings(TypedDict, total=False):
    """Settings that a file has for the endpoint itself, as `LocalEndpoint` takes them."""

    port: int
    """The port to listen on; 0 chooses one."""
    region: str
    """The region that requests must be signed for."""
    account_concurrency: int
    """The most concurrent invocations of all functions together."""
    verify_signatures: bool
    """Whether the signatures of requests are verified."""


@attrs.frozen(kw_only=True)
class FunctionFile:
    """The functions of a file, the settings of the endpoint, and notes about parts of the file that have no effect here.

    Args:
        functions: The functions, in the order of the file.
        settings: The settings of the endpoint that the file has. Default none.
        notes: A sentence for each part of the file that is left out, and its reason. Default none.
        files: The files that were read, for a program that watches them. Default none.
    """

    functions: tuple[LocalFunction, ...]
    """The functions, in the order of the file."""
    settings: EndpointSettings = attrs.field(factory=EndpointSettings, hash=False)
    """The settings of the endpoint that the file has. Default none."""
    notes: tuple[str, ...] = ()
    """A sentence for each part of the file that is left out, and its reason. Default none."""
    files: tuple[Path, ...] = ()
    """The files that were read, for a program that watches them. Default none."""


def read_text(path: Path) -> str:
    """The text of a file. `ConfigurationError` if it cannot be read, is longer than 1 MB, or is not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"cannot read the file {str(path)!r}: {reason}; write the path of an existing file") from None
    if len(content) > LARGEST_FILE:
        raise ConfigurationError(f"{path}: the file is larger than {LARGEST_FILE:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: byte {error.start:,} is not UTF-8; save the file as UTF-8") from None


def existing_path(text: str, folder: Path) -> Path | None:
    """The absolute path of a file or folder, relative to `folder`; `None` if it does not exist."""
    try:
        return (folder / text).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # RuntimeError: a loop of links, before Python 3.13; ValueError: NUL
        return None


def make_function(members: Mapping[str, Any], place: Callable[[str], str]) -> LocalFunction:
    """A function of these members. `place` says for an error in which part of the file a member stands."""
    try:
        return LocalFunction(**members)
    except ConfigurationError as error:
        raise ConfigurationError(f"{place(_wrong_member(members))}: {error}") from None


def _wrong_member(members: Mapping[str, Any]) -> str:
    """The first member that no function can have, each tried together with those before it."""
    tried: dict[str, Any] = {"name": "any", "handler": "any.any", "root": Path()}
    for member in sorted(members, key=lambda one: one == "aliases"):  # these last, because they lead to versions
        tried[member] = members[member]
        try:
            LocalFunction(**tried)
        except ConfigurationError:
            return member
    raise AssertionError("the function was refused before")
