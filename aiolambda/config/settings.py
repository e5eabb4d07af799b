"""How one setting is found: the argument, then the environment, then the profile, then the default.

Owns this order and the reading of texts as values. Must not know which settings there are. Reads no file.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

from ..errors import ConfigurationError
from ..errors.checks import check_header_text
from .shared_config import Entry

if TYPE_CHECKING:
    from .client_config import LambdaClientConfig

__all__ = ["Found", "Setting", "SettingSources", "as_flag", "as_header_text", "as_number", "as_text", "attempt", "one_of"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

DEFAULT = "default"


@attrs.frozen(eq=False, repr=False)
class Found(Generic[T_co]):
    """The value of a setting and its source. If there is a `problem`, the value is only a stand-in."""

    value: T_co = attrs.field(repr=False)  # it may hold a password, and rich goes by the fields, not by the class
    source: str = DEFAULT
    problem: ConfigurationError | None = None

    @property
    def is_default(self) -> bool:
        return self.source == DEFAULT


def attempt(make: Callable[[], T], otherwise: T, source: str) -> Found[T]:
    """The value that `make` gives, or `otherwise` with the `ConfigurationError` that it raises."""
    try:
        return Found(make(), source)
    except ConfigurationError as problem:
        return Found(otherwise, source, problem)


@attrs.frozen(eq=False, repr=False)
class Setting(Generic[T_co]):
    """The names of a setting.

    `read` makes its value of a text; its second argument names the setting and its source, for an error. `key` is its name in
    the profile. `fallbacks` are variables that are read after the profile.
    """

    name: str
    read: Callable[[str, str], T_co]
    is_argument: bool = attrs.field(default=True, kw_only=True)
    variables: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    key: str | None = attrs.field(default=None, kw_only=True)
    fallbacks: tuple[str, ...] = attrs.field(default=(), kw_only=True)

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that can set it, as it is shown to people. The first one that is set wins."""
        argument = (f"{self.name}=",) if self.is_argument else ()
        key = () if self.key is None else (f"{self.key} (profile)",)
        return (*argument, *self.variables, *key, *self.fallbacks)


@attrs.frozen(eq=False, repr=False)
class SettingSources:
    """The sources of one client's settings: its config, the environment, and the profile."""

    config: "LambdaClientConfig"
    environment: Mapping[str, str]
    profile_name: str | None = None
    profile: Mapping[str, Entry] = attrs.field(factory=dict[str, Entry])

    def find(self, setting: Setting[T], default: T) -> Found[T]:
        """The value of the first source that has one, or the problem with its text."""
        given = self.config.given(setting.name) if setting.is_argument else None
        if given is not None:
            # The class of the config has checked its type.
            return Found(given, f"argument {setting.name}")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        found = self._variable(setting.variables) or self._key(setting.key) or self._variable(setting.fallbacks)
        if found is None:
            return Found(default)
        text, source = found
        return attempt(lambda: _read(setting, text, source), default, source)

    def source_of_key(self, key: str, path: str) -> str:
        """A key of the profile, named as a source."""
        return f"{key} of profile {self.profile_name or 'default'!r} in {path}"

    def _variable(self, names: tuple[str, ...]) -> tuple[str, str] | None:
        return next(((self.environment[name], name) for name in names if self.environment.get(name)), None)

    def _key(self, key: str | None) -> tuple[str | Mapping[str, str], str] | None:
        entry = None if key is None else self.profile.get(key)
        if key is None or entry is None or entry.value == "":
            return None
        return entry.value, self.source_of_key(key, entry.path)


def _read(setting: Setting[T], text: str | Mapping[str, str], source: str) -> T:
    named = f"{setting.name} (from {source})"
    if not isinstance(text, str):
        raise ConfigurationError(f"{named} must be one value, but the file has settings indented under it")
    return setting.read(text, named)


def as_text(text: str, named: str) -> str:
    """The text as it is."""
    return text


def as_header_text(text: str, named: str) -> str:
    """A text that may stand in a header."""
    check_header_text(named, text)
    return text


def as_flag(text: str, named: str) -> bool:
    """`true` or `false`, in any case."""
    return one_of("true", "false")(text, named) == "true"


def as_number(text: str, named: str) -> int:
    """A whole number, 1 or more."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise ConfigurationError(f"{named} must be a whole number, 1 or more, not {text!r}")
    return int(text)


def one_of(*choices: str) -> Callable[[str, str], str]:
    """One of these words, in any case."""

    def read(text: str, named: str) -> str:
        if text.lower() not in choices:
            raise ConfigurationError(f"{named} must be {', '.join(choices[:-1])} or {choices[-1]}, not {text!r}")
        return text.lower()

    return read
