"""Where Lambda is, against the official cases and the official rule set."""

import itertools
import json
from functools import cache
from typing import Any

import pytest

from aiolambda import ConfigurationError, Credentials, InvalidInputError, LambdaClient, LambdaClientConfig
from aiolambda.protocol import endpoints
from aiolambda.testing import FakeTransport

from ..support import suites

SUITE = "endpoints-lambda/endpoint-tests-1.json"
MADE_UP = [
    *(
        "xx-nowhere-1",
        "us-mars-7",
        "eusc-fr-west-1",
        "us-isob-moon-9",
        "us-iso-1",
        "cn-1",
        "cn-south-12",
        "us-gov-1",
        "il",
        "a",
    ),
    *("us-isow-east-1", "eu-isoe-north-22", "gov-us-east-1", "eu-iso-west-1", "us-east-1a", "mx-central-1", "nowhere"),
]
KEYS = Credentials("AKIDEXAMPLE", "secret")


def ours(region: str | None, **options: Any) -> str:
    """The URL, or a word for its absence."""
    try:
        return endpoints.endpoint_for(region, **options).url
    except ConfigurationError:
        return "error"


def cases() -> list[dict[str, Any]]:
    path = suites.folder() / SUITE
    return json.loads(path.read_text())["testCases"] if path.is_file() else []


def test_endpoint_suite_is_complete() -> None:
    assert len(suites.load(SUITE)["testCases"]) == 71


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["documentation"])
def test_endpoint_suite_case_passes(case: dict[str, Any]) -> None:
    params = case.get("params", {})
    found = ours(
        params.get("Region"),
        use_fips=params.get("UseFIPS", False),
        use_dualstack=params.get("UseDualStack", False),
        custom_url=params.get("Endpoint"),
    )
    assert found == case["expect"].get("endpoint", {"url": "error"})["url"]


class Official:
    """A rule set with its partitions, read by botocore's engine for rule sets."""

    def __init__(self, rules: dict[str, Any], table: dict[str, Any]) -> None:
        engine = pytest.importorskip("botocore.endpoint_provider", reason="the extra 'aws' is not installed")
        self._provider = engine.EndpointProvider(rules, table)
        self._refusal = pytest.importorskip("botocore.exceptions").EndpointProviderError
        self.table = table

    def lacks(self, region: str, *, fips: bool, dualstack: bool) -> bool:
        """Whether this table, as older ones do, takes a partition for poorer than it has become."""
        mine = endpoints.partition_of(region).id
        outputs = next((row["outputs"] for row in self.table["partitions"] if row["id"] == mine), {})
        return (fips and not outputs.get("supportsFIPS")) or (dualstack and not outputs.get("supportsDualStack"))

    def url(self, **params: Any) -> str:
        try:
            return str(self._provider.resolve_endpoint(**params).url)
        except self._refusal:
            return "error"


@cache
def official(whose: str) -> Official:
    if whose == "suite":
        return Official(
            suites.load("endpoints-lambda/endpoint-rule-set-1.json"), suites.load("endpoints-lambda/partitions.json")
        )
    session = pytest.importorskip("botocore.session", reason="the extra 'aws' is not installed").Session()
    loader = session.get_component("data_loader")
    return Official(loader.load_service_model("lambda", "endpoint-rule-set-1"), loader.load_data("partitions"))


@pytest.mark.parametrize("whose", ["suite", "installed"])
def test_known_regions_follow_the_rule_set(whose: str) -> None:
    reference = official(whose)
    checked = 0
    for partition in reference.table["partitions"]:
        for region in partition["regions"]:
            for fips, dualstack in itertools.product([False, True], repeat=2):
                if whose == "installed" and reference.lacks(region, fips=fips, dualstack=dualstack):
                    continue
                url = reference.url(Region=region, UseFIPS=fips, UseDualStack=dualstack)
                assert ours(region, use_fips=fips, use_dualstack=dualstack) == url, (region, fips, dualstack)
                checked += 1
            assert endpoints.partition_of(region).id == partition["id"]
    assert checked >= 150


@pytest.mark.parametrize("region", MADE_UP)
@pytest.mark.parametrize("whose", ["suite", "installed"])
def test_unknown_regions_follow_the_rule_set(whose: str, region: str) -> None:
    for fips, dualstack, custom in itertools.product([False, True], [False, True], [None, "https://custom.example:8443/base"]):
        params = {"Region": region, "UseFIPS": fips, "UseDualStack": dualstack} | ({"Endpoint": custom} if custom else {})
        if whose == "installed" and official(whose).lacks(region, fips=fips, dualstack=dualstack):
            continue
        found = ours(region, use_fips=fips, use_dualstack=dualstack, custom_url=custom)
        assert found == official(whose).url(**params), (fips, dualstack, custom)


def test_missing_endpoint_kind_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    poor = endpoints.Partition("aws-poor", ("zz-",), "zz.example", None, supports_fips=False)
    monkeypatch.setattr(endpoints, "_OTHERS", (poor,))
    assert ours("zz-east-1") == "https://lambda.zz-east-1.zz.example"
    for options, kind in (
        ({"use_fips": True}, "FIPS"),
        ({"use_dualstack": True}, "dual-stack"),
        ({"use_fips": True, "use_dualstack": True}, "FIPS and dual-stack"),
    ):
        with pytest.raises(ConfigurationError, match=f"aws-poor has no {kind} endpoints;"):
            endpoints.endpoint_for("zz-east-1", **options)


