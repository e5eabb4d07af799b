"""The folders on this machine with the code of functions and layers.

Must not know the use of a folder.
"""

from pathlib import Path

from ..function_file import existing_path
from .resources import SERVERLESS_FUNCTION
from .template import Properties
from .values import Unknown, is_mapping

__all__ = ["folder_of_function", "folder_of_layer"]

_ASSET = "aws:asset:path"
"""The metadata by which the AWS CDK names the folder that it uploads."""
_REMOTE = ("s3://", "http://", "https://")


def folder_of_function(properties: Properties) -> Path | Unknown:
    """The folder with the code of a function; `Unknown` if the code is not in a folder on this machine."""
    name = "CodeUri" if properties.resource.type == SERVERLESS_FUNCTION else "Code"
    code = properties.values.get(name)
    if "InlineCode" in properties or (is_mapping(code) and "ZipFile" in code):
        return Unknown("its code is in the template; move the code to a file, and name the folder of the file")
    return properties.template.folder if code is None and name == "CodeUri" else _folder(properties, name)


def folder_of_layer(properties: Properties) -> Path | Unknown:
    """The folder with the content of a layer; `Unknown` if it is not on this machine."""
    return _folder(properties, "ContentUri" if "ContentUri" in properties else "Content")


def _folder(properties: Properties, name: str) -> Path | Unknown:
    asset = properties.resource.metadata.get(_ASSET)
    location = asset if isinstance(asset, str) else properties.template.resolve(properties.values.get(name))
    if is_mapping(location) or (isinstance(location, str) and location.startswith(_REMOTE)):
        return Unknown(f"{name} is not on this machine")
    if not isinstance(location, str):
        raise properties.mistake(name, "the path of a folder", properties.essential(name))
    path = existing_path(location, properties.template.folder)
    if path is None or not path.is_dir():
        problem = "does not exist" if path is None else "is a file; unpack it, and name the folder"
        raise properties.template.mistake(properties.resource, f"{name} must be a folder; {location!r} {problem}")
    return path
