"""New code without a new start: which files count, who waits for a look at them, and what becomes of what runs."""

import asyncio
import os
import threading
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import attrs
import pytest

from aiolambda import ConfigurationError
from aiolambda.local import EventInvokeConfig, LocalEndpoint, LocalFunction, Reload, ReloadEvent
from aiolambda.local.reload.reloader import Reloader
from aiolambda.local.reload.watched_files import Folder, changes, look_at_files, look_at_folder

from ..support.local import becomes_true, function, is_running, read_soon, serving


def write(path: Path, result: object) -> None:
    """Save a handler with this result. The size of the file is that of the last time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"def handler(event, context):\n    return {result!r:<10}\n")


def module(folder: Path, name: str = "app", **settings: object) -> LocalFunction:
    return function(name, "module.handler", root=folder, **settings)


# Which files count


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("module.py", True),
        ("package/module.py", True),
        ("data.json", True),
        (".env", True),
        (".env.local", True),
        (".git/index", False),
        (".venv/module.py", False),
        (".module.py.swp", False),
        ("module.py~", False),
        ("module.pyc", False),
        ("__pycache__/module.cpython-311.pyc", False),
        ("node_modules/left-pad/index.js", False),
        ("build/lib/module.py", False),
        ("dist/index.js", False),
        ("app.egg-info/PKG-INFO", False),
        ("app.log", False),
        ("cache.sqlite3", False),
        ("environment/lib/module.py", False),
        ("kept/module.py", True),
    ],
)
def test_files_that_count(name, counts, tmp_path):
    (tmp_path / "environment").mkdir()
    (tmp_path / "environment" / "pyvenv.cfg").touch()
    before = look_at_folder(Folder(tmp_path))
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("new")
    after = look_at_folder(Folder(tmp_path))
    assert changes(before, after) == ([str(tmp_path / name)] if counts else [])


def test_the_folder_itself_counts_whatever_its_name(tmp_path):
    root = tmp_path / "build"
    write(root / "module.py", 1)
    (root / "pyvenv.cfg").touch()
    assert str(root / "module.py") in look_at_folder(Folder(root))


def test_kept_and_ignored_names(tmp_path):
    write(tmp_path / "dist" / "module.py", 1)
    write(tmp_path / "failed.jsonl", 1)
    folder = Folder(tmp_path, frozenset({"dist"}), frozenset({str(tmp_path / "failed.jsonl")}))
    assert list(look_at_folder(folder)) == [str(tmp_path / "dist" / "module.py")]


def test_links_are_followed_and_lead_to_an_end(tmp_path):
    write(tmp_path / "elsewhere" / "shared.py", 1)
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    (root / "nowhere").symlink_to(tmp_path / "missing")
    before = look_at_folder(Folder(root))
    assert list(before) == [str(root / "linked" / "shared.py")]
    write(tmp_path / "elsewhere" / "shared.py", 22)
    os.utime(tmp_path / "elsewhere" / "shared.py", ns=(1, 1))
    assert changes(before, look_at_folder(Folder(root)))


def test_a_large_folder_is_seen_from_its_top(tmp_path):
    for number in range(10):
        write(tmp_path / "deep" / "deeper" / f"m{number}.py", number)
        write(tmp_path / f"m{number}.py", number)
    assert set(look_at_folder(Folder(tmp_path), most=10)) == {str(tmp_path / f"m{number}.py") for number in range(10)}


def test_a_file_of_the_same_time_and_size_is_another_one(tmp_path):
    write(tmp_path / "module.py", 1)
    os.utime(tmp_path / "module.py", ns=(10**9, 10**9))
    before = look_at_files([tmp_path / "module.py"])
    write(tmp_path / "new.py", 2)
    os.utime(tmp_path / "new.py", ns=(10**9, 10**9))
    (tmp_path / "new.py").rename(tmp_path / "module.py")
    assert changes(before, look_at_files([tmp_path / "module.py"]))


def test_missing_folders_and_files_are_no_error(tmp_path):
    assert look_at_folder(Folder(tmp_path / "missing")) == {}
    assert changes(look_at_files([tmp_path / "missing"]), look_at_files([tmp_path / "missing"])) == []


# The looks


class Functions:
    """In place of the functions of an endpoint."""

    def __init__(self, *functions: LocalFunction) -> None:
        self.in_processes = {function.name: function for function in functions}
        self.renewed: list[str] = []

    def renew(self, names: Collection[str]) -> None:
        self.renewed += names

    def replace(self, functions: Iterable[LocalFunction]) -> Sequence[str]:
        new = {function.name: function for function in functions}
        changed = [name for name in new.keys() | self.in_processes.keys() if new.get(name) != self.in_processes.get(name)]
        self.in_processes = new
        return changed


class Counting(Reloader):
    """Counts its looks. Each waits until it may go on, on a thread."""

    looks = 0

    def __init__(self, functions: Functions) -> None:
        super().__init__(functions, Reload())
        self.goes_on = threading.Semaphore(0)

    def _look(self, folders):
        self.looks += 1
        assert self.goes_on.acquire(timeout=10)
        return super()._look(folders)._replace(duration=1.0)

    async def begins(self, number: int) -> None:
        await becomes_true(lambda: self.looks == number)


async def test_waiting_invocations_share_a_look(tmp_path):
    write(tmp_path / "module.py", 1)
    reloader = Counting(Functions(module(tmp_path)))
    first = asyncio.create_task(reloader.refresh())
    await reloader.begins(1)
    later = [asyncio.create_task(reloader.refresh()) for _ in range(20)]
    await asyncio.sleep(0)
    reloader.goes_on.release(50)
    await asyncio.gather(first, *later)
    assert reloader.looks == 2, "those that came during a look need one that began after them"


async def test_a_cancelled_look_counts_for_nobody(tmp_path):
    reloader = Counting(Functions(module(tmp_path)))
    first = asyncio.create_task(reloader.refresh())
    await reloader.begins(1)
    second, third = (asyncio.create_task(reloader.refresh()) for _ in range(2))
    await asyncio.sleep(0)
    reloader.goes_on.release()
    await first
    await reloader.begins(2)
    second.cancel()
    reloader.goes_on.release(50)
    await third
    assert reloader.looks == 3


async def test_quick_looks_do_not_leave_the_loop(tmp_path):
    write(tmp_path / "module.py", 1)
    functions = Functions(module(tmp_path))
    reloader = Reloader(functions, Reload())
    await reloader.refresh()
    reloader._seen = reloader._seen._replace(duration=0.0)
    write(tmp_path / "module.py", 22)
    refreshing = reloader.refresh()
    with pytest.raises(StopIteration):
        refreshing.send(None)  # it does not wait for anything
    assert functions.renewed == ["app", "app"]


async def test_only_functions_of_the_changed_folder_are_renewed(tmp_path):
    folders = {name: tmp_path / name for name in ("a", "b", "layer", "one")}
    for folder in folders.values():
        write(folder / "module.py", 1)
    functions = Functions(
        module(folders["a"], "a", layers=[folders["layer"]]),
        module(folders["b"], "b", layers=[folders["layer"]]),
        module(folders["b"], "versioned", versions={"1": folders["one"]}),
    )
    events: list[ReloadEvent] = []
    reloader = Reloader(functions, Reload(on_reload=events.append))
    await reloader.refresh()
    assert events == [], "the first look only remembers"
    seen = {}
    for name, folder in folders.items():
        functions.renewed.clear()
        write(folder / "module.py", 22)
        await reloader.refresh()
        seen[name] = list(functions.renewed)
    assert seen == {"a": ["a"], "b": ["b", "versioned"], "layer": ["a", "b"], "one": ["versioned"]}
    assert events[0] == ReloadEvent(function_names=("a",), changed=(folders["a"] / "module.py",))
    functions.renewed.clear()
    await reloader.refresh()
    assert functions.renewed == []


async def test_a_function_that_is_added_later_is_watched(tmp_path):
    write(tmp_path / "module.py", 1)
    functions = Functions()
    events: list[ReloadEvent] = []
    reloader = Reloader(functions, Reload(on_reload=events.append))
    await reloader.refresh()
    functions.in_processes["app"] = module(tmp_path)
    write(tmp_path / "module.py", 22)  # a process may have started before
    await reloader.refresh()
    assert (functions.renewed, events) == (["app"], [])


async def test_compiled_code_of_a_changed_file_is_forgotten(tmp_path):
    write(tmp_path / "module.py", 1)
    compiled = tmp_path / "__pycache__"
    compiled.mkdir()
    names = ("module.cpython-311.pyc", "module.cpython-313.opt-1.pyc", "module2.cpython-311.pyc", "other.cpython-311.pyc")
    for name in names:
        (compiled / name).touch()
    reloader = Reloader(Functions(module(tmp_path)), Reload())
    await reloader.refresh()
    write(tmp_path / "module.py", 2)
    await reloader.refresh()
    assert sorted(path.name for path in compiled.iterdir()) == sorted(names[2:])


@pytest.mark.parametrize("named", ["code/failed.jsonl", "code/../code/failed.jsonl", "link/failed.jsonl"])
async def test_records_of_the_endpoint_are_no_change(tmp_path, named):
    code = tmp_path / "code"
    write(code / "module.py", 1)
    (tmp_path / "link").symlink_to(code)
    events = EventInvokeConfig(on_failure=tmp_path / named)
    functions = Functions(module(code, events=events))
    reloader = Reloader(functions, Reload())
    await reloader.refresh()
    functions.renewed.clear()
    (code / "failed.jsonl").write_text("{}\n")
    await reloader.refresh()
    assert functions.renewed == []


# Settings


class Settings:
    """A file whose text is the timeout of a function; `broken` cannot be read."""

    def __init__(self, folder: Path, **reload: object) -> None:
        self.file = folder / "settings"
        self.folder = folder / "code"
        write(self.folder / "module.py", 1)
        self.file.write_text("10")
        self.events: list[ReloadEvent] = []
        self.reload = Reload(files=[self.file], read=self.read, on_reload=self.events.append)

    def read(self) -> list[LocalFunction]:
        text = self.file.read_text()
        if text == "broken":
            raise LookupError("no number")
        return [module(self.folder, timeout=float(text))]


async def test_changed_settings_replace_functions(tmp_path):
    settings = Settings(tmp_path)
    functions = Functions(*settings.read())
    reloader = Reloader(functions, settings.reload)
    await reloader.refresh()
    assert settings.events == []
    settings.file.write_text("20")
    await reloader.refresh()
    assert functions.in_processes["app"].timeout == 20
    assert settings.events == [ReloadEvent(function_names=("app",), changed=(settings.file,))]


async def test_wrong_settings_are_told_and_change_nothing(tmp_path):
    settings = Settings(tmp_path)
    functions = Functions(*settings.read())
    reloader = Reloader(functions, settings.reload)
    await reloader.refresh()
    settings.file.write_text("broken")
    await reloader.refresh()
    await reloader.refresh()
    settings.file.unlink()
    await reloader.refresh()
    assert functions.in_processes["app"].timeout == 10
    assert [type(event.error) for event in settings.events] == [LookupError, FileNotFoundError], "each once"
    settings.file.write_text("30")
    await reloader.refresh()
    assert functions.in_processes["app"].timeout == 30


async def test_settings_saved_before_the_first_look_count(tmp_path):
    settings = Settings(tmp_path)
    functions = Functions(*settings.read())
    settings.file.write_text("20.0")
    reloader = Reloader(functions, settings.reload)
    await reloader.refresh()
    assert functions.in_processes["app"].timeout == 20


async def test_files_may_be_others_after_a_read(tmp_path):
    settings = Settings(tmp_path)
    files = [settings.file]
    functions = Functions(*settings.read())
    reloader = Reloader(functions, attrs.evolve(settings.reload, files=files))
    await reloader.refresh()
    files.append(tmp_path / "more")
    await reloader.refresh()
    assert settings.events == [], "the first look at a file remembers it"
    (tmp_path / "more").write_text("")
    await reloader.refresh()
    assert [event.changed for event in settings.events] == [(tmp_path / "more",)]


async def test_a_listener_that_raises_fails_no_look(tmp_path):
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))

    def listen(event: ReloadEvent) -> None:
        raise LookupError

    functions = Functions(module(tmp_path))
    reloader = Reloader(functions, Reload(on_reload=listen))
    await reloader.refresh()
    write(tmp_path / "module.py", 1)
    await reloader.refresh()
    assert functions.renewed == ["app", "app"]
    assert told == ["on_reload of the local endpoint raised an exception"]


def test_wrong_arguments_are_refused():
    with pytest.raises(ConfigurationError, match="reload must be True, False or Reload"):
        LocalEndpoint(reload="yes")
    with pytest.raises(ConfigurationError, match="read must be a function"):
        Reload(read=3)
    with pytest.raises(ConfigurationError, match="only with read="):
        Reload(files=[Path("x")])


# Invocations


async def test_each_save_counts_for_the_next_invocation(tmp_path):
    """Also if two saves are of the same second and size, for which Python would take the compiled code of the first."""
    path = tmp_path / "module.py"
    write(path, 0)
    async with serving(module(tmp_path), reload=True) as invoke:
        for number in range(8):
            write(path, number)
            assert (await invoke()).json() == number


async def test_invocations_in_flight_finish_on_the_old_code(tmp_path):
    path, started, goes_on = tmp_path / "module.py", tmp_path / "data.log", tmp_path / "go.log"
    path.write_text(
        "import os, pathlib, time\ndef handler(event, context):\n"
        "    pathlib.Path(event['started']).write_text(str(os.getpid()))\n"
        "    while not os.path.exists(event['goes_on']): time.sleep(0.01)\n    return 'old'\n"
    )
    async with serving(module(tmp_path), reload=True) as invoke:
        busy = asyncio.create_task(invoke(payload={"started": str(started), "goes_on": str(goes_on)}))
        pid = int(await read_soon(started))
        write(path, "new")
        assert (await invoke()).json() == "new"
        assert is_running(pid)
        assert not busy.done()
        goes_on.touch()
        assert (await busy).json() == "old"
        await becomes_true(lambda: not is_running(pid))
        assert (await invoke()).json() == "new"
        assert len(invoke.endpoint.runtime_pids("app")) == 1


async def test_idle_processes_end_without_an_invocation(tmp_path):
    path = tmp_path / "module.py"
    write(path, 1)
    async with serving(module(tmp_path), reload=True) as invoke:
        await invoke()
        (pid,) = invoke.endpoint.runtime_pids("app")
        write(path, 2)
        await becomes_true(lambda: not is_running(pid))
        await becomes_true(lambda: not invoke.endpoint.runtime_pids("app"))


async def test_without_reload_code_stays_as_it_is(tmp_path):
    path = tmp_path / "module.py"
    write(path, 1)
    async with serving(module(tmp_path)) as invoke:
        assert (await invoke()).json() == 1
        write(path, 2)
        assert (await invoke()).json() == 1


async def test_an_event_runs_the_code_of_its_start(tmp_path):
    """It was accepted before the save, and began after it."""
    path, result = tmp_path / "module.py", tmp_path / "result.log"
    source = "import pathlib\ndef handler(event, context):\n    pathlib.Path(event['file']).write_text('{}')\n"
    path.write_text(source.format("old"))
    async with serving(module(tmp_path), function("blocker"), reload=True, account_concurrency=1) as invoke:
        await invoke(payload={"file": str(tmp_path / "x.log")})
        headers = {"X-Amz-Invocation-Type": "Event"}
        started = tmp_path / "blocker.log"
        busy = {"op": "sleep", "seconds": 0.3, "started": str(started)}
        await invoke("blocker", busy, headers=headers)  # the account runs one at a time
        await read_soon(started)
        await invoke(payload={"file": str(result)}, headers=headers)
        path.write_text(source.format("new"))
        await invoke.endpoint.wait_idle()
    assert result.read_text() == "new"


async def test_replaced_function_finishes_what_runs(tmp_path):
    settings = Settings(tmp_path)
    started = tmp_path / "started"
    (settings.folder / "module.py").write_text(
        "import pathlib, time\ndef handler(event, context):\n    pathlib.Path(event['started']).write_text('.')\n"
        "    time.sleep(event['seconds'])\n    return context.get_remaining_time_in_millis() // 1000\n"
    )
    async with serving(*settings.read(), reload=settings.reload) as invoke:
        busy = asyncio.create_task(invoke(payload={"started": str(started), "seconds": 1}))
        await read_soon(started)
        (pid,) = invoke.endpoint.runtime_pids("app")
        settings.file.write_text("1000")
        after = await invoke(payload={"started": str(started), "seconds": 0})
        assert after.json() > 900
        assert (await busy).json() < 10
        await becomes_true(lambda: not is_running(pid))


async def test_call_with_a_scripted_delay_outlives_the_replacement(tmp_path):
    settings = Settings(tmp_path)
    async with serving(*settings.read(), reload=settings.reload) as invoke:
        invoke.endpoint.delay("app", 0.3)
        first = asyncio.create_task(invoke())
        await becomes_true(lambda: invoke.endpoint.calls)
        settings.file.write_text("20")
        answers = [await invoke(), await first]
    assert [(answer.status, answer.json()) for answer in answers] == [(200, 1)] * 2


async def test_calls_that_wait_for_a_debugger_outlive_the_replacement(tmp_path):
    settings = Settings(tmp_path)
    started = tmp_path / "started"
    (settings.folder / "module.py").write_text(
        "import pathlib, time\ndef handler(event, context):\n    pathlib.Path(event['file']).write_text('.')\n"
        "    while not pathlib.Path(event['until']).exists():\n        time.sleep(0.01)\n    return 1\n"
    )
    payload = {"file": str(started), "until": str(tmp_path / "ended")}
    async with serving(*settings.read(), reload=settings.reload, debug=True) as invoke:
        calls = [asyncio.create_task(invoke(payload=payload))]
        await read_soon(started)
        calls += [asyncio.create_task(invoke(payload=payload)) for _ in range(2)]
        await becomes_true(lambda: len(invoke.endpoint.calls) == 3)
        await asyncio.sleep(0.1)  # they have looked at the files, and wait
        settings.file.write_text("20")
        await becomes_true(lambda: settings.events)
        (tmp_path / "ended").touch()
        answers = await asyncio.gather(*calls)
    assert [answer.status for answer in answers] == [200] * 3


@pytest.mark.parametrize("closes", [False, True], ids=["ends", "closes"])
async def test_a_replaced_function_waits_for_the_debugger(tmp_path, closes):
    """Two processes would read from one terminal."""
    settings = Settings(tmp_path)
    started = tmp_path / "started"
    (settings.folder / "module.py").write_text(
        "import os, pathlib, time\ndef handler(event, context):\n    pathlib.Path(event['file']).write_text(str(os.getpid()))\n"
        "    while not pathlib.Path(event['until']).exists():\n        time.sleep(0.01)\n    return os.getpid()\n"
    )
    payload = {"file": str(started), "until": str(tmp_path / "ended")}
    async with serving(*settings.read(), reload=settings.reload, debug=True) as invoke, asyncio.timeout(60):
        first = asyncio.create_task(invoke(payload=payload))
        pid = int(await read_soon(started))
        settings.file.write_text("20")
        second = asyncio.create_task(invoke(payload=payload))
        await becomes_true(lambda: settings.events)
        await asyncio.sleep(0.2)
        assert (second.done(), invoke.endpoint.runtime_pids("app")) == (False, [])
        if closes:
            await invoke.endpoint.close()
            assert [(await call).status for call in (first, second)] == [500, 500]
        else:
            (tmp_path / "ended").touch()
            assert (await first).json() == pid
            assert (await second).json() != pid


async def test_a_replaced_function_has_its_new_concurrency(tmp_path):
    """Its events and calls took turns before."""
    settings = Settings(tmp_path)
    reload = attrs.evolve(settings.reload, read=lambda: [function(concurrency=3)])
    async with serving(function(concurrency=1), reload=reload) as invoke:
        await invoke(headers={"X-Amz-Invocation-Type": "Event"})
        await invoke.endpoint.wait_idle()
        settings.file.write_text("20")
        answers = await asyncio.gather(*[invoke(payload={"op": "sleep", "seconds": 0.3}) for _ in range(3)])
    assert [answer.status for answer in answers] == [200] * 3


async def test_an_event_of_a_version_that_is_gone_is_dropped(tmp_path, caplog):
    settings = Settings(tmp_path)
    reload = attrs.evolve(settings.reload, read=lambda: [module(settings.folder, concurrency=1)])
    versions = {"1": settings.folder}
    before = module(settings.folder, concurrency=1, versions=versions, aliases={"live": "1"})
    async with serving(before, reload=reload) as invoke:
        invoke.endpoint.delay("app", 0.3, times=1)
        headers = {"X-Amz-Invocation-Type": "Event"}
        await invoke(headers=headers)
        await invoke("app:live", headers=headers)
        settings.file.write_text("20")
        await invoke.endpoint.wait_idle()
        assert [execution.version for execution in invoke.endpoint.executions] == ["$LATEST"]
    assert "of function 'app' was dropped: there is no version 1 any more" in caplog.text


async def test_removed_function_is_not_found(tmp_path):
    settings = Settings(tmp_path)
    functions = settings.read()
    reload = attrs.evolve(settings.reload, read=lambda: functions)
    async with serving(*functions, function("other"), reload=reload) as invoke:
        invoke.endpoint.add("added", lambda event: event)
        invoke.endpoint.add(function("process"))
        assert (await invoke()).status == 200
        functions = []
        settings.file.write_text("changed")
        statuses = [(await invoke(name)).status for name in ("app", "other", "added", "process")]
    assert statuses == [404, 404, 200, 200], "functions that a program has added are not those of the file"


async def test_close_ends_what_a_replaced_function_runs(tmp_path):
    settings = Settings(tmp_path)
    (settings.folder / "module.py").write_text("import time\ndef handler(event, context):\n    time.sleep(60)\n")
    async with serving(*settings.read(), reload=settings.reload) as invoke:
        busy = asyncio.create_task(invoke())
        await becomes_true(lambda: invoke.endpoint.runtime_pids("app"))
        (pid,) = invoke.endpoint.runtime_pids("app")
        settings.file.write_text("20")
        await becomes_true(lambda: settings.events)
        await invoke.endpoint.close()
        assert (await busy).status == 500
    assert not is_running(pid)


async def test_check_sees_the_code_of_now(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("import nonesuch\n")
    async with serving(module(tmp_path), reload=True) as invoke:
        assert len(await invoke.endpoint.check()) == 1
        write(path, 1)
        assert await invoke.endpoint.check() == []
        (pid,) = invoke.endpoint.runtime_pids("app")
        assert (await invoke()).json() == 1
        assert invoke.endpoint.runtime_pids("app") == [pid]


async def test_many_invocations_while_code_changes(tmp_path):
    """None fails, and none runs code that is older than its arrival."""
    path = tmp_path / "module.py"
    write(path, 0)
    async with serving(module(tmp_path, concurrency=8), reload=True) as invoke:

        async def invoke_often(saved: list[int]) -> None:
            for _ in range(10):
                least = saved[-1]
                answer = await invoke()
                assert (answer.status, answer.error) == (200, None)
                assert answer.json() >= least

        saved = [0]
        calls = [asyncio.create_task(invoke_often(saved)) for _ in range(3)]
        while not all(call.done() for call in calls):
            write(tmp_path / "new.tmp", saved[-1] + 1)
            (tmp_path / "new.tmp").rename(path)
            saved.append(saved[-1] + 1)
            await asyncio.sleep(0.05)
        await asyncio.gather(*calls)
