"""How one setting is found: the argument, then the environment, then the profile, then the default.

Owns this order, and the reading of texts as values. Must not know what a setting is for; reads no file.
"""

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Generic, TypeVar

import attrs

from ..errors import ConfigurationError
from ..errors.checks import check_header_text
from .arguments import Arguments
from .shared_config import PROFILE_VARIABLES, Entry

__all__ = [
    "APP_ID",
    "CA_BUNDLE",
    "CLOCK",
    "CREDENTIALS_NAMES",
    "DUALSTACK",
    "ENDPOINT_URL",
    "ENDPOINT_VARIABLES",
    "EXECUTION_ENVIRONMENT",
    "FIPS",
    "IGNORE_ENDPOINT_URLS",
    "KEEPALIVE",
    "MAX_ATTEMPTS",
    "PROFILE",
    "PROXY_NAMES",
    "REGION",
    "RETRY_MODE",
    "Found",
    "Lookup",
    "Setting",
    "as_flag",
    "as_header_text",
    "as_number",
    "as_text",
    "one_of",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

DEFAULT = "default"


@attrs.frozen(eq=False, repr=False)
class Found(Generic[T_co]):
    """A value, or the problem that there is none; and where it came from."""

    value: T_co
    source: str = DEFAULT
    problem: ConfigurationError | None = None

    @property
    def is_default(self) -> bool:
        return self.source == DEFAULT


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Setting(Generic[T_co]):
    """A setting's names. `read` makes its value of a text and the text's source.

    `fallbacks` are variables that are asked behind the profile.
    """

    name: str
    read: Callable[[str, str], T_co]
    argument: str | None = None
    variables: tuple[str, ...] = ()
    key: str | None = None
    fallbacks: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What could set it, as it is told to people."""
        argument = () if self.argument is None else (f"{self.argument}=",)
        key = () if self.key is None else (f"{self.key} (profile)",)
        return (*argument, *self.variables, *key, *self.fallbacks)


@attrs.frozen(eq=False, repr=False)
class Lookup:
    """The sources of one client: what its caller gave, the environment, and the profile."""

    arguments: Arguments
    environment: Mapping[str, str]
    profile_name: str | None = None
    profile: Mapping[str, Entry] = attrs.field(factory=dict[str, Entry])

    def find(self, setting: Setting[T], default: T) -> Found[T]:
        """The value by the first source that has one, or the problem with what that one says."""
        given = None if setting.argument is None else self.arguments.given(setting.argument)
        if given is not None:
            # Arguments have the setting's type: the class that holds them sees to that.
            return Found(given, f"argument {setting.argument}")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        for find in (self._variable(setting.variables), self._of_profile(setting.key), self._variable(setting.fallbacks)):
            if find is not None:
                return self._read(setting, *find, default)
        return Found(default)

    def source_of_key(self, key: str, path: str) -> str:
        """How a key of the profile is named as a source."""
        return f"{key} of profile {self.profile_name or 'default'!r} in {path}"

    def _variable(self, names: tuple[str, ...]) -> tuple[str, str] | None:
        return next(((self.environment[name], name) for name in names if self.environment.get(name)), None)

    def _of_profile(self, key: str | None) -> tuple[str | Mapping[str, str], str] | None:
        entry = None if key is None else self.profile.get(key)
        if key is None or entry is None or entry.value == "":
            return None
        return entry.value, self.source_of_key(key, entry.path)

    def _read(self, setting: Setting[T], text: str | Mapping[str, str], source: str, default: T) -> Found[T]:
        if not isinstance(text, str):
            nested = f"{setting.name} (from {source}) is one value, and has settings indented under it"
            return Found(default, source, ConfigurationError(nested))
        try:
            return Found(setting.read(text, source), source)
        except ConfigurationError as problem:
            return Found(default, source, problem)


def as_text(text: str, source: str) -> str:
    """The text as it is."""
    return text


def as_header_text(name: str) -> Callable[[str, str], str]:
    """Reads a text that goes into a header."""

    def read(text: str, source: str) -> str:
        check_header_text(f"{name} (from {source})", text)
        return text

    return read


def one_of(name: str, *choices: str) -> Callable[[str, str], str]:
    """Reads one of these words, in any case."""

    def read(text: str, source: str) -> str:
        if text.lower() not in choices:
            raise ConfigurationError(f"{name} (from {source}) is {', '.join(choices[:-1])} or {choices[-1]}, not {text!r}")
        return text.lower()

    return read


def as_flag(name: str) -> Callable[[str, str], bool]:
    """Reads `true` or `false`, in any case."""
    word = one_of(name, "true", "false")
    return lambda text, source: word(text, source) == "true"


def as_number(name: str) -> Callable[[str, str], int]:
    """Reads a number, 1 or more."""

    def read(text: str, source: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
            raise ConfigurationError(f"{name} (from {source}) is a whole number, 1 or more, not {text!r}")
        return int(text)

    return read


PROFILE: Setting[str | None] = Setting(name="profile", read=as_text, argument="profile", variables=PROFILE_VARIABLES)
REGION: Setting[str | None] = Setting(
    name="region", read=as_text, argument="region", variables=("AWS_REGION", "AWS_DEFAULT_REGION"), key="region"
)

ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL")
ENDPOINT_URL: Setting[str | None] = Setting(
    name="endpoint_url", read=as_text, argument="endpoint_url", variables=ENDPOINT_VARIABLES, key="endpoint_url"
)
IGNORE_ENDPOINT_URLS: Setting[bool] = Setting(
    name="ignore_configured_endpoint_urls",
    read=as_flag("ignore_configured_endpoint_urls"),
    argument="ignore_configured_endpoint_urls",
    variables=("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",),
    key="ignore_configured_endpoint_urls",
)
FIPS: Setting[bool] = Setting(
    name="use_fips_endpoint",
    read=as_flag("use_fips_endpoint"),
    argument="use_fips_endpoint",
    variables=("AWS_USE_FIPS_ENDPOINT",),
    key="use_fips_endpoint",
)
DUALSTACK: Setting[bool] = Setting(
    name="use_dualstack_endpoint",
    read=as_flag("use_dualstack_endpoint"),
    argument="use_dualstack_endpoint",
    variables=("AWS_USE_DUALSTACK_ENDPOINT",),
    key="use_dualstack_endpoint",
)
MAX_ATTEMPTS: Setting[int | None] = Setting(
    name="max_attempts", read=as_number("max_attempts"), variables=("AWS_MAX_ATTEMPTS",), key="max_attempts"
)
RETRY_MODE: Setting[str | None] = Setting(
    name="retry_mode",
    read=one_of("retry_mode", "legacy", "standard", "adaptive"),
    variables=("AWS_RETRY_MODE",),
    key="retry_mode",
)
CA_BUNDLE: Setting[str | PathLike[str] | None] = Setting(
    name="ca_bundle",
    read=as_text,
    argument="ca_bundle",
    variables=("AWS_CA_BUNDLE",),
    key="ca_bundle",
    fallbacks=("REQUESTS_CA_BUNDLE",),
)
KEEPALIVE: Setting[bool] = Setting(
    name="tcp_keepalive", read=as_flag("tcp_keepalive"), variables=("BOTOCORE_TCP_KEEPALIVE",), key="tcp_keepalive"
)
APP_ID: Setting[str | None] = Setting(
    name="user_agent_app_id",
    read=as_header_text("user_agent_app_id"),
    argument="user_agent_app_id",
    variables=("AWS_SDK_UA_APP_ID",),
    key="sdk_ua_app_id",
)
EXECUTION_ENVIRONMENT: Setting[str | None] = Setting(
    name="execution_environment", read=as_text, variables=("AWS_EXECUTION_ENV",)
)
CLOCK: Setting[bool] = Setting(
    name="disable_clock_skew_correction",
    read=as_flag("disable_clock_skew_correction"),
    argument="disable_clock_skew_correction",
    variables=("AWS_DISABLE_CLOCK_SKEW_CORRECTION",),
    key="disable_clock_skew_correction",
)

CREDENTIALS_NAMES = ("credentials=", "profile=", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "the AWS credential chain")
PROXY_NAMES = ("proxy=", "https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy and NO_PROXY leave hosts out")
