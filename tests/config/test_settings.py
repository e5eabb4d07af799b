"""Every setting from every source, right and wrong: its value, its row in the table, and its effect."""

import copy
import datetime as dt
import inspect
import logging
from pathlib import Path
from typing import Any

import attrs
import pytest

from aiolambda import (
    ConfigurationError,
    Credentials,
    JsonCodec,
    LambdaClient,
    LambdaClientConfig,
    NoRetry,
    PayloadLimits,
    Request,
    Response,
    ResponseLimits,
    StandardRetry,
    TcpKeepAlive,
    TooManyRequestsException,
)
from aiolambda.protocol import user_agent
from aiolambda.testing import FakeTransport

from ..support import suites
from ..support.servers import always, answer, raw_server
from ..support.settings import SETTINGS, Case, Source, explained_by_name, look_up, write_profile

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI-hunter2")
VARIABLES = {"AWS_ACCESS_KEY_ID": KEYS.access_key_id, "AWS_SECRET_ACCESS_KEY": KEYS.secret_access_key}


class Online(FakeTransport):
    """A fake transport that a client treats as one that reaches AWS."""

    offline = False


def online() -> Online:
    return Online({"f": lambda event: event})


def use(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


# --- each setting from each source ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", SETTINGS, ids=lambda case: case.name)
def test_first_source_with_a_value_is_used(case: Case, tmp_path: Path) -> None:
    left = list(case.sources)
    while left:
        found = look_up(case.name, tmp_path, *left)
        assert (found.value, found.problem) == (left[0].told, None)
        assert found.source.startswith(left[0].said)
        del left[0]
    found = look_up(case.name, tmp_path)
    assert found.value == case.default
    assert [source.name in " ".join(found.names) for source in case.sources] == [True] * len(case.sources)


@pytest.mark.parametrize("case", SETTINGS, ids=lambda case: case.name)
def test_empty_source_is_skipped(case: Case, tmp_path: Path) -> None:
    empty = [attrs.evolve(source, value="") for source in case.texts]
    assert look_up(case.name, tmp_path, *empty).value == case.default


@pytest.mark.parametrize(
    ("case", "source"),
    [(case, source) for case in SETTINGS for source in case.texts if case.wrong],
    ids=lambda value: value.name if isinstance(value, Case | Source) else None,
)
async def test_wrong_value_names_setting_and_source(
    case: Case, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in case.wrong:
        environment = write_profile(tmp_path, attrs.evolve(source, value=wrong))
        settings = {} if case.name == "region" else {"region": "eu-west-1"}
        found = explained_by_name(LambdaClientConfig(**settings), environment)[case.name]
        assert found.source.startswith(source.said)
        with monkeypatch.context() as patch:
            use(patch, VARIABLES | environment)
            with pytest.raises(ConfigurationError, match=case.accepted) as raised:
                await LambdaClient(transport=online(), **settings).open()
        assert found.source in str(raised.value)
        assert str(raised.value) == found.problem
        assert case.name in str(raised.value).replace("the endpoint URL", "endpoint_url") or case.name == "region"
        assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("case", "source"),
    [(case, source) for case in SETTINGS for source in case.texts if case.botocore and source.name != "AWS_REGION"],
    ids=lambda value: value.name if isinstance(value, Case | Source) else None,
)
def test_botocore_uses_the_same_names(case: Case, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = pytest.importorskip("botocore.session", reason="the extra 'aws' is not installed")
    use(monkeypatch, write_profile(tmp_path, attrs.evolve(source, value=str(source.value).lower())))
    asked = session.Session()
    if case.botocore not in asked.session_var_map:  # botocore 1.35 does not know all of them
        return
    theirs = str(asked.get_config_variable(case.botocore)).lower()
    assert theirs == str(source.value).lower()


@pytest.mark.parametrize("key", ["region", "max_attempts", "retry_mode", "endpoint_url", "ca_bundle"])
def test_nested_value_is_refused(key: str, tmp_path: Path) -> None:
    environment = write_profile(tmp_path)
    (tmp_path / "config").write_text(f"[default]\n{key} =\n  a = b\n")
    found = explained_by_name(LambdaClientConfig(), environment)[key]
    assert "has settings indented under it" in found.problem


def test_explained_lists_all_problems(tmp_path: Path) -> None:
    environment = write_profile(
        tmp_path, Source("variable", "AWS_MAX_ATTEMPTS", "many", ""), Source("profile", "use_fips_endpoint", "maybe", "")
    )
    rows = explained_by_name(LambdaClientConfig(profile="tea"), environment | {"AWS_ACCESS_KEY_ID": "x"})
    wrong = {name for name, row in rows.items() if row.problem}
    assert wrong == {"profile", "region", "max_attempts"}
    rows = explained_by_name(LambdaClientConfig(), environment | {"AWS_ACCESS_KEY_ID": "x"})
    assert {name for name, row in rows.items() if row.problem} == {
        *("region", "max_attempts", "use_fips_endpoint", "credentials")
    }


# --- configured endpoint URLs -----------------------------------------------------------------------------------------

URLS = "configured-endpoint-urls/profile-tests.json"


def url_cases() -> list[Any]:
    path = suites.folder() / URLS
    found = suites.load(URLS)["testSuites"] if path.is_file() else []
    return [pytest.param(suite, case, id=case["name"]) for suite in found for case in suite["endpointUrlTests"]]


def for_lambda(service: str, content: Any) -> Any:
    """The names of one service replaced by those of Lambda. URLs stay as they are."""
    if isinstance(content, dict):
        return {
            key.replace(f"URL_{service.upper()}", "URL_LAMBDA") if key != service else "lambda": for_lambda(service, value)
            for key, value in content.items()
        }
    return content


def as_ini(kind: str, sections: dict[str, Any]) -> str:
    lines = []
    for name, section in sections.items():
        lines.append(f"[{kind} {name}]")
        for key, value in section.items():
            inner = [f"    {name} = {value}" for name, value in value.items()] if isinstance(value, dict) else []
            lines += [f"{key} =", *inner] if inner else [f"{key} = {value}"]
    return "\n".join(lines) + "\n"


def test_endpoint_url_suite_is_complete() -> None:
    assert sum(len(suite["endpointUrlTests"]) for suite in suites.load(URLS)["testSuites"]) == 39


@pytest.mark.parametrize(("suite", "case"), url_cases())
async def test_the_configured_endpoint_url_is_used(
    suite: Any, case: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = case["service"]
    suite = for_lambda(service, suite)
    (tmp_path / "config").write_text(as_ini("profile", suite["profiles"]) + as_ini("services", suite["services"]))
    use(monkeypatch, suite["environments"][case["environment"]] | {"AWS_CONFIG_FILE": str(tmp_path / "config")})
    client = LambdaClient(
        profile=case["profile"], credentials=KEYS, transport=online(), **suite["client_configs"][case["client_config"]]
    )
    await client.open()
    expected = case["output"]["endpointUrl"].replace(f"https://{service}.fake", "https://lambda.fake")
    assert client.config.endpoint_url == expected
    await client.close()


async def test_missing_services_section_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, write_profile(tmp_path, Source("profile", "services", "local", "")))
    said = r"services of profile 'default' in .* names \[services local\], and there is no such section"
    with pytest.raises(ConfigurationError, match=said):
        await LambdaClient(region="us-east-1", credentials=KEYS).open()


# --- FIPS and dual-stack beside an endpoint of one's own ---------------------------------------------------------------

URL = "http://127.0.0.1:9001"
BESIDE: list[tuple[dict[str, Any], str]] = [
    ({"AWS_USE_FIPS_ENDPOINT": "true", "AWS_ENDPOINT_URL": URL}, "AWS_USE_FIPS_ENDPOINT, ignored beside AWS_ENDPOINT_URL"),
    (
        {"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_ENDPOINT_URL_LAMBDA": URL},
        "AWS_USE_DUALSTACK_ENDPOINT, ignored beside AWS_ENDPOINT_URL_LAMBDA",
    ),
    (
        {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_ENDPOINT_URL": URL},
        "AWS_USE_FIPS_ENDPOINT, ignored beside AWS_ENDPOINT_URL; AWS_USE_DUALSTACK_ENDPOINT, ignored beside AWS_ENDPOINT_URL",
    ),
    ({"AWS_REGION": "fips-us-east-1", "AWS_ENDPOINT_URL": URL}, "AWS_REGION, ignored beside AWS_ENDPOINT_URL"),
]


@pytest.mark.parametrize(("variables", "said"), BESIDE, ids=lambda value: None if isinstance(value, str) else "+".join(value))
async def test_environment_endpoint_overrides_its_flags(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    use(monkeypatch, VARIABLES | {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"} | variables)
    async with LambdaClient(transport=online()) as client:
        assert (client.config.endpoint_url, client.config.region) == (URL, "us-east-1")
        told = {row.name: row for row in client.config.explained()}
        await client.invoke("f")
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"{said}: calls go to that URL"
    ]
    for part in said.split("; "):
        row = told["use_dualstack_endpoint" if "DUALSTACK" in part else "use_fips_endpoint"]
        assert (row.value, row.source, row.problem) == ("false", part, None)
    session = pytest.importorskip("botocore.session", reason="the extra 'aws' is not installed").Session()
    theirs = session.create_client("lambda", region_name=variables.get("AWS_REGION"))
    assert (theirs.meta.endpoint_url, theirs.meta.region_name) == (URL, "us-east-1")


@pytest.mark.parametrize(
    ("variables", "profile", "arguments"),
    [
        ({"AWS_ENDPOINT_URL": URL}, {}, {"use_fips_endpoint": True}),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, {}, {"endpoint_url": URL}),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, {"endpoint_url": URL}, {}),
        ({"AWS_ENDPOINT_URL": URL}, {"use_dualstack_endpoint": "true"}, {}),
        ({}, {"endpoint_url": URL, "use_fips_endpoint": "true"}, {}),
        ({}, {}, {"endpoint_url": URL, "use_dualstack_endpoint": True}),
        ({"AWS_ENDPOINT_URL": URL}, {}, {"region": "fips-us-east-1"}),
        ({"AWS_ENDPOINT_URL": URL, "AWS_REGION": ""}, {"region": "us-east-1-fips"}, {}),
    ],
    ids=repr,
)
async def test_flag_with_explicit_endpoint_is_an_error(
    variables: dict[str, str],
    profile: dict[str, str],
    arguments: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources = [Source("profile", name, value, "") for name, value in profile.items()]
    use(monkeypatch, VARIABLES | {"AWS_REGION": "us-east-1"} | write_profile(tmp_path, *sources) | variables)
    client = LambdaClient(transport=online(), **arguments)
    with pytest.raises(
        ConfigurationError, match=r"a (FIPS|dual-stack) endpoint and a custom endpoint URL contradict each other"
    ):
        await client.open()
    assert {row.name for row in client.config.explained() if row.problem} == {"endpoint_url"}


# --- the user agent ---------------------------------------------------------------------------------------------------

NOT_OURS = {
    "the client has no such part": (
        "RESOURCE_MODEL WAITER PAGINATOR GZIP_REQUEST_COMPRESSION PROTOCOL_RPC_V2_CBOR "
        "ACCOUNT_ID_ENDPOINT ACCOUNT_ID_MODE_PREFERRED ACCOUNT_ID_MODE_DISABLED ACCOUNT_ID_MODE_REQUIRED SIGV4A_SIGNING "
        "RESOLVED_ACCOUNT_ID BEARER_SERVICE_ENV_VARS OBSERVABILITY_TRACING OBSERVABILITY_METRICS OBSERVABILITY_OTEL_TRACING "
        "OBSERVABILITY_OTEL_METRICS CLI_V1_TO_V2_MIGRATION_DEBUG_MODE"
    ),
    "Invoke takes no checksum": (
        "FLEXIBLE_CHECKSUMS_REQ_CRC32 FLEXIBLE_CHECKSUMS_REQ_CRC32C FLEXIBLE_CHECKSUMS_REQ_CRC64 "
        "FLEXIBLE_CHECKSUMS_REQ_SHA1 FLEXIBLE_CHECKSUMS_REQ_SHA256 FLEXIBLE_CHECKSUMS_REQ_WHEN_SUPPORTED "
        "FLEXIBLE_CHECKSUMS_REQ_WHEN_REQUIRED FLEXIBLE_CHECKSUMS_RES_WHEN_SUPPORTED FLEXIBLE_CHECKSUMS_RES_WHEN_REQUIRED"
    ),
    "another service's": (
        "S3_TRANSFER S3_CRYPTO_V1N S3_CRYPTO_V2 S3_EXPRESS_BUCKET S3_ACCESS_GRANTS DDB_MAPPER "
        "S3_TRANSFER_UPLOAD_DIRECTORY S3_TRANSFER_DOWNLOAD_DIRECTORY"
    ),
    "each mode is the standard strategy": "RETRY_MODE_LEGACY RETRY_MODE_ADAPTIVE",
    "another language's": "CREDENTIALS_JVM_SYSTEM_PROPERTIES CREDENTIALS_AWS_SDK_STORE CREDENTIALS_BOTO2_CONFIG_FILE",
    "the chain says only the last step of how it came to its keys": (
        "CREDENTIALS_ENV_VARS_STS_WEB_ID_TOKEN CREDENTIALS_PROFILE_SOURCE_PROFILE CREDENTIALS_PROFILE_NAMED_PROVIDER "
        "CREDENTIALS_PROFILE_STS_WEB_ID_TOKEN CREDENTIALS_PROFILE_SSO CREDENTIALS_PROFILE_SSO_LEGACY CREDENTIALS_SSO_LEGACY "
        "CREDENTIALS_PROFILE_PROCESS CREDENTIALS_PROFILE_LOGIN SSO_LOGIN_DEVICE SSO_LOGIN_AUTH LOGIN_SAME_DEVICE "
        "LOGIN_CROSS_DEVICE"
    ),
    "no source of the chain": (
        "CREDENTIALS_STS_ASSUME_ROLE_SAML CREDENTIALS_STS_FEDERATION_TOKEN CREDENTIALS_STS_SESSION_TOKEN CREDENTIALS_COGNITO"
    ),
}


def test_each_user_agent_feature_is_covered() -> None:
    letters = suites.load("useragent-features/feature_id_to_metric_value.json")
    excused = [name for names in NOT_OURS.values() for name in names.split()]
    ours = user_agent.FEATURES
    assert len(letters) == 68
    assert {name: letters[name] for name in ours} == ours
    assert sorted([*ours, *excused]) == sorted(letters)


async def agent_of(**settings: Any) -> str:
    transport = online()
    async with LambdaClient(region="us-east-1", transport=transport, **settings) as client:
        await client.invoke("f")
    return transport.calls[0].headers["user-agent"]


@pytest.mark.parametrize(
    ("settings", "letters"),
    [
        ({"credentials": KEYS}, "m/E,e"),
        ({}, "m/E,g"),
        ({"credentials": KEYS, "retry": NoRetry()}, "m/e"),
        ({"credentials": KEYS, "endpoint_url": "http://h"}, "m/E,N,e"),
    ],
)
async def test_user_agent_names_used_features(settings: dict[str, Any], letters: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, VARIABLES)
    assert letters in (await agent_of(**settings)).split()


async def test_user_agent_names_container_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = b'{"AccessKeyId": "AKID", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}'
    async with raw_server(always(answer(body=keys))) as container:
        use(monkeypatch, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url})
        assert "m/E,z" in (await agent_of()).split()


async def test_user_agent_names_app_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"AWS_SDK_UA_APP_ID": "shop 1/a", "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"})
    agent = await agent_of(credentials=KEYS, user_agent_extra="mine/1")
    assert [part for part in agent.split() if part.startswith(("exec-env/", "app/", "m/", "mine/"))] == [
        *("exec-env/AWS_Lambda_python3.13", "app/shop-1-a", "m/E,e", "mine/1")
    ]


# --- attempts and the clock -------------------------------------------------------------------------------------------


class Refusing(Online):
    """Answers with these statuses first, then as usual."""

    def __init__(self, *statuses: int, headers: dict[str, str] | None = None) -> None:
        super().__init__({"f": lambda event: event})
        self.statuses = list(statuses)
        self.headers = headers or {}
        self.announced: list[str] = []

    async def send(self, request: Request, /) -> Response:
        self.announced.append(request.headers["amz-sdk-request"])
        if self.statuses:
            return Response(self.statuses.pop(0), self.headers, b"{}")
        return await super().send(request)


@pytest.mark.parametrize("mode", [None, "legacy", "standard", "adaptive", "STANDARD"])
@pytest.mark.parametrize("attempts", ["1", "2"])
async def test_max_attempts_holds_in_each_retry_mode(attempts: str, mode: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"AWS_MAX_ATTEMPTS": attempts} | ({"AWS_RETRY_MODE": mode} if mode else {}))
    transport = Refusing(429, 429, 429, 429, headers={"x-amzn-errortype": "TooManyRequestsException"})
    async with LambdaClient(region="us-east-1", credentials=KEYS, transport=transport) as client:
        client._state.jitter = lambda: 0.0
        with pytest.raises(TooManyRequestsException):
            await client.invoke("f")
    assert transport.announced == [f"attempt={n}; max={attempts}" for n in range(1, int(attempts) + 1)]


