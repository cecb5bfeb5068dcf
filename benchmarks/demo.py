"""The demonstration, as a user runs it: figures and seconds of three runs with fresh keys.

python benchmarks/demo.py [--seeds 0 1 2]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from support.results import write_result

from spellock.recipes.demo import DemoConfig, run_demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    runs = {}
    for seed in args.seeds:
        config = DemoConfig(seed=seed)
        config = replace(config, lock=replace(config.lock, seed=seed), training=replace(config.training, seed=seed))
        with tempfile.TemporaryDirectory() as out:
            figures = run_demo(config, Path(out) / "demo").to_dict()
        runs[str(seed)] = {name: value for name, value in figures.items() if isinstance(value, float)}
    mean = {name: round(float(np.mean([run[name] for run in runs.values()])), 2) for name in runs[str(args.seeds[0])]}
    write_result("demo", mean | {"runs": runs}, seeds=args.seeds, command="python benchmarks/demo.py")


if __name__ == "__main__":
    main()
