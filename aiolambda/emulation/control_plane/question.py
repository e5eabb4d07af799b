"""One request of an operation, with everything that its answer is made of: functions, their states, region and account.

Must not know an operation.
"""

import datetime as dt
from collections.abc import Callable

import attrs

from .. import api_errors
from ..function_facts import FunctionFacts, Inventory
from ..function_states import FunctionStates
from ..identifiers import ACCOUNT, arn_of, layer_arn_of
from ..targets import Target, parse_target
from .members import Members, function_members, state_members
from .routes import Asked

__all__ = ["Question"]


@attrs.frozen(kw_only=True)
class Question:
    """A request. `since` is the date that all answers have, `only_region` the only region whose functions there are.

    `url_of` gives the function URL for a function as `name` or `name:qualifier`.
    """

    asked: Asked
    functions: Inventory
    states: FunctionStates
    region: str
    only_region: str | None
    account_concurrency: int
    since: dt.datetime
    url_of: Callable[[str], str]

    def target(self) -> Target:
        """The function and the qualifier that the request names. Raises the `ApiError` of a wrong name."""
        return self.checked(parse_target(self.asked.labels["FunctionName"], self.asked.query))

    def checked(self, target: Target) -> Target:
        """The same target. Raises the `ApiError` of another region."""
        if self.only_region is not None and target.region not in (None, self.only_region):
            raise api_errors.wrong_region(str(target.region), self.only_region)
        return target

    def function(self, target: Target) -> FunctionFacts:
        """The function of a target, whatever its qualifier. Raises the `ApiError` of a function that does not exist."""
        facts = self.functions.facts_of(target.name)
        if facts is None:
            raise api_errors.function_not_found(self.arn(target, target.qualifier))
        return facts

    def selected(self, target: Target) -> tuple[FunctionFacts, str]:
        """The function of a target, and the version that its qualifier stands for. Raises the `ApiError` if there is none."""
        facts = self.function(target)
        version = facts.version_of(target.qualifier)
        if version is None:
            raise api_errors.function_not_found(self.arn(target, target.qualifier))
        return facts, version

    def arn(self, target: Target, qualifier: str | None) -> str:
        """The ARN of a target with this qualifier, in the region and the account that the request names."""
        return arn_of(target.name, target.region or self.region, qualifier, account=target.account or ACCOUNT)

    def layer_arn(self, name: str) -> str:
        """The ARN of a layer, without a version."""
        return layer_arn_of(name, self.region)

    def described(self, target: Target, facts: FunctionFacts, version: str, *, qualifier: str | None) -> Members:
        """The configuration of a version, without its state."""
        arn = self.arn(target, qualifier)
        return function_members(facts, version, arn, since=self.since, layer_arn=lambda name: f"{self.layer_arn(name)}:1")

    def state(self, target: Target, *, counts: bool) -> Members:
        """The state of a function, and that of its last update."""
        states, updates = self.states.states, self.states.updates
        return state_members(
            states.tell(target.name, target.qualifier, counts=counts),
            updates.tell(target.name, target.qualifier, counts=counts),
        )
