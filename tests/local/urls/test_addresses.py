"""The addresses of function URLs: paths of the endpoint, and hosts under `localhost`."""

import pytest

from aiolambda.local.urls.address import UrlAddress, address_of, domain_of, function_in, path_of

NAMES = ["orders", "Orders--x", "a--b", "a"]


@pytest.mark.parametrize(
    ("target", "function", "rest"),
    [
        ("/_url/orders", "orders", "/"),
        ("/_url/orders/", "orders", "/"),
        ("/_url/orders?a=1", "orders", "?a=1"),
        ("/_url/orders/a%2Fb//c/../d?x=/y", "orders", "/a%2Fb//c/../d?x=/y"),
        ("/_url/orders:live/a", "orders:live", "/a"),
        ("/_url/orders%3Alive/a", "orders:live", "/a"),
        ("/_url/orders:$LATEST", "orders:$LATEST", "/"),
        ("/_url//a", "", "/a"),
    ],
    ids=range(8),
)
def test_path_names_the_function(target: str, function: str, rest: str) -> None:
    assert address_of(target, "127.0.0.1:1") == UrlAddress(function=function, target=rest)


@pytest.mark.parametrize("target", ["/", "/_url", "/_urls/orders", "/2015-03-31/functions/_url/invocations", "*"], ids=range(5))
def test_other_paths_are_no_urls(target: str) -> None:
    assert address_of(target, "127.0.0.1:1") is None


def test_host_names_the_function() -> None:
    target = "/_url/other/2015-03-31/functions/x/invocations"
    address = address_of(target, "Orders.lambda-url.EU-west-1.localhost:8080")
    assert address == UrlAddress(function="Orders", target=target, region="eu-west-1")


@pytest.mark.parametrize(
    "host", ["orders.lambda-url.eu-west-1.on.aws", "x.orders.lambda-url.eu-west-1.localhost", "lambda-url.x.localhost"], ids=str
)
def test_other_hosts_are_no_urls(host: str) -> None:
    assert address_of("/", host) is None


@pytest.mark.parametrize(
    ("label", "function"),
    [
        ("orders", "orders"),
        ("ORDERS", "orders"),
        ("orders--live", "orders:live"),
        ("orders--a--b", "orders:a--b"),
        ("orders--x", "Orders--x"),
        ("a--b", "a--b"),
        ("a--b--1", "a:b--1"),
        ("unknown--live", "unknown--live"),
    ],
    ids=str,
)
def test_label_has_the_alias_after_two_dashes(label: str, function: str) -> None:
    assert function_in(UrlAddress(function=label, target="/", region="eu-west-1"), NAMES) == function


def test_path_is_compared_with_case() -> None:
    assert function_in(UrlAddress(function="ORDERS", target="/"), NAMES) == "ORDERS"


def test_addresses_are_made() -> None:
    assert path_of("orders") == "/_url/orders/"
    assert path_of("orders:live") == "/_url/orders:live/"
    assert domain_of("orders", None, "eu-west-1") == "orders.lambda-url.eu-west-1.localhost"
    assert domain_of("orders", "$LATEST", "eu-west-1") == "orders.lambda-url.eu-west-1.localhost"
    assert domain_of("orders", "live", "eu-west-1") == "orders--live.lambda-url.eu-west-1.localhost"
