"""The laws of the middleware stack: order, names, joining, folding, and refusals."""

import logging
import traceback
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import ConfigurationError, MiddlewareStack, MiddlewareStackError
from aiolambda.pipeline.call import Priority, Relation, Step
from aiolambda.pipeline.stack import ClientStack

Stack = MiddlewareStack[Any, Any]

STEPS: list[Step] = ["initialize", "serialize", "build", "finalize", "deserialize"]
PRIORITIES: list[Priority] = ["high", "normal", "low"]
RELATIONS: list[Relation] = ["before", "after"]


def noting(label: str) -> Any:
    """A middleware that leaves its label in the call, which is a list."""

    async def middleware(call: Any, call_next: Any) -> Any:
        call.append(label)
        return await call_next(call)

    return middleware


async def end(call: Any) -> Any:
    return call


async def run(stack: Stack) -> list[str]:
    """The labels in the order in which the middlewares really run."""
    labels: list[str] = []
    await folded(stack)(labels)
    return labels


def folded(stack: Stack) -> Any:
    return stack.resolve(end)


def names(stack: Stack) -> list[str]:
    """The names in order, without their places."""
    return [line.split(" ")[0] for line in stack.identify()]


def stack_of(*entries: str) -> Stack:
    stack: Stack = MiddlewareStack()
    for name in entries:
        stack.add(noting(name), name=name)
    return stack


def beside(stack: Stack, relation: Relation, anchor: str, *entries: str) -> Stack:
    for name in entries:
        stack.add_relative_to(noting(name), relation=relation, to_middleware=anchor, name=name)
    return stack


# Order


async def test_entries_run_by_step_priority_and_insertion() -> None:
    stack: Stack = MiddlewareStack()
    for step in reversed(STEPS):
        for priority in reversed(PRIORITIES):
            for turn in ("first", "second"):
                stack.add(noting(f"{step} {priority} {turn}"), step=step, priority=priority)
    assert await run(stack) == [
        f"{step} {priority} {turn}" for step in STEPS for priority in PRIORITIES for turn in ("first", "second")
    ]


async def test_the_default_place_is_initialize_normal() -> None:
    stack: Stack = MiddlewareStack()
    stack.add(noting("low"), priority="low")
    stack.add(noting("plain"))
    stack.add(noting("high"), priority="high")
    stack.add(noting("later"), step="serialize", priority="high")
    assert await run(stack) == ["high", "plain", "low", "later"]


async def test_last_added_before_an_anchor_is_nearest() -> None:
    assert await run(beside(stack_of("X"), "before", "X", "b1", "b2", "b3")) == ["b1", "b2", "b3", "X"]


async def test_last_added_after_an_anchor_is_nearest() -> None:
    assert await run(beside(stack_of("X"), "after", "X", "a1", "a2", "a3")) == ["X", "a3", "a2", "a1"]


async def test_anchor_may_be_added_later_or_be_an_alias() -> None:
    stack: Stack = MiddlewareStack()
    beside(stack, "after", "later", "by name")
    beside(stack, "before", "nickname", "by alias")
    stack.add(noting("later"), name="later", aliases=["nickname"], step="build")
    assert await run(stack) == ["by alias", "later", "by name"]


async def test_an_anchored_entry_follows_its_anchor() -> None:
    stack = beside(stack_of("first"), "after", "moving", "follower")
    stack.add(noting("moving"), name="moving", step="deserialize")
    stack.remove("moving")
    stack.add(noting("moving"), name="moving", step="initialize", priority="high")
    assert await run(stack) == ["moving", "follower", "first"]


async def test_javascripts_name_of_finalize_is_accepted() -> None:
    stack: Stack = MiddlewareStack()
    stack.add(noting("theirs"), step="finalizeRequest", name="theirs")
    stack.add(noting("ours"), step="finalize", name="ours")
    assert stack.identify() == ["theirs - finalize", "ours - finalize"]


placed_entries = st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(PRIORITIES)), max_size=12)
anchored_entries = st.lists(st.tuples(st.sampled_from(RELATIONS), st.integers(0, 30)), max_size=12)


