"""The ARN of a durable execution: its parts, and what is refused."""

import pytest

from aiolambda import InvalidInputError
from aiolambda.protocol.durable_arn import DurableArn, durable_arn_of, region_of

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders:7/durable-execution/order-7/0b1c_2"


def test_an_arn_has_seven_parts() -> None:
    assert durable_arn_of(ARN) == DurableArn("aws", "eu-west-1", "123456789012", "orders", "7", "order-7", "0b1c_2")
    latest = durable_arn_of(ARN.replace(":7/", ":$LATEST/").replace("arn:aws:", "arn:aws-cn:"))
    assert (latest.partition, latest.version) == ("aws-cn", "$LATEST")


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "order-7",
        ARN.replace(":7/", ":live/"),
        ARN.replace(":7/", "/"),
        ARN.replace("123456789012", "1234"),
        ARN.replace("/0b1c_2", ""),
        ARN + "/more",
        ARN + "\r\nX-Evil: 1",
        ARN.replace("order-7", ".."),
        ARN.replace("order-7", "order%2F7"),
        ARN.replace("order-7", "bestellung-ü"),
        ARN.replace("order-7", "🍵"),
        ARN.replace("123456789012", "١٢٣٤٥٦٧٨٩٠١٢"),
        ARN + "x" * 1000,
    ],
    ids=[
        "empty",
        "a name",
        "an alias",
        "no version",
        "a short account",
        "no id",
        "more behind it",
        "two lines",
        "dots",
        "encoded",
        "an umlaut",
        "an emoji",
        "other digits",
        "too long",
    ],
)
def test_anything_else_is_refused(arn: str) -> None:
    with pytest.raises(InvalidInputError, match="is not the ARN of a durable execution") as raised:
        durable_arn_of(arn)
    assert raised.value.member == "durable_execution_arn"
    assert len(str(raised.value)) < 400
    assert region_of(arn) is None


def test_an_arn_is_text() -> None:
    with pytest.raises(InvalidInputError, match="must be a string; got an int"):
        durable_arn_of(7)
    assert region_of(None) is None
    assert region_of(ARN) == "eu-west-1"
