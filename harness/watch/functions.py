"""The functions of the running system: what a deployment gave them, and other code in its place."""

from __future__ import annotations

import base64
import hashlib
import shutil
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.deploy import ARTIFACTS_BUCKET
from harness.function_packages import packages_folder
from harness.settings import Refusal, Settings
from harness.stacks import APPLICATION, deployed_template
from harness.system import Clients
from harness.watch.package import Package
from harness.watch.sources import CodeFolder, Files, differing, files_in

KEPT_FOLDERS = 3  # a worker in the middle of a call may still import from the one before
TAKEN_WITHIN_S = 30
# With it as bucket, LocalStack takes the key for a folder on this machine and copies nothing: 0.03 s each,
# where a zip costs 0.2 s: https://docs.localstack.cloud/aws/tooling/lambda-tools/hot-reloading/
FOLDER_ON_THIS_MACHINE = "hot-reload"


@dataclass(frozen=True)
class Place:
    """Where a deployment put a package.

    Attributes:
        bucket, key: of the zip in S3.
    """

    bucket: str
    key: str


@dataclass(frozen=True)
class DeployedFunction:
    """What a stack says of a function.

    Attributes:
        entry: name of the file in the package that Lambda imports.
    """

    place: Place
    entry: str


@dataclass
class FunctionGroup:
    """Functions that share one folder of code, and what runs in them.

    Attributes:
        folder: the code as it is saved.
        entries: by the functions' deployed names the files that Lambda imports.
        package: what was deployed to them.
        live: our files that run now; None when that is not known.
        unpacked: folder with the files that run now, on this machine.
        made: folders that the watch has made, the last at the end.
    """

    folder: CodeFolder
    entries: Mapping[str, str]
    package: Package
    live: Files | None
    unpacked: Path
    made: list[Path] = field(default_factory=list)

    def edited(self, files: Files) -> list[str]:
        """Give the names of the files that differ from what runs, or else (unknown) from what is deployed."""
        return differing(self.live if self.live is not None else self.package.deployed, files)

    def in_order(self, files: Files) -> list[str]:
        """Give the functions' names, those first whose own file another one takes the place of."""
        edited = set(self.edited(files))
        return sorted(self.entries, key=lambda name: self.entries[name] not in edited)


def deployed_groups(
    settings: Settings, client: Clients, folders: Iterable[CodeFolder]
) -> list[FunctionGroup]:
    """Read from the stack what the functions were deployed with; one that it does not have is left out.

    Raises:
        Refusal: functions of one folder were deployed with different code.
    """
    deployed, names = deployed_functions(settings, client), function_names(settings, client)
    groups = []
    for folder in folders:
        known = [name for name in folder.functions if name in deployed and name in names]
        distinct = {deployed[name].place for name in known}
        if len(distinct) > 1:
            raise Refusal(
                f"functions of {folder.path} were deployed with different code: run "
                f"`make deploy{settings.words}`"
            )
        for place in distinct:
            archive = archive_at(client, place)
            package = Package(archive, files_in(folder.path))
            entries = {names[name]: deployed[name].entry for name in known}
            unpacked = unpacked_by_emulator(settings, archive)
            groups.append(FunctionGroup(folder, entries, package, package.deployed, unpacked))
    return groups


def deployed_functions(settings: Settings, client: Clients) -> dict[str, DeployedFunction]:
    """Give the functions of the deployed stack that have their code in a zip, by logical id."""
    template = deployed_template(client("cloudformation"), APPLICATION.name(settings))
    found = {}
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties") or {}
        code: Any = {}
        if resource["Type"] == "AWS::Serverless::Function":  # LocalStack gives the template as it was sent
            bucket, _, key = str(properties.get("CodeUri")).removeprefix("s3://").partition("/")
            code = {"S3Bucket": bucket, "S3Key": key}
        elif resource["Type"] == "AWS::Lambda::Function":
            code = properties.get("Code") or {}
        if code.get("S3Bucket") and code.get("S3Key"):
            module = str(properties.get("Handler", "")).rpartition(".")[0]
            entry = module.replace(".", "/") + ".py"
            found[name] = DeployedFunction(Place(code["S3Bucket"], code["S3Key"]), entry)
    return found


def function_names(settings: Settings, client: Clients) -> dict[str, str]:
    """Give the deployed names of the stack's functions by their logical ids."""
    pages = client("cloudformation").get_paginator("list_stack_resources")
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=APPLICATION.name(settings))
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    }


