"""The credentials of a container: ECS, EKS Pod Identity, and other services that give them over HTTP, such as SnapStart.

Owns the variables, the places that may be asked, and the shape of an answer. Must not know how a request is sent.
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
from ..tls import CA_BUNDLE_VARIABLES, bundle_context
from .background import BLOCKING

__all__ = ["ContainerSource", "has_container_credentials"]

_RELATIVE, _FULL = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN, _TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
_ECS = "http://169.254.170.2"
_HOSTS_WITHOUT_TLS = frozenset({"localhost", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"})

_PAUSES = (0.1, 0.5, 0.0)
"""Seconds after each of the three attempts, if it failed."""


def has_container_credentials(environment: Mapping[str, str]) -> bool:
    return bool(environment.get(_RELATIVE) or environment.get(_FULL))


class ContainerSource:
    """Asks the container's endpoint. Each fetch reads the environment, the token's file and the CA bundle anew.

    `ca_bundle` is that of a client. It goes before the environment's.
    """

    name = "container"
    needs_caller_loop = False

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

    async def fetch(self, *, rejected: bool, caller_loop: asyncio.AbstractEventLoop | None) -> Credentials:
        """The keys. `ConfigurationError` if the variables, the endpoint or its answer are wrong."""
        url, problem = _url(self._environment), ""
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc}"  # without its path, which may be a secret
        tls = await BLOCKING.run(lambda: self._tls(url))
        for pause in _PAUSES:
            try:
                answer = await self._fetch(url, await BLOCKING.run(lambda: _headers(self._environment)), tls=tls)
            except TransportError as error:
                problem = str(error)
            else:
                if answer.status == 200:
                    return _credentials(answer.body, place)
                problem = f"it answered {answer.status}{_explanation(answer)}"
                if answer.status != 429 and answer.status < 500:
                    break
            await self._sleep(pause)
        raise ConfigurationError(f"the container's credentials could not be fetched from {place}: {problem}")

    def _tls(self, url: str) -> ssl.SSLContext | bool:
        """A context with the authorities of a bundle; `True` for those of the system."""
        if urlsplit(url).scheme != "https":
            return True
        if self._ca_bundle is not None:
            return bundle_context(os.fspath(self._ca_bundle), "argument ca_bundle")
        variable = next((name for name in CA_BUNDLE_VARIABLES if self._environment.get(name)), None)
        return True if variable is None else bundle_context(self._environment[variable], variable)


def _url(environment: Mapping[str, str]) -> str:
    relative = environment.get(_RELATIVE)
    if relative:
        if not relative.startswith("/") or not _is_printable(relative):
            raise ConfigurationError(f"{_RELATIVE} must be a path that begins with '/'")
        return _ECS + relative
    url = environment.get(_FULL, "")
    scheme, host = _scheme_and_host(url)
    if scheme not in ("http", "https") or not host:
        raise ConfigurationError(f"{_FULL} must be an http or https URL with a host")
    if scheme == "http" and not _is_allowed_without_tls(host):
        raise ConfigurationError(
            f"{_FULL} names {host} over http: use https, because keys are fetched without TLS only from this machine, "
            "169.254.170.2 (ECS), and 169.254.170.23 or fd00:ec2::23 (EKS)"
        )
    return url


def _scheme_and_host(url: str) -> tuple[str, str]:
    """Both empty if it is not a URL, or holds a user."""
    try:
        parts = urlsplit(url)
        sound = parts.port != 0 and "@" not in parts.netloc and _is_printable(url)
    except ValueError:
        return "", ""
    return (parts.scheme, parts.hostname or "") if sound else ("", "")


def _is_printable(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url and "#" not in url


def _is_allowed_without_tls(host: str) -> bool:
    if host in _HOSTS_WITHOUT_TLS:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or str(address) in _HOSTS_WITHOUT_TLS


def _headers(environment: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request, with the container's token if there is one. Reads the token's file."""
    path, token, origin = environment.get(_TOKEN_FILE), environment.get(_TOKEN), _TOKEN
    if path:
        origin = f"the file {path!r} of {_TOKEN_FILE}"
        try:
            token = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigurationError(f"{origin} cannot be read: {reason}") from None
    if not token:
        return {"accept": "application/json"}
    if not (token.isascii() and token.isprintable()):
        raise ConfigurationError(f"{origin} holds a line end, or another character that no header may have: remove it")
    return {"accept": "application/json", "authorization": token}


def _credentials(body: bytes, place: str) -> Credentials:
    answer = _json_object(body)
    if answer is None:
        raise ConfigurationError(f"the container's endpoint {place} returned a body that is not a JSON object")
    key, secret = answer.get("AccessKeyId"), answer.get("SecretAccessKey")
    if not isinstance(key, str) or not isinstance(secret, str) or not key or not secret:
        raise ConfigurationError(f"the container's endpoint {place} returned no AccessKeyId or no SecretAccessKey")
    token, expires_at = answer.get("Token"), None
    if answer.get("Expiration") is not None:
        try:
            expires_at = dt.datetime.fromisoformat(str(answer["Expiration"]))
        except ValueError:
            raise ConfigurationError(f"the container's endpoint {place} returned an invalid Expiration") from None
        if expires_at.tzinfo is None:
            expires_at = expires_at.replace(tzinfo=dt.UTC)
    return Credentials(key, secret, str(token) if token else None, expires_at=expires_at)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else None


def _explanation(answer: Response) -> str:
    """The code and the message of an error."""
    said = _json_object(answer.body) or {}
    words = [str(said[name])[:200] for name in ("code", "Code", "message", "Message") if said.get(name)]
    return f" ({': '.join(words)})" if words else ""