async def test_max_attempts_keeps_unsafe_calls_single(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"AWS_MAX_ATTEMPTS": "10", "AWS_RETRY_MODE": "legacy"})
    transport = Refusing(500)
    async with LambdaClient(region="us-east-1", credentials=KEYS, transport=transport) as client:
        client._state.jitter = lambda: 0.0
        with pytest.raises(Exception, match="500"):
            await client.invoke("f")
        assert len(transport.announced) == 1
        transport.statuses = [500]
        await client.invoke("f", idempotent=True)
    assert len(transport.announced) == 3


async def test_retry_mode_alone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"AWS_RETRY_MODE": "legacy"})
    async with LambdaClient(region="us-east-1", credentials=KEYS, transport=online()) as client:
        assert repr(client._state.context.retry) == repr(StandardRetry())


async def test_given_strategy_overrides_retry_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"AWS_MAX_ATTEMPTS": "nonsense", "AWS_RETRY_MODE": "nonsense"})
    strategy = StandardRetry(max_attempts=5)
    async with LambdaClient(region="us-east-1", credentials=KEYS, transport=online(), retry=strategy) as client:
        assert client._state.context.retry is strategy
        rows = {row.name: row for row in client.config.explained()}
    assert (rows["retry"].source, rows["max_attempts"].source) == ("argument retry", "set aside by argument retry")


