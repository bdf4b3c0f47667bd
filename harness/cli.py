"""The command line behind the Makefile: ``python -m harness <command>``.

Settings come from the environment (TARGET, PORT, RESET …), as make passes them; see harness/settings.py.
A refusal is one line on standard error and exit code 1.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness import doctor as checks
from harness import lifecycle, state
from harness.settings import Refusal, Settings, is_set, settings_from_environment, whole_number
from harness.system import NotRunning, RunningSystem

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    """Run one command; refusals become one line and exit code 1."""
    try:
        app(standalone_mode=True)
    except (Refusal, NotRunning) as refusal:
        errors.print(f"[red]{escape(str(refusal))}[/red]")
        sys.exit(1)
    except (BotoCoreError, ClientError) as error:
        if os.environ.get("TARGET") != "aws":  # an emulator has no account: it is a fault of ours
            raise
        from harness.aws.faults import explained

        errors.print(f"[red]{escape(explained(error, settings_from_environment()))}[/red]")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def say(line: str) -> None:
    """Report progress."""
    console.print(f"  {escape(line)}")


@app.command()
def up() -> None:
    """Start, deploy and seed what is not there yet."""
    began = time.monotonic()
    system = lifecycle.up(settings_from_environment(), say)
    show_addresses(system)
    say(f"up in {time.monotonic() - began:.1f} s")
    from harness.probe.results import warning

    lacking = warning(system.target)
    if lacking:
        say(lacking)


def show_addresses(system: RunningSystem) -> None:
    """Print where everything is."""
    say(f"endpoint   {system.endpoint_url or f'AWS, {system.region}, stage {system.stage}'}")
    say(f"API        {system.api_url}")
    say("API key    in `make -s outputs`, as api_key")
    if system.dashboard_url:
        say(f"dashboard  {system.dashboard_url}")


@app.command()
def down() -> None:
    """Stop what runs; the data stays."""
    lifecycle.down(settings_from_environment(), say)


@app.command()
def reset() -> None:
    """Empty the running system, deploy and seed again."""
    os.environ["RESET"] = "1"
    system = lifecycle.up(settings_from_environment(), say)
    show_addresses(system)


@app.command()
def deploy() -> None:
    """Deploy the stacks that changed: to the running emulator, or on AWS after a question (STAGE= YES=1)."""
    settings = settings_from_environment()
    if settings.target == "aws":
        from harness.aws.deploy import deploy as deploy_stage

        changed = deploy_stage(settings, say, console)
        if changed:
            show_addresses(lifecycle.running(settings))
    else:
        changed = bool(lifecycle.redeploy(settings, say))
    if not changed:
        say("nothing changed, nothing deployed")


@app.command()
def watch() -> None:
    """Bring every edit of handlers and core to the running emulator within seconds, until Ctrl-C."""
    from harness.watch.command import watch as follow_edits

    follow_edits(settings_from_environment(), say)


@app.command()
def destroy() -> None:
    """Remove the stacks; data stay unless DATA=1 (on AWS after a question: STAGE= YES=1)."""
    if os.environ.get("DATA") not in (None, "", "0", "1"):
        raise Refusal(f"DATA={os.environ['DATA']} is not 1: `make destroy DATA=1` removes all data")
    settings, with_data = settings_from_environment(), is_set("DATA")
    if settings.target == "aws":
        from harness.aws.destroy import destroy as destroy_stage

        removed = destroy_stage(settings, with_data, say)
    else:
        removed = lifecycle.destroy(settings, with_data, say)
    if not removed:
        say("nothing is there to remove")


@app.command()
def outputs() -> None:
    """Print addresses, key and stack outputs as one JSON object."""
    print(json.dumps(lifecycle.running(settings_from_environment()).as_json(), indent=2))


@app.command()
def status() -> None:
    """Show what runs, and since when; exit code 1 when nothing does."""
    settings = settings_from_environment()
    known = state.load(settings.state_dir, settings.target)
    table = Table(
        "what", "process", "since", box=None, title=f"target {settings.target}", title_justify="left"
    )
    for name, process in known.processes.items():
        since = datetime.fromtimestamp(process.started).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(name, str(process.pid), since if process.alive() else "[red]has ended[/red]")
    if known.processes:
        console.print(table)
    if settings.target == "aws":
        from harness.aws.deployed import stack_states

        for line in stack_states(settings):
            say(f"stack      {line}")
    system = lifecycle.running(settings)
    show_addresses(system)
    if settings.target != "aws":
        for stack in system.client("cloudformation").describe_stacks()["Stacks"]:
            say(f"stack      {stack['StackName']} {stack['StackStatus']}")


@app.command()
def redrive() -> None:
    """Send the follow-ups of orders that were given up round again."""
    from harness.redrive import redrive as redrive_followups

    say(f"sent round again: {redrive_followups(lifecycle.running(settings_from_environment()))}")


@app.command()
def settle() -> None:
    """Account for the points of orders that the stream has lost."""
    from harness.settle import settle as settle_orders

    settle_orders(lifecycle.running(settings_from_environment()), say)


@app.command()
def rewards() -> None:
    """Sum up the rewards of a day (DAY=) or of many (FROM= TO=); PARTIAL=1 takes one that is not over."""
    from harness.rewards import rewards as sum_up

    raise typer.Exit(sum_up(lifecycle.running(settings_from_environment()), console))


@app.command()
def seed() -> None:
    """Add what is missing of the sample offers, users and products."""
    settings = settings_from_environment()
    system = lifecycle.running(settings)
    if settings.target == "aws":
        lifecycle.put_samples(settings, system, say)
    else:
        lifecycle.seed(settings, state.load(settings.state_dir, settings.target), system, say)


@app.command()
def audit() -> None:
    """Check the conservation laws on the running system; exit code 1 on a breach."""
    from harness.audit import audit as examine

    report = examine(lifecycle.running(settings_from_environment()))
    for line in report.lines():
        console.print(escape(line))
    raise typer.Exit(0 if report.clean else 1)


@app.command()
def logs() -> None:
    """Follow the functions' logs (FUNCTION= one of them; FOLLOW=0 prints what is there and ends)."""
    from harness.logs import follow

    system = lifecycle.running(settings_from_environment())
    follow(system, os.environ.get("FUNCTION", ""), os.environ.get("FOLLOW", "1") != "0")


