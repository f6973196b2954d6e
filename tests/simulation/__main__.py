"""Run seeds: one with its trace, a fixed number from 1, or fresh ones for a while."""

import argparse
import sys
import time

from tests.simulation.bugs import BUGS, found_by
from tests.simulation.world import run


def find(bugs: list[str], most: int) -> int:
    """Say which seed finds each bug first; fail where none does."""
    missed = 0
    for name in bugs:
        begun = time.monotonic()
        seed, wrong = found_by(name, most)
        rate = 60 * (seed or most) / (time.monotonic() - begun)
        missed += seed is None
        told = "not found" if seed is None else f"seed {seed}: {wrong}"
        print(f"{name:34} {told} ({rate:.0f} runs a minute)", flush=True)
    return bool(missed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this seed and print its trace")
    parser.add_argument("--runs", type=int, help="run so many seeds from 1")
    parser.add_argument("--for", dest="seconds", type=float, help="run fresh seeds so many seconds")
    parser.add_argument("--bug", choices=("all", *BUGS), help="put a known bug in, and find it")
    given = parser.parse_args()
    if given.bug:
        return find(list(BUGS) if given.bug == "all" else [given.bug], given.runs or 1_000)
    if given.seed is not None:
        world = run(given.seed)
        print("\n".join(world.trace))
        print(f"trace {world.digest}")
        print("\n".join(world.wrong) or "all is well", file=sys.stderr)
        return bool(world.wrong)
    first = 1 if given.runs else time.time_ns() // 1000
    begun, done = time.monotonic(), 0
    failed: list[int] = []
    while done < given.runs if given.runs else time.monotonic() - begun < (given.seconds or 60):
        world = run(first + done)
        done += 1
        if world.wrong:
            failed.append(first + done - 1)
            print(f"seed {failed[-1]}: {world.wrong[0]}", flush=True)
    rate = 60 * done / (time.monotonic() - begun)
    print(f"{done} runs, {rate:.0f} a minute, {len(failed)} failed: {failed}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
