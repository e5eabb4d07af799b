"""The two files that AWS tools share: the config file and the credentials file, with their profiles and services sections.

Laws: the same files give the same profiles as in botocore, and a file that botocore cannot read is an error here, too; no error
shows a text of a file, because it may be a key.

Owns the files' names, places and grammar. Must not know the meaning of a setting. Every function blocks: call them in a thread.
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
"""In botocore's order, so that region and keys do not come from two profiles."""


@attrs.frozen(eq=False, repr=False)
class Entry:
    """The value of a key in a section, and the path of its file. The value is a text, or the settings indented below."""

    value: str | Mapping[str, str]
    path: str


_PLAIN_TITLE = r"[^\s\"'\\]+ [^\s\"'\\]+"

_LINES_BETWEEN_PAUSES = 200
_PAUSE = 0.00005
"""Seconds. A pause of 0 would not let a waiting thread run."""

Section = dict[str, Entry]


@attrs.frozen(eq=False, repr=False)
class SharedFile:
    """One of the two files. `state` is `read`, `missing` or `unreadable`; an unreadable file counts as missing.

    `is_named` says whether the variable names it.
    """

    variable: str
    path: str
    state: str
    is_named: bool = False


@attrs.frozen(eq=False, repr=False)
class SharedConfig:
    """The content of both files."""

    profiles: Mapping[str, Mapping[str, Entry]] = attrs.field(factory=dict[str, Section])
    services: Mapping[str, Mapping[str, Entry]] = attrs.field(factory=dict[str, Section])
    files: tuple[SharedFile, ...] = ()
    config_file: Mapping[str, Mapping[str, Entry]] = attrs.field(factory=dict[str, Section])
    credentials_file: Mapping[str, Mapping[str, Entry]] = attrs.field(factory=dict[str, Section])
    """The profiles of each file alone: `profiles` merges them, but the two keys must come from one file."""

    def profile(self, name: str | None, source: str) -> Mapping[str, Entry]:
        """The settings of a profile. Without a name, those of `default`, if there is one.

        `ConfigurationError` if the named profile is in neither file.
        """
        if name is None:
            return self.profiles.get("default", {})
        if name not in self.profiles:
            looked = " nor ".join(f"{file.path} ({file.state})" for file in self.files)
            known = ", ".join(sorted(self.profiles)) or "none"
            title = name if name == "default" else f"profile {name}"
            near = _nearest(name, self.profiles)
            raise ConfigurationError(
                f"the profile {name!r} (from {source}) is in neither {looked}; known profiles: {known}; "
                f"{near or 'name one of them, or'} add a section [{title}] to the config file"
            )
        return self.profiles[name]


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - for an error only

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}? If not," if near else ""


def read_shared_config(environment: Mapping[str, str]) -> SharedConfig:
    """Read both files. A missing file is empty. `ConfigurationError` names the file and the line of a mistake."""
    paths = {variable: expanded(environment.get(variable, default)) for variable, default in FILES.items()}
    texts = {variable: _text(path) for variable, path in paths.items()}
    config, credentials = [_sections(texts[variable] or "", paths[variable]) for variable in FILES]
    profiles = config_file = dict(_named("profile", config))
    if credentials:
        profiles = dict(config_file)
    for name, section in credentials.items():
        profiles[name] = {**profiles.get(name, {}), **section}
    return SharedConfig(
        profiles=profiles,
        services=dict(_named("services", config)),
        files=tuple(
            SharedFile(variable, path, _state(path, texts[variable]), variable in environment)
            for variable, path in paths.items()
        ),
        config_file=config_file,
        credentials_file=credentials,
    )


def expanded(path: str) -> str:
    """The path with variables and `~` expanded, as botocore does it."""
    return os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111 - pathlib would turn "" into the current folder


def _text(path: str) -> str | None:
    """The text; `None` if the file is missing or not readable, as for botocore."""
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
        raise ConfigurationError(f"{path}, line {line}: this is not UTF-8: save the file as UTF-8") from None


def _state(path: str, text: str | None) -> str:
    if text is not None:
        return "read"
    return "unreadable" if Path(path).is_file() else "missing"


def _sections(text: str, path: str) -> dict[str, Section]:
    """The sections of a file, by their whole title."""
    if not text:
        return {}
    import configparser  # noqa: PLC0415 - many machines have neither file

    parser = configparser.RawConfigParser()  # its [DEFAULT] passes settings to every section, as in botocore
    try:
        parser.read_file(_lines(text))
    except configparser.Error as error:
        line, mistake = _mistake(error)
        raise ConfigurationError(f"{path}, line {line}: {mistake}") from None
    return {
        title: {key: Entry(_value(value, text, path), path) for key, value in parser.items(title)}
        for title in parser.sections()
    }


def _lines(text: str) -> Iterator[str]:
    """The lines, with a pause now and then, because a thread that only computes delays the event loop."""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if number % _LINES_BETWEEN_PAUSES == 0:
            time.sleep(_PAUSE)
        yield line


def _mistake(error: "configparser.Error") -> tuple[int | None, str]:
    """The line and the mistake, without the text of the line."""
    import configparser  # noqa: PLC0415 - as above

    if isinstance(error, configparser.DuplicateSectionError):
        return error.lineno, f"the section [{error.section}] begins a second time: merge the two"
    if isinstance(error, configparser.DuplicateOptionError):
        return error.lineno, f"{error.option} is set a second time in [{error.section}]: remove one of the two"
    if isinstance(error, configparser.MissingSectionHeaderError):
        return error.lineno, "this line comes before the first [section]"
    lines = [line for line, _ in getattr(error, "errors", ())]
    return min(lines, default=None), "this line is neither a [section] nor a setting such as 'region = eu-west-1'"


def _value(value: str, text: str, path: str) -> str | Mapping[str, str]:
    """The value. If it begins on a line of its own, the settings that are indented there."""
    if not value.startswith("\n"):
        return value
    nested: dict[str, str] = {}
    for line in filter(None, map(str.strip, value.splitlines())):
        key, separator, inner = line.partition("=")
        if not separator:
            raise ConfigurationError(
                f"{path}, line {_line_of(line, text)}: a line that is indented under a setting must be 'name = value'"
            )
        nested[key.strip()] = inner.strip()
    return nested


def _line_of(line: str, text: str) -> int:
    return next(number for number, other in enumerate(text.splitlines(), 1) if other.strip() == line)


def _named(kind: str, sections: Mapping[str, Section]) -> Iterable[tuple[str, Section]]:
    """The sections `[kind name]`, by name. The title of the default profile is `[default]`."""
    for title, section in sections.items():
        if title.startswith(kind):
            words = _words(title)
            if len(words) == 2:
                yield words[1], section
        elif kind == "profile" and title == "default":
            yield title, section


def _words(title: str) -> list[str]:
    if re.fullmatch(_PLAIN_TITLE, title):  # fast path: 500 profiles would take twice as long without it
        return title.split(" ")
    try:
        return shlex.split(title)
    except ValueError:  # a quotation without an end
        return []