@given(placed=placed_entries, anchored=anchored_entries, data=st.data())
def test_any_tree_of_anchors_has_the_order_of_insertion(
    placed: list[tuple[Step, Priority]], anchored: list[tuple[Relation, int]], data: st.DataObject
) -> None:
    """The oracle does not recurse: it inserts one name at a time, as soon as its anchor is there."""
    steps = {f"p{index}": place for index, place in enumerate(placed)}
    known = list(steps)
    anchors: dict[str, tuple[Relation, str]] = {}
    for index, (relation, pick) in enumerate(anchored if known else []):
        anchors[f"r{index}"] = relation, known[pick % len(known)]
        known.append(f"r{index}")
    turns = data.draw(st.permutations(known))

    stack: Stack = MiddlewareStack()
    for name in turns:
        if name in anchors:
            beside(stack, *anchors[name], name)
        else:
            stack.add(noting(name), name=name, step=steps[name][0], priority=steps[name][1])

    absolute = [name for name in turns if name in steps]
    expected = sorted(absolute, key=lambda name: (STEPS.index(steps[name][0]), PRIORITIES.index(steps[name][1])))
    waiting = [name for name in turns if name in anchors]
    while waiting:
        for name in [name for name in waiting if anchors[name][1] not in waiting]:
            relation, anchor = anchors[name]
            expected.insert(expected.index(anchor) + (relation == "after"), name)
        waiting = [name for name in waiting if name not in expected]
    assert names(stack) == expected


# Closing entries


def closing_stack() -> ClientStack[Any, Any]:
    stack: ClientStack[Any, Any] = ClientStack()
    stack.add_closing(noting("signing"), step="finalize", rank=2, name="signing", aliases=["auth"])
    stack.add_closing(noting("slot"), step="finalize", rank=1, name="slot")
    return stack


@given(placed=placed_entries)
def test_closing_entries_stand_last_in_their_step(placed: list[tuple[Step, Priority]]) -> None:
    stack = closing_stack()
    for index, (step, priority) in enumerate(placed):
        stack.add(noting(f"m{index}"), name=f"m{index}", step=step, priority=priority)
    finalize = [line for line in stack.identify() if line.endswith("- finalize")]
    assert finalize[-2:] == ["slot - finalize", "signing (a.k.a. auth) - finalize"]


async def test_an_anchored_entry_may_stand_after_a_closing_one() -> None:
    stack = beside(closing_stack(), "after", "auth", "behind")
    beside(stack, "before", "signing", "between")
    stack.add(noting("low"), name="low", step="finalize", priority="low")
    assert await run(stack) == ["low", "slot", "between", "signing", "behind"]


@pytest.mark.parametrize("priority", PRIORITIES)
async def test_an_override_of_a_closing_entry_keeps_its_place(priority: Priority) -> None:
    stack = closing_stack()
    stack.add(noting("mine"), name="slot", step="finalize", priority=priority, override=True)
    stack.add(noting("low"), name="low", step="finalize", priority="low")
    assert await run(stack) == ["low", "mine", "signing"]


async def test_an_override_of_both_kinds_closes_the_step() -> None:
    stack: ClientStack[Any, Any] = ClientStack()
    stack.add(noting("ordinary"), name="ordinary", step="finalize", priority="low")
    stack.add_closing(noting("signing"), step="finalize", rank=1, name="signing")
    stack.add(noting("both"), name="ordinary", aliases=["signing"], step="finalize", priority="low", override=True)
    stack.add(noting("low"), name="low", step="finalize", priority="low")
    assert await run(stack) == ["low", "both"]


def test_closing_entry_cannot_change_its_step() -> None:
    with pytest.raises(MiddlewareStackError, match="in finalize step cannot be overridden by 'slot' middleware"):
        closing_stack().add(noting("mine"), name="slot", step="build", override=True)


async def test_closing_entries_close_a_joined_stack() -> None:
    own: Stack = MiddlewareStack()
    own.add(noting("low"), step="finalize", priority="low")
    assert await run(own.concat(closing_stack())) == ["low", "slot", "signing"]
    assert await run(closing_stack().concat(own)) == ["low", "slot", "signing"]


# Names


async def test_override_moves_to_the_end_of_its_group() -> None:
    stack = stack_of("a", "b", "c")
    stack.add(noting("new a"), name="a", override=True)
    assert await run(stack) == ["b", "c", "new a"]
    assert len(stack) == 3


