"""The credentials of a container: ECS, EKS Pod Identity, and whatever else serves them over HTTP, such as Lambda's SnapStart.

Owns the variables, where a request may go, and the shape of an answer. Must not know how a request is sent.
Source: "Container credential provider" in the reference guide of the AWS SDKs.
"""

import asyncio
import datetime as dt
import ipaddress
import json
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from ...errors import ConfigurationError, TransportError
from ...types.http import Response
from ...types.interfaces import Fetch
from ...types.values import Credentials
from ..ca_bundle import context_of
from ..settings import CA_BUNDLE
from .background import BLOCKING

__all__ = ["ContainerSource", "has_container_credentials"]

_RELATIVE, _FULL = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN, _TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
_ECS = "http://169.254.170.2"
_HOSTS_WITHOUT_TLS = frozenset({"localhost", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"})

_PAUSES = (0.1, 0.5, 0.0)
"""Seconds after each failed attempt; there are three."""


def has_container_credentials(environment: Mapping[str, str]) -> bool:
    return bool(environment.get(_RELATIVE) or environment.get(_FULL))


class ContainerSource:
    """Asks the container's endpoint. The environment, the token's file and the CA bundle are read anew at each fetch.

    `ca_bundle` is that of a client, which goes before the environment's.
    """

    name = "container"
    needs_home = False

    def __init__(
        self,
        environment: Mapping[str, str],
        fetch: Fetch,
        *,
        ca_bundle: str | PathLike[str] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._environment = environment
        self._fetch = fetch
        self._ca_bundle = ca_bundle
        self._sleep = sleep

    async def fetch(self, *, rejected: bool, home: asyncio.AbstractEventLoop | None) -> Credentials:
        """The keys; `ConfigurationError` says what is wrong with variables, endpoint or answer."""
        url, problem = _url(self._environment), ""
        tls = await BLOCKING.run(lambda: self._tls(url))
        for pause in _PAUSES:
            try:
                answer = await self._fetch(url, await BLOCKING.run(lambda: _headers(self._environment)), tls=tls)
            except TransportError as error:
                problem = str(error)
            else:
                if answer.status == 200:
                    return _credentials(answer.body)
                problem = f"it answered {answer.status}{_explanation(answer)}"
                if answer.status != 429 and answer.status < 500:
                    break
            await self._sleep(pause)
        raise ConfigurationError(f"the container's credentials could not be fetched from {_shown(url)}: {problem}")

    def _tls(self, url: str) -> ssl.SSLContext | bool:
        """What the endpoint is verified with: the authorities of a bundle, or those of the system."""
        if urlsplit(url).scheme != "https":
            return True
        if self._ca_bundle is not None:
            return context_of(os.fspath(self._ca_bundle), "argument ca_bundle")
        names = (*CA_BUNDLE.variables, *CA_BUNDLE.fallbacks)
        variable = next((name for name in names if self._environment.get(name)), None)
        return True if variable is None else context_of(self._environment[variable], variable)


def _url(environment: Mapping[str, str]) -> str:
    relative = environment.get(_RELATIVE)
    if relative:
        if not relative.startswith("/") or not _is_printable(relative):
            raise ConfigurationError(f"{_RELATIVE} is not a path that begins with '/'")
        return _ECS + relative
    url = environment.get(_FULL, "")
    scheme, host = _scheme_and_host(url)
    if scheme not in ("http", "https") or not host:
        raise ConfigurationError(f"{_FULL} is not an http or https URL with a host")
    if scheme == "http" and not _may_go_without_tls(host):
        raise ConfigurationError(
            f"{_FULL} names {host} over http: keys are fetched without TLS only from this machine, 169.254.170.2 (ECS), and "
            "169.254.170.23 or fd00:ec2::23 (EKS)"
        )
    return url


def _scheme_and_host(url: str) -> tuple[str, str]:
    """Both empty for what is no URL, or holds a user."""
    try:
        parts = urlsplit(url)
        sound = parts.port != 0 and "@" not in parts.netloc and _is_printable(url)
    except ValueError:
        return "", ""
    return (parts.scheme, parts.hostname or "") if sound else ("", "")


def _is_printable(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url and "#" not in url


def _may_go_without_tls(host: str) -> bool:
    if host in _HOSTS_WITHOUT_TLS:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or str(address) in _HOSTS_WITHOUT_TLS


def _headers(environment: Mapping[str, str]) -> dict[str, str]:
    """Those of a request, with the container's token if there is one. Reads its file."""
    path, token, origin = environment.get(_TOKEN_FILE), environment.get(_TOKEN), _TOKEN
    if path:
        origin = f"the file {path!r} of {_TOKEN_FILE}"
        try:
            token = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigurationError(f"{origin} cannot be read: {reason}") from None
    if not token:
        return {"accept": "application/json"}
    if not (token.isascii() and token.isprintable()):
        raise ConfigurationError(f"{origin} holds a line end, or another character that no header may have")
    return {"accept": "application/json", "authorization": token}


def _credentials(body: bytes) -> Credentials:
    answer = _object(body)
    key, secret = answer.get("AccessKeyId"), answer.get("SecretAccessKey")
    if not isinstance(key, str) or not isinstance(secret, str) or not key or not secret:
        raise ConfigurationError("the container's endpoint answered without AccessKeyId or SecretAccessKey")
    token = answer.get("Token")
    return Credentials(key, secret, str(token) if token else None, expires_at=_moment(answer.get("Expiration")))


def _moment(text: object) -> dt.datetime | None:
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError:
        raise ConfigurationError("the container's endpoint answered with an Expiration that is no time") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ConfigurationError("the container's endpoint answered with something that is no JSON object")
    return cast("dict[str, Any]", answer)


def _explanation(answer: Response) -> str:
    """What an error says of itself."""
    try:
        said = _object(answer.body)
    except ConfigurationError:
        return ""
    words = [str(said[name])[:200] for name in ("code", "Code", "message", "Message") if said.get(name)]
    return f" ({': '.join(words)})" if words else ""


def _shown(url: str) -> str:
    """Scheme and host: a path may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