@pytest.mark.parametrize(("by", "sent"), [("default", 2), ("argument", 1), ("AWS_DISABLE_CLOCK_SKEW_CORRECTION", 1)])
async def test_clock_correction_can_be_disabled(by: str, sent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if by.startswith("AWS"):
        monkeypatch.setenv(by, "true")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    headers = {"date": later.strftime("%a, %d %b %Y %H:%M:%S GMT"), "x-amzn-errortype": "InvalidSignatureException"}
    transport = Refusing(403, headers=headers)
    choice = True if by == "argument" else None
    async with LambdaClient(
        region="us-east-1", credentials=KEYS, transport=transport, disable_clock_skew_correction=choice
    ) as client:
        if sent == 1:
            with pytest.raises(Exception, match="403"):
                await client.invoke("f")
        else:
            await client.invoke("f")
    assert len(transport.announced) == sent


@pytest.mark.parametrize(
    ("text", "given", "probes"),
    [
        ("false", {}, None),
        ("true", {}, TcpKeepAlive()),
        ("false", {"tcp_keepalive": TcpKeepAlive(idle=9)}, TcpKeepAlive(idle=9)),
        ("true", {"tcp_keepalive": None}, None),
    ],
)
async def test_tcp_keepalive_follows_argument_and_profile(
    text: str, given: dict[str, Any], probes: TcpKeepAlive | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, write_profile(tmp_path, Source("profile", "tcp_keepalive", text, "")))
    async with LambdaClient(LambdaClientConfig(region="us-east-1", credentials=KEYS, **given)) as client:
        assert client.config.tcp_keepalive == client._state.transport._keep_alive == probes  # type: ignore[union-attr]


# --- the table ---------------------------------------------------------------------------------------------------------


def test_unopened_client_explains_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, VARIABLES | {"AWS_REGION": "eu-west-1", "HTTPS_PROXY": "http://user:hunter2@proxy:3128/"})
    config = LambdaClientConfig(use_fips_endpoint=True)
    rows = {row.name: row for row in config.explained()}
    assert (rows["region"].value, rows["region"].source) == ("eu-west-1", "AWS_REGION")
    assert rows["region"].names == ("region=", "AWS_REGION", "AWS_DEFAULT_REGION", "region (profile)")
    assert (rows["endpoint_url"].value, rows["endpoint_url"].source) == (
        *("https://lambda-fips.eu-west-1.amazonaws.com", "the region"),
    )
    assert (rows["credentials"].value, rows["credentials"].source) == ("AKIA...MPLE", "environment")
    assert (rows["proxy"].value, rows["proxy"].source) == ("http://...@proxy:3128", "HTTPS_PROXY")
    assert rows["config file"].source == "missing"
    table = config.explain()
    assert "hunter2" not in table + repr(config.explained())
    assert KEYS.access_key_id not in table
    assert "use_fips_endpoint  " in table
    assert "AWS_USE_DUALSTACK_ENDPOINT" in table


