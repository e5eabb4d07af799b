"""What a connection to the endpoint shows: that there is one, its TLS, the server's clock, the socket's keep-alive options.

Owns these checks. Must not need credentials.
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
from .check import Check, ok, problem, skipped, warning
from .settings import Setup

__all__ = ["check_connection"]

_FLOWS_FORGOTTEN_AFTER = 350
"""Seconds of silence after which a NAT gateway or a load balancer of AWS forgets a connection."""
_CLOCK_IS_GOOD = 30.0
_CLOCK_IS_REFUSED = 300.0
"""Seconds by which a signature's time may be off before it is refused."""
_ENDS_SOON = dt.timedelta(days=14)

_UNKNOWN_AUTHORITY = (
    "name a bundle that holds the server's authority: AWS_CA_BUNDLE, or ca_bundle of the profile; a proxy that reads TLS has "
    "an authority of its own"
)
_PROXY_REFUSES = re.compile(r"the proxy answered (401|403|407)\b")
_PASSWORD = "the proxy's user and password stand in its URL, percent-encoded"  # noqa: S105 - where one stands, not what it is
_PROXY_ADVICE = {"401": _PASSWORD, "403": "the proxy does not let anybody to the endpoint: ask who runs it", "407": _PASSWORD}
_CERTIFICATE_ADVICE = {
    9: "the certificate is not valid yet by this machine's clock: set the clock",
    10: "the certificate has expired, or this machine's clock is ahead",
    18: _UNKNOWN_AUTHORITY,
    19: _UNKNOWN_AUTHORITY,
    20: _UNKNOWN_AUTHORITY,
    21: _UNKNOWN_AUTHORITY,
    62: "the certificate is for another host: is the endpoint's URL right?",
    64: "the certificate is for another address: is the endpoint's URL right?",
}
"""By the codes of X509_verify_cert (OpenSSL)."""


async def check_connection(setup: Setup, limit: float) -> list[Check]:
    """Connection, TLS, clock and keep-alive, each with an outcome whatever becomes of the others."""
    findings = setup.findings
    problems = (findings.ca_bundle.problem, findings.ssl_context.problem, findings.proxy.problem)
    unusable = findings.endpoint.value is None or any(problems)
    if findings.endpoint.value is None or unusable:
        return [skipped(name, "not tried: settings cannot be used") for name in ("connection", "tls", "clock", "keep-alive")]
    url = findings.endpoint.value.url
    began = dt.datetime.now(dt.UTC)
    try:
        async with asyncio.timeout(2 * limit):  # whatever a server does to be just in time
            peer = await probe(
                url, tls=findings.tls, proxy=findings.proxy.value, keep_alive=findings.tcp_keepalive.value, limit=limit
            )
    except TransportError as error:
        return _without_connection(error, setup)
    except TimeoutError:
        return _without_connection(TransportError(f"no answer came within {2 * limit:g} s"), setup)
    middle = began + (dt.datetime.now(dt.UTC) - began) / 2
    return [_reached(peer, setup), _tls(peer, url, setup), _clock(peer, middle, setup), _keep_alive(peer, setup)]


def _way(setup: Setup) -> str:
    proxy = setup.findings.proxy.value
    return "" if proxy is None else f" through the proxy {url_shown(proxy)} (from {setup.findings.proxy.source})"


def _which_proxy(setup: Setup) -> str:
    proxy = setup.findings.proxy
    return "" if proxy.value is None else f" (the proxy is {url_shown(proxy.value)}, from {proxy.source})"


def _without_connection(error: TransportError, setup: Setup) -> list[Check]:
    later = [skipped(name, "not seen: there is no connection") for name in ("clock", "keep-alive")]
    cause = error.__cause__
    if isinstance(cause, ssl.SSLError):
        code = getattr(cause, "verify_code", 0)
        advice = _CERTIFICATE_ADVICE.get(code, "does the endpoint speak TLS on this port?")
        reached = ok("connection", f"something listens{_way(setup)}")
        return [reached, problem("tls", str(error), advice, code=exit_codes.NOT_RUN, verify_code=code), *later]
    failed = problem("connection", f"{error}{_which_proxy(setup)}", _advice(error), code=exit_codes.NOT_RUN)
    return [failed, skipped("tls", "not seen: there is no connection"), *later]


