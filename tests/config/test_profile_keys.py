"""Keys of profiles: the same as botocore gives for the same files, and without botocore."""

import asyncio
import itertools
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, Credentials, LambdaClient
from aiolambda.config.credentials.profile import source_of_profile
from aiolambda.config.shared_config import read_shared_config
from aiolambda.credentials import from_profile
from aiolambda.version import BESIDE_BOTO3, INSTALL

from ..support import THOROUGH
from ..support.servers import always, answer, raw_server
from .test_config import KEYS, LOADED, python, sent_headers

PARTS = {
    "none": "",
    "keys": "aws_access_key_id = AKID{at}\naws_secret_access_key = secret{at}\n",
    "token": "aws_access_key_id = AKID{at}\naws_secret_access_key = secret{at}\naws_session_token = token{at}\n",
    "old token": (
        "AWS_ACCESS_KEY_ID : AKID{at}\naws_secret_access_key=secret{at}\n"
        "aws_session_token = new\naws_security_token = old{at}\n"
    ),
    "empty token": "aws_access_key_id = AKID{at}\naws_secret_access_key = secret{at}\naws_session_token =\n",
    "key alone": "aws_access_key_id = AKID{at}\n",
    "secret alone": "aws_secret_access_key = secret{at}\n",
    "role": "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = other\n",
    "web identity": "web_identity_token_file = /nowhere/token\nrole_arn = arn:aws:iam::123456789012:role/r\n",
    "empty web identity": "web_identity_token_file =\n",
    "sso": "sso_account_id = 1\n",
    "sso session only": "sso_session = corp\n",
    "process": f"credential_process = {sys.executable} -c 'print(1)'\n",
}
"""What a section may hold. Sections of both files, with and without keys, are made from these."""

EXTRAS = ("role", "web identity", "empty web identity", "sso", "sso session only", "process")
SECTIONS = {
    **PARTS,
    **{f"{keys} and {extra}": PARTS[keys] + PARTS[extra] for keys in ("keys", "key alone") for extra in EXTRAS},
}
CASES = [
    (config, credentials, chosen)
    for config, credentials in itertools.product(SECTIONS, SECTIONS)
    for chosen in ("argument", "AWS_PROFILE", "default")
]


def write(folder: Path, config: str, credentials: str, name: str) -> None:
    title = "default" if name == "default" else f"profile {name}"
    (folder / "config").write_text(f"[{title}]\n{SECTIONS[config].format(at='CONFIG')}")
    (folder / "credentials").write_text(f"[{name}]\n{SECTIONS[credentials].format(at='CREDENTIALS')}")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def theirs(profile: str | None) -> tuple[str, object]:
    """The provider of botocore that comes first, and its keys; `refused` if the keys are not whole."""
    session: Any = pytest.importorskip("botocore.session").Session(profile=profile)
    resolver: Any = session.get_component("credential_provider")
    resolver.remove("env")
    for provider in resolver.providers:
        kind = provider.METHOD
        if kind == "assume-role" and (set_up := session.full_config["profiles"][profile or session.profile or "default"]):
            if "role_arn" in set_up and "web_identity_token_file" not in set_up:
                return kind, None
            continue
        if kind == "custom-process" and provider.profile_config.get("credential_process") is not None:
            return kind, None
        try:
            found = provider.load()
        except Exception as error:  # any refusal of botocore's counts
            return ("refused", None) if "Partial" in type(error).__name__ else (kind, None)
        if found is not None and kind == "assume-role-with-web-identity":
            return kind, None
        if found is not None:
            frozen = found.get_frozen_credentials()
            return kind, (frozen.access_key, frozen.secret_key, frozen.token or None)
    return "none", None


def ours(profile: str | None) -> tuple[str, object]:
    name = profile or os.environ.get("AWS_PROFILE")
    try:
        source = source_of_profile(read_shared_config(os.environ), name, None if profile else os.environ)
    except ConfigurationError:
        return "refused", None
    if source is None:
        return "none", None
    keys = source.keys
    return source.kind, None if keys is None else (keys.access_key_id, keys.secret_access_key, keys.session_token)