async def test_overridden_anchored_entry_becomes_nearest() -> None:
    stack = beside(stack_of("X"), "before", "X", "b1", "b2")
    stack.add_relative_to(noting("new b1"), relation="before", to_middleware="X", name="b1", override=True)
    assert await run(stack) == ["b2", "new b1", "X"]


async def test_an_override_by_alias_replaces_each_entry_it_names() -> None:
    stack = stack_of("a", "b", "c")
    stack.add(noting("ab"), name="ab", aliases=["a", "b"], override=True)
    assert await run(stack) == ["c", "ab"]


@pytest.mark.parametrize(("name", "aliases"), [("taken", []), ("new", ["taken"]), ("nickname", []), (None, ["nickname"])])
def test_a_taken_name_is_refused_without_override(name: str | None, aliases: list[str]) -> None:
    stack: Stack = MiddlewareStack()
    stack.add(noting("m"), name="taken", aliases=["nickname"])
    with pytest.raises(MiddlewareStackError, match=r"Duplicate middleware name '.*'; override=True replaces it"):
        stack.add(noting("n"), name=name, aliases=aliases)
    with pytest.raises(MiddlewareStackError, match="Duplicate middleware name"):
        stack.add_relative_to(noting("n"), relation="after", to_middleware="taken", name=name, aliases=aliases)
    assert stack.identify() == ["taken (a.k.a. nickname) - initialize"]


def test_entries_may_be_anonymous() -> None:
    stack: Stack = MiddlewareStack()
    stack.add(noting("one"))
    stack.add(noting("two"), aliases=["nickname"])
    stack.add(noting("three"))
    assert stack.identify() == ["anonymous - initialize", "anonymous (a.k.a. nickname) - initialize", "anonymous - initialize"]


async def test_a_middleware_is_removed_by_name_alias_or_itself() -> None:
    mine = noting("mine")
    stack = stack_of("a")
    stack.add(noting("b"), name="b", aliases=["bee"])
    stack.add(mine)
    stack.add(mine, step="build")
    assert [stack.remove("a"), stack.remove("bee"), stack.remove(mine)] == [True, True, True]
    assert len(stack) == 0
    assert [stack.remove("a"), stack.remove("bee"), stack.remove(mine)] == [False, False, False]


def test_bound_method_can_be_removed() -> None:
    class Cache:
        async def middleware(self, call: Any, call_next: Any) -> Any:
            return await call_next(call)

    mine, stack = Cache(), stack_of()
    stack.add(mine.middleware)
    assert not stack.remove(Cache().middleware)
    assert stack.remove(mine.middleware)


def test_remove_by_tag_removes_all_with_the_tag() -> None:
    stack = stack_of("stays")
    stack.add(noting("m"), name="m", tags=["RETRY", "MINE"])
    stack.add_relative_to(noting("n"), relation="after", to_middleware="stays", name="n", tags={"MINE"})
    assert stack.remove_by_tag("MINE")
    assert not stack.remove_by_tag("RETRY")
    assert names(stack) == ["stays"]


async def test_removed_entry_frees_its_names() -> None:
    def add(stack: Stack, name: str, *aliases: str, override: bool = False) -> None:
        stack.add(noting(name), name=name, aliases=aliases, tags=["mine"], override=override)

    stack = stack_of()
    add(stack, "a", "b")
    stack.remove("a")
    add(stack, "b", "a")
    stack.remove_by_tag("mine")
    add(stack, "a", "b")
    add(stack, "a", override=True)  # JS keeps "b" reserved here
    add(stack, "b")
    assert await run(stack) == ["a", "b"]
    assert "a" in stack
    assert "c" not in stack


# Joining


async def test_joined_entries_of_the_first_stack_come_first() -> None:
    first, second = stack_of("f1", "f2"), stack_of("s1", "s2")
    second.add(noting("s high"), name="s high", priority="high")
    assert await run(first.concat(second)) == ["s high", "f1", "f2", "s1", "s2"]


async def test_an_anchor_can_stand_in_the_other_stack() -> None:
    assert await run(stack_of("X").concat(beside(stack_of(), "after", "X", "a"))) == ["X", "a"]
    assert await run(beside(stack_of(), "after", "X", "a").concat(stack_of("X"))) == ["X", "a"]


