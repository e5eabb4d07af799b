"""A hundred scripts with the results of the stack of the AWS SDK for JavaScript v3, run on ours.

A case that differs on purpose is named here with its reason, and is shown to differ in that way and in no other.
"""

from collections import Counter
from typing import Any

import pytest

from aiolambda import Credentials, LambdaClient, MiddlewareStack, MiddlewareStackError
from aiolambda.pipeline.stack import FusibleMiddleware

from ..support import suites

CIRCLE = "JS drops middlewares that are anchored on each other, in silence; we raise"
ACROSS = "JS lets an absolute and an anchored middleware have one name, with override; we raise"

ON_PURPOSE: dict[int, str] = {
    **dict.fromkeys((7, 23, 62), CIRCLE),
    **dict.fromkeys((1, 3, 9, 29, 33, 43, 44, 47, 50, 51, 56, 57, 58, 67, 79, 85, 87, 92), ACROSS),
}
"""No case of the hundred turns on JS's third habit, a name that stays reserved after its entry is gone, before it turns on
one of these two: `test_stack.py` shows that ours are free again."""

MEANT = {CIRCLE: "anchored on each other in a circle", ACROSS: "cannot override"}
"""The text of our error in each of these cases."""

Stack = MiddlewareStack[Any, Any]


class Differs(Exception):
    """Our answer is not the one of JS."""

    def __init__(self, what: str, ours: object, theirs: object) -> None:
        super().__init__(f"{what}: ours {ours!r}, theirs {theirs!r}")
        self.ours, self.theirs = ours, theirs


def compared(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Differs(what, ours, theirs)


class Noting(FusibleMiddleware):
    """A middleware that leaves its label in the call, which is a list. Neighbours are one function, if they are fused."""

    def __init__(self, label: str) -> None:
        self.label = label

    async def __call__(self, call: Any, call_next: Any, /) -> Any:
        call.append(self.label)
        return await call_next(call)

    def fused(self, call_next: Any) -> Any:
        return Notes(self.label, call_next)


class Notes:
    """The labels of neighbours, and the rest of the chain."""

    def __init__(self, label: str, call_next: Any) -> None:
        behind = call_next if isinstance(call_next, Notes) else None
        self.labels = [label, *(behind.labels if behind else [])]
        self.rest = behind.rest if behind else call_next

    async def __call__(self, call: Any) -> Any:
        call.extend(self.labels)
        return await self.rest(call)


def in_our_words(text: str | None) -> str | None:
    """JS's error: its quotes are double, it ends in a full stop, and it says `finalizeRequest`."""
    return text and text.replace('"', "'").replace("finalizeRequest step", "finalize step").removesuffix(".")


def without_remedy(error: MiddlewareStackError) -> str:
    """The error without its remedy, which stands after a semicolon."""
    return str(error).split("; ")[0]


def after(stack: Stack, op: dict[str, Any]) -> Stack:
    """The stack after one operation. Its result and error are compared."""
    result, error = None, None
    try:
        stack, result = performed(stack, op)
    except MiddlewareStackError as raised:
        error = without_remedy(raised)
    compared(f"error of {op['op']}", error, in_our_words(op.get("error")))
    compared(f"result of {op['op']}", result, op.get("result"))
    return stack


def performed(stack: Stack, op: dict[str, Any]) -> tuple[Stack, bool | None]:
    match op:
        case {"op": "add", "label": label, "options": options}:
            stack.add(Noting(label), **options)
        case {"op": "addRelativeTo", "label": label, "options": options}:
            others = {key: value for key, value in options.items() if key != "toMiddleware"}
            stack.add_relative_to(Noting(label), to_middleware=options["toMiddleware"], **others)
        case {"op": "remove", "name": name}:
            return stack, stack.remove(name)
        case {"op": "removeByTag", "tag": tag}:
            return stack, stack.remove_by_tag(tag)
        case {"op": "clone"}:
            return stack.clone(), None
        case {"op": "concat", "other": script}:
            other: Stack = MiddlewareStack()
            for step in script:
                other = after(other, step)
            return stack.concat(other), None
        case _:
            raise AssertionError(f"an operation that this harness does not know: {op}")
    return stack, None


async def order_of(stack: Stack) -> list[str]:
    """The labels in the order in which the middlewares really run."""

    async def end(call: Any) -> Any:
        return call

    labels: list[str] = []
    chain: Any = stack.resolve(end)
    await chain(labels)
    return labels


async def play(case: dict[str, Any], *, fuses: bool) -> None:
    """Run a script; `Differs` at the first answer that is not the one of JS."""
    stack: Stack = MiddlewareStack()
    stack._fuses = fuses
    for op in case["ops"]:
        stack = after(stack, op)
    compared("identify", [line.replace("- finalize", "- finalizeRequest") for line in stack.identify()], case["identify"])
    try:
        order, error = await order_of(stack), None
    except MiddlewareStackError as raised:
        order, error = None, without_remedy(raised)
    compared("resolve", error or order, case.get("order") or case.get("resolve_error") or [])


@pytest.mark.parametrize("fuses", [True, False], ids=["fused", "one by one"])
@pytest.mark.parametrize("number", range(100))
async def test_a_script_gives_the_result_of_javascript(number: int, fuses: bool) -> None:
    case = suites.load("js-middleware-stack/cases.json")["cases"][number]
    assert case["id"] == number
    if number not in ON_PURPOSE:
        await play(case, fuses=fuses)
        return
    with pytest.raises(Differs) as caught:
        await play(case, fuses=fuses)
    assert MEANT[ON_PURPOSE[number]] in str(caught.value.ours), "ours refuses, and for the reason that is stated"
    goes_on = caught.value.theirs is None or isinstance(caught.value.theirs, list)
    assert goes_on, "theirs says nothing of it"


def test_seventy_nine_of_a_hundred_scripts_are_the_same() -> None:
    assert len(suites.load("js-middleware-stack/cases.json")["cases"]) == 100
    assert Counter(ON_PURPOSE.values()) == {CIRCLE: 3, ACROSS: 18}


OURS_IN_ADDITION = ["validationMiddleware - initialize", "concurrencyMiddleware - finalizeRequest"]
WITHOUT_COUNTERPART = "httpAuthSchemeMiddleware - serialize"
TOLD_ANOTHER_WAY = {
    # JS's options of this one name both a step and an anchor, and identify() shows the step; here it is the anchor.
    "endpointV2Middleware - serialize": "endpointV2Middleware - before serializerMiddleware",
    # JS's signer answers to the names of two schemes that Lambda does not have.
    "httpSigningMiddleware (a.k.a. apiKeyMiddleware,tokenMiddleware,awsAuthMiddleware) - finalizeRequest": (
        "httpSigningMiddleware (a.k.a. awsAuthMiddleware) - finalizeRequest"
    ),
}


def test_the_client_has_the_middlewares_of_javascript() -> None:
    theirs = suites.load("js-middleware-stack/lambda-invoke-identify.json")
    client = LambdaClient(region="us-east-1", credentials=Credentials("AKIDEXAMPLE", "secret"))
    ours = [line.replace("- finalize", "- finalizeRequest") for line in client.middleware_stack.identify()]
    assert len(theirs) == 11
    assert set(OURS_IN_ADDITION) < set(ours)
    assert [line for line in ours if line not in OURS_IN_ADDITION] == [
        TOLD_ANOTHER_WAY.get(line, line) for line in theirs if line != WITHOUT_COUNTERPART
    ]