def test_profile_keys_match_botocore(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("botocore.session", reason="the extra 'aws' is not installed")
    kinds: dict[str, int] = {}
    cases = CASES if THOROUGH else CASES[::17]  # all 1,875 take 15 s
    for config, credentials, chosen in cases:
        name = "default" if chosen == "default" else "tea"
        write(files, config, credentials, name)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        if chosen == "AWS_PROFILE":
            monkeypatch.setenv("AWS_PROFILE", name)
        profile = name if chosen == "argument" else None
        found = ours(profile)
        assert found == theirs(profile), (config, credentials, chosen)
        kinds[found[0]] = kinds.get(found[0], 0) + 1
    assert (sum(kinds.values()), len(CASES)) == (len(cases), 1875)
    assert set(kinds) == {
        "assume-role", "assume-role-with-web-identity", "config-file", "custom-process", "none", "refused",
        "shared-credentials-file", "sso",
    }  # fmt: skip


TEA = "aws_access_key_id = AKID\naws_secret_access_key = secret\n"
ODD = {
    "a section DEFAULT gives its keys to all": (f"[DEFAULT]\n{TEA}[profile tea]\nregion = x\n", ""),
    "the same in the credentials file": ("", f"[DEFAULT]\n{TEA}[tea]\nregion = x\n"),
    "a title of the config file in the credentials file": ("", f"[profile tea]\n{TEA}"),
    "a title of the credentials file in the config file": (f"[tea]\n{TEA}[profile tea]\nregion = x\n", ""),
    "the two keys in two files": ("[profile tea]\naws_access_key_id = a\n", "[tea]\naws_secret_access_key = s\n"),
    "a secret in the other file": (f"[profile tea]\n{TEA}", "[tea]\naws_secret_access_key = other\n"),
    "a token in the other file": (f"[profile tea]\n{TEA}", "[tea]\naws_session_token = other\n"),
    "a quoted title": (f"[profile 'tea']\n{TEA}", ""),
    "a title twice": (f"[profile tea]\n{TEA}[profile 'tea']\nregion = x\n", ""),
    "percent signs": ("[profile tea]\naws_access_key_id = %(a)s\naws_secret_access_key = a%b=c # d\n", ""),
    "line ends of Windows": ("", f"[tea]\n{TEA}".replace("\n", "\r\n")),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_files_give_the_keys_of_botocore(what: str, files: Path) -> None:
    pytest.importorskip("botocore.session", reason="the extra 'aws' is not installed")
    for name, text in zip(("config", "credentials"), ODD[what], strict=True):
        (files / name).write_bytes(text.encode())
    try:
        found = ours("tea") if "tea" in read_shared_config(os.environ).profiles else "no such profile"
    except ConfigurationError:
        found = "no such profile"
    try:
        expected: object = theirs("tea")
    except Exception as error:
        expected = {"ProfileNotFound": "no such profile"}[type(error).__name__]
    assert found == expected


def test_one_file_may_be_both(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("botocore.session", reason="the extra 'aws' is not installed")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(files / "config"))
    for text in (
        f"[profile tea]\n{TEA}credential_process = x\n",
        f"[profile tea]\nregion = x\n[tea]\n{TEA}credential_process = x\n",
    ):
        (files / "config").write_text(text)
        assert ours("tea") == theirs("tea")


# --- without botocore -------------------------------------------------------------------------------------------------

CODE = f"""
import asyncio, os, sys
if os.environ.get("HIDDEN"):
    sys.modules["botocore"] = sys.modules["aiobotocore"] = None
from aiolambda import ConfigurationError, LambdaClient
from aiolambda.testing import FakeTransport
class Online(FakeTransport):
    offline = False
async def main():
    transport = Online({{"f": lambda event: event}})
    try:
        async with LambdaClient(transport=transport, profile=os.environ.get("ARGUMENT")) as client:
            await client.invoke("f", 1)
    except ConfigurationError as error:
        print(error)
    else:
        headers = transport.calls[0].headers
        print(headers["authorization"].split("Credential=")[1].split("/")[0], headers.get("x-amz-security-token"))
        print("m/" in headers["user-agent"], client.config.region)
asyncio.run(main())
sys.modules.pop("botocore", None) or sys.modules.pop("aiobotocore", None) if os.environ.get("HIDDEN") else None
{LOADED.replace("sys.modules}", "sys.modules if sys.modules[name] is not None}")}
"""


@pytest.mark.parametrize("hidden", ["1", ""], ids=["without botocore", "beside botocore"])
@pytest.mark.parametrize("by", ["ARGUMENT", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_profile_keys_load_no_botocore(hidden: str, by: str, tmp_path: Path) -> None:
    aws = tmp_path / ".aws"
    aws.mkdir()
    (aws / "config").write_text("[profile tea]\nregion = eu-north-1\n")
    (aws / "credentials").write_text("[tea]\naws_access_key_id = AKIDTEA\naws_secret_access_key = s\naws_session_token = t\n")
    said = python(CODE, HIDDEN=hidden, HOME=str(tmp_path), **{by: "tea"}, **(KEYS if by == "ARGUMENT" else {}))
    assert said == "AKIDTEA t\nTrue eu-north-1\n[]\n"


def test_default_profile_loads_no_botocore(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[default]\nregion = eu-north-1\n{TEA}")
    assert python(CODE, HIDDEN="1", AWS_CONFIG_FILE=str(tmp_path / "config")) == "AKID None\nTrue eu-north-1\n[]\n"


def test_program_loads_no_botocore(tmp_path: Path) -> None:
    (tmp_path / "keys.py").write_text('print(\'{"Version": 1, "AccessKeyId": "AKIDP", "SecretAccessKey": "s"}\')')
    command = f"{sys.executable} {tmp_path / 'keys.py'}"
    (tmp_path / "config").write_text(f"[default]\nregion = eu-north-1\ncredential_process = {command}\n")
    assert python(CODE, HIDDEN="1", AWS_CONFIG_FILE=str(tmp_path / "config")) == "AKIDP None\nTrue eu-north-1\n[]\n"


NEEDED = f"needs botocore: install the extra 'aws' ({INSTALL}); {BESIDE_BOTO3}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sso_account_id = 1\nsso_role_name = caller\n", "uses IAM Identity Center with the role 'caller', which"),
        ("sso_account_id = 1\n", "uses IAM Identity Center with the role, which"),
        ("role_arn = arn:x\nsource_profile = y\n", "assumes the role 'arn:x', which"),
        ("web_identity_token_file = /t\n", "assumes a role with the web identity token in '/t', which"),
        ("login_session = me\n", "uses a login 'me', which"),
    ],
)
def test_profile_that_needs_the_extra_says_so(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(f"[profile tea]\nregion = eu-west-1\n{text}")
    found = python(CODE, HIDDEN="1", AWS_CONFIG_FILE=str(path), AWS_PROFILE="tea")
    assert found == f"the profile 'tea' in {path} {said} {NEEDED}\n[]\n"


def test_mfa_role_is_refused_without_botocore(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = x\nrole_arn = arn:x\nsource_profile = y\nmfa_serial = z\n")
    assert "MFA device (mfa_serial)" in python(CODE, HIDDEN="1", AWS_CONFIG_FILE=str(tmp_path / "config"))


def test_web_identity_without_the_extra_says_so(tmp_path: Path) -> None:
    found = python(CODE, HIDDEN="1", HOME=str(tmp_path), AWS_REGION="eu-west-1", AWS_WEB_IDENTITY_TOKEN_FILE="/token")
    assert found == f"AWS_WEB_IDENTITY_TOKEN_FILE is set, and a web identity {NEEDED}\n[]\n"


def test_search_without_the_extra_lists_the_places(tmp_path: Path) -> None:
    found = python(CODE, HIDDEN="1", HOME=str(tmp_path), AWS_REGION="eu-west-1")
    assert f"- profile 'default': not in {tmp_path}/.aws/config (missing) and {tmp_path}/.aws/credentials (missing)" in found
    assert f"(IMDS): not asked, because it {NEEDED}" in found
    assert found.splitlines()[0] == "no credentials were found:"


async def test_container_behind_files_needs_no_botocore(files: Path) -> None:
    (files / "config").write_text("[default]\noutput = json\n")
    body = b'{"AccessKeyId": "ASIAEKS", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}'
    async with raw_server(always(answer(body=body))) as server:
        said = await asyncio.to_thread(
            python,
            CODE,
            HIDDEN="1",
            AWS_REGION="eu-west-1",
            AWS_CONFIG_FILE=str(files / "config"),
            AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url,
        )
    assert said == "ASIAEKS t\nTrue eu-west-1\n[]\n"


async def test_refused_profile_keys_are_read_again(files: Path) -> None:
    """A tool that renews a session writes its keys into the file. The client then takes them from there."""
    (files / "credentials").write_text(f"[tea]\n{TEA}aws_session_token = old\n")
    provider = from_profile("tea")
    keys = await provider.get_credentials()
    assert keys == Credentials("AKID", "secret", "old")
    (files / "credentials").write_text(f"[tea]\n{TEA}aws_session_token = new\n")
    assert await provider.refresh(keys) == Credentials("AKID", "secret", "new")  # type: ignore[attr-defined]


async def test_profile_keys_name_their_source(files: Path) -> None:
    write(files, "keys", "none", "tea")
    async with LambdaClient(profile="tea", region="eu-west-1") as client:
        assert "from config-file, without expiry" in repr(client._state.context.credentials)
    assert "Credential=AKIDCONFIG/" in (await sent_headers(profile="tea", region="eu-west-1"))["authorization"]