def test_joining_and_cloning_change_no_operand() -> None:
    first, second = stack_of("f"), beside(stack_of("s"), "before", "f", "anchored")
    before = first.identify(), second.identify(), first._version, second._version
    joined, copy = first.concat(second), first.clone()
    joined.remove("f")
    copy.add(noting("more"), name="more")
    assert (first.identify(), second.identify(), first._version, second._version) == before
    assert names(copy) == ["f", "more"]


def test_clone_does_not_follow_its_original() -> None:
    original = stack_of("a")
    copy = original.clone()
    original.add(noting("b"), name="b")
    original.remove("a")
    assert names(copy) == ["a"]


def test_a_join_that_fails_changes_nothing() -> None:
    first, second = stack_of("a"), stack_of("new", "a")
    with pytest.raises(MiddlewareStackError, match="Duplicate middleware name 'a'"):
        first.concat(second)
    with pytest.raises(MiddlewareStackError, match="Duplicate middleware name 'a'"):
        first.use(second)
    assert (names(first), names(second)) == (["a"], ["new", "a"])


async def test_plugin_adds_several_middlewares() -> None:
    class Telemetry:
        def apply_to_stack(self, stack: Any, /) -> None:
            stack.add(noting("span"), name="span")
            stack.add_relative_to(noting("metrics"), relation="after", to_middleware="span")

    stack = stack_of("mine")
    stack.use(Telemetry())
    assert await run(stack) == ["mine", "span", "metrics"]
    assert await run(stack_of("theirs").concat(Telemetry())) == ["theirs", "span", "metrics"]


async def test_a_stack_is_a_plugin_too() -> None:
    stack = stack_of("mine")
    beside(stack_of("theirs"), "before", "theirs", "next to it").apply_to_stack(stack)
    assert await run(stack) == ["mine", "next to it", "theirs"]


def test_the_version_grows_with_each_change_only() -> None:
    stack = stack_of("a")
    versions = [stack._version]
    for change in (
        lambda: stack.add(noting("b"), name="b"),
        lambda: beside(stack, "after", "a", "c"),
        lambda: stack.use(stack_of("d")),
        lambda: stack.remove("b"),
        lambda: stack.remove("b"),
        lambda: stack.remove_by_tag("nothing"),
        stack.identify,
        lambda: stack.clone().remove("a"),
    ):
        change()
        versions.append(stack._version)
    assert [after > before for before, after in pairwise(versions)] == [True] * 4 + [False] * 4


# Refusals


def test_override_cannot_change_step_or_priority() -> None:
    stack: Stack = MiddlewareStack()
    stack.add(noting("m"), name="m", step="build", priority="low")
    with pytest.raises(MiddlewareStackError, match="'m' middleware with low priority in build step cannot be overridden by"):
        stack.add(noting("n"), name="m", step="finalize", priority="low", override=True)
    with pytest.raises(MiddlewareStackError, match="overridden by 'm' middleware with high priority in build step"):
        stack.add(noting("n"), name="m", step="build", priority="high", override=True)


def test_override_cannot_change_relation_or_anchor() -> None:
    stack = beside(stack_of("X", "Y"), "before", "X", "m")
    with pytest.raises(MiddlewareStackError, match="'m' middleware before 'X' middleware cannot be overridden by"):
        stack.add_relative_to(noting("n"), relation="after", to_middleware="X", name="m", override=True)
    with pytest.raises(MiddlewareStackError, match="cannot be overridden by 'm' middleware before 'Y' middleware"):
        stack.add_relative_to(noting("n"), relation="before", to_middleware="Y", name="m", override=True)


def test_override_cannot_switch_step_and_anchor() -> None:
    stack = beside(stack_of("placed"), "after", "placed", "anchored")
    with pytest.raises(MiddlewareStackError, match="is anchored on a middleware, and cannot override 'placed'"):
        stack.add_relative_to(noting("n"), relation="before", to_middleware="anchored", name="placed", override=True)
    with pytest.raises(MiddlewareStackError, match="'anchored' stands in a step, and cannot override 'anchored'"):
        stack.add(noting("n"), name="anchored", override=True)
    assert names(stack) == ["placed", "anchored"]


