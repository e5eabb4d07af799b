"""The form of the doctor's report: order, signs, colours, 80 columns, and the sample of the manual."""

import io
import re
from pathlib import Path

import pytest

from aiolambda.cli.doctor.check import Check, ok, problem, skipped, warning
from aiolambda.cli.doctor.report import as_text, with_colours
from aiolambda.config.explain import Explained

from ..support.pages import ROOT

SAMPLE = [
    ok("versions", "aiolambda 0.1.0, aiohttp 3.14.5, python 3.11.7"),
    ok("settings", "all settings are valid; profile 'work' from AWS_PROFILE"),
    ok("endpoint", "https://lambda.eu-west-1.amazonaws.com (from the region), signed for eu-west-1"),
    ok("credentials", "ASIA...MPLE from sso, until 2026-11-26 12:00:00 UTC"),
    ok("concurrency", "at most 1,000 calls in flight; over TLS their connections hold 293 MiB on asyncio's own event loop"),
    ok("connection", "203.0.113.7:443 answers"),
    ok("tls", "TLSv1.3, verified by the system; issued by Amazon"),
    warning("clock", "this machine's is 95 s behind the server's", "set this machine's clock (NTP)"),
    ok("keep-alive", "on: probes after 45 s of silence, every 15 s, 3 times"),
    problem(
        "function",
        "AccessDeniedException: not authorized to perform: lambda:InvokeFunction",
        "allow lambda:InvokeFunction on orders to the identity of ASIA...MPLE",
        code=3,
    ),
]
REGION = Explained(name="region", value="eu-west-1", source="profile work", names=("region=", "AWS_REGION"))
PROFILE = Explained(name="profile", value="work", source="AWS_PROFILE", names=("profile=", "AWS_PROFILE"))
PROXY = Explained(name="proxy", value="-", source="default", names=("proxy=", "HTTPS_PROXY"), is_default=True)


def report(*checks: Check, settings: tuple[Explained, ...] = (), encoding: str = "utf-8", shows_all: bool = False) -> str:
    return as_text(checks, settings, shows_all=shows_all, stream=io.TextIOWrapper(io.BytesIO(), encoding))


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)


def test_sample_of_the_manual_is_a_real_report() -> None:
    page = Path(ROOT / "docs" / "doctor.md").read_text()
    assert f"```text\n{report(*SAMPLE, settings=(REGION, PROFILE, PROXY))}\n```" in page


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
