"""``python -m bench NAME [--json]``: run one benchmark; without a name, list them."""

import argparse
import importlib
import json
import pkgutil
import sys

import bench

_NOT_BENCHMARKS = {"report"}


def names() -> list[str]:
    """Return the names of all benchmarks."""
    found = [module.name for module in pkgutil.iter_modules(bench.__path__)]
    return sorted(n for n in found if not n.startswith("_") and n not in _NOT_BENCHMARKS)


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, add_help=False)
    parser.add_argument("name", nargs="?", choices=names())
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--quick", action="store_true", help="less work, rougher figures")
    name = parser.parse_known_args()[0].name
    benchmark = None if name is None else importlib.import_module(f"bench.{name}")
    # A benchmark with options of its own adds them here; its `run` takes their values by name.
    if hasattr(benchmark, "add_arguments"):
        benchmark.add_arguments(parser)
    parser.add_argument("-h", "--help", action="help", help="show this, and the options of NAME")
    options = vars(parser.parse_args())
    del options["name"]
    as_json = options.pop("json")
    if benchmark is None:
        print("\n".join(names()))
        return 0
    report = benchmark.run(**options)
    document = report.document(name)
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=1))
        return 0
    for part in ("figures", "peers", "ratios"):
        for key, value in document[part].items():
            print(f"{part:8} {key:40} {value}")
    for part, values in document.get("detail", {}).items():
        for key, value in values.items():
            print(f"{part}: {key}: {value}")
    for note in document["notes"]:
        print(note)
    return 0


if __name__ == "__main__":
    sys.exit(main())