def test_problem_is_printed_below_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "1")
    lines = LambdaClientConfig(region="eu-west-1").explain().splitlines()
    number = next(number for number, line in enumerate(lines) if line.startswith("use_fips_endpoint"))
    assert lines[number + 1] == "  ! use_fips_endpoint (from AWS_USE_FIPS_ENDPOINT) must be true or false, not '1'"


async def test_open_client_ignores_environment_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, VARIABLES | {"AWS_REGION": "eu-west-1", "AWS_USE_FIPS_ENDPOINT": "true"})
    async with LambdaClient(transport=online()) as client:
        before = LambdaClientConfig(transport=online()).explained()
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        counted = {"max_concurrency"}  # known once the client is open
        assert [row for row in client.config.explained() if row.name not in counted] == [
            row for row in before if row.name not in counted
        ]
        assert "us-east-1" not in client.config.explain()


async def test_config_of_an_open_client_can_be_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that was found does not count as given: the URL of the region does not contradict FIPS."""
    use(monkeypatch, VARIABLES | {"AWS_REGION": "eu-west-1", "AWS_USE_FIPS_ENDPOINT": "true"})
    async with LambdaClient(transport=online(), timeout=3) as client:
        config = client.config
    assert (config.region, config.endpoint_url) == ("eu-west-1", "https://lambda-fips.eu-west-1.amazonaws.com")
    for again in (config, attrs.evolve(config, timeout=5)):
        async with LambdaClient(attrs.evolve(again, transport=online())) as second:
            assert second.config.endpoint_url == config.endpoint_url
            assert {row.name: row for row in second.config.explained()}["region"].source == "AWS_REGION"
    moved = attrs.evolve(config, region="eu-west-2", transport=online())
    assert {row.name: row for row in moved.explained()}["endpoint_url"].value == "https://lambda-fips.eu-west-2.amazonaws.com"


async def test_fake_transport_reads_no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"AWS_PROFILE": "nowhere", "AWS_USE_FIPS_ENDPOINT": "nonsense", "AWS_MAX_ATTEMPTS": "nonsense"})
    read: list[object] = []
    monkeypatch.setattr(Path, "read_bytes", read.append)
    async with LambdaClient(transport=FakeTransport({"f": lambda event: event})) as client:
        assert (await client.invoke("f", 1)).json() == 1
    assert read == []


async def test_profile_settings_join_environment_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in boto3, the files are read even if region and keys are at hand."""
    files = write_profile(tmp_path, Source("profile", "endpoint_url", "http://profile:1", ""))
    use(monkeypatch, VARIABLES | {"AWS_REGION": "eu-west-1"} | files)
    async with LambdaClient(transport=online()) as client:
        assert client.config.endpoint_url == "http://profile:1"
    session = pytest.importorskip("botocore.session", reason="the extra 'aws' is not installed").Session()
    assert session.create_client("lambda", region_name="eu-west-1").meta.endpoint_url == "http://profile:1"


