"""Credentials in code: roles, profiles and sessions, against an STS of the tests; and the environment's keys."""

import ast
import asyncio
import contextlib
import datetime as dt
import gc
import importlib
import json
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aiolambda
from aiolambda import ConfigurationError, Credentials, LambdaClient
from aiolambda.config.credentials import botocore_files
from aiolambda.config.credentials.botocore import ChainSource
from aiolambda.config.credentials.refreshable import RefreshableCredentials
from aiolambda.config.credentials.static import environment_credentials
from aiolambda.credentials import assume_role, from_botocore, from_profile

from ..support.servers import Connection, RawServer, always, answer, raw_server
from .test_config import KEYS, Online, echo, python, set_all

pytest.importorskip("aiobotocore", reason="the extra 'aws' is not installed")

ROLE = "arn:aws:iam::123456789012:role/caller"
SOURCE = Credentials("AKIDSOURCE", "hunter2")
TAKEN = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>hunter2</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2099-02-13T23:31:30Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
REFUSED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code>
<Message>said by STS</Message></Error></ErrorResponse>"""


@attrs.define(eq=False)
class Sts:
    """Gives other keys at each request. `refuses` maps the id of a signing key to the code of the refusal."""

    server: RawServer
    refuses: dict[str, str] = attrs.field(factory=dict)

    @property
    def asked(self) -> list[dict[str, str]]:
        return [{name: values[0] for name, values in parse_qs(body.decode()).items()} for _, body in self.server.requests]

    @property
    def signers(self) -> list[str]:
        return [head.split(b"Credential=")[1].split(b"/")[0].decode() for head, _ in self.server.requests]


@pytest.fixture
async def sts(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Sts]:
    async def script(connection: Connection) -> None:
        while True:
            await connection.read_request()
            code = sts.refuses.get(sts.signers[-1])
            body = REFUSED.format(code=code) if code else TAKEN.format(number=len(server.requests))
            status = "403 Forbidden" if code else "200 OK"
            await connection.write(answer(status, "Content-Type: text/xml\r\n", body.encode()))

    async with raw_server(script) as server:
        sts = Sts(server)
        set_all(monkeypatch, {"AWS_ENDPOINT_URL_STS": server.url, "AWS_REGION": "eu-west-1"})
        yield sts


async def test_assume_role_sends_its_arguments(sts: Sts) -> None:
    provider = assume_role(
        ROLE, session_name="me", external_id="theirs", duration=dt.timedelta(minutes=20), source=SOURCE, region="ap-south-1"
    )
    expires_at = dt.datetime(2099, 2, 13, 23, 31, 30, tzinfo=dt.UTC)
    assert await provider.get_credentials() == Credentials("ASIA1", "hunter2", "token", expires_at=expires_at)
    assert sts.asked == [
        {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "me",
            "ExternalId": "theirs",
            "DurationSeconds": "1200",
        }
    ]
    head = sts.server.requests[0][0]
    assert b"Credential=AKIDSOURCE/" in head
    assert b"/ap-south-1/sts/aws4_request" in head


async def test_assume_role_reads_files_with_a_bom(sts: Sts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("\ufeff[default]\nregion = eu-north-1\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_REGION")
    assert (await assume_role(ROLE, source=SOURCE).get_credentials()).access_key_id == "ASIA1"
    assert b"/eu-north-1/sts/aws4_request" in sts.server.requests[0][0]


async def test_clients_that_share_a_provider_fetch_once(sts: Sts) -> None:
    transport, provider = Online({"f": echo}), assume_role(ROLE, source=SOURCE)
    async with (
        LambdaClient(transport=transport, credentials=provider) as one,
        LambdaClient(transport=transport, credentials=provider) as other,
    ):
        await asyncio.gather(*(client.invoke("f") for client in (one, other) for _ in range(200)))
    assert len(sts.asked) == 1
    assert {"Credential=ASIA1/" in call.headers["authorization"] for call in transport.calls} == {True}


async def test_assume_role_defaults_to_the_clients_keys(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, KEYS)
    await assume_role(ROLE).get_credentials()
    assert sts.signers == ["AKIDENVIRONMENT"]
    assert b"/eu-west-1/sts/aws4_request" in sts.server.requests[0][0]


async def test_role_may_be_assumed_from_another_role(sts: Sts) -> None:
    assert (await assume_role(ROLE, source=assume_role(ROLE, source=SOURCE)).get_credentials()).access_key_id == "ASIA2"
    assert sts.signers == ["AKIDSOURCE", "ASIA1"]


@attrs.define(eq=False)
class Theirs:
    """A provider of the caller's that works only on the caller's loop."""

    loop: asyncio.AbstractEventLoop
    asked: int = 0

    async def get_credentials(self) -> Credentials:
        assert asyncio.get_running_loop() is self.loop
        self.asked += 1
        await asyncio.sleep(0)
        return SOURCE


async def test_source_provider_runs_on_the_callers_loop(sts: Sts) -> None:
    theirs = Theirs(asyncio.get_running_loop())
    middle = assume_role(ROLE, source=theirs)
    assert (await assume_role(ROLE, source=middle).get_credentials()).access_key_id == "ASIA2"
    assert theirs.asked == 1


@pytest.mark.parametrize("landed", [True, False])
def test_ended_loop_does_not_block_the_provider(landed: bool) -> None:
    """The next loop begins after the fetch has noticed that end (`landed`), or before."""
    code = (
        f"landed = {landed}"
        """
