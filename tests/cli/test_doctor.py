"""`aiolambda doctor`: each problem is found and explained, and stops no other check; no secret is printed."""

import asyncio
import datetime as dt
import json
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from email.utils import format_datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme

from aiolambda import LambdaClientConfig
from aiolambda.cli import main
from aiolambda.cli.doctor import check_concurrency, check_versions, find_settings, installed_versions
from aiolambda.local import LocalEndpoint

from ..support.cli import environment, environment_for, run
from ..support.local import serving
from ..support.servers import always, answer, raw_server, silent

SECRET = "wJalrXUtnFEMI/bPxRfiCYEXAMPLEKEY"
KEY = "AKIAIOSFODNN7EXAMPLE"
CHECKS = [
    "versions",
    "settings",
    "endpoint",
    "credentials",
    "concurrency",
    "connection",
    "tls",
    "clock",
    "keep-alive",
    "function",
]


SIGNS = {"problem": "✗", "warning": "!", "ok": "✓", "skipped": "-"}


@attrs.frozen
class Told:
    """The exit code and the output: the text, if requested, and the checks and settings of the JSON by name."""

    code: int
    text: str
    checks: Mapping[str, Any]
    settings: Mapping[str, Any]

    def states(self, *names: str) -> list[str]:
        return [self.checks[name]["state"] for name in names]

    def problems(self) -> list[str]:
        return [name for name, check in self.checks.items() if check["state"] == "problem"]


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the doctor with `--json`, and also without if the test reads the text, with these environment variables."""

    async def examine(*arguments: str, reads_text: bool = False, **variables: str) -> Told:
        text = ""
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            code = await asyncio.to_thread(main, ["doctor", "--timeout", "5", "--json", *arguments])
            told = json.loads(capsys.readouterr().out)
            if reads_text:
                assert await asyncio.to_thread(main, ["doctor", "--timeout", "5", *arguments]) == code
                text = capsys.readouterr().out
        assert told["could_work"] == (code == 0)
        checks = {check["name"]: check for check in told["checks"]}
        assert [*checks] in (CHECKS, [*CHECKS, "state", "limits"])
        for check in checks.values():
            assert not reads_text or f"\n{SIGNS[check['state']]} {check['name']}" in f"\n{text}"
            assert (check["advice"] is not None) == (check["state"] in ("warning", "problem"))
        for shown in (text, json.dumps(told)):
            assert SECRET not in shown
            assert KEY not in shown
        return Told(code, text, checks, {row["name"]: row for row in told["settings"]})

    return examine


def keys(**variables: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-west-1", **variables}


def of(endpoint: LocalEndpoint) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_LAMBDA": endpoint.url,
        "AWS_REGION": endpoint.region,
        "AWS_ACCESS_KEY_ID": endpoint.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": endpoint.credentials.secret_access_key,
    }


async def test_all_checks_pass_at_the_local_endpoint(doctor: Any) -> None:
    async with serving(verify_signatures=True) as invoke:
        told = await doctor("--function", "app", "--qualifier", "$LATEST", reads_text=True, **of(invoke.endpoint))
    assert told.code == 0
    assert told.states(*CHECKS) == ["ok"] * len(CHECKS)
    assert told.checks["endpoint"]["facts"]["source"] == "AWS_ENDPOINT_URL_LAMBDA"
    assert told.text.endswith("\n✓ invocations can work\n")
    assert told.settings["credentials"]["source"] == told.checks["credentials"]["facts"]["source"] == "environment"
    options = told.checks["keep-alive"]["facts"]["options"]
    expected = {"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 45, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 90_000}
    assert {name: options[name] for name in expected if hasattr(socket, name)} == {
        name: value for name, value in expected.items() if hasattr(socket, name)
    }
    versions = told.checks["versions"]["facts"]
    assert {"aiolambda", "aiohttp", "aiobotocore", "python", "openssl"} <= set(versions)


async def test_no_function_means_no_lambda_request(doctor: Any) -> None:
    async with raw_server(always(answer("403 Forbidden", "Date: Thu, 26 Nov 2026 06:00:00 GMT\r\n"))) as server:
        told = await doctor(**keys(AWS_ENDPOINT_URL=server.url))
    assert told.states("connection", "function") == ["ok", "skipped"]
    assert [head.split(b"\r\n")[0] for head, _ in server.requests] == [b"GET / HTTP/1.1"]
    assert b"authorization" not in server.requests[0][0].lower()


async def test_doctor_process_exits_with_its_code(tmp_path: Path) -> None:
    async with serving(verify_signatures=True) as invoke:
        good = await run("doctor", "--function", "app", "--json", env=environment_for(invoke.endpoint))
        other = await run("doctor", "--function", "nobody", env=environment_for(invoke.endpoint))
    assert (good.code, good.stderr, json.loads(good.stdout)["could_work"]) == (0, "", True)
    assert (other.code, other.stderr) == (3, "")


# --- each fault -------------------------------------------------------------------------------------------------------


async def test_missing_region_and_credentials_are_reported(doctor: Any) -> None:
    told = await doctor()
    assert (told.code, told.problems()) == (2, ["settings", "credentials"])
    assert "no region" in told.checks["settings"]["text"]
    assert "no credentials were found" in told.checks["credentials"]["text"]
    assert told.states("endpoint", "connection", "tls", "clock", "keep-alive", "function") == ["skipped"] * 6


async def test_credentials_are_found_without_a_region(doctor: Any) -> None:
    variables = keys()
    del variables["AWS_REGION"]
    told = await doctor(**variables)
    assert (told.code, told.problems()) == (2, ["settings"])
    assert "AKIA...MPLE from environment" in told.checks["credentials"]["text"]


async def test_connection_is_checked_without_credentials(doctor: Any) -> None:
    async with serving() as invoke:
        told = await doctor(AWS_ENDPOINT_URL=invoke.endpoint.url, AWS_REGION="eu-west-1")
    assert (told.code, told.problems()) == (2, ["credentials"])
    assert told.states("connection", "clock", "keep-alive", "function") == ["ok", "ok", "ok", "skipped"]


@pytest.mark.parametrize(
    ("left", "state", "text"),
    [(-1, "problem", "the keys of the environment expired at"), (0.1, "warning", "they expire soon"), (3, "ok", "UTC")],
    ids=["expired", "soon", "good"],
)
async def test_expiry_of_credentials_is_reported(left: float, state: str, text: str, doctor: Any) -> None:
    ends = hours(left)
    async with serving() as invoke:
        told = await doctor(**of(invoke.endpoint), AWS_CREDENTIAL_EXPIRATION=ends.isoformat())
    check = told.checks["credentials"]
    assert (check["state"], told.code) == (state, 2 if state == "problem" else 0)
    assert text in check["text"]
    assert state == "problem" or check["facts"]["expires_at"] == ends.isoformat()


async def test_half_a_key_pair_is_reported(doctor: Any) -> None:
    told = await doctor(AWS_ACCESS_KEY_ID=KEY, AWS_REGION="eu-west-1", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert "AWS_SECRET_ACCESS_KEY is not" in told.checks["credentials"]["text"]


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("AWS_USE_FIPS_ENDPOINT", "yes", "use_fips_endpoint"),
        ("AWS_MAX_ATTEMPTS", "three", "max_attempts"),
        ("AWS_REGION", "EU West", "region"),
        ("AWS_CA_BUNDLE", "/nowhere/bundle.pem", "ca_bundle"),
        ("AWS_PROFILE", "nobody", "profile"),
        ("HTTPS_PROXY", f"socks5://user:{SECRET.replace('/', '')}@h:1", "proxy"),
    ],
)
async def test_wrong_value_names_its_setting_and_source(name: str, value: str, setting: str, doctor: Any) -> None:
    told = await doctor(reads_text=True, **keys(**{"AWS_ENDPOINT_URL": "https://127.0.0.1:1", name: value}))
    assert told.code == 2
    assert "settings" in told.problems()
    assert told.checks["settings"]["facts"]["settings"] == [setting]
    assert name in told.checks["settings"]["text"]
    assert told.settings[setting]["problem"] is not None
    assert SECRET.replace("/", "") not in told.text
    if setting == "max_attempts":  # which no connection depends on
        assert "Connection refused" in told.checks["connection"]["text"]


async def test_refused_connection_gets_advice(doctor: Any, unused_tcp_port: int) -> None:
    told = await doctor("--endpoint-url", f"http://127.0.0.1:{unused_tcp_port}", "--function", "app", **keys())
    assert (told.code, told.problems()) == (3, ["connection", "function"])
    assert "no server listens there" in told.checks["connection"]["advice"]
    assert told.states("tls", "clock", "keep-alive") == ["skipped"] * 3


async def test_unresolvable_host_gets_advice(doctor: Any) -> None:
    told = await doctor("--endpoint-url", "https://lambda.invalid", **keys())
    assert (told.code, told.problems()) == (3, ["connection"])
    assert "resolve" in told.checks["connection"]["advice"]


async def test_silent_server_times_out_each_step(doctor: Any) -> None:
    async with raw_server(silent) as server:
        began = time.monotonic()
        told = await doctor("--timeout", "0.3", "--function", "app", **keys(AWS_ENDPOINT_URL=server.url))
        assert time.monotonic() - began < 10
    assert (told.code, told.problems()) == (3, ["connection", "function"])


async def test_stalled_handshake_is_not_blamed_on_a_firewall(doctor: Any) -> None:
    async with raw_server(silent) as server:
        told = await doctor("--timeout", "0.3", "--endpoint-url", server.url.replace("http:", "https:"), **keys())
    check = told.checks["connection"]
    assert check["text"].endswith("within 0.3 s: the server accepted it, but there was no TLS handshake")
    assert "firewalls, security groups" not in check["advice"]
    assert "check that this is the endpoint of Lambda" in check["advice"]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Tea House")


def served_by(authority: trustme.CA, *names: str, **settings: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **settings).configure_cert(context)
    return context


def hours(number: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(hours=number)


async def test_private_ca_certificate_is_shown(doctor: Any, authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "bundle.pem"))
    told_of = {}
    for name, ends in (("long", hours(24 * 90)), ("soon", hours(24 * 3))):
        tls = served_by(authority, "localhost", not_after=ends)
        async with raw_server(always(answer(headers=f"Date: {format_datetime(hours(0), usegmt=True)}\r\n")), tls=tls) as server:
            variables = keys(AWS_ENDPOINT_URL=server.url, AWS_CA_BUNDLE=str(tmp_path / "bundle.pem"))
            told_of[name] = await doctor(reads_text=True, **variables)
    facts = told_of["long"].checks["tls"]["facts"]
    assert (facts["version"], facts["issuer"].startswith("Tea House")) == ("TLSv1.3", True)
    assert "Tea House" in told_of["long"].text
    assert [told.states("tls", "clock") for told in told_of.values()] == [["ok", "ok"], ["warning", "ok"]]
    assert [told.code for told in told_of.values()] == [0, 0]


@pytest.mark.parametrize(
    ("fault", "advice"),
    [("authority", "AWS_CA_BUNDLE"), ("expired", "has expired"), ("early", "not valid yet"), ("host", "another host")],
)
async def test_rejected_certificate_gets_advice(
    fault: str, advice: str, doctor: Any, authority: trustme.CA, tmp_path: Path
) -> None:
    (trustme.CA() if fault == "authority" else authority).cert_pem.write_to_path(str(tmp_path / "bundle.pem"))
    dates = {
        "expired": {"not_before": hours(-48), "not_after": hours(-24)},
        "early": {"not_before": hours(24), "not_after": hours(48)},
    }.get(fault, {})
    tls = served_by(authority, "elsewhere" if fault == "host" else "localhost", **dates)
    async with raw_server(always(answer()), tls=tls) as server:
        told = await doctor(**keys(AWS_ENDPOINT_URL=server.url, AWS_CA_BUNDLE=str(tmp_path / "bundle.pem")))
    assert (told.code, told.problems()) == (3, ["tls"])
    assert "certificate verify failed" in told.checks["tls"]["text"]
    assert advice in told.checks["tls"]["advice"]
    assert told.states("connection", "clock", "keep-alive") == ["ok", "skipped", "skipped"]


async def test_server_without_tls_gets_advice(doctor: Any) -> None:
    async with serving() as invoke:
        told = await doctor("--endpoint-url", invoke.endpoint.url.replace("http", "https"), **keys())
    assert told.problems() == ["tls"]
    assert "supports TLS" in told.checks["tls"]["advice"]


@pytest.mark.parametrize(
    ("ahead", "corrects", "state", "text"),
    [
        (0, True, "ok", "agrees"),
        (95, True, "warning", "s behind the server's"),
        (-95, True, "warning", "s ahead of the server's"),
        (3600, True, "warning", "sent again with the corrected time"),
        (-3600, False, "problem", "signatures are refused"),
    ],
)
async def test_clock_skew_is_measured(ahead: int, corrects: bool, state: str, text: str, doctor: Any) -> None:
    date = format_datetime(hours(ahead / 3600), usegmt=True)
    async with raw_server(always(answer("404 Not Found", f"Date: {date}\r\n"))) as server:
        disabled = "false" if corrects else "true"
        told = await doctor(**keys(AWS_ENDPOINT_URL=server.url, AWS_DISABLE_CLOCK_SKEW_CORRECTION=disabled))
    clock = told.checks["clock"]
    assert (clock["state"], told.code) == (state, 3 if state == "problem" else 0)
    assert text in clock["text"]
    assert abs(clock["facts"]["offset"] - ahead) < 10


async def test_missing_date_header_skips_the_clock_check(doctor: Any) -> None:
    async with raw_server(always(answer())) as server:
        told = await doctor(**keys(AWS_ENDPOINT_URL=server.url))
    assert (told.code, told.states("connection", "clock")) == (0, ["ok", "skipped"])


async def test_disabled_keep_alive_is_a_warning(doctor: Any) -> None:
    async with raw_server(always(answer())) as server:
        told = await doctor(**keys(AWS_ENDPOINT_URL=server.url, BOTOCORE_TCP_KEEPALIVE="false"))
    assert told.states("keep-alive") == ["warning"]
    assert told.checks["keep-alive"]["facts"]["options"]["SO_KEEPALIVE"] == 0
    assert "BOTOCORE_TCP_KEEPALIVE" in told.checks["keep-alive"]["text"]


@pytest.mark.parametrize(
    ("url", "calls", "state", "text"),
    [
        (
            "https://lambda.test",
            None,
            "ok",
            "at most 1,000 calls in flight; over TLS their connections hold 293 MiB on asyncio's",
        ),
        ("https://lambda.test", 1_747, "ok", "1,747 calls in flight; over TLS their connections hold 512 MiB"),
        ("https://lambda.test", 1_748, "warning", "1,748 calls in flight; over TLS their connections hold 512 MiB"),
        ("https://lambda.test", 10_000, "warning", "10,000 calls in flight; over TLS their connections hold 2.9 GiB"),
        ("http://lambda.test", 10_000, "ok", "at most 10,000 calls in flight"),
    ],
)
async def test_memory_of_many_tls_connections_is_told(url: str, calls: int | None, state: str, text: str) -> None:
    found = await find_settings(LambdaClientConfig(region="eu-west-1", endpoint_url=url, max_concurrency=calls), 5)
    check = check_concurrency(found, 100_000)
    assert check.state == state
    assert text in check.text
    assert ("TLS" in check.text) == url.startswith("https")
    if state == "warning":
        assert check.advice is not None
        assert "uvloop" in check.advice
        assert "'fast'" in check.advice
        assert check.facts["asyncio_bytes"] == 5 * check.facts["uvloop_or_aiofastnet_bytes"] == calls * 300 * 1024  # type: ignore[operator]


async def test_warning_names_the_memory_on_other_loops() -> None:
    config = LambdaClientConfig(region="eu-west-1", max_concurrency=10_000)
    check = check_concurrency(await find_settings(config, 5), None)
    assert check.state == "warning"
    assert "there they hold 586 MiB" in str(check.advice)


async def test_more_calls_than_open_files_is_a_problem() -> None:
    config = LambdaClientConfig(region="eu-west-1", endpoint_url="http://lambda.test", max_concurrency=925)
    found = await find_settings(config, 5)
    check = check_concurrency(found, 924)
    assert (check.state, check.code) == ("problem", 2)
    assert "max_concurrency is 925, and the limit of open files leaves room for 924" in check.text
    assert "ulimit -n" in str(check.advice)
    assert check_concurrency(found, 925).state == "ok"


async def test_default_calls_fit_the_open_files() -> None:
    found = await find_settings(LambdaClientConfig(region="eu-west-1"), 5)
    assert check_concurrency(found, 156).facts["calls"] == 156
    few = check_concurrency(found, 1)
    assert (few.state, few.text.startswith("at most 1 call in flight, because the limit of open files")) == ("warning", True)
    assert "ulimit -n" in str(few.advice)
    assert check_concurrency(found, 50).state == "ok"
    asked = await find_settings(LambdaClientConfig(region="eu-west-1", max_concurrency=1), 5)
    assert check_concurrency(asked, 100).state == "ok"


async def test_asked_concurrency_limits_no_other_check(doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the open files allow: connection and permission are checked all the same."""
    monkeypatch.setattr("aiolambda.cli.doctor.command.connection_room", lambda: 100)
    async with serving(verify_signatures=True) as invoke:
        told = await doctor("--function", "app", "--max-concurrency", "101", **of(invoke.endpoint))
    assert (told.code, told.problems()) == (2, ["concurrency"])
    assert told.states("connection", "function") == ["ok", "ok"]


