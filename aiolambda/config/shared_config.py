"""The two files that AWS tools share: the config file and the credentials file, with their profiles and services sections.

Laws: the same files give the same profiles as in botocore, and what it cannot read is an error here, too; a text of a file is
never shown, for it may be a key.

Owns their names, places and grammar. Must not know what a setting means. Every function blocks: call them in a thread.
"""

import io
import os
import re
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ..errors import ConfigurationError

if TYPE_CHECKING:
    import configparser

__all__ = ["FILES", "PROFILE_VARIABLES", "Entry", "SharedConfig", "SharedFile", "expanded", "read_shared_config"]

FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
"""In the order in which botocore looks at them: region and keys must not come from two profiles."""


@attrs.frozen(eq=False, repr=False)
class Entry:
    """What a key of a section is set to: a text, or the settings that are indented under it; and in which file."""

    value: str | Mapping[str, str]
    path: str


_PLAIN_TITLE = r"[^\s\"'\\]+ [^\s\"'\\]+"

_LINES_AT_A_TIME = 200
_BREATH = 0.00005
"""Seconds. A pause of 0 would not let a waiting thread in."""

Section = dict[str, Entry]


@attrs.frozen(eq=False, repr=False)
class SharedFile:
    """One of the two files, and whether it could be read: `read`, `missing` or `unreadable`, which counts as missing."""

    variable: str
    path: str
    state: str


@attrs.frozen(eq=False, repr=False)
class SharedConfig:
    """What both files say."""

    profiles: Mapping[str, Mapping[str, Entry]] = attrs.field(factory=dict[str, Section])
    services: Mapping[str, Mapping[str, Entry]] = attrs.field(factory=dict[str, Section])
    files: tuple[SharedFile, ...] = ()

    def profile(self, name: str | None, source: str) -> Mapping[str, Entry]:
        """The settings of a profile; of `default`, if there is one, where no name is given.

        `ConfigurationError` where a profile is named that is in neither file.
        """
        if name is None:
            return self.profiles.get("default", {})
        if name not in self.profiles:
            looked = " nor ".join(f"{file.path} ({file.state})" for file in self.files)
            known = ", ".join(sorted(self.profiles)) or "none"
            raise ConfigurationError(
                f"the profile {name!r} (from {source}) is in neither {looked}; there are: {known}; "
                "in the config file its section is [profile NAME]"
            )
        return self.profiles[name]


def read_shared_config(environment: Mapping[str, str]) -> SharedConfig:
    """The content of both files; a file that is not there is empty. `ConfigurationError` names file and line of a mistake."""
    paths = {variable: expanded(environment.get(variable, default)) for variable, default in FILES.items()}
    texts = {variable: _text(path) for variable, path in paths.items()}
    config, credentials = [_sections(texts[variable] or "", paths[variable]) for variable in FILES]
    profiles = dict(_named("profile", config))
    for name, section in credentials.items():
        profiles[name] = {**profiles.get(name, {}), **section}
    return SharedConfig(
        profiles=profiles,
        services=dict(_named("services", config)),
        files=tuple(SharedFile(variable, path, _state(path, texts[variable])) for variable, path in paths.items()),
    )


def expanded(path: str) -> str:
    """The path with its variables and home filled in, as botocore does it."""
    return os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111 - pathlib would turn "" into the current folder


def _text(path: str) -> str | None:
    """The text; `None` where the file is missing or not readable, as for botocore."""
    if not Path(path).is_file():
        return None
    try:
        data = Path(path).read_bytes()
    except OSError:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}, line {line}: this is not UTF-8") from None


def _state(path: str, text: str | None) -> str:
    if text is not None:
        return "read"
    return "unreadable" if Path(path).is_file() else "missing"


def _sections(text: str, path: str) -> dict[str, Section]:
    """The sections of a file, by their whole title."""
    if not text:
        return {}
    import configparser  # noqa: PLC0415 - many a machine has neither file

    parser = configparser.RawConfigParser()  # in which [DEFAULT] hands its settings to every section, as in botocore
    try:
        parser.read_file(_lines(text))
    except configparser.Error as error:
        line, complaint = _complaint(error)
        raise ConfigurationError(f"{path}, line {line}: {complaint}") from None
    return {
        title: {key: Entry(_value(value, text, path), path) for key, value in parser.items(title)}
        for title in parser.sections()
    }


def _lines(text: str) -> Iterator[str]:
    """The lines, with a breath between so many of them: a thread that only computes keeps the event loop waiting."""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if number % _LINES_AT_A_TIME == 0:
            time.sleep(_BREATH)
        yield line


def _complaint(error: "configparser.Error") -> tuple[int | None, str]:
    """Line and mistake, without what stands there."""
    import configparser  # noqa: PLC0415 - as above

    if isinstance(error, configparser.DuplicateSectionError):
        return error.lineno, f"the section [{error.section}] begins a second time"
    if isinstance(error, configparser.DuplicateOptionError):
        return error.lineno, f"{error.option} is set a second time in [{error.section}]"
    if isinstance(error, configparser.MissingSectionHeaderError):
        return error.lineno, "this stands before the first [section]"
    lines = [line for line, _ in getattr(error, "errors", ())]
    return min(lines, default=None), "this is neither a [section] nor a setting such as 'region = eu-west-1'"


def _value(value: str, text: str, path: str) -> str | Mapping[str, str]:
    """The value, or where it begins on a line of its own, the settings that are indented there."""
    if not value.startswith("\n"):
        return value
    nested: dict[str, str] = {}
    for line in filter(None, map(str.strip, value.splitlines())):
        key, separator, inner = line.partition("=")
        if not separator:
            raise ConfigurationError(
                f"{path}, line {_line_of(line, text)}: what is indented under a setting is 'name = value', and this is not"
            )
        nested[key.strip()] = inner.strip()
    return nested


def _line_of(line: str, text: str) -> int:
    return next(number for number, other in enumerate(text.splitlines(), 1) if other.strip() == line)


def _named(kind: str, sections: Mapping[str, Section]) -> Iterable[tuple[str, Section]]:
    """The sections `[kind name]` by their names; `[default]` is a profile without that word."""
    for title, section in sections.items():
        if title.startswith(kind):
            words = _words(title)
            if len(words) == 2:
                yield words[1], section
        elif kind == "profile" and title == "default":
            yield title, section


def _words(title: str) -> list[str]:
    if re.fullmatch(_PLAIN_TITLE, title):  # as nearly all are; 500 profiles would take twice as long without this
        return title.split(" ")
    try:
        return shlex.split(title)
    except ValueError:  # a quotation without an end
        return []