import asyncio, threading
from aiolambda import ConfigurationError, Credentials
from aiolambda.credentials import assume_role
class Hanging:
    async def get_credentials(self):
        asked.set()
        await asyncio.Event().wait()
async def leave():
    global asked
    asked = asyncio.Event()
    waiting = asyncio.ensure_future(provider.get_credentials())
    await asked.wait()
provider = assume_role("arn:aws:iam::123456789012:role/caller", source=Hanging())
asyncio.run(leave())
if landed:
    [thread.join() for thread in threading.enumerate() if thread.name == "aiolambda credentials"]
asyncio.run(leave())
print("left twice")
"""
    )
    assert python(code, AWS_REGION="eu-west-1") == "left twice\n"


async def test_expired_source_keys_are_renewed_once(sts: Sts) -> None:
    class Renewed(Theirs):
        async def refresh(self, rejected: Credentials, /) -> Credentials:
            assert rejected == SOURCE
            return Credentials("AKIDRENEWED", "s")

    sts.refuses["AKIDSOURCE"] = "ExpiredToken"
    await assume_role(ROLE, source=Renewed(asyncio.get_running_loop())).get_credentials()
    assert sts.signers == ["AKIDSOURCE", "AKIDRENEWED"]
    sts.refuses["AKIDRENEWED"] = "ExpiredToken"
    with pytest.raises(ConfigurationError, match="ExpiredToken"):
        await assume_role(ROLE, source=Renewed(asyncio.get_running_loop())).get_credentials()
    assert len(sts.signers) == 4


async def test_sts_refusal_names_the_role(sts: Sts) -> None:
    sts.refuses["AKIDSOURCE"] = "AccessDenied"
    with pytest.raises(ConfigurationError, match=rf"to assume {ROLE} failed: .*AccessDenied.*said by STS") as raised:
        await assume_role(ROLE, source=SOURCE).get_credentials()
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"role_arn": "caller"}, "must be the ARN of a role"),
        ({"role_arn": "arn:aws:iam::123456789012:user/me"}, "must be the ARN of a role"),
        ({"session_name": "a b"}, "session_name"),
        ({"session_name": "x"}, "session_name"),
        ({"duration": dt.timedelta(minutes=14)}, "duration"),
        ({"duration": dt.timedelta(hours=13)}, "duration"),
        ({"source": Credentials("AKID\n", "s")}, "white space"),
    ],
)
def test_invalid_role_arguments_are_refused_at_once(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        assume_role(**{"role_arn": ROLE, **settings})


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Writes the config file."""

    def write(text: str) -> None:
        (tmp_path / "config").write_text(text)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    return write


BASE = "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = hunter2\n"