def test_manual_lists_each_setting_name() -> None:
    section = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    for row in LambdaClientConfig().explained():
        for name in row.names:
            if row.name != "credentials":
                known = [word for word in name.replace(" (profile)", "").split() if "_" in word or word.endswith("=")]
                assert [word for word in known if f"`{word}`" not in section] == [], row.name


# --- arguments only ---------------------------------------------------------------------------------------------------


def test_every_argument_is_explained() -> None:
    rows = {row.name: row for row in LambdaClient().config.explained()}
    arguments = {name for name, one in inspect.signature(LambdaClient).parameters.items() if one.kind is one.KEYWORD_ONLY}
    assert arguments <= rows.keys()
    assert {name for name in arguments if f"{name}=" not in rows[name].names} == set()
    shown = {name: (rows[name].value, rows[name].source, rows[name].is_default) for name in arguments}
    assert shown["timeout"] == ("Timeouts(total=None, queue=None, connect=5.0, read=UNSET, idle=None)", "default", True)
    assert shown["logger"] == ("aiolambda", "default", True)
    assert shown["codec"] == ("JsonCodec", "default", True)
    assert shown["transport"] == ("built-in", "default", True)
    assert shown["idempotent"] == ("-", "default", True)
    assert shown["idle_connection_timeout"] == ("60.0", "default", True)


