"""Bring a system on an emulator up and down: emulator, stacks, sample data, metrics."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from harness import companions, doctor, stacks, state
from harness import deploy as deployment
from harness import destroy as destruction
from harness.emulator import Emulator, endpoint_url
from harness.processes import Process, start_detached, stop
from harness.sam import SamRunner
from harness.settings import DEFAULT_PORT, Refusal, Settings
from harness.stacks import Stack
from harness.state import State
from harness.system import (
    EMULATOR_CREDENTIALS,
    REPOSITORY,
    Clients,
    NotRunning,
    RunningSystem,
    client_config,
    not_running,
    of_target,
    rest_api_url,
    running_system,
)
from harness.targets import emulator_of, emulator_to_start

Say = stacks.Say

# Stopped in this order: what uses the emulator before the emulator itself, and that before what it uses.
STOP_ORDER = (
    *("shoppers", "storefront", "docs", "dashboard", "metrics", "emulator"),
    *(each.name for each in companions.COMPANIONS),
)


def up(settings: Settings, say: Say) -> RunningSystem:
    """Start, deploy and seed what is not there yet.

    Raises:
        Refusal: something the user has to change; what was started before it keeps running.
    """
    words = settings.words
    refuse_aws(settings, f"nothing is started on AWS: use `make deploy{words}`, then `make seed{words}`")
    with state.locked(settings.state_dir):
        known = state.load(settings.state_dir, settings.target)
        running = known.running("emulator")
        if settings.reset and running is not None:
            stop_all(settings, known, say)
            running = None
        port = chosen_port(settings, known, running)
        emulator = None
        if running is None:
            forget_dead(settings, known, say)
            doctor.refuse_what_stops_up(settings, port)
            emulator = emulator_to_start(settings, say)
            refuse_another_port(settings, known, port, keeps_data=emulator.keeps_data)
            emulator.prepare(say)
            if settings.reset:
                emulator.forget()
            if settings.reset or not emulator.keeps_data:
                known.deployed, known.seeded = {}, False
                companions.forget(settings, known)
        settings = replace(settings, beside=companions.parameters(settings, known))
        # The SAM CLI takes a second to import: begin while the emulator starts, when it will be needed.
        with deployment.prepared(settings, known) as sam:
            if emulator is not None:
                start_emulator(emulator, known, port)
            return bring_up_to_date(settings, known, sam, say)


def chosen_port(settings: Settings, known: State, running: Process | None) -> int:
    """Give the port to use: the running emulator's, the one asked for, the last one, the default.

    Raises:
        Refusal: it runs on another port than asked for.
    """
    if running is not None and settings.port not in (None, known.port):
        raise Refusal(
            f"it runs on port {known.port} already: `make down{settings.words}` first to change to "
            f"{settings.port}"
        )
    return settings.port or known.port or DEFAULT_PORT


def refuse_another_port(settings: Settings, known: State, port: int, *, keeps_data: bool) -> None:
    """Let a kept system start at its own port only: its queues are stored under addresses that name the port.

    Raises:
        Refusal: another port is asked for.
    """
    if keeps_data and known.deployed and not settings.reset and known.port not in (None, port):
        raise Refusal(
            f"what is kept was deployed on port {known.port}, and its queues are found there only: leave "
            f"PORT out, or `make up{settings.words} RESET=1 PORT={port}` to begin anew"
        )


def start_emulator(emulator: Emulator, known: State, port: int) -> None:
    """Start the emulator and wait until it answers; the state says so before it is ready.

    Raises:
        Refusal: it does not start; what was started of it is stopped.
    """
    folder = emulator.settings.state_dir
    process = emulator.start(port)
    known.port, known.way, known.processes["emulator"] = port, emulator.way, process
    state.save(folder, known)
    try:
        emulator.wait_until_ready(process, port)
    except BaseException:
        stop(known.processes.pop("emulator"))
        emulator.clear_away()
        state.save(folder, known)
        raise


def bring_up_to_date(settings: Settings, known: State, sam: SamRunner, say: Say) -> RunningSystem:
    """Deploy what changed, seed new tables, start what belongs to it, and write down the system."""
    assert known.port is not None
    beside = companions.begin(settings, known)
    address = endpoint_url(known.port)
    client = emulator_clients(address, settings.region)
    cloudformation = client("cloudformation")
    data_stack = stacks.DATA.name(settings)
    if stacks.describe(cloudformation, data_stack) is None:
        known.deployed, known.seeded = {}, False
        make_bucket(client("s3"))

    def once_serving() -> None:
        take_back_watched(settings, known, client, say)
        companions.wait_for(beside, settings, known)
        system = write_down(settings, known, client, address, stacks.SERVING)
        if not known.seeded:
            seed(settings, known, system, say)

    try:
        deployment.deploy(settings, known, cloudformation, address, sam, say, once_serving)
    finally:
        state.save(settings.state_dir, known)
    system = write_down(settings, known, client, address, stacks.STACKS)
    if known.running("metrics") is None:
        known.processes["metrics"] = start_detached(
            [sys.executable, "-m", "harness.metrics"],
            settings.logs / "metrics.log",
            system.environment(),
            REPOSITORY,
        )
        state.save(settings.state_dir, known)
    return system


def take_back_watched(settings: Settings, known: State, client: Clients, say: Say) -> None:
    """Let the functions run what was deployed, after `make watch` gave them something else."""
    if known.watched:
        from harness.watch.functions import put_back

        if put_back(settings, client):
            say("functions run what was deployed again, no longer what was watched")
        known.watched = False


def write_down(
    settings: Settings, known: State, client: Clients, address: str, there: Sequence[Stack]
) -> RunningSystem:
    """Read the outputs of the stacks that are there and the API key, and keep them as the running system.

    The functions get the secrets of what runs beside the emulator.
    """
    outputs = stacks.stack_outputs(client("cloudformation"), settings, there)
    if there != stacks.STACKS and known.system is not None:
        outputs = {**known.system["outputs"], **outputs}  # what others said before still stands
    secrets = client("secretsmanager")
    companions.hand_over_secrets(settings, known, outputs, secrets)
    secret = secrets.get_secret_value(SecretId=outputs["ApiKeySecretArn"])
    known.system = {
        "target": settings.target,
        "endpoint_url": address,
        "region": settings.region,
        "prefix": settings.prefix,
        "api_url": rest_api_url(outputs["ApiUrl"], address),
        "api_key": secret["SecretString"],
        "outputs": outputs,
        "payment_url": settings.beside.get("PaymentUrl"),
    }
    state.save(settings.state_dir, known)
    return running_system(settings.target)


def seed(settings: Settings, known: State, system: RunningSystem, say: Say) -> None:
    """Put the sample data in; an application of the tests has none."""
    put_samples(settings, system, say)
    known.seeded = True
    state.save(settings.state_dir, known)


def put_samples(settings: Settings, system: RunningSystem, say: Say) -> None:
    """Put the sample data into a system; an application of the tests has none.

    Raises:
        Refusal: the deployed monitor did not list the offers in time.
    """
    if settings.application != REPOSITORY:
        return
    from harness.seed import seed as put

    try:
        put(system)
    except TimeoutError as late:
        raise Refusal(str(late)) from late
    say("seeded the sample offers, users and products")


def redeploy(settings: Settings, say: Say) -> list[str]:
    """Deploy the changed stacks to the running emulator; gives their keys.

    Raises:
        NotRunning: there is none.
    """
    with state.locked(settings.state_dir):
        known = state.load(settings.state_dir, settings.target)
        if known.running("emulator") is None:
            raise NotRunning(f"nothing is running: `make up{of_target(settings.target)}` starts and deploys")
        before, watched = dict(known.deployed), known.watched
        settings = replace(settings, beside=companions.parameters(settings, known))
        with deployment.prepared(settings, known) as sam:
            bring_up_to_date(settings, known, sam, say)
        changed = [key for key, fingerprint in known.deployed.items() if fingerprint != before.get(key)]
        # Whatever was watched is no longer: that is a change too.
        return changed or (["application"] if watched else [])


def destroy(settings: Settings, with_data: bool, say: Say) -> bool:
    """Remove the stacks from the running emulator; the data stack, and its data, stay unless *with_data*.

    Returns:
        Whether there was anything to remove.
    Raises:
        NotRunning: there is no emulator.
        StackFailed: a stack cannot be removed.
    """
    with state.locked(settings.state_dir):
        known = state.load(settings.state_dir, settings.target)
        if known.running("emulator") is None:
            raise NotRunning(not_running(settings.target))
        assert known.port is not None
        client = emulator_clients(endpoint_url(known.port), settings.region)
        removed = destruction.remove_stacks(settings, client, with_data, say)
        known.deployed = {
            key: what for key, what in known.deployed.items() if key not in {stack.key for stack in removed}
        }
        known.system, known.seeded = None, known.seeded and not with_data
        if with_data:
            companions.forget(settings, known)
        state.save(settings.state_dir, known)
        return bool(removed)


def refuse_aws(settings: Settings, refusal: str) -> None:
    """Refuse what only an emulator can do.

    Raises:
        Refusal
    """
    if settings.target == "aws":
        raise Refusal(refusal)


def down(settings: Settings, say: Say) -> None:
    """Stop everything of this target; its data stays for the next `up`."""
    refuse_aws(
        settings, f"nothing of AWS runs here to be stopped: `make destroy{settings.words}` takes it down"
    )
    with state.locked(settings.state_dir):
        known = state.load(settings.state_dir, settings.target)
        ran = known.running("emulator") is not None
        stop_all(settings, known, say)
        if ran and not emulator_of(settings, known).keeps_data:
            say("it keeps no data: the next `make up` starts empty")
        known.system = None
        state.save(settings.state_dir, known)


def stop_all(settings: Settings, known: State, say: Say) -> None:
    """Stop the processes that are in the state, and only those."""
    emulator = emulator_of(settings, known) if "emulator" in known.processes else None
    for name in sorted(known.processes, key=lambda each: STOP_ORDER.index(each)):
        process = known.processes.pop(name)
        known.pages.pop(name, None)
        if process.alive():
            say(f"stopping {name}")
        if name == "emulator" and emulator is not None:
            stop(process, emulator.stop_within_s)
            emulator.clear_away()
        else:
            stop(process)


def forget_dead(settings: Settings, known: State, say: Say) -> None:
    """Clear away processes that the state names and that are gone, with anything they left behind."""
    for name, process in list(known.processes.items()):
        if not process.alive():
            say(f"{name} (process {process.pid}) had ended without `make down`")
            known.pages.pop(name, None)
            stop(known.processes.pop(name))
            if name == "emulator":
                emulator_of(settings, known).clear_away()


def running(settings: Settings) -> RunningSystem:
    """Give the running system.

    Raises:
        NotRunning: nothing runs, or what ran has ended.
        Refusal: AWS refused to show it.
    """
    if settings.target == "aws":
        from harness.aws.deployed import deployed_system

        return deployed_system(settings)
    known = state.load(settings.state_dir, settings.target)
    if known.running("emulator") is None:
        raise NotRunning(not_running(settings.target))
    return running_system(settings.target)


def emulator_clients(address: str, region: str) -> Clients:
    """Give a function that makes boto3 clients for the emulator, before there is a running system."""
    session = boto3.session.Session(region_name=region, **EMULATOR_CREDENTIALS)
    return lambda service: session.client(service, endpoint_url=address, config=client_config())


def make_bucket(s3: Any) -> None:
    """Make the bucket that deployment packages go to, if it is not there."""
    try:
        s3.create_bucket(Bucket=deployment.ARTIFACTS_BUCKET)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
