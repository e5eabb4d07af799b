"""The sources of settings, and the modules that are loaded to find them."""

import asyncio
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from aiolambda import ConfigurationError, Credentials, LambdaClient, Request, Response
from aiolambda.credentials import from_botocore
from aiolambda.testing import FakeTransport

from ..support.servers import always, answer, raw_server

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "secret"}


class Online(FakeTransport):
    """A fake transport that a client treats as one that reaches AWS."""

    offline = False


def echo(event: object) -> object:
    return event


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


async def sent_headers(**settings: object) -> dict[str, str]:
    transport = Online({"f": echo})
    async with LambdaClient(transport=transport, **settings) as client:  # type: ignore[call-overload]
        await client.invoke("f")
    return dict(transport.calls[0].headers)


async def test_keys_and_region_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {**KEYS, "AWS_SESSION_TOKEN": "token", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"})
    headers = await sent_headers()
    assert headers["host"] == "lambda.eu-west-1.amazonaws.com"
    assert headers["x-amz-security-token"] == "token"
    assert "Credential=AKIDENVIRONMENT/" in headers["authorization"]
    assert "/eu-west-1/lambda/aws4_request" in headers["authorization"]
    assert "m/E,g" in headers["user-agent"]


class Provider:
    async def get_credentials(self) -> Credentials:
        return Credentials("AKIDPROVIDER", "s", "")


def session_with_keys() -> object:
    session = importlib.import_module("botocore.session").Session()
    session.set_credentials("AKIDSESSION", "s", "")
    return from_botocore(session)


PROCESS = """print('{"Version": 1, "AccessKeyId": "AKIDPROCESS", "SecretAccessKey": "s", "SessionToken": ""}')"""
CONTAINER = b'{"AccessKeyId": "AKIDCONTAINER", "SecretAccessKey": "s", "Token": ""}'
GIVEN = {"argument": lambda: Credentials("AKIDARGUMENT", "s", ""), "provider": Provider, "session": session_with_keys}
VARIABLES = {
    "environment": {**KEYS, "AWS_SESSION_TOKEN": "", "AWS_SECURITY_TOKEN": ""},
    "profile": {"AWS_SHARED_CREDENTIALS_FILE": "{folder}/credentials"},
    "process": {"AWS_CONFIG_FILE": "{folder}/config"},
    "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}"},
}


