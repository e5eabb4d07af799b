"""Credentials that fail, told in one line each: real botocore and programs, against small servers of the tests."""

import asyncio
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, LambdaClient
from aiolambda.config.credentials.process import process_credentials
from aiolambda.credentials import assume_role, from_botocore, from_profile

from ..support.servers import Connection, always, answer, raw_server
from ..support.tracebacks import given_away
from .test_config import python, set_all

pytest.importorskip("aiobotocore", reason="the extra 'aws' is not installed")

ROLE = "arn:aws:iam::123456789012:role/caller"
BASE = "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = hunter2\n"
REFUSED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code>
<Message>said by STS</Message></Error></ErrorResponse>"""

Config = Callable[[str], Path]


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Config:
    """Writes the config file. There is no credentials file."""

    def write(text: str) -> Path:
        (tmp_path / "config").write_text(text)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        return tmp_path / "config"

    return write


async def failure(profile: str | None = None, **settings: Any) -> str:
    """The text of the error, which must be short, without a secret, and without a library's traceback."""
    client = LambdaClient(profile=profile, **settings)
    with pytest.raises(ConfigurationError) as raised:
        await client.open()
    error = raised.value
    assert error.__cause__ is None
    assert not error.may_have_run
    assert given_away(error, {"secret": "hunter2"}) == set()
    assert not any("botocore/" in frame.filename for frame in traceback.extract_tb(error.__traceback__))
    assert "botocore/" not in "".join(traceback.format_exception(error))
    return str(error)


# --- programs ---------------------------------------------------------------------------------------------------------


FORM = "it must print one JSON object with Version (1), AccessKeyId, SecretAccessKey, and for a session SessionToken"
RENEW = "renew its login, or correct the clock of this machine"


def program(tmp_path: Path, code: str) -> str:
    path = tmp_path / "keys.py"
    path.write_text(f"import json, sys, time\n{code}\n")
    return f"{sys.executable} {path} --password hunter2"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.exit(3)", "ended with exit code 3, and said nothing on stderr"),
        ("sys.exit('\\n\\x1b[31mlog in first\\x1b[0m\\nhunter2')", "ended with exit code 1: [31mlog in first [0m"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was ended by signal 9, and said nothing on stderr"),
        ("pass", f"printed nothing: {FORM}"),
        ("print('hunter2')", f"printed no JSON: {FORM}"),
        ("print('[1]')", f"printed JSON that is not an object: {FORM}"),
        ("print('{}')", 'printed JSON with the wrong Version (none): it must be "Version": 1'),
        ("print('{\"Version\": 2}')", 'printed JSON with the wrong Version (2): it must be "Version": 1'),
        ("print('{\"Version\": 1}')", f"printed JSON without AccessKeyId and SecretAccessKey: {FORM}"),
        (
            "print(json.dumps(dict(Version=1, AccessKeyId='AKID', Secret='hunter2')))",
            f"printed JSON without SecretAccessKey: {FORM}",
        ),
        (
            "print(json.dumps(dict(Version=1, AccessKeyId='AKID', SecretAccessKey='hunter2', Expiration='soon')))",
            "printed an Expiration that is not a time in ISO 8601",
        ),
        (
            "print(json.dumps(dict(Version=1, AccessKeyId='A', SecretAccessKey='hunter2', Expiration='2026-01-05T12:00:00Z')))",
            f"printed keys that expired at 2026-01-05 12:00:00 UTC: {RENEW}",
        ),
    ],
)
async def test_failed_program_is_told_in_one_line(code: str, said: str, config: Config, tmp_path: Path) -> None:
    path = config(f"[profile tea]\ncredential_process = {program(tmp_path, code)}\n")
    text = await failure("tea")
    assert text == f"credential_process of the profile 'tea' in {path}: {sys.executable!r} {said}"


async def test_program_that_is_missing_is_named(config: Config) -> None:
    config("[profile tea]\ncredential_process = /nowhere/keys --for me\n")
    said = await failure("tea")
    assert said.endswith("'/nowhere/keys' could not be started: No such file or directory: correct its path")
    config("[profile tea]\ncredential_process = 'keys\n")
    assert (await failure("tea")).endswith("has a quotation without an end")
    config("[profile tea]\ncredential_process =\n")
    assert "is empty: name a program" in await failure("tea")


