"""Spoils well-formed messages, for those who must refuse them."""

import json
import random
from typing import Any

from atlas.city import CityData
from schemas import topics
from tests.streams.rig import Sent, now
from tests.streams.traffic import Traffic

NASTY: list[Any] = [
    None,
    True,
    -1,
    0,
    1e308,
    -1e308,
    2**63,
    -(2**70),
    "",
    "\x00",
    "\ud800",
    "𠀀" * 300,
    "x" * 20_000,
    "NaN",
    "Infinity",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "2026-11-24T08:00:00",
    "1' OR 1=1 --",
    "../../etc/passwd",
    "{{7*7}}",
    [],
    {},
    [[[]]],
    {"lon": 1, "lat": "x"},
    "\u202e\u2066着火",
]


class Fuzzer:
    """Spoils well-formed messages; says of each whether it must be refused."""

    def __init__(self, city: CityData, seed: int, name: str) -> None:
        self._random = random.Random(seed)
        self._traffic = Traffic(city, seed, name)

    def some(self, many: int) -> list[tuple[Sent, bool | None]]:
        """Return messages; True must be refused, False must not, None may go either way."""
        return [self._spoil(sent) for sent in self._traffic.some(many, now(-many / 1000))]

    def _spoil(self, sent: Sent) -> tuple[Sent, bool | None]:
        spoiled = Sent(sent.topic, sent.key, sent.value, list(sent.headers))
        match self._random.randrange(10):
            case 0:
                spoiled.value = self._random.randbytes(self._random.randrange(0, 300))
                return spoiled, True
            case 1:
                spoiled.value = (sent.value or b"")[: self._random.randrange(0, 60)]
                return spoiled, True
            case 2:
                del spoiled.headers[self._random.randrange(4)]
                return spoiled, True
            case 3:
                name, _ = spoiled.headers[self._random.randrange(4)]
                spoiled.headers = [(n, v) for n, v in spoiled.headers if n != name]
                spoiled.headers.append((name, self._random.randbytes(30) + b"\xff"))
                return spoiled, True
            case 4:
                spoiled.value = b'{"a":' * self._random.randrange(1, 2000)
                return spoiled, True
            case 5:
                spoiled.value = (sent.value or b"").decode("utf-8", "replace").encode("utf-16")
                return spoiled, True
            case 6 | 7:
                spoiled.value = self._replace_field(sent.value or b"")
                return spoiled, None
            case 8:
                spoiled.key = self._random.choice([None, b"", b"\xff\xfe", b"k" * 5000])
                if spoiled.topic == topics.UNIT_STATUS.name:
                    spoiled.key = spoiled.key or b"k"  # a compacted topic takes no other
                return spoiled, None
            case _:
                return spoiled, None

    def _replace_field(self, value: bytes) -> bytes:
        try:
            fields = json.loads(value)
        except ValueError:
            return value
        if not isinstance(fields, dict) or not fields:
            return value
        name = self._random.choice(sorted(fields))
        if isinstance(fields[name], dict) and self._random.random() < 0.7:
            inner = self._random.choice(sorted(fields[name]))
            fields[name][inner] = self._random.choice(NASTY)
        else:
            fields[name] = self._random.choice(NASTY)
        return json.dumps(fields, ensure_ascii=self._random.random() < 0.5).encode(
            errors="surrogatepass"
        )
