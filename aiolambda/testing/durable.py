"""The steps of durable executions, for the scripts that `FakeTransport.add_durable` takes.

::

    from aiolambda.testing import FakeTransport, durable

    fake = FakeTransport()
    fake.add_durable("orders", [
        durable.Step("charge", result={"paid": True}, polls=2),
        durable.Callback("approval", timeout=3600),
        durable.Succeed({"shipped": True}),
    ])

`Step`, `Wait`, `Callback`, `Invoke`, `Paused` and `Context` happen in their order. `Succeed`, `Fail` or `TimeOut` is the end; a
script without one succeeds with `None`.
"""

from ..emulation.durable.steps import Callback, Context, Fail, Invoke, Paused, Step, Succeed, TimeOut, Wait

__all__ = ["Callback", "Context", "Fail", "Invoke", "Paused", "Step", "Succeed", "TimeOut", "Wait"]