async def test_long_text_of_a_program_is_cut(config: Config, tmp_path: Path) -> None:
    command = program(tmp_path, "sys.exit('x' * 100_000)")
    config(f"[profile tea]\ncredential_process = {command}\n")
    assert (await failure("tea")).endswith(f"exit code 1: {'x' * 200}...")


def test_program_that_hangs_is_ended(tmp_path: Path) -> None:
    command = program(tmp_path, "print('hunter2', flush=True); time.sleep(600)")
    with pytest.raises(ConfigurationError, match=r"did not end within 0\.5 s: run it in a terminal") as raised:
        process_credentials(command, "the profile 'tea'", limit=0.5)
    assert raised.value.__suppress_context__


async def test_program_of_a_source_profile_is_told(config: Config, tmp_path: Path) -> None:
    command = program(tmp_path, "sys.exit('log in first\\nhunter2')")
    path = config(f"[profile tea]\nrole_arn = {ROLE}\nsource_profile = x\n[profile x]\ncredential_process = {command}\n")
    assert await failure("tea") == (
        f"no credentials from the profile 'tea': credential_process of the profile 'x' in {path} failed: log in first"
    )


# --- STS --------------------------------------------------------------------------------------------------------------


def refusing(code: str) -> Any:
    return always(answer("403 Forbidden", "Content-Type: text/xml\r\n", REFUSED.format(code=code).encode()))