def refusal(code: str, status: str, message: str, headers: str = "") -> bytes:
    return answer(status, f"x-amzn-ErrorType: {code}\r\n{headers}", json.dumps({"Message": message}).encode())


@pytest.mark.parametrize(
    ("data", "state", "advice"),
    [
        (
            refusal("AccessDeniedException", "403 Forbidden", "not authorized"),
            "problem",
            "allow lambda:InvokeFunction on app:live",
        ),
        (refusal("UnrecognizedClientException", "403 Forbidden", "invalid token"), "problem", "AKIA...MPLE is unknown"),
        (
            refusal("InvalidSignatureException", "403 Forbidden", "does not match"),
            "problem",
            "check the secret key of AKIA...MPLE",
        ),
        (refusal("ExpiredTokenException", "403 Forbidden", "expired"), "problem", "log in again"),
        (refusal("ResourceNotFoundException", "404 Not Found", "Function not found"), "problem", "check name, qualifier"),
        (refusal("ServiceException", "500 Oops", "later"), "problem", "see the server's log"),
        (refusal("KMSDisabledException", "502 Bad Gateway", "off"), "problem", "correct the function's configuration"),
        (
            refusal("InvalidSignatureException", "403 Forbidden", "Credential should be scoped to a valid region."),
            "problem",
            "check the region",
        ),
        (refusal("TooManyRequestsException", "429 Slow", "Rate exceeded"), "warning", "lower the rate"),
        (
            answer(headers="Content-Type: text/html\r\n", body=b"<html>"),
            "problem",
            "that no proxy or firewall changes the traffic",
        ),
        (answer("206 Partial Content"), "problem", "check that this is the endpoint of Lambda"),
    ],
    ids=["denied", "client", "signature", "token", "missing", "service", "kms", "scope", "throttled", "page", "partial"],
)
async def test_refused_dry_run_gets_advice(data: bytes, state: str, advice: str, doctor: Any) -> None:
    async with raw_server(always(data)) as server:
        told = await doctor("--function", "app", "--qualifier", "live", "--timeout", "1", **keys(AWS_ENDPOINT_URL=server.url))
    assert (told.checks["function"]["state"], told.code) == (state, 3 if state == "problem" else 0)
    assert advice in told.checks["function"]["advice"]
    assert ("the answer is not Lambda's" in told.checks["function"]["text"]) == data.startswith(b"HTTP/1.1 20")
    assert told.states("settings", "credentials", "connection") == ["ok"] * 3
    assert all(b"x-amz-invocation-type: DryRun".lower() in head.lower() for head, _ in server.requests if head[:4] == b"POST")


