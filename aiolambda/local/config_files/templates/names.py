"""The values of `Ref` and `Fn::GetAtt`: parameters, and the names and ARNs of functions, layers, versions and aliases.

Must not know the other properties of a resource.
"""

from collections.abc import Callable, Mapping

from ....emulation.identifiers import ACCOUNT, arn_of
from ....protocol.endpoints import partition_of
from ....types.mistakes import nearest
from .resources import ALIAS, FUNCTIONS, LAYERS, URL, VERSION, Resource
from .values import Unknown, as_text

__all__ = ["PUBLISHED_ALIAS", "PUBLISHED_VERSION", "Names"]

_NAME_PROPERTIES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Kinesis::Stream": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SSM::Parameter": "Name",
    "AWS::Serverless::SimpleTable": "TableName",
}
"""The property that is the value of `Ref`. Without it, AWS makes a name up."""

PUBLISHED_ALIAS = "AutoPublishAlias"
PUBLISHED_VERSION = "1"
"""The version that AWS SAM publishes for such an alias."""


class Names:
    """What the names in a template stand for. `resolve` evaluates the functions in a value."""

    def __init__(
        self,
        resources: Mapping[str, Resource],
        parameters: Mapping[str, object],
        resolve: Callable[[object], object],
        region: str,
    ) -> None:
        self._resources = resources
        self._parameters = parameters
        self._resolve = resolve
        self._region = region
        self._evaluated: dict[tuple[str, str], object] = {}
        self._owners: dict[str, Resource | None] = {}
        self._by_name: Mapping[str, Resource] | None = None
        self._attributes: Mapping[tuple[str, str], Callable[[Resource], object]] = {
            **{(function, "Ref"): self._ref_of_function for function in FUNCTIONS},
            **{(function, "Arn"): self._function_arn for function in FUNCTIONS},
            **{(layer, "Ref"): self._layer_arn for layer in LAYERS},
            ("AWS::Lambda::LayerVersion", "LayerVersionArn"): self._layer_arn,
            (VERSION, "Ref"): self._version_arn,
            (VERSION, "FunctionArn"): self._version_arn,
            (VERSION, "Version"): self.version_number,
            (ALIAS, "Ref"): self._alias_arn,
            (ALIAS, "AliasArn"): self._alias_arn,
        }

    # `References`

    def ref(self, name: str) -> object:
        """The value of a parameter, or what `Ref` gives for a resource."""
        if name in self._parameters:
            return self._parameters[name]
        owner, _, attribute = name.rpartition(".")
        if attribute in {"Alias", "Version"} and owner in self._resources:
            return self._published(self._resources[owner], attribute)
        return self._remembered(name, "Ref") if name in self._resources else self._missing(name)

    def attribute(self, name: str, attribute: str) -> object:
        """What `Fn::GetAtt` gives for a resource."""
        return self._remembered(name, attribute) if name in self._resources else self._missing(name)

    def _remembered(self, name: str, attribute: str) -> object:
        """The value of an attribute, evaluated once. `Unknown` if it depends on itself."""
        key = name, attribute
        if key not in self._evaluated:
            self._evaluated[key] = Unknown(f"{attribute} of {name} depends on itself")
            self._evaluated[key] = self._value(self._resources[name], attribute)
        return self._evaluated[key]

    def _value(self, resource: Resource, attribute: str) -> object:
        compute = self._attributes.get((resource.type, attribute))
        if compute is not None:
            return compute(resource)
        name_property = _NAME_PROPERTIES.get(resource.type) if attribute == "Ref" else None
        if name_property is not None and name_property in resource.properties:
            return self._resolve(resource.properties[name_property])
        what = "the name" if attribute == "Ref" else f"the attribute {attribute}"
        return Unknown(f"AWS gives {what} of {resource.id} when it is deployed")

    def _missing(self, name: str) -> Unknown:
        meant = nearest(name, [*self._parameters, *self._resources])
        hint = "" if meant is None else f"; did you mean {meant}?"
        return Unknown(f"the template has no parameter or resource {name}{hint}")

    def _published(self, function: Resource, attribute: str) -> object:
        """The alias or the version that AWS SAM makes for `AutoPublishAlias`."""
        alias = self._resolve(function.properties.get(PUBLISHED_ALIAS))
        if isinstance(alias, Unknown):
            return alias
        if not isinstance(alias, str):
            return Unknown(f"the resource {function.id} has no {PUBLISHED_ALIAS}")
        return arn_of(self.function_name(function), self._region, alias if attribute == "Alias" else PUBLISHED_VERSION)

    # Functions

    def function_name(self, function: Resource) -> str:
        """`FunctionName`, or the logical id if that is not known."""
        name = self._remembered(function.id, "Ref")
        return name if isinstance(name, str) else function.id

    def function_of(self, value: object) -> tuple[Resource, str | None] | None:
        """The function that a name or an ARN means, and the qualifier; `None` if the template has no such function."""
        if not isinstance(value, str):
            return None
        functions = self._functions()
        if value in functions:
            return functions[value], None
        name, _, qualifier = value.rpartition(":")
        return (functions[name], qualifier) if name in functions else None

    def _functions(self) -> Mapping[str, Resource]:
        """The functions by name and by ARN."""
        if self._by_name is None:
            functions = [one for one in self._resources.values() if one.type in FUNCTIONS]
            by_name = {self.function_name(function): function for function in functions}
            self._by_name = by_name | {arn_of(name, self._region): function for name, function in by_name.items()}
        return self._by_name

    def layer_of(self, arn: object) -> Resource | None:
        """The layer that an ARN means; `None` if the template has no such layer."""
        layers = (one for one in self._resources.values() if one.type in LAYERS)
        return next((layer for layer in layers if self._layer_arn(layer) == arn), None)

    def version_number(self, version: Resource) -> str:
        """The number of a published version: they are counted for each function, in the order of the template."""
        function = self.owner_of(version)
        is_published = function is not None and self._resolve(function.properties.get(PUBLISHED_ALIAS)) is not None
        versions = [one for one in self._resources.values() if one.type == VERSION and self.owner_of(one) is function]
        return str(versions.index(version) + (2 if is_published else 1))

    def owner_of(self, resource: Resource) -> Resource | None:
        """The function that a version, an alias or a configuration belongs to; `None` if the template does not have it."""
        if resource.id not in self._owners:
            name = "TargetFunctionArn" if resource.type == URL else "FunctionName"
            found = self.function_of(self._resolve(resource.properties.get(name)))
            self._owners[resource.id] = None if found is None else found[0]
        return self._owners[resource.id]

    def _ref_of_function(self, function: Resource) -> str:
        return as_text(self._resolve(function.properties.get("FunctionName"))) or function.id

    def _function_arn(self, function: Resource) -> str:
        return arn_of(self.function_name(function), self._region)

    def _layer_arn(self, layer: Resource) -> str:
        return f"arn:{partition_of(self._region).id}:lambda:{self._region}:{ACCOUNT}:layer:{layer.id}:1"

    def _version_arn(self, version: Resource) -> object:
        return self._qualified_arn(version, self.version_number(version))

    def _alias_arn(self, alias: Resource) -> object:
        return self._qualified_arn(alias, self._resolve(alias.properties.get("Name")))

    def _qualified_arn(self, resource: Resource, qualifier: object) -> object:
        function = self.owner_of(resource)
        if function is None or not isinstance(qualifier, str):
            return Unknown(f"the function of {resource.id} is not in the template")
        return arn_of(self.function_name(function), self._region, qualifier)