async def test_profile_role_uses_the_clients_region(sts: Sts, config: Callable[[str], None]) -> None:
    config(f"[profile tea]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = theirs\nregion = us-east-1\n{BASE}")
    keys = await from_profile("tea").get_credentials()
    assert (keys.access_key_id, keys.expires_at) == ("ASIA1", dt.datetime(2099, 2, 13, 23, 31, 30, tzinfo=dt.UTC))
    async with LambdaClient(profile="tea", region="ap-south-1", transport=Online({"f": echo})) as client:
        await client.invoke("f")
    assert [asked["ExternalId"] for asked in sts.asked] == ["theirs"] * 2
    assert b"/eu-west-1/sts/aws4_request" in sts.server.requests[0][0]
    assert b"/ap-south-1/sts/aws4_request" in sts.server.requests[1][0]


MFA = "mfa_serial = arn:aws:iam::123456789012:mfa/me\n"


@pytest.mark.parametrize(
    "text",
    [
        f"[profile tea]\nrole_arn = {ROLE}\nsource_profile = base\n{MFA}{BASE}",
        f"[profile tea]\nrole_arn={ROLE}\nsource_profile=x\n[profile x]\nrole_arn={ROLE}\nsource_profile=base\n{MFA}{BASE}",
    ],
    ids=["of the profile", "of its source"],
)
async def test_mfa_role_is_refused_without_a_prompt(sts: Sts, config: Callable[[str], None], text: str) -> None:
    config(text)
    with pytest.raises(ConfigurationError, match=r"MFA device \(mfa_serial\).*from_botocore"):
        await from_profile("tea").get_credentials()
    assert sts.asked == []


@pytest.mark.parametrize(
    "text",
    [
        f"[profile tea]\nrole_arn = {ROLE}\nsource_profile = tea\naws_access_key_id = AKIDBASE\naws_secret_access_key = s\n",
        f"[profile tea]\nrole_arn = {ROLE}\nsource_profile = base\n{BASE}{MFA}role_arn = {ROLE}\n",
    ],
    ids=["a source that is itself", "a source with keys"],
)
async def test_unused_mfa_serial_is_ignored(sts: Sts, config: Callable[[str], None], text: str) -> None:
    config(text)
    assert (await from_profile("tea").get_credentials()).access_key_id == "ASIA1"


async def test_circular_profiles_are_an_error(config: Callable[[str], None]) -> None:
    config(f"[profile a]\nrole_arn = {ROLE}\nsource_profile = b\n[profile b]\nrole_arn = {ROLE}\nsource_profile = a\n")
    with pytest.raises(ConfigurationError, match="Infinite loop"):
        await from_profile("a").get_credentials()


async def test_missing_profile_fails_when_keys_are_needed(config: Callable[[str], None]) -> None:
    config(BASE)
    provider = from_profile("coffee")
    with pytest.raises(ConfigurationError, match="coffee"):
        await provider.get_credentials()
    config("[profile coffee]\naws_access_key_id = AKIDCOFFEE\naws_secret_access_key = s\n")
    provider = from_profile("coffee")
    assert (await provider.get_credentials()).access_key_id == "AKIDCOFFEE"


async def test_slow_credential_process_delays_no_call(config: Callable[[str], None], tmp_path: Path) -> None:
    """The second run of the program waits until the test opens the other end of a pipe."""
    pipe, program = tmp_path / "pipe", tmp_path / "keys.py"
    os.mkfifo(pipe)
    expires_at = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(hours=1)
    program.write_text(
        "import json, pathlib\n"
        f"count, pipe = pathlib.Path({str(tmp_path / 'count')!r}), {str(pipe)!r}\n"
        "number = len(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text('x' * number)\n"
        "number > 1 and open(pipe).read()\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'AKIDPROCESS{number}', 'SecretAccessKey': 's', 'SessionToken': 't',"
        f" 'Expiration': {expires_at.isoformat()!r}}}))\n"
    )
    config(f"[profile slow]\ncredential_process = {sys.executable} {program}\n")
    now = [expires_at.timestamp() - 3600]
    provider = RefreshableCredentials(ChainSource("slow"), now=lambda: now[0])
    assert await provider.get_credentials() == Credentials("AKIDPROCESS1", "s", "t", expires_at=expires_at)
    now[0] += 3300
    for _ in range(1000):
        assert (await provider.get_credentials()).access_key_id == "AKIDPROCESS1"
    fetch = provider._fetch
    assert fetch is not None
    (await asyncio.to_thread(pipe.open, "w")).close()
    await fetch.completion.wait()
    assert (await provider.get_credentials()).access_key_id == "AKIDPROCESS2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("credential_process = /nonexistent/program", "No such file"),
        ("credential_process = echo {}", "wrong Version"),
        ("credential_process = echo nonsense", "no JSON"),
    ],
)
async def test_chain_failure_is_a_configuration_error(config: Callable[[str], None], text: str, said: str) -> None:
    config(f"[default]\nregion = eu-west-1\n{text}\n")
    with pytest.raises(ConfigurationError, match=f"credential_process of the profile 'default' in .*{said}"):
        await LambdaClient().open()


