"""Tile38 as a peer, when a `tile38-server` is on the path: units are SET, fences are channels."""

import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import shapely

from bench._fences_data import Floats
from bench._fences_peers import Events, Pairs
from geo.fences.index import Fence
from infra.local import ports

_PATIENCE_S = 30.0
_LAST = "unit-none"  # moves into a fence of its own at the end of a batch, to tell that it is over


class Tile38:
    """One connection that moves units in a pipeline, one that is subscribed to all channels."""

    name = "tile38"
    locates, observes = False, True

    def __init__(self, fences: Sequence[Fence], port: int) -> None:
        self._commands, self._events = _Connection(port), _Connection(port)
        self._commands.ask("FLUSHDB")  # units and channels of the fences before
        for slot, fence in enumerate([*fences, Fence("", "beat", "", shapely.box(0, 0, 1, 1))]):
            detect = ("FENCE", "DETECT", "enter,exit,cross", "OBJECT")
            shape = shapely.to_geojson(fence.geometry)
            self._commands.ask("SETCHAN", str(slot), "WITHIN", "units", *detect, shape)
        self._events.ask("PSUBSCRIBE", "*")

    def locate(self, lon: Floats, lat: Floats) -> Pairs:
        """Tile38 finds objects in an area, not the areas of a point."""
        raise NotImplementedError

    def observe(self, ids: Sequence[str], lon: Floats, lat: Floats) -> Events:
        """Set all units in one pipeline, then read messages until that of the last unit."""
        rows = [*zip(ids, lat.tolist(), lon.tolist(), strict=True), (_LAST, 0.5, 0.5)]
        sets = [("SET", "units", name, "POINT", str(y), str(x)) for name, y, x in rows]
        self._commands.pipeline([*sets, ("DEL", "units", _LAST)])
        told: set[tuple[str, int, str]] = set()
        while True:
            message = json.loads(self._events.read()[-1])
            if message.get("id") == _LAST:
                if message["command"] == "del":
                    return told
            elif "detect" in message:
                told.add((message["id"], int(message["hook"]), message["detect"]))


@contextmanager
def server() -> Iterator[int | None]:
    """Start a server of our own and give its port; None if there is no program."""
    program = shutil.which("tile38-server")
    if program is None:
        yield None
        return
    port = ports.choose("Tile38", asked=None, last=None)
    with tempfile.TemporaryDirectory(prefix="jingwei-tile38-") as folder:
        command = [program, "-h", "127.0.0.1", "-p", str(port), "-d", folder, "-q"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(port)
            yield port
        finally:
            process.terminate()
            process.wait()


def _wait(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"tile38-server did not answer on port {port} within {_PATIENCE_S:.0f} s")


class _Connection:
    """Redis' protocol (RESP), as much as is needed."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        self._file = self._socket.makefile("rb")

    def ask(self, *words: str) -> object:
        return self.pipeline([words])[0]

    def pipeline(self, commands: Sequence[Sequence[str]]) -> list[object]:
        self._socket.sendall(b"".join(_encoded(words) for words in commands))
        return [self.read() for _ in commands]

    def read(self) -> list[str] | str:
        """Read one answer."""
        line = self._file.readline().rstrip(b"\r\n").decode()
        kind, rest = line[:1], line[1:]
        if kind == "-":
            raise RuntimeError(f"Tile38 refused a command: {rest}")
        if kind == "$":
            return self._file.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else ""
        if kind == "*":
            return [str(self.read()) for _ in range(int(rest))]
        return rest


def _encoded(words: Sequence[str]) -> bytes:
    parts = [word.encode() for word in words]
    body = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n" % len(parts) + body
