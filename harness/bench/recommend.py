"""How long a warm recommendation takes, against the least that any request costs on the same target."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.bench.api_calls import ApiCalls
from harness.bench.figures import Bar, Figure, ratios
from harness.bench.row import Bench
from harness.system import RunningSystem, rest_api_url

HELLO_TEMPLATE = Path(__file__).parent / "hello/template.yaml"
DEPLOY_WITHIN_S = 120.0
MOST_AGAINST_HELLO = 2.0
WARM_UP, PER_ROUND = 30, 30  # nine rounds: 100 a user, of the 120 a minute that a visitor has
USERS = ("USER001", "USER002", "USER003")  # of the sample data; each has categories that he prefers


def measure(bench: Bench) -> list[Figure]:
    """On the embedded target; see ``against_hello``."""
    return against_hello(bench.system(), bench.rounds(9), "recommend")


def against_hello(system: RunningSystem, rounds: int, row: str) -> list[Figure]:
    """Three kinds of requests in turns: hello, the shop's own server with its key, a visitor without.

    A visitor's requests are also counted against his allowance, two writes more. All rounds together stay
    below the allowance.

    Args:
        rounds: at most 9.
        row: what the figures' names begin with.
    """
    with (
        ApiCalls(deploy_hello(system)) as hello,
        ApiCalls(system.api_url, {"X-API-Key": system.api_key}) as shop,
        ApiCalls(system.api_url) as visitor,
    ):
        kinds: dict[str, Callable[[int], float]] = {
            "hello": lambda _: hello.timed_post("/hello", {}),
            "shop": lambda turn: shop.timed_post("/offers/recommend", asked_for(turn)),
            "visitor": lambda turn: visitor.timed_post("/offers/recommend", asked_for(turn)),
        }
        p50s_in_turns(kinds, WARM_UP)
        measured = [p50s_in_turns(kinds, PER_ROUND) for _ in range(rounds)]
    by_kind = {kind: tuple(1_000 * p50s[kind] for p50s in measured) for kind in kinds}
    shop_ratios = ratios(by_kind["shop"], by_kind["hello"])
    visitor_ratios = ratios(by_kind["visitor"], by_kind["hello"])
    return [
        Figure(f"{row}.hello_ms", "hello with one read, p50", "ms", by_kind["hello"]),
        Figure(f"{row}.p50_ms", "recommend, p50", "ms", by_kind["shop"]),
        Figure(f"{row}.ratio", "recommend against hello", "×", shop_ratios, Bar("≤", MOST_AGAINST_HELLO)),
        Figure(f"{row}.visitor_ratio", "recommend for a visitor, with limits", "×", visitor_ratios),
    ]


def asked_for(turn: int) -> Mapping[str, str]:
    """The body of a request; users take turns."""
    return {"user_id": USERS[turn % len(USERS)]}


def p50s_in_turns(kinds: Mapping[str, Callable[[int], float]], count: int) -> dict[str, float]:
    """Ask *count* times for each kind, one after the other in turns; gives the median seconds of each."""
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(count):
        for kind, ask in kinds.items():
            seconds[kind].append(ask(turn))
    return {kind: statistics.median(measured) for kind, measured in seconds.items()}


def deploy_hello(system: RunningSystem) -> str:
    """Deploy the yardstick beside the system unless it is there; gives the root of its API.

    Raises:
        RuntimeError: the stack failed.
    """
    cloudformation = system.client("cloudformation")
    name = system.named("offerloop-hello")
    parameters = {
        "Prefix": system.prefix,
        "PythonRuntime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "TableName": system.named("Offers"),
    }
    known = cloudformation.describe_stacks()["Stacks"]
    if all(stack["StackName"] != name for stack in known):
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=HELLO_TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    ends = time.monotonic() + DEPLOY_WITHIN_S
    while True:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if stack["StackStatus"] != "CREATE_IN_PROGRESS" or time.monotonic() > ends:
            break
        time.sleep(0.1)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise RuntimeError(
            f"stack {name} is {stack['StackStatus']}: {stack.get('StackStatusReason', 'no reason given')}"
        )
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return rest_api_url(outputs["HelloUrl"], system.endpoint_url)
