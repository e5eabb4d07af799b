"""A wrong argument of `LambdaClient` is told where it is written, with the argument to write instead."""

import copy
import inspect
import pickle
import traceback
from typing import Any

import pytest

from aiolambda import UNSET, ConfigurationError, LambdaClient, LambdaClientConfig, TcpKeepAlive
from aiolambda.client.arguments import _ELSEWHERE, ArgumentError

SETTINGS = {name for name, one in inspect.signature(LambdaClient).parameters.items() if one.kind is one.KEYWORD_ONLY}


def refusal(*positional: Any, **settings: Any) -> str:
    with pytest.raises(ArgumentError) as raised:
        LambdaClient(*positional, **settings)
    assert isinstance(raised.value, TypeError)
    assert isinstance(raised.value, ConfigurationError)
    assert not raised.value.may_have_run
    return str(raised.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("regoin", "region"), ("max_concurency", "max_concurrency"), ("idempotant", "idempotent"), ("time_out", "timeout")],
)
def test_nearest_setting_is_named(written: str, meant: str) -> None:
    assert refusal(**{written: 1}) == f"LambdaClient: unknown keyword {written!r}; did you mean {meant}=?"


@pytest.mark.parametrize("name", ["useFipsEndpoint", "UseFipsEndpoint", "use-fips-endpoint"])
def test_other_spelling_of_a_setting_is_known(name: str) -> None:
    assert refusal(**{name: True}).endswith("did you mean use_fips_endpoint=?")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("maxAttempts", "retry=StandardRetry(max_attempts=...)"),
        ("max_attempts", "retry=StandardRetry(max_attempts=...)"),
        ("max_atempts", "retry=StandardRetry(max_attempts=...)"),
        ("requestHandler", "max_concurrency=, timeout= and proxy= for its options, or transport= for one of your own"),
        ("region_name", "region="),
        ("aws_access_key_id", "credentials=Credentials(access_key_id, secret_access_key)"),
        ("verify", "ca_bundle='FILE' for certificates of your own; TLS is always verified"),
        ("endpoint", "endpoint_url="),
        ("endpointUrl", None),
        ("read_timeout", "timeout=Timeouts(read=...)"),
    ],
)
def test_name_of_another_library_is_translated(name: str, instead: str | None) -> None:
    text = refusal(**{name: 5})
    assert text.endswith("did you mean endpoint_url=?" if instead is None else f"; write {instead}")


def test_every_translation_names_a_setting() -> None:
    assert not SETTINGS & _ELSEWHERE.keys()
    for name, instead in _ELSEWHERE.items():
        assert any(f"{setting}=" in instead for setting in SETTINGS), name


def test_unknown_name_gets_the_list_of_settings() -> None:
    text = refusal(zzz=1)
    assert all(setting in text for setting in SETTINGS)


def test_names_with_one_remedy_are_told_together() -> None:
    text = refusal(region="x", aws_access_key_id="AKID", aws_secret_access_key="hidden", regoin=1)
    assert text == (
        "LambdaClient: unknown keywords 'aws_access_key_id' and 'aws_secret_access_key'; write "
        "credentials=Credentials(access_key_id, secret_access_key), and unknown keyword 'regoin'; did you mean region=?"
    )


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({"region": "eu-west-1"}, "region=..."),
        ({"region": "eu-west-1", "maxAttempts": 4}, "region=..., retry=StandardRetry(max_attempts=...)"),
        ({"requestHandler": object(), "zzz": 1}, "..."),
        ({"credentials": {"accessKeyId": "AKID"}}, "credentials=..."),
        ({"region_name": "x", "endpoint": "y"}, "region=..., endpoint_url=..."),
        ({}, "region=..."),
    ],
)
def test_dictionary_is_written_as_keywords(given: Any, written: str) -> None:
    assert refusal(given) == f"LambdaClient takes keyword arguments, not a dictionary: LambdaClient({written})"


def test_other_positional_arguments_are_refused() -> None:
    assert "got 'eu-west-1': LambdaClient(region=...)" in refusal("eu-west-1")
    assert refusal("orders", "eu-west-1").endswith("got 2 positional arguments")


def test_config_and_settings_contradict() -> None:
    text = refusal(LambdaClientConfig(region="x"), region="y", timeout=1)
    assert text == (
        "LambdaClient takes a config or settings, not both; got a config and region, timeout: "
        "LambdaClient(attrs.evolve(config, region=...))"
    )


def test_config_by_keyword_is_explained() -> None:
    assert "write LambdaClient(config) for a LambdaClientConfig" in refusal(config=LambdaClientConfig())


def test_not_given_differs_from_none() -> None:
    assert LambdaClient().config.tcp_keepalive is UNSET
    assert LambdaClient(tcp_keepalive=None).config.tcp_keepalive is None
    assert LambdaClient(tcp_keepalive=TcpKeepAlive(idle=9)).config.tcp_keepalive == TcpKeepAlive(idle=9)


def test_none_is_no_config() -> None:
    assert LambdaClient(None, region="eu-west-1").config.region == "eu-west-1"


def test_config_is_taken_as_it_is() -> None:
    config = LambdaClientConfig(region="eu-west-1")
    assert LambdaClient(config).config is config


def test_subclass_is_named() -> None:
    class Orders(LambdaClient):
        pass

    with pytest.raises(TypeError, match=r"^Orders: unknown keyword 'regoin'; did you mean region=\?$"):
        Orders(regoin="x")  # type: ignore[call-arg]


def test_error_can_be_pickled_and_copied() -> None:
    with pytest.raises(ArgumentError) as raised:
        LambdaClient(regoin="x")  # type: ignore[call-arg]
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(copy.copy(raised.value)) == str(raised.value)


@pytest.mark.parametrize("wrong", [{"regoin": 1}, {"timeout": "soon"}, {"ca_bundle": False}])
def test_no_secret_is_left_in_a_traceback(wrong: dict[str, Any]) -> None:
    try:
        LambdaClient(**wrong, proxy="http://me:hunter" + "2@proxy.example:3128")
    except (ConfigurationError, ValueError) as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "hunter2" not in shown
    assert "<LambdaClient, not built>" in shown
