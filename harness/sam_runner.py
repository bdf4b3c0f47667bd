"""Run SAM CLI commands one after the other with its imports paid once; runs under ``.sam``'s interpreter.

Reads one JSON object a line, ``{"arguments": […], "folder": …, "log": …, "environment": {…}}``, runs that
command in a forked child with its output in the log, and answers ``{"exit_code": n}``. The fork gives every
command the fresh process that the SAM CLI expects; importing it takes a second, a fork 10 ms.
"""

import functools
import gc
import json
import os
import sys
import traceback
from typing import Any, NoReturn


def main() -> None:
    """Serve until standard input ends."""
    command = imported()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            run(command, request)
        _pid, status = os.waitpid(child, 0)
        print(json.dumps({"exit_code": os.waitstatus_to_exitcode(status)}), flush=True)


def imported() -> Any:
    """Import what `sam build`, `package` and `deploy` import, and give the command."""
    gc.disable()  # what is imported stays: looking through it for garbage takes a sixth of the time
    read_yaml_in_c()
    import boto3  # noqa: F401
    import samcli.commands.build.build_context
    import samcli.commands.build.command
    import samcli.commands.deploy.command
    import samcli.commands.deploy.deploy_context
    import samcli.commands.package.package_context
    import samcli.lib.deploy.deployer  # noqa: F401
    from samcli.cli.main import cli

    upload_once()
    gc.freeze()
    gc.enable()
    return cli


def read_yaml_in_c() -> None:
    """Let PyYAML's safe loader and dumper be those over libyaml, before anything derives its own from them.

    `sam deploy` reads a template seven times.
    """
    import yaml

    vars(yaml).update(SafeLoader=yaml.CSafeLoader, SafeDumper=yaml.CSafeDumper)


def upload_once() -> None:
    """Let a file that all functions have in common be read and looked for in the bucket once in a command."""
    from samcli.lib.package.s3_uploader import S3Uploader

    S3Uploader.upload_with_dedup = functools.cache(S3Uploader.upload_with_dedup)


def run(command: Any, request: dict[str, Any]) -> NoReturn:
    """Run one command in this forked child and end it."""
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    exit_code = 1
    try:
        command.main(args=request["arguments"], prog_name="sam")
        exit_code = 0
    except SystemExit as ended:
        exit_code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


if __name__ == "__main__":
    main()