def static_session(kind: str) -> Any:
    if kind == "boto3":
        boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
        return boto3.Session("AKIDSESSION", "s", "t", region_name="eu-west-1")
    if kind == "botocore":
        from botocore.session import Session
    else:
        from aiobotocore.session import AioSession as Session
    session = Session()
    session.set_credentials("AKIDSESSION", "s", "t")
    return session


@pytest.mark.parametrize("kind", ["boto3", "botocore", "aiobotocore"])
async def test_keys_that_were_given_to_a_session_are_used(kind: str) -> None:
    provider = from_botocore(static_session(kind))
    assert await provider.get_credentials() == Credentials("AKIDSESSION", "s", "t")
    assert repr(provider) == "<RefreshableCredentials from session, explicit, without expiry>"


@pytest.mark.parametrize("kind", ["boto3", "botocore", "aiobotocore"])
async def test_fetched_session_keys_have_an_expiry(sts: Sts, config: Callable[[str], None], kind: str) -> None:
    config(f"[profile tea]\nregion = eu-west-1\nrole_arn = {ROLE}\nsource_profile = base\n{BASE}")
    if kind == "boto3":
        session: Any = pytest.importorskip("boto3", reason="boto3 is not installed").Session(profile_name="tea")
    elif kind == "botocore":
        from botocore.session import Session

        session = Session(profile="tea")
    else:
        from aiobotocore.session import AioSession

        session = AioSession(profile="tea")
    keys = await from_botocore(session).get_credentials()
    assert keys.access_key_id == "ASIA1"
    assert keys.expires_at == dt.datetime(2099, 2, 13, 23, 31, 30, tzinfo=dt.UTC)


async def test_aiobotocore_session_shares_its_fetch(sts: Sts, config: Callable[[str], None]) -> None:
    from aiobotocore.session import AioSession

    config(f"[profile tea]\nregion = eu-west-1\nrole_arn = {ROLE}\nsource_profile = base\n{BASE}")
    session = AioSession(profile="tea")
    theirs = await session.get_credentials()
    ours = [from_botocore(session).get_credentials() for _ in range(3)]
    keys = await asyncio.gather(*ours, theirs.get_frozen_credentials(), theirs.get_frozen_credentials())
    assert {getattr(found, "access_key_id", None) or found.access_key for found in keys} == {"ASIA1"}


async def test_a_session_without_credentials_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.session import Session

    with pytest.raises(ConfigurationError, match="has no credentials"):
        await from_botocore(Session()).get_credentials()
    with pytest.raises(ConfigurationError, match="takes a session of boto3, botocore or aiobotocore; got str"):
        from_botocore("session")


async def test_botocore_alone_is_enough(sts: Sts, config: Callable[[str], None]) -> None:
    """boto3 brings botocore, too, and aiobotocore cannot always be installed beside boto3."""
    config(f"[profile tea]\nregion = eu-west-1\nrole_arn = {ROLE}\nsource_profile = base\n{BASE}")
    code = """
import asyncio, sys
sys.modules["aiobotocore"] = None
from botocore.session import Session
from aiolambda.credentials import assume_role, from_botocore, from_profile
session = Session()
session.set_credentials("AKIDSESSION", "s")
role = assume_role("arn:aws:iam::123456789012:role/r", source=from_botocore(session), region="eu-west-1")
for provider in (from_botocore(session), from_profile("tea"), role):
    print(asyncio.run(provider.get_credentials()).access_key_id)
"""
    variables = {name: os.environ[name] for name in ("AWS_CONFIG_FILE", "AWS_ENDPOINT_URL_STS")}
    assert await asyncio.to_thread(python, code, **variables) == "AKIDSESSION\nASIA1\nASIA2\n"


