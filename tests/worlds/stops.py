"""One event's way through an embedded engine, killed at a step; then a new engine on the same files.

`python -m tests.worlds.stops FOLDER turns|loops FIRST STRIDE` prints one JSON line for the undisturbed run and one
for each stop. It forks from a process without threads that has everything imported: each child is a process that is
really killed (SIGKILL), and costs no start.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sojourn.delivery.port import Answered, Outgoing
from sojourn.rows import row_json
from sojourn.testing.steps import Steps
from tests.integration.enginekit import ROOT, Rig, claim, known

NOW = 1_780_300_000_000  # a Monday morning in Shanghai: nothing is quiet
WHO = "CLAIMANT"
TEMPLATE = "claim_ack"
MOST = 400  # steps; the way of one event is far shorter


def project(at: Path) -> Path:
    """Give a project folder with one journey of the reference insurer and the one template that its start sends."""
    at.mkdir(parents=True)
    for name in ("schemas", "rules.yaml", "parameters.yaml"):
        (at / name).symlink_to(ROOT / name)
    (at / "journeys").mkdir()
    text = (ROOT / "journeys" / "claim_status.yaml").read_text(encoding="utf-8")
    head = text.split("\nreact:")[0]
    (at / "journeys" / "claim_status.yaml").write_text(f"{head}\nexpire: 30 days after start\n", encoding="utf-8")
    source, target = ROOT / "templates", at / "templates"
    start, entries = (source / "catalogue.yaml").read_text(encoding="utf-8").split("\ntemplates:\n")
    kept = [line for line in entries.splitlines() if line.split(":")[0].strip() == TEMPLATE]
    target.mkdir()
    (target / "catalogue.yaml").write_text("\n".join([start, "templates:", *kept, ""]), encoding="utf-8")
    for name in ("variables.yaml", "layout.mjml"):
        (target / name).symlink_to(source / name)
    for channel in ("sms", "email"):
        (target / channel).mkdir()
        for path in (source / channel).glob(f"{TEMPLATE}*"):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, target / channel / path.name)
    return at


class FileProvider:
    """Accepts everything and writes its key to a file, which survives a kill; may be killed before and after."""

    provider, at_once, per_second, repeatable = "file", 100, None, False

    def __init__(self, file: Path) -> None:
        self._file = file

    async def open(self) -> None:
        """Ready."""

    async def close(self) -> None:
        """Nothing to give back."""

    async def send(self, outgoing: Outgoing) -> Answered:
        """Take the message; a step lies before it and one behind."""
        await asyncio.sleep(0)
        with self._file.open("a") as file:
            file.write(f"{outgoing.channel} {outgoing.message_id}\n")
        await asyncio.sleep(0)
        return Answered(kind="accepted", code="200")


def rig(folder: Path) -> Rig:
    """Give an engine on the files of a folder, at the one instant of this story."""
    provider = FileProvider(folder / "provider.txt")
    return Rig(folder / "project", NOW, channels=dict.fromkeys(("sms", "email", "call"), provider))


async def prepare(folder: Path) -> None:
    """Release the project and let the customer be known."""
    async with rig(folder) as made:
        await made.submit([known(WHO, NOW)])
        await made.settle()


async def way_by_turns(folder: Path, steps: Steps) -> None:
    """Take one event in and hand over what follows, by turns: every step is known beforehand."""
    async with rig(folder) as made:
        steps.counting = True
        await made.submit([claim(WHO, NOW)])
        (folder / "told").touch()
        await made.settle()
        steps.counting = False


async def way_by_loops(folder: Path, steps: Steps) -> None:
    """The same with the engine's own loops, as `sojourn run` has them."""
    async with rig(folder) as made:
        running = asyncio.create_task(made.engine.run())
        await asyncio.sleep(0.02)
        steps.counting = True
        await made.engine.submit([claim(WHO, NOW)], "test")
        (folder / "told").touch()
        for _ in range(200):
            if len(await made.rows()) == 3 and not made.engine.delivery.in_flight:
                break
            await asyncio.sleep(0.01)
        steps.counting = False
        made.engine.stop()
        await running


async def recover(folder: Path) -> dict[str, Any]:
    """Start anew; the publisher sends again what nobody told him is stored. Give all that came of it."""
    async with rig(folder) as made:
        await made.settle()
        if not (folder / "told").exists():
            await made.submit([claim(WHO, NOW)])
        await made.settle()
        made.clock.tick(3_600_000)  # calls that were not taken go again
        await made.settle()
        rows = await made.rows()
        counts = dict(await made.engine.views.counts())
        left = [one.ready + one.calling for one in await made.engine.views.lanes()]
    return {"rows": [row_json(row) for row in rows], "counts": counts, "left": sum(left)}


def in_child(work: Callable[[], None]) -> int:
    """Run something in a process of its own; give its exit status, negative for a signal."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_until(folder: Path, way: Callable[[Path, Steps], Any], stop: int) -> None:
    """Go the way and die without a word before step ``stop`` (0: never); say how many steps it has."""

    def reached(number: int) -> None:
        if number == stop:
            os.kill(os.getpid(), signal.SIGKILL)

    steps = Steps(reached)

    async def main() -> None:
        steps.install(asyncio.get_running_loop())
        await asyncio.create_task(way(folder, steps))

    asyncio.run(main())
    (folder / "steps").write_text(str(steps.count))


def story(base: Path, folder: Path, way: Callable[[Path, Steps], Any], stop: int) -> dict[str, Any]:
    """Tell what is there after a kill before step ``stop`` and a new start."""
    shutil.copytree(base, folder, symlinks=True)
    status = in_child(lambda: run_until(folder, way, stop))
    told, died = (folder / "told").exists(), status == -signal.SIGKILL
    assert died or status == 0, f"the child ended with {status}"

    def after() -> None:
        (folder / "after.json").write_text(json.dumps(asyncio.run(recover(folder))))

    assert in_child(after) == 0, "the new start failed"
    found: dict[str, Any] = {} if died else {"steps": int((folder / "steps").read_text())}
    sent = folder / "provider.txt"
    found |= {"stop": stop, "died": died, "told": told, "sent": sent.read_text().split("\n") if sent.exists() else []}
    found |= json.loads((folder / "after.json").read_text())
    shutil.rmtree(folder)
    return found


def main() -> None:
    """Print the undisturbed story, then those of every stop, until one comes to the end undisturbed."""
    folder, kind, first, stride = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the engine logs goes where errors go
    way = {"turns": way_by_turns, "loops": way_by_loops}[kind]
    base = folder / "base"
    project(base / "project")
    assert in_child(lambda: asyncio.run(prepare(base))) == 0
    for stop in (0, *range(first, MOST, stride)):
        told = story(base, folder / str(stop), way, stop)
        print(json.dumps(told), file=out, flush=True)
        if stop and not told["died"]:
            break


if __name__ == "__main__":
    main()