def test_an_override_refused_by_one_entry_replaces_none() -> None:
    stack = stack_of("a")
    stack.add(noting("b"), name="b", step="build")
    with pytest.raises(MiddlewareStackError):
        stack.add(noting("ab"), name="a", aliases=["b"], override=True)
    assert stack.identify() == ["a - initialize", "b - build"]


def test_a_missing_anchor_is_named_at_resolve() -> None:
    stack = beside(stack_of("a"), "before", "missing", "lonely")
    assert names(stack) == ["a"]
    with pytest.raises(MiddlewareStackError, match="missing is not found when adding lonely middleware before missing"):
        stack.resolve(end)


@pytest.mark.parametrize("circle", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_a_circle_of_anchors_is_named_at_resolve(circle: list[str]) -> None:
    stack = stack_of("sound")
    for name, anchor in zip(circle, [*circle[1:], circle[0]], strict=True):
        beside(stack, "after", anchor, name)
    beside(stack, "before", circle[0], "hanger-on")
    assert names(stack) == ["sound"]
    with pytest.raises(MiddlewareStackError, match=f"in a circle: {', '.join([*circle, 'hanger-on'])}"):
        stack.resolve(end)


@pytest.mark.parametrize(
    ("misuse", "says"),
    [
        (
            lambda stack: stack.add(noting("n"), step="initialise"),
            "'initialise' is not a step; choose from initialize, serialize",
        ),
        (lambda stack: stack.add(noting("n"), priority="urgent"), "'urgent' is not a priority; choose from high, normal, low"),
        (
            lambda stack: stack.add_relative_to(noting("n"), relation="behind", to_middleware="a"),
            "'behind' is not a relation; choose from before, after",
        ),
    ],
)
def test_unknown_step_priority_or_relation_is_refused(misuse: Callable[[Any], None], says: str) -> None:
    stack = stack_of("a")
    with pytest.raises(MiddlewareStackError, match=says):
        misuse(stack)
    assert names(stack) == ["a"]


def test_a_stack_error_is_a_configuration_and_value_error() -> None:
    assert issubclass(MiddlewareStackError, ConfigurationError)
    assert issubclass(MiddlewareStackError, ValueError)


# Folding and printing


async def test_folded_stack_does_not_change() -> None:
    stack = stack_of("a")
    chain = folded(stack)
    stack.add(noting("b"), name="b")
    stack.remove("a")
    assert await chain([]) == ["a"]
    assert await run(stack) == ["b"]


async def test_an_empty_stack_is_its_handler() -> None:
    assert await folded(stack_of())(["call"]) == ["call"]


async def test_traceback_has_one_frame_for_each_middleware() -> None:
    async def outer(call: Any, call_next: Any) -> Any:
        return await call_next(call)

    async def inner(call: Any, call_next: Any) -> Any:
        return await call_next(call)

    async def broken(call: Any) -> Any:
        raise LookupError("no such function")

    stack = stack_of()
    stack.add(outer)
    stack.add(inner)
    chain: Any = stack.resolve(broken)
    with pytest.raises(LookupError) as caught:
        await chain(None)
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames[1:] == ["outer", "inner", "broken"]


def test_identify_on_resolve_logs_the_stack(caplog: pytest.LogCaptureFixture) -> None:
    stack = stack_of("a")
    with caplog.at_level(logging.INFO, logger="aiolambda.pipeline.stack"):
        assert not stack.identify_on_resolve()
        stack.resolve(end)
        assert caplog.messages == []
        assert stack.identify_on_resolve(True)
        stack.clone().resolve(end)
        stack_of("b").concat(stack).resolve(end)
    assert caplog.messages == [str(stack), str(stack_of("b", "a"))]
    assert not stack.identify_on_resolve(False)


def test_a_printed_stack_shows_steps_and_entries() -> None:
    stack = beside(stack_of("logger"), "after", "signing", "audit")
    stack.add(noting("m"), name="signing", aliases=["auth"], step="finalize")
    stack.add(noting("m"), step="deserialize")
    assert str(stack) == (
        "MiddlewareStack of 4 middlewares, outermost first\n"
        "  initialize\n"
        "    logger\n"
        "  finalize\n"
        "    signing (a.k.a. auth)\n"
        "    audit   after signing\n"
        "  deserialize\n"
        "    anonymous"
    )
    assert repr(stack) == "<MiddlewareStack logger, signing, audit, anonymous>"
