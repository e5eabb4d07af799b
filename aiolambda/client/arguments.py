"""The arguments of `LambdaClient` and of its calls. A wrong one is told with the name to write instead.

`by_keyword` leaves the constructor its written signature, which `help()`, `inspect.signature` and editors show, and puts the
checks in front of it: one config, or settings by keyword. `explain_calls` does so for the methods. Python's own error for an
unknown keyword comes too early to name the nearest one.

Owns the names that other SDKs have for our settings, arguments and attributes. Must not know the meaning of a setting, or check
its value.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar, cast

from ..config import LambdaClientConfig
from ..errors import ConfigurationError
from ..errors.tracebacks import forget_locals
from ..types.mistakes import Remedies, explains_call, remedy_of, snake
from ..types.values import shown

__all__ = ["CALL_REMEDIES", "CLIENT_ATTRIBUTES", "ArgumentError", "by_keyword", "explained_call"]

Init = TypeVar("Init", bound=Callable[..., None])
Method = TypeVar("Method", bound=Callable[..., Any])

_RETRY = "retry=StandardRetry(max_attempts=...)"
_KEYS = "credentials=Credentials(access_key_id, secret_access_key)"
_SECONDS = "in seconds (JavaScript counts milliseconds)"
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
    "connection_timeout": f"timeout=Timeouts(connect=...), {_SECONDS}",
    "custom_user_agent": "user_agent_extra=",
    "endpoint": "endpoint_url=",
    "http_agent": "max_concurrency= and proxy=",
    "https_agent": "max_concurrency=, ssl_context= and proxy=",
    "max_attempts": _RETRY,
    "max_sockets": "max_concurrency=",
    "request_handler": "max_concurrency=, timeout= and proxy= for its options, or transport= for one of your own",
    "request_timeout": f"timeout=..., {_SECONDS}",
    "retry_mode": "retry=StandardRetry(...) or retry=NoRetry()",
    "retry_strategy": "retry=",
    "socket_timeout": f"timeout=Timeouts(read=...), {_SECONDS}",
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

_NO_COUNTERPART: Remedies = {
    "api_version": "there is one version of this API, 2015-03-31",
    "defaults_mode": "there is none: set each value, such as timeout= and retry=",
    "extensions": "there is none: the client takes a plugin with client.middleware_stack.use(plugin)",
    "keep_alive": "connections are always reused; see idle_connection_timeout=",
    "keep_alive_msecs": "connections are always reused; see tcp_keepalive= for the probes of the kernel",
    "reject_unauthorized": "TLS is always verified; to trust a certificate of your own, write ca_bundle=",
    "sha256": "there is none: Python's hashlib is used",
    "signature_version": "there is none: Lambda has one, version 4",
    "system_clock_offset": "there is none: the client corrects its clock by itself, unless disable_clock_skew_correction=True",
}
"""Names of other libraries, in snake case, that no argument stands for."""
_REMEDIES: Remedies = {name: f"write {argument}" for name, argument in _ELSEWHERE.items()} | dict(_NO_COUNTERPART)

_ABORT = "cancel the task of the call, or write timeout=..., in seconds"
_PAYLOAD = "write payload=..."
_CONCURRENCY = "write concurrency=..."
CALL_REMEDIES: Remedies = {
    "abort_controller": _ABORT,
    "abort_signal": _ABORT,
    "body": _PAYLOAD,
    "concurrency_limit": _CONCURRENCY,
    "data": _PAYLOAD,
    "event": _PAYLOAD,
    "function": "write function_name=...",
    "function_arn": "write function_name=...",
    "headers": "add a middleware that sets call.request.headers",
    "http_options": "write timeout=..., in seconds",
    "invocation_type": "write client.invoke_event(...) for 'Event', client.dry_run(...) for 'DryRun'",
    "invoke_args": _PAYLOAD,
    "json": _PAYLOAD,
    "limit": _CONCURRENCY,
    "max_attempts": f"write LambdaClient({_RETRY})",
    "max_concurrency": "write concurrency=... in a map, LambdaClient(max_concurrency=...) for all calls",
    "max_workers": _CONCURRENCY,
    "request_timeout": f"write timeout=..., {_SECONDS}",
    "retry": f"write LambdaClient({_RETRY})",
    "signal": _ABORT,
    "timeout_ms": f"write timeout=..., {_SECONDS}",
}
"""What to write in place of an argument that a call does not have."""


_CLOSE = "write await client.close(), or async with"
_SEND = "write client.send({}Command(...)); the commands are in aiolambda.operations"
CLIENT_ATTRIBUTES: Remedies = {
    # the SDK for JavaScript
    "destroy": _CLOSE,
    "invokeAsync": "write client.invoke_event(...)",
    "invokeWithResponseStream": "write client.stream(...)",
    "middlewareStack": "write client.middleware_stack",
    # boto3
    "can_paginate": "write client.pages(command), which refuses a command without pages",
    "exceptions": "import the classes from aiolambda, such as ResourceNotFoundException; those of rarer codes are in "
    "aiolambda.errors.service",
    "create_alias": _SEND.format("CreateAlias"),
    "create_function": _SEND.format("CreateFunction"),
    "delete_function": _SEND.format("DeleteFunction"),
    "get_account_settings": "write client.account_limits()",
    "get_alias": _SEND.format("GetAlias"),
    "get_function": "write client.describe(...), or client.send(GetFunctionCommand(...)) for all of the answer",
    "get_function_concurrency": "write client.describe(...), whose reserved_concurrency it is",
    "get_function_configuration": "write client.describe(...), whose configuration it is",
    "get_paginator": "write client.pages(command), such as client.pages(ListFunctionsCommand())",
    "get_waiter": "write client.wait_until(name, 'active'), or 'updated', 'exists' or 'published'",
    "invoke_async": "write client.invoke_event(...)",
    "invoke_with_response_stream": "write client.stream(...)",
    "list_aliases": "write client.aliases(...)",
    "list_event_source_mappings": "write client.event_source_mappings(...)",
    "list_functions": "write client.functions()",
    "list_versions_by_function": "write client.versions(...)",
    "meta": "write client.config",
    "publish_version": _SEND.format("PublishVersion"),
    "update_alias": _SEND.format("UpdateAlias"),
    "update_function_code": _SEND.format("UpdateFunctionCode"),
    "update_function_configuration": _SEND.format("UpdateFunctionConfiguration"),
    # httpx, aiohttp and concurrent.futures
    "aclose": _CLOSE,
    "shutdown": _CLOSE,
    "submit": "write client.invoke(...), in asyncio.create_task(...) if it need not be awaited at once",
}
"""Attributes that the clients of other libraries have, and what to write in their place."""


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


def explained_call(method: Method) -> Method:
    """A method of the client that names the argument that was meant, if it gets one that it does not have."""
    checked: Any = explains_call(CALL_REMEDIES, further="timeout" if method.__name__ == "send" else "")(method)
    if inspect.iscoroutinefunction(method):  # as it still is for those who ask, such as `unittest.mock`
        if sys.version_info >= (3, 12):
            inspect.markcoroutinefunction(checked)
        else:  # the flag is what `inspect` asks for; the compiler alone acts on it
            checked.__code__ = checked.__code__.replace(co_flags=checked.__code__.co_flags | inspect.CO_COROUTINE)
    return cast("Method", checked)


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
    """The argument to write instead, or all arguments."""
    return (
        remedy_of(unknown, sorted(names), _REMEDIES, suffix="=", likeness=0.6) or f"the settings are {', '.join(sorted(names))}"
    )


def _as_written(names: frozenset[str], name: str) -> str:
    """A key of a dictionary as an argument; its value is not shown."""
    plain = snake(name)
    if plain in _ELSEWHERE and _ELSEWHERE[plain].endswith(("=", ")")):
        written = _ELSEWHERE[plain]
        return f"{written}..." if written.endswith("=") else written
    return f"{plain}=..." if plain in names else "..."