class OwnCodec(JsonCodec):
    def __repr__(self) -> str:
        return "hunter2"


class OwnTransport(FakeTransport):
    def __repr__(self) -> str:
        return "hunter2"


def test_given_arguments_are_explained() -> None:
    config = LambdaClientConfig(
        timeout=5,  # type: ignore[arg-type] # converted
        max_concurrency=7,
        idempotent=False,
        idle_connection_timeout=5,
        retry_stale_connections=False,
        limits=PayloadLimits(event=1),
        response_limits=ResponseLimits(body=1),
        codec=OwnCodec(),
        transport=OwnTransport({}),
        logger=logging.getLogger("own"),
        user_agent_extra="x",
    )
    told = {row.name: (row.value, row.source) for row in config.explained() if row.source.startswith("argument")}
    assert told == {
        "timeout": ("Timeouts(total=5, queue=None, connect=5.0, read=UNSET, idle=None)", "argument timeout"),
        "max_concurrency": ("7", "argument max_concurrency"),
        "idempotent": ("false", "argument idempotent"),
        "idle_connection_timeout": ("5", "argument idle_connection_timeout"),
        "retry_stale_connections": ("false", "argument retry_stale_connections"),
        "limits": ("PayloadLimits(request_response=6291456, event=1, client_context=3583)", "argument limits"),
        "response_limits": ("ResponseLimits(body=1, head=65536, interim=16)", "argument response_limits"),
        "codec": ("OwnCodec", "argument codec"),
        "transport": ("OwnTransport", "argument transport"),
        "logger": ("own", "argument logger"),
        "user_agent_extra": ("x", "argument user_agent_extra"),
    }
    assert "hunter2" not in config.explain()


async def test_open_client_knows_its_number_of_slots() -> None:
    config = LambdaClientConfig(transport=FakeTransport({}))
    async with LambdaClient(config) as client:
        assert client.config.max_concurrency == 1000
        (row,) = [row for row in client.config.explained() if row.name == "max_concurrency"]
        assert (row.value, row.source, row.is_default) == ("1000", "default", True)
        assert copy.copy(client.config).max_concurrency is None
        assert LambdaClient(client.config)._state.slots.limit == 1000
        assert client.config.given("max_concurrency") is None
    async with LambdaClient(attrs.evolve(config, max_concurrency=5)) as client:
        (row,) = [row for row in client.config.explained() if row.name == "max_concurrency"]
        assert (row.value, row.source) == ("5", "argument max_concurrency")
