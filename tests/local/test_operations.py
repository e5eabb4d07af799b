"""Which requests are invocations, by method and path."""

import pytest

from aiolambda.local.api.operations import operation_of

INVOKE = "/2015-03-31/functions/{}/invocations"
STREAM = "/2021-11-15/functions/{}/response-streaming-invocations"


@pytest.mark.parametrize("name", ["orders", "orders:live", "arn:aws:lambda:eu-west-1:123456789012:function:orders:7"])
@pytest.mark.parametrize(("path", "streamed"), [(INVOKE, False), (STREAM, True)])
def test_name_is_decoded(path, streamed, name):
    assert operation_of("POST", path.format(name)) == (name, streamed)
    assert operation_of("POST", path.format(name.replace(":", "%3A"))) == (name, streamed)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", INVOKE.format("orders")),
        ("POST", INVOKE.format("")),
        ("POST", INVOKE.format("a/b")),
        ("POST", INVOKE.format("orders") + "/"),
        ("POST", "/" + INVOKE.format("orders")),
        ("POST", "/2015-03-31/functions/orders/response-streaming-invocations"),
        ("POST", "/2021-11-15/functions/orders/invocations"),
        ("POST", "/"),
    ],
)
def test_other_requests_are_no_operation(method, path):
    assert operation_of(method, path) is None
