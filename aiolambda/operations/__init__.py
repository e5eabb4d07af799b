"""The operations of Lambda: a command for each, with its input, its output, and the structures in them.

::

    from aiolambda.operations import GetFunctionCommand

    output = await client.send(GetFunctionCommand(function_name="orders"))
    print(output.configuration.state)

Importing this module loads nothing else: a name loads its module on first use.
"""

from ..types import TYPE_CHECKING

if TYPE_CHECKING:
    from .api.commands import *
    from .api.structures import *
    from .commands import InvokeCommand as InvokeCommand
    from .fetch_command import FetchCommand as FetchCommand
    from .fetch_command import FetchStreamCommand as FetchStreamCommand
    from .fetch_stream import FetchStreamOutput as FetchStreamOutput
    from .fetch_types import FetchCommandInput as FetchCommandInput
    from .fetch_types import HttpOutput as HttpOutput
    from .invoke_types import InvokeCommandInput as InvokeCommandInput
    from .invoke_types import InvokeCommandOutput as InvokeCommandOutput
    from .stream import InvokeWithResponseStreamCommandInput as InvokeWithResponseStreamCommandInput
    from .stream import InvokeWithResponseStreamCommandOutput as InvokeWithResponseStreamCommandOutput
    from .stream_command import InvokeWithResponseStreamCommand as InvokeWithResponseStreamCommand
else:
    _BY_HAND = {
        "FetchCommand": ".fetch_command",
        "FetchCommandInput": ".fetch_types",
        "FetchStreamCommand": ".fetch_command",
        "FetchStreamOutput": ".fetch_stream",
        "HttpOutput": ".fetch_types",
        "InvokeCommand": ".commands",
        "InvokeCommandInput": ".invoke_types",
        "InvokeCommandOutput": ".invoke_types",
        "InvokeWithResponseStreamCommand": ".stream_command",
        "InvokeWithResponseStreamCommandInput": ".stream",
        "InvokeWithResponseStreamCommandOutput": ".stream",
    }
    """The classes that are not written from the model, with their modules."""
    _WRITTEN = (".api.commands", ".api.structures")

    def _load(module: str) -> object:
        from importlib import import_module  # noqa: PLC0415 - loaded on first use, too

        return import_module(module, __name__)

    def _names() -> list[str]:
        return sorted([*_BY_HAND, *(name for module in _WRITTEN for name in _load(module).__all__)])

    def __getattr__(name: str) -> object:
        if name == "__all__":
            return _names()
        if name[:1].isupper():  # the others are modules of this package, which Python looks for here first
            for module in [_BY_HAND[name]] if name in _BY_HAND else _WRITTEN:
                if name in (loaded := _load(module)).__all__:
                    value = globals()[name] = getattr(loaded, name)
                    return value
        raise AttributeError(_no_attribute(name), name=name, obj=None)  # with `obj`, tracebacks would suggest the name again

    def _no_attribute(name: str) -> str:
        from ..types.mistakes import nearest  # noqa: PLC0415 - only a mistake needs it

        meant = nearest(name, _names()) if name[:1].isupper() else None
        return f"module {__name__!r} has no attribute {name!r}" + ("" if meant is None else f"; did you mean {meant}?")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_names()})
