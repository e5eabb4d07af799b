"""The shared files: the same profiles as in botocore, and the errors of a wrong file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, LambdaClient
from aiolambda.config import LambdaClientConfig
from aiolambda.config.credentials.botocore_files import marks_removed
from aiolambda.config.resolve import PROFILE
from aiolambda.config.settings import SettingSources
from aiolambda.config.shared_config import Entry, read_shared_config

FILES = {
    "two profiles": ("[default]\nregion = eu-west-1\n[profile tea]\nregion=ap-east-1\noutput: json\n", ""),
    "the credentials file goes first": (
        "[default]\nregion = eu-west-1\nca_bundle = /a\n[profile tea]\nregion = x\n",
        "[default]\nregion = us-east-1\n[tea]\nendpoint_url = http://h\n[coffee]\nregion = z\n",
    ),
    "quoted names": ("[profile \"with space\"]\nregion = a\n[profile 'single']\nregion = b\n[profile  wide]\nregion = c\n", ""),
    "no profiles": ("[preview]\na = b\n[tea]\nregion = x\n[profile a b]\nregion = y\n[profile]\nregion = z\n", ""),
    "a quotation without an end": ('[profile "tea]\nregion = x\n[default]\nregion = y\n', ""),
    "default twice": ("[default]\nregion = a\n[profile default]\nregion = b\n", ""),
    "default twice, the other way": ("[profile default]\nregion = b\n[default]\nregion = a\n", ""),
    "services": (
        (
            "[profile tea]\nservices = local\n[services local]\nlambda =\n  endpoint_url = http://lambda:1\n"
            '  other = a = b\ns3 =\n  endpoint_url = http://s3:2\n[services "two words"]\nlambda = \n    endpoint_url=http://x\n'
        ),
        "",
    ),
    "nested settings with comments and empty lines": (
        "[profile tea]\ns3 =\n  max = 10\n\n  # a comment\n  addressing_style = path\nregion = eu-west-1\n",
        "",
    ),
    "comments, case and odd spacing": (
        "# first\n; second\n[default]\nREGION =   eu-west-1   \n# between\nca_bundle=/a/?a=b#c ; no comment\nempty =\n",
        "",
    ),
    "values of several lines": ("[default]\nregion = eu\n  -west-1\ncredential_process = a\n  b\n", ""),
    "percent signs and unicode": ("[default]\nregion = %(x)s\nrole_session_name = Jürgen 100%\n", ""),
    "a section named DEFAULT": ("[DEFAULT]\nregion = a\n[default]\noutput = text\n", ""),
    "a long word for profile": ("[profiles tea]\nregion = a\n[servicesx y]\nlambda =\n  endpoint_url = http://h\n", ""),
    "line ends of Windows": ("[default]\r\nregion = eu-west-1\r\n[profile tea]\r\ns3 =\r\n  a = b\r\n", ""),
    "nothing": ("", ""),
}

BROKEN = {
    "no section": ("region = hunter2\n[default]\n", 1, "before the first"),
    "no sign": ("[default]\nregion = a\nhunter2\n", 3, "neither a .section. nor a setting"),
    "a section twice": ("[default]\na = b\n\n[default]\nc = hunter2\n", 4, "the section .default. begins a second time"),
    "a key twice": ("[default]\nregion = a\nRegion = hunter2\n", 3, "region is set a second time in .default."),
    "a nested line without a sign": ("[default]\ns3 =\n  a = b\n  hunter2\n", 4, "indented under a setting"),
}


def write(folder: Path, config: str, credentials: str = "") -> dict[str, str]:
    """The two files, and the environment that names them."""
    variables = {"AWS_CONFIG_FILE": folder / "config", "AWS_SHARED_CREDENTIALS_FILE": folder / "credentials"}
    for path, text in zip(variables.values(), (config, credentials), strict=True):
        path.write_bytes(text.encode())
    return {name: str(path) for name, path in variables.items()}


def plain(sections: Mapping[str, Mapping[str, Entry]]) -> dict[str, dict[str, Any]]:
    return {name: {key: entry.value for key, entry in section.items()} for name, section in sections.items()}


def botocores(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    session = pytest.importorskip("botocore.session", reason="the extra 'aws' is not installed")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return session.Session()


@pytest.mark.parametrize("what", FILES)
def test_profiles_and_services_match_botocore(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = write(tmp_path, *FILES[what])
    theirs = botocores(environment, monkeypatch).full_config
    ours = read_shared_config(environment)
    assert plain(ours.profiles) == theirs["profiles"]
    assert plain(ours.services) == theirs.get("services", {})


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("which", ["config", "credentials"])
def test_parse_error_names_file_and_line(what: str, which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, line, complaint = BROKEN[what]
    environment = write(tmp_path, *((text, "") if which == "config" else ("", text)))
    with pytest.raises(ConfigurationError, match=rf"/{which}, line {line}: .*{complaint}") as raised:
        read_shared_config(environment)
    assert "hunter2" not in str(raised.value)
    errors = pytest.importorskip("botocore.exceptions", reason="the extra 'aws' is not installed")
    with pytest.raises(errors.ConfigParseError):
        _ = botocores(environment, monkeypatch).full_config


def test_invalid_utf8_names_its_line(tmp_path: Path) -> None:
    environment = write(tmp_path, "")
    (tmp_path / "config").write_bytes(b"[default]\nregion = eu-west-1\nname = \xff\xfe\n")
    with pytest.raises(ConfigurationError, match="config, line 3: this is not UTF-8"):
        read_shared_config(environment)


def test_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert plain(read_shared_config(write(tmp_path, "\ufeff[default]\nregion = a\n")).profiles) == {"default": {"region": "a"}}


MARK = "\ufeff"
KEYS_OF_TEA = "[tea]\naws_access_key_id = AKIDTEAEXAMPLE\naws_secret_access_key = hunter2\n"
ROLE_OF_TEA = "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = tea\n"


@pytest.mark.parametrize("marked", ["config", "credentials", "config credentials"])
async def test_client_opens_with_byte_order_marks(marked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiobotocore", reason="the extra 'aws' is not installed")
    places = [tmp_path / "copies", tmp_path / "files"]
    for place in places:
        place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(places[0]))
    texts = {"config": "[profile tea]\nregion = eu-north-1\n", "credentials": KEYS_OF_TEA}
    marks = {name: MARK if name in marked.split() else "" for name in texts}
    environment = write(places[1], *(marks[name] + text for name, text in texts.items()))
    botocores(environment, monkeypatch)
    before = {path.name: path.read_bytes() for path in places[1].iterdir()}
    config = LambdaClientConfig(profile="tea")
    assert [row.problem for row in config.explained()] == [None] * len(config.explained())
    async with LambdaClient(config) as client:
        assert client.config.region == "eu-north-1"
        keys = await client._state.context.credentials.get_credentials()  # type: ignore[union-attr]
    assert (keys.access_key_id, keys.secret_access_key) == ("AKIDTEAEXAMPLE", "hunter2")
    assert {path.name: path.read_bytes() for path in places[1].iterdir()} == before
    assert list(places[0].iterdir()) == []


def test_copy_without_bom_is_private_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiobotocore", reason="the extra 'aws' is not installed")
    session = botocores(write(tmp_path, f"{MARK}{ROLE_OF_TEA}", f"{MARK}{KEYS_OF_TEA}"), monkeypatch)
    with pytest.raises(LookupError), marks_removed(session):
        assert session.full_config["profiles"]["role"]["source_profile"] == "tea"
        copies = [Path(session.get_config_variable(name)) for name in ("config_file", "credentials_file")]
        assert [path.read_text() for path in copies] == [ROLE_OF_TEA, KEYS_OF_TEA]
        assert {(path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) for path in copies} == {(0o600, 0o700)}
        raise LookupError
    assert not any(path.parent.exists() for path in copies)


def test_missing_files_are_empty(tmp_path: Path) -> None:
    missing = {"AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path)}
    found = read_shared_config(missing)
    assert (found.profiles, found.services, [file.state for file in found.files]) == ({}, {}, ["missing", "missing"])
    assert read_shared_config({"AWS_CONFIG_FILE": "", "AWS_SHARED_CREDENTIALS_FILE": ""}).profiles == {}


def test_file_path_may_use_home_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACE", "place")
    for path in ("place/config", ".aws/credentials"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(f"[{Path(path).name}]\nregion = x\n".replace("[config]", "[profile c]"))
    assert set(read_shared_config({"AWS_CONFIG_FILE": "~/$PLACE/config"}).profiles) == {"c", "credentials"}
    assert set(read_shared_config({}).profiles) == {"credentials"}


@pytest.mark.parametrize(
    "variables",
    [{}, {"AWS_PROFILE": "tea"}, {"AWS_DEFAULT_PROFILE": "tea"}, {"AWS_PROFILE": "tea", "AWS_DEFAULT_PROFILE": "coffee"}],
)
def test_profile_choice_matches_botocore(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = SettingSources(LambdaClientConfig(), variables).find(PROFILE, None)
    assert found.value == botocores(variables, monkeypatch).get_config_variable("profile")


@pytest.mark.parametrize("name", ["coffee", "default"])
@pytest.mark.parametrize("by", ["argument profile", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
async def test_unknown_profile_is_an_error_as_in_botocore(
    name: str, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = botocores(write(tmp_path, "[profile tea]\nregion = eu-west-1\n", "[milk]\n"), monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    if by.startswith("AWS"):
        monkeypatch.setenv(by, name)
    client = LambdaClient(region="eu-west-1", profile=name if by == "argument profile" else None)
    with pytest.raises(
        ConfigurationError, match=rf"profile '{name}' \(from {by}\).*config \(read\).*known profiles: milk, tea"
    ):
        await client.open()
    session.set_config_variable("profile", name)
    with pytest.raises(pytest.importorskip("botocore.exceptions").ProfileNotFound):
        session.get_scoped_config()


def test_unreadable_file_is_reported_as_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = write(tmp_path, "[default]\nregion = a\n", "[default]\n")

    def refused(path: Path) -> bytes:
        raise PermissionError(13, "not yours", os.fspath(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert [file.state for file in read_shared_config(environment).files] == ["unreadable", "unreadable"]