def archive_at(client: Clients, place: Place) -> bytes:
    """Fetch a zip."""
    return bytes(client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"].read())


def code_sha256(archive: bytes) -> str:
    """Give a zip's digest as Lambda writes it."""
    return base64.b64encode(hashlib.sha256(archive).digest()).decode()


def unpacked_by_emulator(settings: Settings, archive: bytes) -> Path:
    """Give the folder into which the emulator unpacks a zip; it need not have done so yet."""
    digest = hashlib.sha256(archive).hexdigest()
    if settings.target == "localstack":
        digest = code_sha256(archive).replace("/", "_").replace("+", "-").rstrip("=")
    return packages_folder(settings.target) / digest


def exchange_code(settings: Settings, client: Clients, group: FunctionGroup, files: Files) -> None:
    """Let the functions of a group run *files*, and wait until the emulator has taken them.

    Raises:
        ClientError: the emulator refuses.
    """
    names, group.live = group.in_order(files), None
    if settings.target == "localstack":
        code = folder_of(settings, group, files)
    else:
        code = zip_of(settings, client, group, files)
    remove_old(group)
    functions = client("lambda")
    for name in names:
        functions.update_function_code(FunctionName=name, **code)
    if settings.target == "localstack":
        # The other one runs the new code at once, whatever it says of its state.
        wait_until_taken(functions, names)
    group.live = files


def folder_of(settings: Settings, group: FunctionGroup, files: Files) -> dict[str, str]:
    """Make a folder with the package and give the code that means it."""
    group.package.unpack(group.unpacked)
    make_folder(group, packages_folder(settings.target) / f"watched-{uuid.uuid4().hex}", files)
    return {"S3Bucket": FOLDER_ON_THIS_MACHINE, "S3Key": str(group.unpacked)}


def zip_of(settings: Settings, client: Clients, group: FunctionGroup, files: Files) -> dict[str, str]:
    """Put a zip of the package into the emulator and give the code that means it.

    Unpacking and compiling it would be most of a start: where the package before lies unpacked, it is made
    of that. Each zip is another one, so that its folder is of this watch alone, which removes it.
    """
    archive = group.package.zipped(files, mark=uuid.uuid4().hex)
    folder = unpacked_by_emulator(settings, archive)
    if archive is group.package.archive:
        group.unpacked = folder
    elif group.unpacked.is_dir():
        make_folder(group, folder, files)
    key = f"{APPLICATION.name(settings)}/watched-{min(group.entries)}"
    client("s3").put_object(Bucket=ARTIFACTS_BUCKET, Key=key, Body=archive)
    return {"S3Bucket": ARTIFACTS_BUCKET, "S3Key": key}


def make_folder(group: FunctionGroup, folder: Path, files: Files) -> None:
    """Make the folder of a package out of the one before."""
    group.package.exchange(group.unpacked, folder, files)
    group.made.append(folder)
    group.unpacked = folder


def remove_old(group: FunctionGroup) -> None:
    """Remove the folders of edits long past."""
    while len(group.made) > KEPT_FOLDERS:
        shutil.rmtree(group.made.pop(0), ignore_errors=True)


def wait_until_taken(functions: Any, names: Iterable[str]) -> None:
    """Wait until calls of each function get the code that it was given last.

    Raises:
        Refusal: it does not, or not in time.
    """
    until = time.monotonic() + TAKEN_WITHIN_S
    for name in names:
        while (status := update_status(functions, name)) == "InProgress" and time.monotonic() < until:
            time.sleep(0.02)
        if status not in (None, "Successful"):
            raise Refusal(f"{name} did not take its code: {status}")


def update_status(functions: Any, name: str) -> str | None:
    """Give the state of a function's last change."""
    status: str | None = functions.get_function_configuration(FunctionName=name).get("LastUpdateStatus")
    return status


def put_back(settings: Settings, client: Clients) -> list[str]:
    """Let every function run what its stack says: after a watch, whatever became of the edits.

    Returns:
        The names of functions that ran something else.
    """
    deployed, names = deployed_functions(settings, client), function_names(settings, client)
    functions = client("lambda")
    places = {function.place for function in deployed.values()}
    digests = {place: code_sha256(archive_at(client, place)) for place in places}
    given = []
    for logical_id in sorted(deployed.keys() & names.keys()):
        name, place = names[logical_id], deployed[logical_id].place
        if functions.get_function_configuration(FunctionName=name)["CodeSha256"] != digests[place]:
            functions.update_function_code(FunctionName=name, S3Bucket=place.bucket, S3Key=place.key)
            given.append(name)
    wait_until_taken(functions, given)
    return given