@pytest.mark.parametrize("by", [*GIVEN, *VARIABLES])
async def test_empty_session_token_is_not_sent(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it were sent and signed, the service would refuse it."""
    if by in ("profile", "process", "session"):
        pytest.importorskip("aiobotocore", reason="the extra 'aws' is not installed")
    (tmp_path / "keys.py").write_text(PROCESS)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {sys.executable} {tmp_path / 'keys.py'}\n")
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = s\naws_session_token =\n"
    )
    async with raw_server(always(answer(body=CONTAINER))) as server:
        for name, value in VARIABLES.get(by, {}).items():
            monkeypatch.setenv(name, value.format(folder=tmp_path, url=server.url))
        given = {"credentials": GIVEN[by]()} if by in GIVEN else {}
        headers = await sent_headers(region="eu-west-1", **given)
    assert "x-amz-security-token" not in headers
    assert "x-amz-security-token" not in headers["authorization"]
    assert f"Credential=AKID{by.upper()}/" in headers["authorization"]


async def test_aws_default_region_is_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {**KEYS, "AWS_DEFAULT_REGION": "us-west-2", "AWS_REGION": ""})
    assert (await sent_headers())["host"] == "lambda.us-west-2.amazonaws.com"


async def test_arguments_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {**KEYS, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://environment:1"})
    headers = await sent_headers(
        region="ap-south-1", credentials=Credentials("AKIDARGUMENT", "s"), endpoint_url="http://argument:2/base/"
    )
    assert headers["host"] == "argument:2"
    assert "Credential=AKIDARGUMENT/" in headers["authorization"]
    assert "/ap-south-1/lambda/" in headers["authorization"]
    assert "m/E,N,e" in headers["user-agent"]


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({"AWS_ENDPOINT_URL": "http://general:1"}, "general:1"),
        ({"AWS_ENDPOINT_URL": "http://general:1", "AWS_ENDPOINT_URL_LAMBDA": "http://lambda:2"}, "lambda:2"),
        ({"AWS_ENDPOINT_URL": "http://[::1]:9001"}, "[::1]:9001"),
        ({"AWS_ENDPOINT_URL": "https://host:443"}, "host"),
    ],
)
async def test_the_endpoint_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], host: str
) -> None:
    set_all(monkeypatch, {**KEYS, **variables})
    assert (await sent_headers(region="us-east-1"))["host"] == host


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "lambda.us-east-1.amazonaws.com"),
        ("cn-north-1", "lambda.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "lambda.us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "lambda.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "lambda.us-isob-east-1.sc2s.sgov.gov"),
        ("us-isof-south-1", "lambda.us-isof-south-1.csp.hci.ic.gov"),
        ("eu-isoe-west-1", "lambda.eu-isoe-west-1.cloud.adc-e.uk"),
        ("eusc-de-east-1", "lambda.eusc-de-east-1.amazonaws.eu"),
    ],
)
async def test_every_partition_has_its_own_host(region: str, host: str) -> None:
    assert (await sent_headers(region=region, credentials=Credentials("a", "b")))["host"] == host


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host",
        "host:80",
        "http://",
        "http://host:99999",
        "http://ho st",
        "http://user:hunter2@host",
        "http://host/?q=1",
        "http://host/\r\nx: y",
    ],
)
async def test_invalid_endpoint_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="argument endpoint_url") as raised:
        await LambdaClient(region="us-east-1", credentials=Credentials("a", "b"), endpoint_url=url).open()
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("region", ["", "eu west", "eu-west-1/", "a" * 64, "EU-WEST-1", "eu-west-1\r\nx: y", "😀"])
async def test_invalid_region_is_refused(region: str) -> None:
    with pytest.raises(ConfigurationError, match="argument region"):
        await LambdaClient(region=region, credentials=Credentials("a", "b")).open()


@pytest.mark.parametrize("missing", list(KEYS))
async def test_half_a_key_pair_names_the_missing_variable(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    set_all(monkeypatch, {**KEYS, missing: ""})
    with pytest.raises(ConfigurationError, match=f"{missing} is not"):
        await LambdaClient(region="us-east-1").open()


async def test_text_of_a_missing_setting_does_not_blame_the_function() -> None:
    client = LambdaClient(credentials=Credentials("a", "b"))
    with pytest.raises(ConfigurationError, match=r"no region.*profile$") as raised:
        await client.invoke("orders")
    assert raised.value.function_name == "orders"
    await client.close()


async def test_missing_region_or_credentials_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no region.*AWS_REGION"):
        await LambdaClient(credentials=Credentials("a", "b")).open()
    with pytest.raises(ConfigurationError, match="no credentials"):
        await LambdaClient(region="us-east-1").open()


async def test_failed_open_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    client = LambdaClient(credentials=Credentials("a", "b"))
    with pytest.raises(ConfigurationError):
        await client.open()
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert (await client.open()).region == "eu-west-1"
    await client.close()


@pytest.fixture
def profile_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = eu-north-1\n[profile tea]\nregion = ap-east-1\n")
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = s\n"
        "[tea]\naws_access_key_id = AKIDTEA\naws_secret_access_key = s\naws_session_token = tea-token\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("profile_files")
async def test_default_profile_is_found_without_a_setting() -> None:
    headers = await sent_headers()
    assert headers["host"] == "lambda.eu-north-1.amazonaws.com"
    assert "Credential=AKIDDEFAULT/" in headers["authorization"]


@pytest.mark.usefixtures("profile_files")
async def test_named_profile_overrides_environment_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, KEYS)
    headers = await sent_headers(profile="tea")
    assert "Credential=AKIDTEA/" in headers["authorization"]
    assert (headers["host"], headers["x-amz-security-token"]) == ("lambda.ap-east-1.amazonaws.com", "tea-token")


@pytest.mark.usefixtures("profile_files")
async def test_a_profile_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigurationError, match="coffee"):
        await LambdaClient(profile="coffee").open()


@pytest.fixture
def process_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A profile whose keys come from a process, and are good for a long time. The file has a letter for each run of it."""
    count, program, config = tmp_path / "count", tmp_path / "keys.py", tmp_path / "config"
    program.write_text(
        "import json, pathlib\n"
        f"count = pathlib.Path({str(count)!r})\n"
        "number = len(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text('x' * number)\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'AKIDPROCESS{number}', 'SecretAccessKey': 's',"
        " 'SessionToken': 't', 'Expiration': '2099-01-01T00:00:00Z'}))\n"
    )
    config.write_text(f"[default]\nregion = eu-north-1\ncredential_process = {sys.executable} {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    return count


async def test_many_first_calls_ask_the_chain_once(process_runs: Path) -> None:
    transport = Online({"f": echo})
    async with LambdaClient(transport=transport) as client:
        await asyncio.gather(*(client.invoke("f") for _ in range(200)))
    assert (process_runs.read_text(), len(transport.calls)) == ("x", 200)


async def test_expired_chain_keys_are_fetched_once_for_all(
    process_runs: Path,
) -> None:

    class Strict(Online):
        async def send(self, request: Request, /) -> Response:
            answer = await super().send(request)
            if "AKIDPROCESS1/" in request.headers["authorization"]:
                return Response(403, {"x-amzn-errortype": "ExpiredTokenException"}, b"{}")
            return answer

    transport = Strict({"f": echo})
    async with LambdaClient(transport=transport) as client:
        await asyncio.gather(*(client.invoke("f") for _ in range(50)))
        assert client.stats.done == 50
    assert process_runs.read_text() == "xx"


def python(code: str, **environment: str) -> str:
    """The output of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", **environment},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = (
    "print(sorted({name.split('.')[0] for name in sys.modules} & {'aiobotocore', 'botocore', 'rich', 'sqlite3', 'hypothesis'}))"
)


def test_import_loads_no_unneeded_module() -> None:
    assert python(f"import sys, aiolambda; {LOADED}") == "[]\n"


def test_environment_keys_load_no_chain() -> None:
    code = f"""
import asyncio, sys
from aiolambda import LambdaClient
from aiolambda.testing import FakeTransport
class Online(FakeTransport):
    offline = False
async def main():
    async with LambdaClient(transport=Online({{"f": lambda event: event}})) as client:
        await client.invoke("f", 1)
asyncio.run(main())
{LOADED}
"""
    assert python(code, **KEYS, AWS_REGION="eu-west-1") == "[]\n"


def test_profile_settings_load_no_chain(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile tea]\nregion = ap-east-1\nuse_dualstack_endpoint = true\n")
    code = f"""
import asyncio, sys
from aiolambda import LambdaClient
async def main():
    client = LambdaClient()
    print((await client.open()).endpoint_url)
    await client.close()
asyncio.run(main())
{LOADED}
"""
    found = python(code, **KEYS, AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_PROFILE="tea")
    assert found == "https://lambda.ap-east-1.api.aws\n[]\n"


def test_the_files_are_read_off_the_event_loop(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = ap-east-1\n")
    code = """
import asyncio, os, sys, threading
from aiolambda import LambdaClient
by = set()
config = os.environ["AWS_CONFIG_FILE"]
sys.addaudithook(lambda event, arguments: event == "open" and arguments[0] == config and by.add(threading.current_thread()))
async def main():
    client = LambdaClient(region="eu-west-1")
    await client.open()
    await client.close()
    print(len(by), threading.main_thread() in by)
asyncio.run(main())
"""
    assert python(code, **KEYS, AWS_CONFIG_FILE=str(tmp_path / "config")) == "1 False\n"


def test_missing_extra_is_named_in_the_error() -> None:
    code = """
import asyncio, sys
sys.modules["botocore"] = None
from aiolambda import ConfigurationError, LambdaClient
try:
    asyncio.run(LambdaClient(region="eu-west-1").open())
except ConfigurationError as error:
    print(error)
"""
    assert "extra 'aws'" in python(code)


def test_chain_is_loaded_off_the_loop(tmp_path: Path) -> None:
    """The import of botocore takes a third of a second, so it must not run in the thread of the loop."""
    pytest.importorskip("aiobotocore", reason="the extra 'aws' is not installed")
    (tmp_path / "config").write_text("[default]\nregion = eu-north-1\nsso_account_id = 1\n")
    code = """
import asyncio, sys, threading
from aiolambda import ConfigurationError, LambdaClient
threads = []
def note(event, arguments):
    if event == "import" and arguments[0] == "botocore.session":
        threads.append(threading.current_thread())
sys.addaudithook(note)
async def main():
    try:
        await LambdaClient().open()
    except ConfigurationError as error:
        print("sso_start_url" in str(error), threads[0] is threading.main_thread(), len(threads))
asyncio.run(main())
"""
    assert python(code, AWS_CONFIG_FILE=str(tmp_path / "config")) == "True False 1\n"


def test_building_a_client_does_no_io() -> None:
    code = """
import sys
from aiolambda import LambdaClient
LambdaClient(region="eu-west-1")
events = []
sys.addaudithook(lambda event, arguments: events.append(event))
client = LambdaClient(region="eu-west-1")
print(sorted({event for event in events if event.startswith(("open", "socket", "os.", "import", "subprocess"))}))
"""
    assert python(code) == "[]\n"
