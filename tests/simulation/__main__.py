"""Run seeds: one with its trace, a fixed number from 1, or fresh ones for a while."""

import argparse
import sys
import time

from tests.simulation.world import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this seed and print its trace")
    parser.add_argument("--runs", type=int, help="run so many seeds from 1")
    parser.add_argument("--for", dest="seconds", type=float, help="run fresh seeds so many seconds")
    given = parser.parse_args()
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
