"""Where the time goes: flame graphs of the twin and of a handler, drawn by py-spy from samples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.bench.cold_start import unpacked_package
from harness.bench.recommend import USERS
from harness.bench.row import Bench
from harness.system import REPOSITORY, RunningSystem, state_root, without_aws_account

FUNCTION, MODULE, ROUTE = "offer-get-offers", "handlers.recommend_offers", "/offers/recommend"
HANDLER_CALLS = 1_500
SAMPLES_PER_S = 400
MAY_NOT = (
    "py-spy may not look into the process that it starts. On Linux `sudo sysctl kernel.yama.ptrace_scope=1` "
    "allows it, in a container the capability SYS_PTRACE (`docker run --cap-add SYS_PTRACE`); "
    "on macOS it has to run as root: `sudo make bench PROFILE=1`"
)


class NoFlameGraph(Exception):
    """A flame graph was not drawn; the message says why and what to do."""


def draw(bench: Bench) -> int:
    """Draw both flame graphs and say where they are.

    Returns:
        Exit code: 0, or 1 when one could not be drawn.
    """
    folder = state_root() / "profiles"
    folder.mkdir(parents=True, exist_ok=True)
    failures = 0
    for name, drawing in (("twin", draw_twin), ("handler", draw_handler)):
        svg = folder / f"{name}.svg"
        try:
            drawing(bench, svg)
            bench.say(f"{svg}  ({name}; open it in a browser, click a frame to look closer)")
        except NoFlameGraph as why:
            bench.say(f"no flame graph of the {name}: {why}")
            failures += 1
    return 1 if failures else 0


def draw_twin(bench: Bench, svg: Path) -> None:
    """Draw one replication of the baseline.

    Raises:
        NoFlameGraph
    """
    sample([sys.executable, "-m", "harness.bench.twin_loop"], svg, os.environ, "")


def draw_handler(bench: Bench, svg: Path) -> None:
    """Draw recommendations by the deployed code, against the tables of the bench's own system.

    Raises:
        NoFlameGraph
    """
    system, package = bench.system(), unpacked_package(bench)
    loop = str(Path(__file__).parent / "handler_loop.py")
    command = [str(REPOSITORY / ".lambda/bin/python"), loop, MODULE, str(HANDLER_CALLS)]
    environment = variables_of(system) | {"PYTHONPATH": str(package.folder)}
    sample(command, svg, environment, json.dumps(request_event(system.api_key)))


def variables_of(system: RunningSystem) -> dict[str, str]:
    """Give the environment of the deployed function, pointed at the emulator."""
    described = system.client("lambda").get_function_configuration(FunctionName=system.named(FUNCTION))
    # As on AWS, the function sees its own settings and nothing of this system's.
    own: dict[str, str] = described["Environment"]["Variables"]
    return {**without_aws_account(os.environ), **system.environment(), **own}


def request_event(api_key: str) -> dict[str, object]:
    """Give the event of a recommendation asked for by the shop's own server.

    Format: docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    return {
        "resource": ROUTE,
        "path": ROUTE,
        "httpMethod": "POST",
        "headers": {"content-type": "application/json", "x-api-key": api_key},
        "multiValueHeaders": {"content-type": ["application/json"], "x-api-key": [api_key]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": ROUTE,
            "httpMethod": "POST",
            "path": f"/prod{ROUTE}",
            "stage": "prod",
            "requestId": "bench",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": json.dumps({"user_id": USERS[0]}),
        "isBase64Encoded": False,
    }


def sample(command: Sequence[str], svg: Path, environment: Mapping[str, str], given: str) -> None:
    """Run a program under py-spy, which starts it itself: that needs no rights over other processes.

    Args:
        given: goes to the program's standard input.
    Raises:
        NoFlameGraph: py-spy may not, or the program failed.
    """
    py_spy = str(REPOSITORY / ".venv/bin/py-spy")
    drawing = [
        *("record", "--format", "flamegraph", "--function", "--rate", str(SAMPLES_PER_S)),
        *("--output", str(svg), "--", *command),
    ]
    svg.unlink(missing_ok=True)
    ended = subprocess.run(
        [py_spy, *drawing],
        cwd=REPOSITORY,
        env=dict(environment),
        input=given,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if svg.exists() and ended.returncode == 0:
        return
    said = (ended.stderr + ended.stdout).strip()
    if "ermission" in said or "ptrace" in said:
        raise NoFlameGraph(MAY_NOT)
    raise NoFlameGraph(said.splitlines()[-1] if said else f"py-spy ended with {ended.returncode}")
