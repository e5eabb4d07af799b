"""The findings as they are told to people: a row for each setting.

Owns which rows there are, and how a value is shown. Must not find anything.
"""

from ..errors import ConfigurationError
from ..protocol.urls import url_shown
from ..types.interfaces import CredentialsProvider
from ..types.values import Credentials, masked
from . import settings
from .lookup import Findings
from .setting_report import Explained
from .settings import Found, Setting

__all__ = ["tell"]


def tell(
    findings: Findings, credentials: CredentialsProvider | None, source: str, problem: ConfigurationError | None
) -> tuple[Explained, ...]:
    """All settings, in the order in which they depend on each other; of the keys, where they are from or why there are none."""
    context = _context(findings)
    bundle_problem = findings.ca_bundle.problem or (findings.tls.problem if context.is_default else None)
    return (
        _row(settings.PROFILE, findings.profile),
        *(
            Explained(name=name, value=file.path, source=file.state, names=(file.variable,))
            for name, file in zip(("config file", "credentials file"), findings.files, strict=False)
        ),
        _row(settings.REGION, findings.region),
        _endpoint_row(findings),
        _row(settings.IGNORE_ENDPOINT_URLS, findings.ignores_endpoint_urls),
        _row(settings.FIPS, findings.use_fips),
        _row(settings.DUALSTACK, findings.use_dualstack),
        _named("use_arn_region", findings.use_arn_region, ("use_arn_region=",)),
        _credentials_row(credentials, source, problem),
        _named("retry", findings.retry, ("retry=", *settings.MAX_ATTEMPTS.names, *settings.RETRY_MODE.names)),
        _row(settings.MAX_ATTEMPTS, findings.max_attempts),
        _row(settings.RETRY_MODE, findings.retry_mode),
        _row(settings.CA_BUNDLE, Found(findings.ca_bundle.value, findings.ca_bundle.source, bundle_problem)),
        _named("ssl_context", context, ("ssl_context=",)),
        _named("proxy", _shown(findings.proxy), settings.PROXY_NAMES),
        _named("tcp_keepalive", findings.keep_alive, ("tcp_keepalive=", *settings.KEEPALIVE.names)),
        _row(settings.APP_ID, findings.app_id),
        _row(settings.EXECUTION_ENVIRONMENT, findings.execution_environment),
        _row(settings.CLOCK, findings.disables_clock_correction),
    )


def _row(setting: Setting[object], found: Found[object]) -> Explained:
    return _named(setting.name, found, setting.names)


def _named(name: str, found: Found[object], names: tuple[str, ...]) -> Explained:
    problem = None if found.problem is None else str(found.problem)
    return Explained(name=name, value=_text(found.value), source=found.source, names=names, problem=problem)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(proxy: Found[str | None]) -> Found[str | None]:
    return proxy if proxy.value is None else Found(url_shown(proxy.value), proxy.source)


def _context(findings: Findings) -> Found[object]:
    """The context that was given."""
    tls = findings.tls
    return Found("given", tls.source, tls.problem) if tls.source == "argument ssl_context" else Found(None)


def _credentials_row(credentials: CredentialsProvider | None, source: str, problem: ConfigurationError | None) -> Explained:
    keys = getattr(credentials, "credentials", None)
    if credentials is None:
        value = "-"
    else:
        value = masked(keys.access_key_id) if isinstance(keys, Credentials) else type(credentials).__name__
    told = None if problem is None else str(problem)
    return Explained(name="credentials", value=value, source=source, names=settings.CREDENTIALS_NAMES, problem=told)


def _endpoint_row(findings: Findings) -> Explained:
    custom, endpoint = findings.endpoint_url, findings.endpoint
    url = custom.value if endpoint.value is None else endpoint.value.url
    problem = custom.problem or endpoint.problem
    names = settings.ENDPOINT_URL.names
    return Explained(
        name="endpoint_url",
        value="-" if url is None else url_shown(url),
        source=endpoint.source if custom.is_default else custom.source,
        names=(*names[:-1], "endpoint_url of lambda in the profile's services section", names[-1]),
        problem=None if problem is None else str(problem),
    )