@pytest.mark.parametrize(("function", "secret", "kind"), [("nobody", None, "ResourceNotFound"), ("app", SECRET, "Signature")])
async def test_the_local_endpoint_refuses_as_lambda_does(function: str, secret: str | None, kind: str, doctor: Any) -> None:
    async with serving(verify_signatures=True) as invoke:
        variables = of(invoke.endpoint)
        if secret is not None:
            variables["AWS_SECRET_ACCESS_KEY"] = secret
        told = await doctor("--function", function, **variables)
    assert (told.code, told.problems()) == (3, ["function"])
    assert kind in told.checks["function"]["facts"]["error"]


async def test_invalid_function_name_is_reported(doctor: Any) -> None:
    async with raw_server(always(answer())) as server:
        told = await doctor("--function", "no name", **keys(AWS_ENDPOINT_URL=server.url))
    assert (told.code, told.problems()) == (2, ["function"])
    assert told.checks["function"]["advice"] == "write a name, name:qualifier, or an ARN"
    arn = await doctor("--function", "arn:aws:lambda:us-west-2:123456789012:function:app", **keys())
    assert arn.checks["function"]["text"].startswith(
        "the function's ARN is in us-west-2, and the region is eu-west-1: give --region"
    )
    assert arn.checks["function"]["advice"] == "check the ARN, and give its region: --region us-west-2"


