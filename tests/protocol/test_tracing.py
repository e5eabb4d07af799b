"""The trace id of a span takes the place of that of the function, and its other fields stay."""

import pytest

from aiolambda.protocol.tracing import with_parent

OURS = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.mark.parametrize(
    ("inherited", "expected"),
    [
        (None, OURS),
        ("", OURS),
        ("Root=1-0-0;Parent=0;Sampled=0", OURS),
        ("Root=1-0-0;Parent=0;Sampled=0;Lineage=1:a87bd80c:0", f"{OURS};Lineage=1:a87bd80c:0"),
        ("Lineage=1:a87bd80c:0;root=1-0-0;Self=1-2-3;;SAMPLED=?", f"{OURS};Lineage=1:a87bd80c:0;Self=1-2-3"),
    ],
    ids=["no function", "empty", "three fields", "lineage", "other order and case"],
)
def test_other_fields_of_the_inherited_trace_id_stay(inherited: str | None, expected: str) -> None:
    assert with_parent(inherited, OURS) == expected