@app.command()
def doctor() -> None:
    """Check everything that `up` needs; exit code 1 when something fatal is found."""
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    verdicts = set()
    for check in checks.examine(settings_from_environment()):
        console.print(f"[{colours[check.verdict]}]{check.verdict:<5}[/] {escape(check.line)}")
        verdicts.add(check.verdict)
    raise typer.Exit(1 if "fail" in verdicts else 0)


@app.command()
def shoppers() -> None:
    """Run live shoppers against the running system (USERS= SPEED= SEED= MINUTES=)."""
    from harness.demo import run_in_foreground, shoppers_command

    minutes = whole_number("MINUTES", most=1440)
    refuse_unlimited(settings_from_environment(), "MINUTES", minutes)
    system = lifecycle.running(settings_from_environment())
    limit = ["--minutes", str(minutes)] if minutes else []
    raise typer.Exit(run_in_foreground([*shoppers_command(system), *limit], system))


@app.command()
def replay() -> None:
    """Turn recorded purchases into orders and events (DATA= MAP= BASKETS= LIMIT= SPEED= SEED=)."""
    from harness.demo import run_in_foreground

    names = ("DATA", "MAP", "LIMIT", "SPEED", "SEED")
    given = [
        part for name in names if os.environ.get(name) for part in (f"--{name.lower()}", os.environ[name])
    ]
    refuse_unlimited(settings_from_environment(), "LIMIT", os.environ.get("LIMIT"))
    system = lifecycle.running(settings_from_environment())
    raise typer.Exit(run_in_foreground([sys.executable, "-m", "harness.replay", *given], system))


def refuse_unlimited(settings: Settings, variable: str, given: object) -> None:
    """Refuse traffic on AWS that names no end: every request there costs money.

    Raises:
        Refusal
    """
    if settings.target == "aws" and not given:
        raise Refusal(f"TARGET=aws needs {variable}=: every request there costs money")


@app.command()
def load() -> None:
    """Load-test the running system; exit code 1 = objectives missed, 2 = the figures are invalid."""
    from harness.load import load as run_load

    raise typer.Exit(run_load(say, console))


@app.command()
def simulate() -> None:
    """Run a scenario in the twin (SCENARIO= SEED= REPLICATIONS= WORKERS= CLUSTER= RESULTS= EVENTS=0)."""
    from harness.simulate import simulate as run

    raise typer.Exit(run(console))


@app.command()
def compare() -> None:
    """Compare two scenarios under common random numbers (A= B= SEED= REPLICATIONS= METRIC= RESULTS=)."""
    from harness.compare import compare_scenarios

    raise typer.Exit(compare_scenarios(console))


@app.command()
def calibrate() -> None:
    """Derive a scenario from recorded purchases (DATA= MAP= OUT= ZONE= SEED=)."""
    from harness.calibrate import calibrate as derive
    from harness.calibrate import order_from_environment

    derive(order_from_environment())


@app.command()
def dashboard() -> None:
    """Show the dashboard on the running system until Ctrl-C."""
    from harness.demo import dashboard_until_interrupt

    settings = settings_from_environment()
    dashboard_until_interrupt(settings, lifecycle.running(settings), say)


@app.command()
def demo() -> None:
    """Everything at once until Ctrl-C; HEADLESS=1 MINUTES=1 runs the traffic, audits and stops."""
    from harness.demo import headless, interactive

    minutes = whole_number("MINUTES", most=1440)
    if is_set("HEADLESS"):
        raise typer.Exit(headless(settings_from_environment(), minutes or 1, say))
    raise typer.Exit(interactive(settings_from_environment(), minutes, say))


@app.command()
def hunt() -> None:
    """Search for scripts that break a conservation law; exit code 1 on a breach."""
    from harness.hunt import hunt_or_replay

    raise typer.Exit(hunt_or_replay(console))


@app.command()
def probe() -> None:
    """Look at what the target keeps of what the system relies on (DOCS=1 writes docs/targets.md)."""
    from harness.probe.run import probe as look_at_the_target

    raise typer.Exit(look_at_the_target(console))


@app.command()
def bench() -> None:
    """Measure every number that the design holds; exit code 1 when a bar is missed."""
    from harness.bench.run import bench as measure

    raise typer.Exit(measure(console))


@app.command()
def lint() -> None:
    """Run ruff, mypy, import-linter, cfn-lint and sam validate."""
    from harness.quality import lint as run_linters

    raise typer.Exit(run_linters(say))


@app.command()
def test() -> None:
    """Lint, and run all tests but the slow ones."""
    from harness.quality import QUICK, lint_beside, run_tests

    raise typer.Exit(lint_beside(lambda: run_tests(say, "embedded", *QUICK), say))


@app.command(name="test-all")
def test_all() -> None:
    """Lint, run every test, and the emulated ones once more on LocalStack."""
    from harness.quality import run_all_tests

    raise typer.Exit(run_all_tests(say))
