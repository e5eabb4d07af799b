"""The text of a template in YAML as plain values: the short tags, such as `!Ref`, become their long form.

Laws: nothing of the file is run, and no class is made. A value has at most 200,000 parts, however often aliases repeat them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ....errors import ConfigurationError
from ....types.mistakes import choices_text
from ....version import DISTRIBUTION, install_line
from .text import MOST_LEVELS, repeated_key, too_large

try:
    import yaml
except ImportError as missing:
    raise ConfigurationError(
        f"reading a template in YAML needs PyYAML: install {DISTRIBUTION} with its extra 'sam' ({install_line('sam')}); "
        "a template in JSON needs nothing"
    ) from missing

__all__ = ["parse_yaml"]

MOST_PARTS = 200_000

_STANDARD = "tag:yaml.org,2002:"
_MERGE = _STANDARD + "merge"
_CONVERTED = frozenset(_STANDARD + kind for kind in ("bool", "float", "int", "null"))
_UNCHANGED = frozenset(_STANDARD + kind for kind in ("map", "seq", "str", "timestamp", "value"))
"""The values with these tags are taken as they stand: a date is a text, as for CloudFormation."""

_FUNCTIONS = (
    *("And", "Base64", "Cidr", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue", "Join", "Length", "Not", "Or"),
    *("Select", "Split", "Sub", "ToJsonString", "Transform"),
)
_LONG_FORMS = {"!Condition": "Condition", "!Ref": "Ref"} | {f"!{name}": f"Fn::{name}" for name in _FUNCTIONS}


def parse_yaml(path: Path, text: str) -> object:
    """The value of a YAML document. `ConfigurationError` names the line that is wrong."""
    kind: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, if PyYAML was built with libyaml
    try:
        loader = kind(text)
        node: yaml.Node | None = loader.get_single_node()
        return None if node is None else _Conversion(path, loader.construct_object).value(node)
    except yaml.MarkedYAMLError as error:
        place = path if error.problem_mark is None else _place(path, error.problem_mark)
        raise ConfigurationError(f"{place}: {error.problem or 'this is not YAML'}") from None
    except yaml.YAMLError:
        raise ConfigurationError(f"{path}: the file has a character that YAML forbids") from None


class _Conversion:
    """The conversion of the nodes of a file. It counts them, because aliases can repeat a node many times."""

    def __init__(self, path: Path, convert_scalar: Callable[[yaml.Node], object]) -> None:
        self._path = path
        self._convert_scalar = convert_scalar
        self._parts_left = MOST_PARTS

    def value(self, node: yaml.Node, level: int = 0) -> object:
        self._count(level)
        if not node.tag.startswith("!"):
            return self._content(node, level)
        function = _LONG_FORMS.get(node.tag)
        if function is None:
            raise self._mistake(node, f"CloudFormation has no function {node.tag}; {choices_text(node.tag, _LONG_FORMS)}")
        value = self._content(node, level + 1)
        return {function: value.split(".", 1) if function == "Fn::GetAtt" and isinstance(value, str) else value}

    def _content(self, node: yaml.Node, level: int) -> object:
        if not (node.tag.startswith("!") or node.tag in _CONVERTED or node.tag in _UNCHANGED):
            raise self._mistake(node, f"the tag {node.tag} is not supported")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, level)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, level + 1) for item in node.value]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> object:
        if node.tag not in _CONVERTED:
            return node.value
        try:
            value = self._convert_scalar(node)
            str(value)
        except ValueError:  # 0x_, or a number with thousands of digits
            return node.value
        return value

    def _mapping(self, node: yaml.MappingNode, level: int) -> dict[str, object]:
        own: dict[str, object] = {}
        merged: dict[str, object] = {}
        for key, content in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._mistake(key, "a key must be a text")
            if key.tag == _MERGE:
                merged = {**self._merged(content, level + 1), **merged}
            elif key.value in own:
                raise repeated_key(_place(self._path, key.start_mark), key.value)
            else:
                own[key.value] = self.value(content, level + 1)
        return {**merged, **own}

    def _merged(self, node: yaml.Node, level: int) -> dict[str, object]:
        """The values that `<<` brings: those of a mapping, or of several, of which the first wins."""
        merged: dict[str, object] = {}
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(source, yaml.MappingNode):
                raise self._mistake(source, "the value of << must be a mapping, or a list of mappings")
            self._count(level)
            merged = {**self._mapping(source, level), **merged}
        return merged

    def _count(self, level: int) -> None:
        self._parts_left -= 1
        if self._parts_left < 0 or level > MOST_LEVELS:
            raise too_large(self._path)

    def _mistake(self, node: yaml.Node, text: str) -> ConfigurationError:
        return ConfigurationError(f"{_place(self._path, node.start_mark)}: {text}")


def _place(path: Path, mark: yaml.Mark) -> str:
    return f"{path}, line {mark.line + 1}, column {mark.column + 1}"