@pytest.mark.parametrize(
    "variables",
    [{"AWS_REGION": "not a region"}, {"HTTPS_PROXY": "ftp://proxy"}, {"AWS_CA_BUNDLE": "/nowhere.pem"}, {"AWS_REGION": ""}],
    ids=["region", "proxy", "bundle", "no region"],
)
async def test_function_is_not_checked_with_invalid_settings(variables: dict[str, str], doctor: Any) -> None:
    told = await doctor("--function", "app", **keys(**variables))
    assert told.problems() == ["settings"]
    assert told.checks["function"]["text"] == "not checked: the settings are invalid"
    assert "--all" in told.checks["settings"]["advice"]


async def test_fips_that_is_ignored_is_a_warning(doctor: Any) -> None:
    """For a machine that must use FIPS, this is no detail."""
    async with raw_server(always(answer())) as server:
        told = await doctor(**keys(AWS_ENDPOINT_URL_LAMBDA=server.url, AWS_USE_FIPS_ENDPOINT="true"))
    assert (told.code, told.checks["settings"]["state"]) == (0, "warning")
    ignored = "AWS_USE_FIPS_ENDPOINT, ignored beside AWS_ENDPOINT_URL_LAMBDA: calls go to that URL"
    assert told.checks["settings"]["text"] == ignored