@pytest.mark.parametrize(
    ("code", "advice"), [("AccessDenied", ""), ("ExpiredToken", "; renew the keys of source_profile 'base'")]
)
async def test_refused_role_names_role_and_source(
    code: str, advice: str, config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = config(f"[profile tea]\nrole_arn = {ROLE}\nsource_profile = base\n{BASE}")
    async with raw_server(refusing(code)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        said = await failure("tea")
    assert said == (
        f"no credentials from the profile 'tea': STS refused to assume {ROLE} of the profile 'tea' in {path} with the keys of "
        f"source_profile 'base': {code}: said by STS{advice}"
    )
    assert [record for record in caplog.records if record.exc_info] == []  # botocore logs the traceback of a failed renewal


async def test_refused_role_in_code_has_no_traceback(monkeypatch: pytest.MonkeyPatch, config: Config) -> None:
    config(BASE)
    async with raw_server(refusing("AccessDenied")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        with pytest.raises(ConfigurationError) as raised:
            await assume_role(ROLE, source=from_profile("base")).get_credentials()
    assert str(raised.value) == f"to assume {ROLE} failed: AssumeRole was refused: AccessDenied: said by STS"
    assert "botocore/" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("by", ["profile", "environment"])
@pytest.mark.parametrize("state", ["missing", "empty", "refused"])
async def test_web_identity_failure_names_the_file(
    by: str, state: str, config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    if state != "missing":
        token.write_text("" if state == "empty" else "hunter2")
    if by == "profile":
        path = config(f"[profile tea]\nweb_identity_token_file = {token}\nrole_arn = {ROLE}\n")
        origin, first = f"the profile 'tea' in {path}", "the profile 'tea'"
    else:
        config("")
        set_all(monkeypatch, {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": ROLE})
        origin = first = "AWS_WEB_IDENTITY_TOKEN_FILE"
    async with raw_server(refusing("InvalidIdentityToken")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        said = await failure("tea" if by == "profile" else None)
    file = f"{str(token)!r} (from {origin})"
    assert (
        said
        == f"no credentials from {first}: "
        + {
            "missing": f"the web identity token file {file} cannot be read: No such file or directory",
            "empty": f"the web identity token file {file} is empty, or no token",
            "refused": (
                f"STS refused the web identity token of the file {file} for the role {ROLE}: InvalidIdentityToken: said by STS"
            ),
        }[state]
    )


async def test_unreachable_sts_is_named(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    config(f"[profile tea]\nrole_arn = {ROLE}\nsource_profile = base\n{BASE}")
    async with raw_server(always(b"")) as server:
        pass  # its port refuses connections now
    set_all(monkeypatch, {"AWS_ENDPOINT_URL_STS": server.url, "AWS_MAX_ATTEMPTS": "1"})
    assert await failure("tea") == (
        f"no credentials from the profile 'tea': Could not connect to the endpoint URL: \"{server.url}/\""
    )


@pytest.mark.parametrize(
    ("scheme", "state"),
    [("http", "refuses"), ("http", "unknown"), *(("https", state) for state in ("refuses", "unknown", "407", "502"))],
)
async def test_dead_proxy_before_sts_is_named(state: str, scheme: str, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    config(f"[profile tea]\nrole_arn = {ROLE}\nsource_profile = base\n{BASE}")
    async with raw_server(always(answer(f"{state} Told", "Connection: close\r\n"))) as middle:
        place = "proxy.invalid:3128" if state == "unknown" else f"127.0.0.1:{middle.port}"
        set_all(monkeypatch, {"AWS_ENDPOINT_URL_STS": f"{scheme}://sts.invalid", "AWS_MAX_ATTEMPTS": "1"})
        monkeypatch.setenv(f"{scheme}_proxy", f"http://me:hunter2@{place}")
        said = "" if state == "refuses" else await failure("tea")
    if state == "refuses":
        said = await failure("tea")
    reason = "Connection refused" if state == "refuses" else f"it answered {state}"
    if state == "unknown":  # each system has words of its own
        assert said.startswith(f"no credentials from the profile 'tea': the proxy {place} failed: ")
        return
    assert said == (
        f"no credentials from the profile 'tea': the proxy {place} failed: {reason}: check "
        "https_proxy and http_proxy, and that the proxy runs; no_proxy leaves hosts out"
    )


# --- IAM Identity Center ----------------------------------------------------------------------------------------------

SSO = (
    "sso_start_url = https://tea.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = 123456789012\n"
    "sso_role_name = caller\n"
)
SSO_SESSION = (
    "[profile new]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = caller\n"
    "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
)
SSO_CODE = """
import asyncio, hashlib, json, os, pathlib, sys, traceback
from aiolambda import ConfigurationError, LambdaClient
cache = pathlib.Path.home() / ".aws/sso/cache"
cache.mkdir(parents=True)
def tokens(expires):
    for key in ("https://tea.awsapps.com/start", "corp"):
        document = {"accessToken": "hunter2", "expiresAt": expires, "region": "eu-west-1"}
        (cache / f"{hashlib.sha1(key.encode()).hexdigest()}.json").write_text(json.dumps(document))
async def main():
    said = {}
    for state in ("none", "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        if state != "none":
            tokens(state)
        for profile in ("two words", "new", "role"):
            try:
                await LambdaClient(profile=profile).open()
            except ConfigurationError as error:
                said[f"{state[:4]} {profile}"] = str(error)
                assert "botocore/" not in "".join(traceback.format_exception(error))
    print(json.dumps(said))
asyncio.run(main())
"""


@pytest.mark.no_botocore  # older ones do not say which profile has no login
async def test_missing_login_names_profile_and_command(config: Config, tmp_path: Path) -> None:
    async def script(connection: Connection) -> None:
        while True:
            await connection.read_request()
            body = json.dumps({"message": "No access"}).encode()
            await connection.write(answer("403 Forbidden", "x-amzn-ErrorType: ForbiddenException\r\n", body))

    path = config(f"[profile 'two words']\n{SSO}{SSO_SESSION}[profile role]\nrole_arn = {ROLE}\nsource_profile = new\n")
    async with raw_server(script) as server:
        variables = {"AWS_ENDPOINT_URL_SSO": server.url, "AWS_ENDPOINT_URL_SSO_OIDC": server.url, "HOME": str(tmp_path)}
        done = await asyncio.to_thread(
            python, SSO_CODE, AWS_CONFIG_FILE=str(path), AWS_REGION="eu-west-1", AWS_MAX_ATTEMPTS="1", **variables
        )
    said = json.loads(done)
    first = {name: f"no credentials from the profile {name!r}: " for name in ("two words", "new", "role")}
    session = {"two words": "two words", "new": "new", "role": "new"}
    run = {name: f"run aws sso login --profile {source!r}" for name, source in session.items()}
    run = {name: text if " words" in text else text.replace("'", "") for name, text in run.items()}
    for name, source in session.items():
        told = f"{first[name]}the profile {source!r} has no valid session: "
        assert said[f"none {name}"] == f"{told}it is not logged in at IAM Identity Center: {run[name]}"
        assert said[f"2020 {name}"] == f"{told}its login at IAM Identity Center has expired: {run[name]}"
        assert said[f"2099 {name}"] == (
            f"{first[name]}IAM Identity Center refused the role 'caller' of account 123456789012 to the profile {source!r}: "
            "ForbiddenException: No access"
        )


async def test_incomplete_login_settings_are_named(config: Config) -> None:
    config("[profile tea]\nsso_account_id = 1\nsso_session = none\n")
    assert "The specified sso-session does not exist" in await failure("tea")
    config("[profile tea]\nsso_account_id = 1\n")
    assert "missing required configuration: sso_role_name, sso_start_url, sso_region" in await failure("tea")


# --- nothing found ----------------------------------------------------------------------------------------------------


async def test_search_without_result_lists_the_places(config: Config) -> None:
    path = config("[profile coffee]\noutput = json\nregion = eu-west-1\n[profile tea]\noutput = json\n")
    credentials = path.parent / "credentials"
    files = f"{path} (read) and {credentials} (missing)"
    rest = (
        "- container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set\n"
        "- instance metadata service (IMDS): not asked, because AWS_EC2_METADATA_DISABLED is true\n"
        "set the two keys in the environment, or name a profile that has keys with profile= or AWS_PROFILE (known: coffee, "
        "tea), or log in (aws sso login --profile NAME)"
    )
    assert await failure() == (
        "no credentials were found:\n"
        "- environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_WEB_IDENTITY_TOKEN_FILE are not set\n"
        f"- profile 'default': not in {files}\n{rest}"
    )
    assert await failure("coffee") == (
        "no credentials were found:\n"
        "- environment: not read, because profile= is given\n"
        f"- profile 'coffee' (from argument profile): no keys, role, login or program in {files}; it has output, region\n{rest}"
    )


@pytest.mark.parametrize("state", ["refuses connections", "has no role"])
async def test_instance_without_keys_is_told(state: str, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    config("")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    async with raw_server(always(answer("404 Not Found"))) as server:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
        if state == "has no role":
            said = await failure()
    if state != "has no role":
        said = await failure()
    assert "(IMDS): it gave no keys: it did not answer, or the instance has no role" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("aws_access_key_id = AKID\n", "has aws_access_key_id, and no aws_secret_access_key: add it"),
        ("aws_secret_access_key = hunter2\n", "it has aws_secret_access_key, and no aws_access_key_id"),
        ("aws_access_key_id =\naws_secret_access_key = hunter2\n", "access_key_id (from the profile 'tea' in"),
        ("aws_access_key_id =\n  a = hunter2\naws_secret_access_key = hunter2\n", "must be one value"),
        ("aws_access_key_id = AKID\naws_secret_access_key = hunter2 \x07\n", "holds a character that no key has"),
    ],
)
async def test_half_a_pair_in_a_file_is_told(text: str, said: str, config: Config) -> None:
    config(f"[profile tea]\n{text}")
    assert said in await failure("tea")


async def test_wrong_profile_name_gets_the_nearest(config: Config) -> None:
    config(BASE)
    assert "known profiles: base; did you mean 'base'? If not, add a section [profile bse]" in await failure("bse")


async def test_error_of_another_library_keeps_its_cause() -> None:
    """Its `response` and `kwargs` are objects of its own, as in httpx."""

    class TheirsError(Exception):
        response = object()
        kwargs = object()

    class Session:
        def get_credentials(self) -> object:
            raise TheirsError("out of\norder")

    with pytest.raises(ConfigurationError, match=r"^the credentials of the session failed: TheirsError: out of$") as raised:
        await from_botocore(Session()).get_credentials()
    assert type(raised.value.__cause__) is TheirsError