def _advice(error: TransportError) -> str:
    cause = error.__cause__
    refused = _PROXY_REFUSES.search(str(error))
    if refused is not None:
        return _PROXY_ADVICE[refused[1]]
    if "cannot connect to the proxy" in str(error):
        return "is the proxy's URL right, and the proxy running? NO_PROXY leaves hosts out, and no proxy is an empty variable"
    if isinstance(cause, socket.gaierror):
        return "is the region spelled right, and does this network resolve the endpoint's name?"
    if isinstance(cause, ConnectionRefusedError):
        return "nothing listens there: is the endpoint's URL right, and the server running?"
    if isinstance(error, InvocationTimeoutError):
        return "does a firewall, a security group or a missing NAT gateway or VPC endpoint stand between? Is a proxy needed?"
    return "is this the endpoint of Lambda, and does a proxy or a firewall stand between?"


def _reached(peer: Peer, setup: Setup) -> Check:
    return ok("connection", f"{peer.address} answers{_way(setup)}", address=peer.address, status=peer.status)


def _tls(peer: Peer, url: str, setup: Setup) -> Check:
    if peer.tls_version is None:
        if _is_this_machine(urlsplit(url).hostname or ""):
            return ok("tls", "none: the endpoint is http, on this machine")
        return warning("tls", "none: payloads travel in the clear", "use an https endpoint")
    said, facts = peer.tls_version, {"version": peer.tls_version}
    shown = peer.certificate
    if shown is None:
        return ok("tls", said, **facts)
    bundle = setup.findings.ca_bundle.value
    said = f"{said}, verified by {'the system' if bundle is None else bundle}; issued by {shown.issuer}"
    said = f"{said}, until {shown.expires_at:%Y-%m-%d}"
    facts |= {"issuer": shown.issuer, "subject": shown.subject, "expires_at": shown.expires_at.isoformat()}
    if shown.expires_at - dt.datetime.now(dt.UTC) < _ENDS_SOON:
        return warning("tls", said, "the certificate ends soon: tell whoever runs the server", **facts)
    return ok("tls", said, **facts)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _clock(peer: Peer, now: dt.datetime, setup: Setup) -> Check:
    if peer.date is None:
        return skipped("clock", "the server tells no date")
    ahead = (peer.date - now).total_seconds() + 0.5  # the header has whole seconds, rounded down
    side = "behind" if ahead > 0 else "ahead of"
    facts = {"offset": round(ahead, 1)}
    if abs(ahead) < _CLOCK_IS_GOOD:
        return ok("clock", "this machine's agrees with the server's", **facts)
    said, advice = f"this machine's is {abs(ahead):,.0f} s {side} the server's", "set this machine's clock (NTP)"
    if abs(ahead) < _CLOCK_IS_REFUSED:
        return warning("clock", said, advice, **facts)
    if setup.findings.disable_clock_skew_correction.value:
        refused = f"{said}: signatures are refused, and disable_clock_skew_correction keeps the client from correcting that"
        return problem("clock", refused, advice, code=exit_codes.NOT_RUN, **facts)
    return warning(
        "clock", f"{said}: the first call of each client is refused, and sent again with the right time", advice, **facts
    )


def _keep_alive(peer: Peer, setup: Setup) -> Check:
    options, asked = peer.keep_alive, setup.findings.tcp_keepalive
    facts = {"options": dict(options)}
    idle = options.get("TCP_KEEPIDLE", options.get("TCP_KEEPALIVE"))
    if not options.get("SO_KEEPALIVE"):
        off = "off: a call that is silent for longer than a NAT gateway waits never hears of its answer"
        return warning("keep-alive", f"{off} (from {asked.source})", "leave tcp_keepalive on", **facts)
    said = f"on: probes after {idle} s of silence, every {options.get('TCP_KEEPINTVL')} s, {options.get('TCP_KEEPCNT')} times"
    if idle is not None and idle >= _FLOWS_FORGOTTEN_AFTER:
        return warning(
            "keep-alive", said, f"let them begin before {_FLOWS_FORGOTTEN_AFTER} s: NAT gateways forget by then", **facts
        )
    return ok("keep-alive", said, **facts)
