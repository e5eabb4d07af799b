"""The arguments of `LambdaClient`: one config, or settings by keyword. A wrong one is told with the name to write instead.

`by_keyword` leaves the constructor its written signature, which `help()`, `inspect.signature` and editors show, and puts the
checks in front of it. Python's own error for an unknown keyword comes too early to name the nearest one.

Owns the names that other SDKs have for our settings. Must not know the meaning of a setting, or check its value.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar, cast

from ..config import LambdaClientConfig
from ..errors import ConfigurationError
from ..errors.tracebacks import forget_locals
from ..types.values import shown

__all__ = ["ArgumentError", "by_keyword"]

Init = TypeVar("Init", bound=Callable[..., None])

_RETRY = "retry=StandardRetry(max_attempts=...)"
_KEYS = "credentials=Credentials(access_key_id, secret_access_key)"
_CONFIG = "LambdaClient(config) for a LambdaClientConfig, else each setting by keyword, such as max_concurrency= and timeout="

_ELSEWHERE: Mapping[str, str] = {
    # boto3 and botocore
    "aws_access_key_id": _KEYS,
    "aws_secret_access_key": _KEYS,
    "aws_session_token": "credentials=Credentials(access_key_id, secret_access_key, session_token)",
    "client_cert": "ssl_context=",
    "config": _CONFIG,
    "connect_timeout": "timeout=Timeouts(connect=...)",
    "max_pool_connections": "max_concurrency=",
    "profile_name": "profile=",
    "proxies": "proxy=",
    "read_timeout": "timeout=Timeouts(read=...)",
    "region_name": "region=",
    "retries": _RETRY,
    "use_ssl": "endpoint_url='http://...' for a server without TLS",
    "user_agent": "user_agent_extra=",
    "verify": "ca_bundle='FILE' for certificates of your own; TLS is always verified",
    # the SDK for JavaScript
    "connection_timeout": "timeout=Timeouts(connect=...)",
    "custom_user_agent": "user_agent_extra=",
    "endpoint": "endpoint_url=",
    "http_agent": "max_concurrency= and proxy=",
    "https_agent": "max_concurrency=, ssl_context= and proxy=",
    "max_attempts": _RETRY,
    "max_sockets": "max_concurrency=",
    "request_handler": "max_concurrency=, timeout= and proxy= for its options, or transport= for one of your own",
    "request_timeout": "timeout=",
    "retry_mode": "retry=StandardRetry(...) or retry=NoRetry()",
    "retry_strategy": "retry=",
    "socket_timeout": "timeout=Timeouts(read=...)",
    "tls": "endpoint_url='http://...' for a server without TLS",
    # aiohttp, httpx, and the names that people try
    "access_key_id": _KEYS,
    "app_id": "user_agent_app_id=",
    "base_url": "endpoint_url=",
    "concurrency": "max_concurrency=",
    "http_proxy": "proxy=",
    "https_proxy": "proxy=",
    "keepalive_timeout": "idle_connection_timeout=",
    "max_connections": "max_concurrency=",
    "max_retries": _RETRY,
    "secret_access_key": _KEYS,
    "session": "transport=SessionTransport(session)",
    "session_token": "credentials=Credentials(access_key_id, secret_access_key, session_token)",
    "ssl": "ssl_context=",
    "timeouts": "timeout=Timeouts(...)",
    "url": "endpoint_url=",
}
"""Names of other libraries, in snake case, and the arguments to write in their place."""


class ArgumentError(ConfigurationError, TypeError):
    """`LambdaClient` has no such argument, or not this way. A `TypeError`, as Python itself raises for wrong arguments."""


def by_keyword(init: Init) -> Init:
    """Call a constructor with one `LambdaClientConfig`: the one that was given, or one made of the keyword arguments.

    The names of the settings are those of the keyword-only parameters.
    """
    names = frozenset(init.__kwdefaults__ or ())

    @functools.wraps(init)
    def checked(self: object, /, *positional: object, **settings: Any) -> None:
        try:
            config = _config_of(type(self).__name__, names, positional, settings)
        except Exception as error:
            forget_locals(error)
            raise
        finally:
            del positional, settings  # a traceback that is printed with locals would show the password of a proxy
        init(self, config)

    return cast("Init", checked)


def _config_of(
    client: str, names: frozenset[str], positional: tuple[object, ...], settings: Mapping[str, Any]
) -> LambdaClientConfig:
    if not settings.keys() <= names:
        _refuse_unknown(client, names, [name for name in settings if name not in names])
    config = next(iter(positional), None)
    if len(positional) > 1:
        raise ArgumentError(
            f"{client} takes settings by keyword: {client}(region=...); got {len(positional)} positional arguments"
        )
    if isinstance(config, LambdaClientConfig):
        if settings:
            raise ArgumentError(
                f"{client} takes a config or settings, not both; got a config and {', '.join(settings)}: "
                f"{client}(attrs.evolve(config, {next(iter(settings))}=...))"
            )
        return config
    if config is not None:
        raise _no_config(client, names, config)
    return LambdaClientConfig(**settings)


def _no_config(client: str, names: frozenset[str], given: object) -> ArgumentError:
    if not isinstance(given, Mapping):
        return ArgumentError(
            f"{client} takes settings by keyword, or one LambdaClientConfig; got {shown(given)}: {client}(region=...)"
        )
    keys = [str(name) for name in cast("Mapping[object, object]", given)]
    written = ", ".join(dict.fromkeys(_as_written(names, name) for name in keys)) or "region=..."
    return ArgumentError(f"{client} takes keyword arguments, not a dictionary: {client}({written})")


def _refuse_unknown(client: str, names: frozenset[str], unknown: list[str]) -> NoReturn:
    by_remedy: dict[str, list[str]] = {}
    for name in unknown:
        by_remedy.setdefault(_remedy(names, name), []).append(repr(name))
    problems = [f"unknown keyword{'s' * (len(given) > 1)} {' and '.join(given)}; {say}" for say, given in by_remedy.items()]
    raise ArgumentError(f"{client}: {', and '.join(problems)}")


def _remedy(names: frozenset[str], unknown: str) -> str:
    """The argument to write instead: a name of another library, then the nearest name of ours."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    plain = _snake(unknown)
    if plain in _ELSEWHERE:
        return f"write {_ELSEWHERE[plain]}"
    if plain in names:
        return f"did you mean {plain}=?"
    # Ours first: get_close_matches keeps the order of equally near names.
    for nearest in get_close_matches(plain, [*sorted(names), *_ELSEWHERE], n=1):
        return f"did you mean {nearest}=?" if nearest in names else f"write {_ELSEWHERE[nearest]}"
    return f"the settings are {', '.join(sorted(names))}"


def _as_written(names: frozenset[str], name: str) -> str:
    """A key of a dictionary as an argument; its value is not shown."""
    plain = _snake(name)
    if plain in _ELSEWHERE and _ELSEWHERE[plain].endswith(("=", ")")):
        written = _ELSEWHERE[plain]
        return f"{written}..." if written.endswith("=") else written
    return f"{plain}=..." if plain in names else "..."


def _snake(name: str) -> str:
    """`maxAttempts` as `max_attempts`, and `FunctionName` as `function_name`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_").replace("-", "_")
