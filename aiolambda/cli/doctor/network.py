"""Checks of one connection to the endpoint: whether it can be made, TLS, the clock, and TCP keep-alive.

Must not need credentials.
"""

import asyncio
import datetime as dt
import ipaddress
import re
import socket
import ssl
from urllib.parse import urlsplit

from ...errors import InvocationTimeoutError, TransportError
from ...protocol.urls import url_shown
from ...transport.probe import Peer, probe
from .. import exit_codes
from .check import WRONG_SERVER_ADVICE, Check, ok, problem, skipped, warning
from .settings import ExplainedSettings

__all__ = ["check_connection", "checks_of"]

_IDLE_FLOW_TIMEOUT = 350
"""Seconds of silence after which AWS NAT gateways and load balancers drop a connection."""
_SMALL_SKEW = 30.0
_MAX_SKEW = 300.0
"""Seconds. Lambda refuses signatures whose time differs by more."""
_EXPIRES_SOON = dt.timedelta(days=14)

_UNKNOWN_AUTHORITY = (
    "name a bundle with the server's certificate authority: AWS_CA_BUNDLE, or ca_bundle in the profile; a proxy that inspects "
    "TLS has its own authority"
)
_PROXY_STATUS = re.compile(r"the proxy answered (401|403|407)\b")
_PASSWORD = "put the proxy's user and password into its URL, percent-encoded"  # noqa: S105 - advice, not a password
_PROXY_ADVICE = {"401": _PASSWORD, "403": "ask the operator of the proxy to allow the endpoint", "407": _PASSWORD}
_ACCEPTED = "accepted it, but there was no"
"""In the error of a connection that stalled behind TCP: the network let it through."""
_CERTIFICATE_ADVICE = {
    9: "set this machine's clock: by it, the certificate is not valid yet",
    10: "renew the certificate, which has expired, or set this machine's clock if it is ahead",
    18: _UNKNOWN_AUTHORITY,
    19: _UNKNOWN_AUTHORITY,
    20: _UNKNOWN_AUTHORITY,
    21: _UNKNOWN_AUTHORITY,
    62: "check the endpoint URL: the certificate is for another host",
    64: "check the endpoint URL: the certificate is for another address",
}
"""By the error codes of OpenSSL's X509_verify_cert."""


async def check_connection(found: ExplainedSettings, limit: float) -> list[Check]:
    """Check connection, TLS, clock and keep-alive. Each has a result, whatever the results of the others."""
    findings = found.findings
    endpoint = findings.endpoint.value
    problems = (findings.ca_bundle.problem, findings.ssl_context.problem, findings.proxy.problem)
    if endpoint is None or any(problems):
        names = ("connection", "tls", "clock", "keep-alive")
        return [skipped(name, "not checked: the settings are invalid") for name in names]
    started = dt.datetime.now(dt.UTC)
    try:
        async with asyncio.timeout(2 * limit):  # `limit` holds for each step; a slow server must not add up many
            peer = await probe(
                endpoint.url,
                tls=findings.tls,
                proxy=findings.proxy.value,
                keep_alive=findings.tcp_keepalive.value,
                limit=limit,
            )
    except TransportError as error:
        return _failed(error, found)
    except TimeoutError:
        return _failed(TransportError(f"no response within {2 * limit:g} s"), found)
    return checks_of(peer, endpoint.url, found, now=started + (dt.datetime.now(dt.UTC) - started) / 2)


def checks_of(peer: Peer, url: str, found: ExplainedSettings, *, now: dt.datetime) -> list[Check]:
    """The checks of a connection that was made. `now` is the time of this machine at which the server answered."""
    text = f"{peer.address} responds{_through_proxy(found)}"
    connected = ok("connection", text, address=peer.address, status=peer.status)
    return [connected, _check_tls(peer, url, found, now), _check_clock(peer, now, found), _check_keep_alive(peer, found)]


def _through_proxy(found: ExplainedSettings) -> str:
    proxy = found.findings.proxy.value
    return "" if proxy is None else f" through the proxy {url_shown(proxy)} (from {found.findings.proxy.source})"