def test_missing_botocore_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile tea]\nsso_account_id = 1\n")
    code = """
import asyncio, sys
sys.modules["botocore"] = None
from aiolambda import ConfigurationError, Credentials
from aiolambda.credentials import assume_role, from_profile
from aiolambda.version import INSTALL
keys = Credentials("AKID", "s")
for provider in (from_profile("tea"), assume_role("arn:aws:iam::123456789012:role/r", source=keys)):
    try:
        asyncio.run(provider.get_credentials())
    except ConfigurationError as error:
        print(INSTALL in str(error), "from_botocore(session)" in str(error))
"""
    assert python(code, AWS_CONFIG_FILE=str(tmp_path / "config")) == "True True\nTrue True\n"


def test_custom_session_needs_no_botocore() -> None:
    code = """
import asyncio, sys
sys.modules["aiobotocore"] = sys.modules["botocore"] = None
from aiolambda import ConfigurationError
from aiolambda.credentials import from_botocore
class Frozen:
    access_key, secret_key, token = "AKID", "s", None
class Found:
    def get_frozen_credentials(self):
        if failing:
            raise OSError("no answer")
        return Frozen
class Session:
    def get_credentials(self):
        return Found()
failing = False
print(asyncio.run(from_botocore(Session()).get_credentials()).access_key_id)
failing = True
try:
    asyncio.run(from_botocore(Session()).get_credentials())
except ConfigurationError as error:
    print(error)
"""
    assert python(code) == "AKID\nthe credentials of the session failed: OSError: no answer\n"


async def test_closed_client_leaves_no_fetch_behind() -> None:
    class Hanging:
        name, needs_caller_loop = "hanging", False

        async def fetch(self, *, rejected: bool, caller_loop: object) -> Credentials:
            await asyncio.to_thread(go_on.wait)
            return SOURCE

    go_on = threading.Event()
    provider = RefreshableCredentials(Hanging())
    client = LambdaClient(region="eu-west-1", credentials=provider, transport=Online({"f": echo}))
    call = asyncio.ensure_future(client.invoke("f"))
    await asyncio.sleep(0)
    await client.close(grace=0)
    with pytest.raises(aiolambda.ClientClosedError):
        await call
    assert {task for task in asyncio.all_tasks() if "credentials" in repr(task.get_coro())} == set()
    go_on.set()
    assert await provider.get_credentials() == SOURCE


