"""``python -m loadtests.generator FOLDER local|master|worker [PORT [NUMBER]]``."""

import locust  # noqa: F401, I001  first of all: it lets gevent patch the standard library

import sys
from pathlib import Path

from loadtests.generator.process import run_alone, run_master, run_worker

folder, role, *numbers = sys.argv[1:]
if role == "local":
    sys.exit(run_alone(Path(folder)))
elif role == "master":
    sys.exit(run_master(Path(folder), int(numbers[0])))
sys.exit(run_worker(Path(folder), int(numbers[0]), int(numbers[1])))