def test_signing_region_and_name_are_lambdas() -> None:
    endpoint = endpoints.endpoint_for("us-gov-west-1", use_fips=True)
    assert (endpoint.signing_name, endpoint.signing_region, endpoint.partition) == ("lambda", "us-gov-west-1", "aws-us-gov")
    custom = endpoints.endpoint_for("cn-north-1", custom_url="http://localhost:9")
    assert (custom.url, custom.signing_region, custom.partition) == ("http://localhost:9", "cn-north-1", "aws-cn")


class Online(FakeTransport):
    """A transport that a client treats as one that reaches AWS."""

    offline = False


async def sent(function_name: str, **settings: Any) -> tuple[str, str]:
    """The host that a call goes to, and the region that it is signed for."""
    transport = Online({"f": lambda event: event})
    config = LambdaClientConfig(credentials=KEYS, transport=transport, **settings)
    async with LambdaClient(config) as client:
        await client.invoke(function_name)
        async with client.stream(function_name) as stream:
            await stream.read()
    hosts = {call.headers["host"] for call in transport.calls}
    scopes = {call.headers["authorization"].split("/")[2] for call in transport.calls}
    assert (len(transport.calls), len(hosts), len(scopes)) == (2, 1, 1)
    return hosts.pop(), scopes.pop()


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({"use_fips_endpoint": True}, "lambda-fips.us-east-1.amazonaws.com"),
        ({"use_dualstack_endpoint": True}, "lambda.us-east-1.api.aws"),
        ({"use_fips_endpoint": True, "use_dualstack_endpoint": True}, "lambda-fips.us-east-1.api.aws"),
        ({"use_fips_endpoint": False, "use_dualstack_endpoint": False}, "lambda.us-east-1.amazonaws.com"),
    ],
)
async def test_fips_and_dual_stack_are_arguments(settings: dict[str, Any], host: str) -> None:
    assert await sent("f", region="us-east-1", **settings) == (host, "us-east-1")


@pytest.mark.parametrize("region", ["fips-us-west-2", "us-west-2-fips"])
async def test_fips_pseudo_region_selects_fips(region: str) -> None:
    assert await sent("f", region=region) == ("lambda-fips.us-west-2.amazonaws.com", "us-west-2")


@pytest.mark.parametrize("kind", ["use_fips_endpoint", "use_dualstack_endpoint"])
async def test_custom_url_with_fips_or_dual_stack_is_an_error(kind: str) -> None:
    client = LambdaClient(LambdaClientConfig(region="us-east-1", endpoint_url="http://h", credentials=KEYS, **{kind: True}))
    with pytest.raises(ConfigurationError, match=rf"contradict.*URL from argument endpoint_url.* from argument {kind}"):
        await client.open()


@pytest.mark.parametrize(
    "kind", ["use_fips_endpoint", "use_dualstack_endpoint", "use_arn_region", "disable_clock_skew_correction"]
)
def test_text_as_a_flag_is_refused(kind: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{kind} must be True(, | or )False.*'false'"):
        LambdaClientConfig(**{kind: "false"})  # type: ignore[arg-type]


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"


async def test_arn_of_another_region_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"is an ARN in eu-west-1, .*region is us-east-1.*use_arn_region=True"):
        await sent(ARN, region="us-east-1")


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "lambda.eu-west-1.amazonaws.com"),
        ({"use_fips_endpoint": True}, "lambda-fips.eu-west-1.amazonaws.com"),
        ({"use_dualstack_endpoint": True}, "lambda.eu-west-1.api.aws"),
        ({"endpoint_url": "https://vpce-1.example"}, "vpce-1.example"),
    ],
)
async def test_use_arn_region_changes_host_and_signature(settings: dict[str, Any], host: str) -> None:
    for name in (ARN, "eu-west-1:123456789012:function:f", "arn:aws:lambda:eu-west-1:f"):
        assert await sent(name, region="us-east-1", use_arn_region=True, **settings) == (host, "eu-west-1")


@pytest.mark.parametrize("name", ["f", "123456789012:f", "arn:aws:lambda:us-east-1:123456789012:function:f"])
async def test_name_without_region_uses_the_clients(name: str) -> None:
    assert await sent(name, region="us-east-1", use_arn_region=True) == ("lambda.us-east-1.amazonaws.com", "us-east-1")


async def test_arn_of_another_partition_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="partition aws-cn, and the client's region is in aws"):
        await sent("arn:aws-cn:lambda:cn-north-1:123456789012:function:f", region="us-east-1", use_arn_region=True)


async def test_each_region_keeps_its_signing_key() -> None:
    transport = Online({"f": lambda event: event})
    async with LambdaClient(region="us-east-1", credentials=KEYS, transport=transport, use_arn_region=True) as client:
        for _ in range(3):
            await client.invoke(ARN)
            await client.invoke("f")
        assert list(client._state.other_signers) == ["eu-west-1"]
    scopes = [call.headers["authorization"].split("/")[2] for call in transport.calls]
    assert scopes == ["eu-west-1", "us-east-1"] * 3


async def test_fake_transport_accepts_any_arn() -> None:
    async with LambdaClient(transport=FakeTransport({"f": lambda event: event}), use_arn_region=True) as client:
        assert (await client.invoke("arn:aws-cn:lambda:cn-north-1:123456789012:function:f", 1)).json() == 1
