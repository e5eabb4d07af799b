"""The `Lineage` field of a trace header."""

import pytest

from aiolambda.emulation import lineage

ORDERS, STOCK = "arn:aws:lambda:eu-west-1:000000000000:function:orders", "arn:aws:lambda:eu-west-1:000000000000:function:stock"
ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"


def test_the_first_invocation_counts_from_zero():
    extended, before = lineage.extended(ROOT, ORDERS)
    assert before == 0
    assert extended.startswith(f"{ROOT};Lineage=1:")
    assert extended.endswith(":0")


def test_each_invocation_in_a_chain_counts_one_more():
    trace_id, counts = ROOT, []
    for _ in range(4):
        trace_id, before = lineage.extended(trace_id, ORDERS)
        counts.append(before)
    assert counts == [0, 1, 2, 3]
    assert trace_id.count("Lineage=") == 1


def test_functions_of_a_chain_are_counted_apart():
    trace_id, _ = lineage.extended(ROOT, ORDERS)
    trace_id, stock = lineage.extended(trace_id, STOCK)
    trace_id, orders = lineage.extended(trace_id, ORDERS)
    assert (orders, stock) == (1, 0)
    assert len(trace_id.split("Lineage=")[1].split("|")) == 2


def test_the_older_form_is_kept():
    extended, _ = lineage.extended(f"{ROOT};lineage=a87bd80c:0,68fd508a:5,c512fbe3:2", ORDERS)
    assert "a87bd80c:0|1:68fd508a:5|1:c512fbe3:2|" in extended


@pytest.mark.parametrize("text", ["", ":", "x", "1:a:b", "1:a:-1", "1:a:²", "|||", "1:a:9999999", "=", "1:a:1:"])
def test_an_entry_that_cannot_be_read_is_dropped(text):
    extended, before = lineage.extended(f"{ROOT};Lineage={text}", ORDERS)
    assert before == 0
    assert lineage.extended(extended, ORDERS)[1] == 1


def test_a_long_chain_of_functions_stays_short():
    trace_id = ROOT
    for number in range(1000):
        trace_id, _ = lineage.extended(trace_id, f"{ORDERS}{number}")
    assert len(trace_id) < 1200