def _failed(error: TransportError, found: ExplainedSettings) -> list[Check]:
    unchecked = [skipped(name, "not checked: there is no connection") for name in ("tls", "clock", "keep-alive")]
    cause = error.__cause__
    if isinstance(cause, ssl.SSLError):
        code = getattr(cause, "verify_code", 0)
        advice = _CERTIFICATE_ADVICE.get(code, "check that the endpoint supports TLS on this port")
        connected = ok("connection", f"a server accepts connections{_through_proxy(found)}")
        return [connected, problem("tls", str(error), advice, code=exit_codes.NOT_RUN, verify_code=code), *unchecked[1:]]
    proxy = found.findings.proxy
    text = str(error) if proxy.value is None else f"{error} (the proxy is {url_shown(proxy.value)}, from {proxy.source})"
    return [problem("connection", text, _advice(error), code=exit_codes.NOT_RUN), *unchecked]


def _advice(error: TransportError) -> str:
    cause = error.__cause__
    refused = _PROXY_STATUS.search(str(error))
    if refused is not None:
        return _PROXY_ADVICE[refused[1]]
    if "cannot connect to the proxy" in str(error):
        return (
            "check the proxy's URL, and that the proxy runs; NO_PROXY exempts hosts, and an empty variable disables the proxy"
        )
    if isinstance(cause, socket.gaierror):
        return "check the spelling of the region, and that this network can resolve the name of the endpoint"
    if isinstance(cause, ConnectionRefusedError):
        return "no server listens there: check the endpoint URL, and that the server runs"
    if isinstance(error, InvocationTimeoutError) and _ACCEPTED not in str(error):
        return "check firewalls, security groups, the NAT gateway or VPC endpoint, and whether a proxy is needed"
    return WRONG_SERVER_ADVICE


def _check_tls(peer: Peer, url: str, found: ExplainedSettings, now: dt.datetime) -> Check:
    certificate = peer.certificate
    if peer.tls_version is None:
        if _is_loopback(urlsplit(url).hostname or ""):
            return ok("tls", "none: the endpoint is plain http on this machine")
        return warning("tls", "none: payloads are not encrypted", "use an https endpoint")
    facts = {"version": peer.tls_version}
    if certificate is None:
        return ok("tls", peer.tls_version, **facts)
    bundle = found.findings.ca_bundle.value
    verified = f"verified by {'the system' if bundle is None else bundle}; issued by {certificate.issuer}"
    text = f"{peer.tls_version}, {verified}, until {certificate.expires_at:%Y-%m-%d}"
    facts |= {"issuer": certificate.issuer, "subject": certificate.subject, "expires_at": certificate.expires_at.isoformat()}
    if certificate.expires_at - now < _EXPIRES_SOON:
        return warning("tls", text, "ask the operator of the server to renew the certificate, which expires soon", **facts)
    return ok("tls", text, **facts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_clock(peer: Peer, now: dt.datetime, found: ExplainedSettings) -> Check:
    if peer.date is None:
        return skipped("clock", "not checked: the response has no date")
    ahead = (peer.date - now).total_seconds() + 0.5  # the header has whole seconds, rounded down
    side = "behind" if ahead > 0 else "ahead of"
    facts = {"offset": round(ahead, 1)}
    if abs(ahead) < _SMALL_SKEW:
        return ok("clock", "this machine's clock agrees with the server's", **facts)
    text, advice = f"this machine's clock is {abs(ahead):,.0f} s {side} the server's", "set this machine's clock (NTP)"
    if abs(ahead) < _MAX_SKEW:
        return warning("clock", text, advice, **facts)
    if found.findings.disable_clock_skew_correction.value:
        text = f"{text}: signatures are refused, and disable_clock_skew_correction prevents the client from correcting it"
        return problem("clock", text, advice, code=exit_codes.NOT_RUN, **facts)
    text = f"{text}: the first call of each client is refused, and sent again with the corrected time"
    return warning("clock", text, advice, **facts)


def _check_keep_alive(peer: Peer, found: ExplainedSettings) -> Check:
    options = peer.keep_alive
    facts = {"options": dict(options)}
    idle = options.get("TCP_KEEPIDLE", options.get("TCP_KEEPALIVE"))
    if not options.get("SO_KEEPALIVE"):
        text = "off: if a call is silent for longer than the timeout of a NAT gateway, its response is lost"
        return warning("keep-alive", f"{text} (from {found.findings.tcp_keepalive.source})", "enable tcp_keepalive", **facts)
    interval, count = options.get("TCP_KEEPINTVL"), options.get("TCP_KEEPCNT")
    text = f"on: first probe after {idle} s of silence, then every {interval} s, {count} times"
    if idle is not None and idle >= _IDLE_FLOW_TIMEOUT:
        advice = f"set the first probe to less than {_IDLE_FLOW_TIMEOUT} s: NAT gateways drop idle connections then"
        return warning("keep-alive", text, advice, **facts)
    return ok("keep-alive", text, **facts)
