"""The form of the doctor's report: order, signs, colours, 80 columns, and the sample of the manual."""

import datetime as dt
import io
import re
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

from aiolambda import AccessDeniedException, Credentials, Delivery, LambdaClientConfig, Metadata
from aiolambda.cli.doctor import (
    ExplainedSettings,
    check_concurrency,
    check_endpoint_url,
    check_settings,
    check_versions,
    find_settings,
)
from aiolambda.cli.doctor.check import Check, ok, problem, skipped, warning
from aiolambda.cli.doctor.command import with_credentials
from aiolambda.cli.doctor.network import checks_of
from aiolambda.cli.doctor.permission import check_failure
from aiolambda.cli.doctor.report import as_text, with_colours
from aiolambda.cli.doctor.settings import check_expiry
from aiolambda.config.explain import Explained
from aiolambda.transport.probe import Certificate, Peer

from ..support.pages import ROOT

SAMPLE = [
    ok("settings", "all settings are valid"),
    warning("clock", "this machine's clock is 95 s behind the server's", "set this machine's clock (NTP)"),
    problem("function", "AccessDeniedException: no", "allow lambda:InvokeFunction", code=3),
]
VERSIONS = {
    "aiolambda": "0.1.0",
    "aiohttp": "3.14.5",
    "aiobotocore": "3.10.0",
    "botocore": "1.43.117",
    "python": "3.11.7",
    "openssl": "OpenSSL 3.0.15 3 Sep 2024",
}
NOW = dt.datetime(2026, 11, 26, 4, tzinfo=dt.UTC)
DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/dev/alice is not authorized to perform: lambda:InvokeFunction on resource: "
    "arn:aws:lambda:eu-west-1:123456789012:function:orders"
)
REGION = Explained(name="region", value="eu-west-1", source="profile work", names=("region=", "AWS_REGION"))
PROXY = Explained(name="proxy", value="-", source="default", names=("proxy=", "HTTPS_PROXY"), is_default=True)


def report(*checks: Check, settings: Sequence[Explained] = (), encoding: str = "utf-8", shows_all: bool = False) -> str:
    return as_text(checks, settings, shows_all=shows_all, stream=io.TextIOWrapper(io.BytesIO(), encoding))


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)


def checks_of_the_manual(found: ExplainedSettings) -> list[Check]:
    """The checks themselves make the sample, so that the page cannot have another text."""
    keys = Credentials("ASIAIOSFODNN7EXAMPLE", "secret", "token", expires_at=NOW + dt.timedelta(hours=8))
    peer = Peer(
        address="203.0.113.7:443",
        status=403,
        date=NOW + dt.timedelta(seconds=95),
        tls_version="TLSv1.3",
        certificate=Certificate(
            subject="lambda.eu-west-1.amazonaws.com", issuer="Amazon", expires_at=NOW + dt.timedelta(days=200)
        ),
        keep_alive={"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 45, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 3},
    )
    metadata = Metadata(http_status_code=403, request_id="1ab3", attempts=1)
    denied = AccessDeniedException(
        DENIED, code="AccessDeniedException", metadata=metadata, function_name="orders", delivery=Delivery.REFUSED
    )
    url = "https://lambda.eu-west-1.amazonaws.com"
    return [
        check_versions(VERSIONS),
        check_settings(found),
        check_endpoint_url(found),
        check_expiry(keys, "sso", now=NOW),
        check_concurrency(found, None),
        *checks_of(peer, url, found, now=NOW + dt.timedelta(seconds=0.5)),
        check_failure(denied, "orders", keys),
    ]


async def test_sample_of_the_manual_is_what_the_doctor_prints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    found = await find_settings(LambdaClientConfig(), 30)
    checks, home = checks_of_the_manual(found), (str(tmp_path), "/home/alice/.aws")
    settings = [
        attrs.evolve(row, value=row.value.replace(*home), source=row.source.replace(*home))
        for row in with_credentials(found.explained, next(check for check in checks if check.name == "credentials"))
    ]
    page = Path(ROOT / "docs" / "doctor.md").read_text()
    assert f"```text\n{report(*checks, settings=settings)}\n```" in page


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([ok("tls", "fine")], "✓ invocations can work"),
        ([ok("tls", "fine"), skipped("clock", "no")], "✓ invocations can work"),
        ([warning("tls", "old", "renew")], "! invocations can work, with 1 warning"),
        ([warning("tls", "old", "renew")] * 2, "! invocations can work, with 2 warnings"),
        ([warning("tls", "old", "renew"), *SAMPLE], "✗ no invocation can work until the problem is solved"),
        ([SAMPLE[-1]] * 2, "✗ no invocation can work until the 2 problems are solved"),
    ],
)
def test_verdict_is_the_last_line(checks: list[Check], verdict: str) -> None:
    assert report(*checks).splitlines()[-1] == verdict


LONG = [
    "https://" + "x" * 300,
    "arn:aws:lambda:eu-west-1:123456789012:function:" + "名" * 64,
    "🛟" * 100 + " and words " * 30,
    "first line\nsecond line " + "y" * 81,
    "",
]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
@pytest.mark.parametrize("columns", ["80", "120", "50", "1"])
def test_no_line_is_too_long(text: str, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    wrong = problem("endpoint", text, text, code=2)
    setting = Explained(name="proxy", value=text, source=text, names=(text, text), problem=text)
    found = report(wrong, warning("x" * 10, text, text), settings=(setting,), shows_all=True)
    most = max(40, min(80, int(columns)))
    for line in found.splitlines():
        wide = len(re.findall("[名🛟]", line))
        assert len(line) + wide <= most
    joined = re.sub(r"\s", "", found)
    assert joined.count(re.sub(r"\s", "", text)) >= (8 if text else 0)  # nothing of a value is lost


def test_url_that_fits_a_line_is_not_cut() -> None:
    url = "http://" + "x" * 71
    assert f"\n  {url}\n" in report(ok("endpoint", f"{url} (from the profile)"))


def test_encoding_without_the_signs_gets_ascii() -> None:
    plain = report(*SAMPLE, encoding="ascii")
    assert plain.isascii()
    assert plain.startswith("x function")


def test_only_signs_are_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    text, stream = report(*SAMPLE, settings=(REGION,)), io.StringIO()
    assert with_colours(text, stream) == text
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = with_colours(text, stream)
    assert coloured.startswith("\x1b[1;31m✗\x1b[0m function")
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == text
    assert coloured.count("\x1b[0m") == len(SAMPLE) + 1


def test_defaults_are_shown_on_request() -> None:
    assert "proxy" not in report(settings=(REGION, PROXY))
    shown = report(settings=(REGION, PROXY), shows_all=True)
    assert "  proxy = - (default)\n      set by proxy=, HTTPS_PROXY\n" in shown
    assert "Every setting has its default" in report(settings=(PROXY,))


def test_default_with_a_problem_is_shown() -> None:
    broken = Explained(name="region", value="-", source="default", names=(), problem="no region", is_default=True)
    assert "  region = - (default)\n      ! no region\n" in report(settings=(broken,))
