"""The attributes that follow from a call's input and the client's settings, kept for calls that are alike.

Owns these attributes. Must not know a span or an instrument.
"""

from urllib.parse import urlsplit
from weakref import ref

from ..client.client import LambdaClient
from ..protocol import names
from ..types.events import CallFacts
from . import conventions as c

__all__ = ["Target", "Targets"]

_MOST = 1000
"""Targets that are kept. After so many, all are forgotten."""

Value = str | int | float | bool


class Target:
    """What calls of one operation, function, qualifier and type have in common.

    - `span_name`, `attributes`: of a span of such a call.
    - `measured`: the attributes of its metrics.
    - `server`: those of them that name the server. Empty as long as it is not known.
    - `is_http`: whether the calls are requests to a URL, whose span is one of HTTP.
    """

    __slots__ = ("attributes", "is_http", "measured", "server", "span_name")

    def __init__(
        self,
        span_name: str,
        attributes: dict[str, Value],
        measured: dict[str, Value],
        server: dict[str, Value],
        *,
        is_http: bool = False,
    ) -> None:
        self.is_http = is_http
        self.span_name, self.attributes, self.measured, self.server = span_name, attributes, measured, server

    def learn_server(self, url: str) -> None:
        """Take the server from the URL of a request."""
        self.server = server_of(url)
        self.attributes, self.measured = self.attributes | self.server, self.measured | self.server


class Targets:
    """The targets of one client's calls."""

    def __init__(self, client: LambdaClient, *, function_names: bool) -> None:
        self._client = ref(client)  # the client has the middleware, which has this
        self._function_names = function_names
        self._targets: dict[object, Target] = {}

    def of(self, operation: str | None, facts: CallFacts, *, method: str | None = None) -> Target:
        """The target of a call. `operation` is its name in the API, if it is one of Lambda's; `method`, that of a fetch."""
        if method is not None:
            key: object = method, facts.function_name
            if (known := self._targets.get(key)) is None:
                known = self._kept(key, _of_http(method, facts.function_name))
            return known
        operation, qualifier = operation or facts.operation, facts.qualifier
        if not isinstance(qualifier, str):  # callers need not be typed; such a call is refused
            qualifier = None
        of_api = operation, facts.function_name, qualifier, facts.invocation_type
        target = self._targets.get(of_api)
        if target is None:
            target = self._kept(of_api, self._made(*of_api))
        return target

    def _kept(self, key: object, target: Target) -> Target:
        if len(self._targets) >= _MOST:
            self._targets.clear()
        self._targets[key] = target
        return target

    def _made(self, operation: str, function_name: str, qualifier: str | None, invocation_type: str) -> Target:
        client, bare, server = self._client(), names.plain_name_of(function_name), dict[str, Value]()
        region = names.region_of(function_name)
        if client is not None:
            config = client.config
            region = region or config.region
            if region == config.region or not config.use_arn_region:  # else its first request tells the endpoint
                server = server_of(config.endpoint_url or "")
        rpc: dict[str, Value] = {c.RPC_SYSTEM_NAME: c.AWS_API, c.RPC_METHOD: operation, **server}
        attributes: dict[str, Value] = {**rpc, c.RPC_SYSTEM: c.AWS_API, c.RPC_SERVICE: "Lambda"}
        if region is not None:
            attributes[c.CLOUD_REGION] = region
        if not invocation_type:  # a call that manages functions
            return Target(f"Lambda.{operation}", attributes, rpc, server)
        attributes |= {c.FAAS_INVOKED_NAME: bare, c.FAAS_INVOKED_PROVIDER: "aws", c.INVOCATION_TYPE: invocation_type}
        if region is not None:
            attributes[c.FAAS_INVOKED_REGION] = region
        given = qualifier or names.qualifier_of(function_name)
        if given is not None:
            attributes[c.QUALIFIER] = given
        measured = {**rpc, c.FAAS_INVOKED_NAME: bare} if self._function_names else rpc
        return Target(f"Lambda.{operation}", attributes, measured, server)


def _of_http(method: str, host: str) -> Target:
    """The target of requests to a host. The client does not know which function a URL belongs to."""
    attributes: dict[str, Value] = {c.HTTP_REQUEST_METHOD: method}
    name, _, port = host.rpartition(":")
    if port.isdecimal() and name:
        attributes |= {c.SERVER_ADDRESS: name, c.SERVER_PORT: int(port)}
    server = {} if host == "" else {c.SERVER_ADDRESS: attributes.get(c.SERVER_ADDRESS, host)}
    return Target(method, attributes | server, attributes | server, {}, is_http=True)


def server_of(url: str) -> dict[str, Value]:
    """The attributes that name the server of a URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return {}
    if host is None:
        return {}
    return {c.SERVER_ADDRESS: host, c.SERVER_PORT: port or (80 if parts.scheme == "http" else 443)}
