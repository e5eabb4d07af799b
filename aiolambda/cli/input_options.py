"""The options of `aiolambda map` that say what its input is, and what becomes of an item.

Must not know how an input is read.
"""

import argparse
import re
from pathlib import Path

from ..errors import ConfigurationError
from ..types.values import PayloadLimits
from .files import STDIO
from .inputs.formats import FORMATS, Named, form_of_name
from .inputs.reading import Recipe
from .payloads import file_of

__all__ = ["SCHEMES", "add_input_options", "check_input_options", "recipe_of"]

_SIZE = re.compile(r"([0-9]{1,12})(?:([KM])i?B?|B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
SCHEMES = ("@", "file://")
"""A template that begins so is in a file."""


def add_input_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("input")
    group.add_argument(
        "--format",
        choices=FORMATS,
        dest="input_format",
        help="form of the input (default: by the name of the file, such as items.csv.gz, else jsonl or json by the content)",
    )
    group.add_argument(
        "--types", metavar="COLUMN=TYPE,...", help="types of columns of csv and tsv: int, float, bool, json; auto guesses them"
    )
    group.add_argument(
        "--template",
        metavar="JSON|@FILE",
        help='payload of each item: JSON in which the string "{field}" stands for a field, and "{}" for the item',
    )
    group.add_argument("--key", metavar="FIELD", help="field that names each item, in results and in the journal")
    group.add_argument(
        "--batch", type=_count, metavar="N", help="send up to N items together, as an array; it returns an array"
    )
    group.add_argument(
        "--batch-bytes", type=_size, metavar="SIZE", help="bound of a batch, such as 256KB (default: what Lambda takes)"
    )


def check_input_options(options: argparse.Namespace) -> None:
    """Raise `ConfigurationError` for options that do not fit each other, or the names of the files."""
    format = options.input_format or _named(options.file).format
    if options.types is not None and format not in ("csv", "tsv"):
        raise ConfigurationError("--types is for columns of csv and tsv: say --format csv, or leave it out")
    if options.batch is None and options.batch_bytes is not None:
        raise ConfigurationError("--batch-bytes bounds the batches of --batch N: give both")
    if options.batch_bytes is not None and options.batch_bytes > _largest(options):
        raise ConfigurationError(f"--batch-bytes is at most {_largest(options):,}: Lambda takes no larger payload")
    for option in ("failed", "unknown"):
        _check_returned(option, getattr(options, option), options)


def recipe_of(options: argparse.Namespace) -> Recipe:
    """What to make of the input."""
    named = _named(options.file)
    template = options.template
    return Recipe(
        format=options.input_format or named.format,
        is_sure=options.input_format is not None,
        compression=named.compression,
        types=options.types,
        template=None if template is None else _template(template),
        key=options.key,
        batch=options.batch,
        batch_bytes=options.batch_bytes or _largest(options),
    )


def _check_returned(option: str, path: str | None, options: argparse.Namespace) -> None:
    """A file of items that failed has the form of the input: its name must not say another one."""
    if path is None:
        return
    named = _named(path)
    format = options.input_format or _named(options.file).format
    if named.compression is not None:
        raise ConfigurationError(f"--{option} writes no compressed file: choose a name without .{named.compression}")
    form = "jsonl" if format == "parquet" else format
    if named.format is None or named.format == form or (options.input_format is not None and format != "parquet"):
        return
    if form is None and named.format == "jsonl":
        return
    raise ConfigurationError(
        f"--{option} {path!r} gets items in the form of the input, {form or 'jsonl or json'}: choose a name that says so, "
        "or give --format"
    )


def _named(path: str) -> Named:
    return Named(None, None) if path == STDIO else form_of_name(path)


def _largest(options: argparse.Namespace) -> int:
    limits = PayloadLimits()
    return limits.event if options.event else limits.request_response


def _template(given: str) -> str:
    """The text, or that of the file that it names."""
    if not given.startswith(SCHEMES):
        return given
    path = file_of(given)
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"cannot read the template from {path!r}: {reason}") from error


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None or not (size := int(found[1]) * _UNITS[(found[2] or "").upper()]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size above 0, such as 256KB or 4MB")
    return size