HAS_BOTOCORE = find_spec("botocore") is not None
PROGRAM = f"credential_process = {sys.executable} -c"


@pytest.mark.parametrize(
    ("lines", "said", "advice"),
    [
        (f"{PROGRAM} 'raise SystemExit(3)'", "ended with exit code 3", "run the program in a terminal"),
        (f"{PROGRAM} 'print(1 + 1, 2)'", "printed no JSON", "Version (1), AccessKeyId, SecretAccessKey"),
        ("credential_process = /nowhere/program", "could not be started", "correct the path of the program"),
        ("aws_access_key_id = AKIDEXAMPLE", "and no aws_secret_access_key", "set both keys in the same place"),
        pytest.param(
            "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = default\nmfa_serial = m",
            "MFA device",
            "put the role's keys into the environment",
            marks=pytest.mark.skipif(not HAS_BOTOCORE, reason="botocore is not installed"),
        ),
        ("output = json", "no credentials were found", "with --profile or AWS_PROFILE (known: default)"),
    ],
    ids=["exit", "no JSON", "no program", "half a pair", "MFA", "nothing"],
)
async def test_credentials_get_the_remedy_of_their_problem(
    lines: str, said: str, advice: str, doctor: Any, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(f"[default]\nregion = eu-west-1\n{lines}\n")
    told = await doctor(AWS_CONFIG_FILE=str(tmp_path / "config"))
    check = told.checks["credentials"]
    assert (check["state"], said in check["text"], advice in check["advice"]) == ("problem", True, True), check
    assert not HAS_BOTOCORE or "extra 'aws'" not in check["advice"] + check["text"]


async def test_unknown_profile_is_a_wrong_name(doctor: Any) -> None:
    check = (await doctor("--profile", "tae", AWS_REGION="eu-west-1")).checks["credentials"]
    assert "(from --profile) is in neither" in check["text"]
    assert check["advice"] == "correct the name of the profile, or add the profile"


def test_package_of_the_same_name_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It overwrites `aiolambda/__init__.py`, and what is left of this package still starts."""
    assert check_versions(installed_versions()).state == "ok"
    (tmp_path / "aiolambda-0.9.dist-info").mkdir()
    (tmp_path / "aiolambda-0.9.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: aiolambda\nVersion: 0.9\n")
    monkeypatch.syspath_prepend(tmp_path)
    check = check_versions(installed_versions())
    assert (check.state, "aiolambda 0.9, another project" in check.text) == ("problem", True)
    assert (check.advice or "").startswith("pip uninstall -y aiolambda aiolambda-client && pip install '")


# --- secrets and limits -----------------------------------------------------------------------------------------------


async def test_proxy_password_is_never_shown(doctor: Any) -> None:
    refuses = answer("407 Proxy Authentication Required", "Proxy-Authenticate: Basic\r\nConnection: close\r\n")
    async with raw_server(always(refuses)) as proxy:
        where = f"http://user:p%40ssword-hunter2@{proxy.host}:{proxy.port}"
        told = await doctor("--endpoint-url", "https://lambda.invalid", reads_text=True, **keys(HTTPS_PROXY=where))
    assert told.problems() == ["connection"]
    assert "407" in told.checks["connection"]["text"]
    assert "percent-encoded" in told.checks["connection"]["advice"]
    assert "hunter2" not in told.text + json.dumps(told.checks | told.settings)
    assert f"http://...@{proxy.host}:{proxy.port}" in told.text


async def test_malformed_proxy_url_shows_no_password(doctor: Any) -> None:
    told = await doctor(reads_text=True, **keys(HTTPS_PROXY="http://user:pa@Hunter2/Rest8@proxy:3128"))
    assert (told.code, told.problems()) == (2, ["settings"])
    assert "the proxy (from HTTPS_PROXY) is not an http or https URL" in told.checks["settings"]["text"]
    assert "hunter2" not in (told.text + json.dumps(told.checks | told.settings)).lower()


async def test_unreachable_proxy_is_reported_as_the_proxy(doctor: Any, unused_tcp_port: int) -> None:
    proxy = f"http://user:hunter2@127.0.0.1:{unused_tcp_port}"
    told = await doctor("--endpoint-url", "https://lambda.invalid", reads_text=True, **keys(HTTPS_PROXY=proxy))
    check = told.checks["connection"]
    assert told.problems() == ["connection"]
    reason = "through which lambda.invalid is reached: Connection refused"
    assert f"cannot connect to the proxy 127.0.0.1:{unused_tcp_port}, {reason}" in check["text"]
    assert check["text"].endswith(f"(the proxy is http://...@127.0.0.1:{unused_tcp_port}, from HTTPS_PROXY)")
    assert "check the proxy's URL" in check["advice"]
    assert "hunter2" not in told.text


@pytest.mark.parametrize("state", ["unknown", "silent", "broken"])
async def test_dead_proxy_is_named_with_its_failure(doctor: Any, state: str) -> None:
    script = silent if state == "silent" else always(answer("502 Bad Gateway", "Connection: close\r\n"))
    async with raw_server(script) as proxy:
        place = "proxy.invalid:3128" if state == "unknown" else f"{proxy.host}:{proxy.port}"
        told = await doctor(
            "--endpoint-url", "https://lambda.invalid", "--timeout", "1", **keys(HTTPS_PROXY=f"http://me:hunter2@{place}")
        )
    text = told.checks["connection"]["text"]
    ways = {
        "unknown": f"cannot connect to the proxy {place}, through which lambda.invalid is reached: ",
        "silent": f"no connection to lambda.invalid through the proxy {place} within 1",
        "broken": f"cannot connect to lambda.invalid through the proxy {place}: the proxy answered 502",
    }
    assert text.startswith(ways[state])
    assert text.endswith(f"(the proxy is http://...@{place}, from HTTPS_PROXY)")
    assert "hunter2" not in json.dumps(told.checks | told.settings)


async def test_secret_quoted_in_a_response_is_masked(doctor: Any) -> None:
    quoting = refusal("InvalidSignatureException", "403 Forbidden", f"{KEY} signed with {SECRET}")
    async with raw_server(always(quoting)) as server:
        told = await doctor("--function", "app", **keys(AWS_ENDPOINT_URL=server.url))
    assert "AKIA...MPLE signed with ..." in told.checks["function"]["text"]


async def test_hanging_credential_process_times_out(tmp_path: Path) -> None:
    pytest.importorskip("aiobotocore", reason="the extra 'aws' is not installed")
    (tmp_path / "config").write_text(
        f"[default]\nregion = eu-west-1\ncredential_process = {sys.executable} -c 'import time; time.sleep(20)'\n"
    )
    async with serving() as invoke:
        shell = environment(AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_ENDPOINT_URL=invoke.endpoint.url)
        began = time.monotonic()
        ended = await run("doctor", "--timeout", "1.5", env=shell, start_new_session=True)
        took = time.monotonic() - began
    assert (ended.code, ended.stderr) == (2, "")
    assert b"did not respond within 1.5 s" in ended.stdout
    assert "✓ connection" in ended.stdout.decode()
    assert took < 12


async def test_crash_in_one_check_does_not_stop_others(doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr("aiolambda.cli.doctor.settings.find_credentials", fails)
    async with serving() as invoke:
        told = await doctor(AWS_ENDPOINT_URL=invoke.endpoint.url, AWS_REGION="eu-west-1")
    assert told.problems() == ["credentials"]
    assert "KeyError" in told.checks["credentials"]["text"]
    assert told.states("connection") == ["ok"]
