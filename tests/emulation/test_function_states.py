"""The script of states, told by one thread while another one sets it."""

import threading

from aiolambda.emulation.function_states import FunctionState, FunctionStates, Script


def test_values_are_told_as_often_as_was_said_by_any_thread() -> None:
    script: Script[int] = Script()
    script.set("orders", None, 1, 400)
    told: list[int | None] = []

    def tell() -> None:
        told.extend([script.tell("orders", "live") for _ in range(200)])

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (told.count(1), told.count(None)) == (400, 400)


def test_a_qualifier_of_its_own_comes_first() -> None:
    script: Script[str] = Script()
    script.set("orders", None, "all", None)
    script.set("orders", "live", "live", 1)
    assert [script.tell("orders", "live"), script.tell("orders", "live"), script.tell("orders", "$LATEST")] == [
        "live",
        "all",
        "all",
    ]
    assert script.tell("price", None) is None


def test_a_value_with_times_waits_for_those_before_it() -> None:
    script: Script[str] = Script()
    script.set("orders", None, "first", 1)
    script.set("orders", None, "second", 1)
    assert script.tell("orders", None, counts=False) == "first"
    assert [script.tell("orders", None) for _ in range(3)] == ["first", "second", None]
    assert script.last("orders", None) == "second"


def test_only_some_states_refuse_invocations() -> None:
    states = FunctionStates()
    assert states.refused_state("orders", None) is None
    for status, refused in (("Pending", "Pending"), ("Failed", "Failed"), ("Inactive", None), ("Active", None)):
        states.states.set("orders", None, FunctionState(status=status), None)
        assert states.refused_state("orders", "live") == refused
    states.clear()
    assert not states.states