async def test_environment_keys_are_read_again_on_expiry() -> None:
    environment = {**KEYS, "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}
    provider = environment_credentials(environment)
    assert provider is not None
    assert provider.ready_credentials() is None
    with pytest.raises(
        ConfigurationError, match=r"expired at 2020-01-01 00:00:00 UTC \(AWS_CREDENTIAL_EXPIRATION\): set new keys"
    ):
        await provider.get_credentials()
    environment.update(AWS_ACCESS_KEY_ID="AKIDNEXT", AWS_CREDENTIAL_EXPIRATION="")
    keys = await provider.get_credentials()
    assert keys == provider.credentials == Credentials("AKIDNEXT", "secret")
    environment["AWS_ACCESS_KEY_ID"] = "AKIDLAST"
    assert await provider.get_credentials() == keys
    assert (await provider.refresh(keys)).access_key_id == "AKIDLAST"
    environment.clear()
    assert (await provider.refresh(keys)).access_key_id == "AKIDLAST"


def test_blank_environment_keys_count_as_missing() -> None:
    assert environment_credentials({"AWS_ACCESS_KEY_ID": " ", "AWS_SECRET_ACCESS_KEY": " "}) is None
    with pytest.raises(ConfigurationError, match="AWS_SECRET_ACCESS_KEY is not"):
        environment_credentials({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": " "})
    with pytest.raises(ConfigurationError, match="AWS_CREDENTIAL_EXPIRATION"):
        environment_credentials({**KEYS, "AWS_CREDENTIAL_EXPIRATION": "soon"})


def private_names(tree: ast.AST) -> set[str]:
    """Underscore names that are read from any object but `self`."""
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
            found |= {ast.unparse(node)} - {f"self.{node.attr}", f"cls.{node.attr}"}
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("aiobotocore", "botocore", "boto3"):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            found |= {name for name in names if name.startswith("_")}
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant) and str(name.value).startswith("_"):
                found.add(ast.unparse(node))
    return found


def test_only_public_botocore_names_are_used() -> None:
    folder = Path(aiolambda.__file__).parent / "config"
    used = {file.name: private_names(ast.parse(file.read_text())) for file in folder.rglob("*.py")}
    assert {name: names for name, names in used.items() if names} == {}
    assert len(used) > 5
    assert private_names(ast.parse("from aiobotocore._x import y\nfound._expiry_time\ngetattr(found, '_a')")) == {
        "_x",
        "found._expiry_time",
        "getattr(found, '_a')",
    }


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(document=documents, indent=st.sampled_from([None, 0, 1]), depth=st.integers(0, 6))
def test_json_decoded_in_pieces_is_the_same(document: object, indent: int | None, depth: int) -> None:
    assert botocore_files.decoded_in_pieces(f" {json.dumps(document, indent=indent)}\n", depth) == document


def test_botocore_documents_are_loaded_in_pieces() -> None:
    from aiobotocore.session import AioSession

    loader = AioSession().get_component("data_loader")
    whole = loader.load_data("endpoints")
    loader = AioSession().get_component("data_loader")
    loader.file_loader = botocore_files.PiecewiseFiles(loader.file_loader)
    assert loader.load_data("endpoints") == whole
    assert loader.file_loader.load_file("/nonexistent") is None
    assert not loader.file_loader.exists("/nonexistent")


@pytest.fixture
def nothing_frozen() -> Iterator[None]:
    """Undoes for a test that `tests/conftest.py` has frozen the objects of the collection."""
    gc.unfreeze()
    yield
    gc.collect()
    gc.freeze()


@pytest.mark.usefixtures("nothing_frozen")
def test_garbage_collector_state_is_restored() -> None:
    with botocore_files.collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    with contextlib.suppress(KeyError), botocore_files.collector_paused():
        raise KeyError
    assert gc.isenabled()
    gc.disable()
    try:
        with botocore_files.collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with botocore_files.collector_paused():
            assert gc.isenabled()
        assert 0 < gc.get_freeze_count() <= frozen  # other threads may drop some of them
    finally:
        gc.unfreeze()


def test_making_a_provider_does_no_io() -> None:
    code = """
import sys
import aiolambda
aiolambda.credentials.from_profile("x")
events = []
sys.addaudithook(lambda event, arguments: events.append(event))
aiolambda.credentials.from_profile("x")
aiolambda.credentials.assume_role("arn:aws:iam::123456789012:role/r")
print(sorted({event for event in events if event.startswith(("open", "socket", "os.", "import", "subprocess", "_thread"))}))
"""
    assert python(code) == "[]\n"


async def test_botocore_models_are_read_off_the_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A role is requested on the caller's loop, but its service's model and the endpoints are read before, in a thread."""
    config = tmp_path / "config"
    config.write_text(
        "[profile keys]\naws_access_key_id = AKID\naws_secret_access_key = s\n"
        "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/caller\nsource_profile = keys\nregion = eu-west-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    session = importlib.import_module("aiobotocore.session").AioSession(profile="role")
    loader, first = session.get_component("data_loader"), dict[str, threading.Thread]()
    load = loader.load_service_model

    def load_service_model(service: str, kind: str, **options: Any) -> Any:
        first.setdefault(f"{service}/{kind}", threading.current_thread())
        return load(service, kind, **options)

    monkeypatch.setattr(loader, "load_service_model", load_service_model)
    async with raw_server(always(answer("403 Forbidden"))) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        with pytest.raises(ConfigurationError, match="credentials of the session"):
            await from_botocore(session).get_credentials()
        assert len(sts.requests) == 1
    assert first["sts/service-2"] is not threading.main_thread()
