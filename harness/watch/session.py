"""One `make watch`: what was deployed, what runs now, and what is to be said about the difference."""

from __future__ import annotations

import contextlib
import functools
import shutil
import time
from collections.abc import Iterable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from harness import lifecycle, state
from harness.lifecycle import Say
from harness.processes import Process
from harness.settings import Refusal, Settings
from harness.state import State
from harness.system import Clients, NotRunning, not_running
from harness.watch.functions import FunctionGroup, deployed_groups, exchange_code
from harness.watch.sources import (
    REQUIREMENTS,
    CodeFolder,
    Files,
    code_folders,
    definitions,
    differing,
    files_in,
    first_fault,
)

NAMED_FILES = 3
LOCK_POLL_S = 0.1
LOCKED_AT_MOST_S = 300.0  # a first build downloads the dependencies
Deployment = tuple[object, bool]


class Session:
    """Brings what is saved to the emulator, once for each thing that is saved.

    Raises:
        NotRunning: there is no system to bring it to.
        Refusal: what is deployed cannot be told.
    """

    def __init__(self, settings: Settings, say: Say) -> None:
        self._settings = settings
        self._say = say
        self._client: Clients = functools.cache(lifecycle.running(settings).client)
        known = state.load(settings.state_dir, settings.target)
        self._emulator = running_emulator(known)
        self._said: dict[str, object] = {}
        self._groups: list[FunctionGroup] = []
        with self._held() as known:
            self._read_deployment(known)

    @property
    def folders(self) -> list[CodeFolder]:
        """Give the folders of code that are watched."""
        return [group.folder for group in self._groups]

    @property
    def function_count(self) -> int:
        """Give the number of functions that follow the edits."""
        return sum(len(group.entries) for group in self._groups)

    def is_live(self) -> bool:
        """Tell whether functions run something else than what was deployed."""
        return any(group.live != group.package.deployed for group in self._groups)

    def look(self) -> None:
        """Bring to the emulator what was saved since the last look.

        Raises:
            NotRunning: the system was stopped.
        """
        self._look_at_definitions()
        for group in self._groups:
            files = files_in(group.folder.path)
            if files == group.live:
                if self._said.pop(refused(group), None) is not None:
                    self._say("saved as it is live already")
            elif self._is_worth_a_try(group, files):
                self._bring(group, files)

    def look_at_system(self) -> None:
        """Notice that somebody deployed, and then begin anew from that.

        Raises:
            NotRunning: the system was stopped.
        """
        if deployment_in(self._running_state()) != self._deployment:
            with self._held() as known:
                self._read_deployment(known)
            self._say("deployed by another command: going on from there")
            self.look()
        self._look_at_definitions()

    def end(self) -> None:
        """Leave what is live, and of the folders made only those."""
        for group in self._groups:
            for folder in group.made:
                if folder != group.unpacked:
                    shutil.rmtree(folder, ignore_errors=True)

    def _read_deployment(self, known: State) -> None:
        """Take what is deployed for what the next edits are compared with."""
        application = self._settings.application
        before = {group.folder: group.made for group in self._groups}
        self._groups = deployed_groups(self._settings, self._client, code_folders(application))
        for group in self._groups:
            group.made = before.get(group.folder, [])
            if known.watched:
                group.live = None  # an earlier watch left something
        self._deployment = deployment_in(known)
        self._definitions = definitions(application)
        self._said.clear()

    def _look_at_definitions(self) -> None:
        """Say of a template that was edited that it needs a deployment."""
        now = definitions(self._settings.application)
        for name in differing(self._definitions, now):
            line = f"{name} changed: `make deploy{self._settings.words}` brings it live"
            self._say_once(name, now.get(name, b""), line)

    def _is_worth_a_try(self, group: FunctionGroup, files: Files) -> bool:
        """Tell whether files can run; says why not."""
        if files.get(REQUIREMENTS) != group.package.deployed.get(REQUIREMENTS):
            return self._say_once(
                refused(group),
                files,
                f"{REQUIREMENTS} changed: `make deploy{self._settings.words}` installs what it names; "
                "until then the last code stays live",
            )
        fault = first_fault(files, group.edited(files))
        if fault is not None:
            return self._say_once(refused(group), files, f"{fault}; the last good code stays live")
        if self._said.get(failed(group)) == files:
            return False
        self._said.pop(refused(group), None)
        return True

    def _say_once(self, about: str, what: object, line: str) -> bool:
        """Say a line unless it was said of the very same thing; gives False."""
        if self._said.get(about) != what:
            self._said[about] = what
            self._say(line)
        return False

    def _bring(self, group: FunctionGroup, files: Files) -> None:
        """Exchange the code of a group of functions, and say so."""
        names, began = group.edited(files), time.monotonic()
        try:
            with self._held() as known:
                if deployment_in(known) != self._deployment:
                    return  # the next look at the system begins anew
                if not known.watched:
                    known.watched = True
                    state.save(self._settings.state_dir, known)
                    self._deployment = deployment_in(known)
                exchange_code(self._settings, self._client, group, files)
        except (ClientError, BotoCoreError, Refusal, OSError) as error:
            self._said[failed(group)] = files
            self._say(f"not live: {error}; save again to try again")
            return
        self._said.pop(failed(group), None)
        self._say(reload_line(names, group.entries, time.monotonic() - began))

    @contextlib.contextmanager
    def _held(self) -> Iterator[State]:
        """Hold the target, waiting for another command to end, and give its state.

        Raises:
            NotRunning: the system was stopped meanwhile.
        """
        until = time.monotonic() + LOCKED_AT_MOST_S
        with contextlib.ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(state.locked(self._settings.state_dir))
                    break
                except Refusal:
                    if time.monotonic() > until:
                        raise
                    time.sleep(LOCK_POLL_S)
            yield self._running_state()

    def _running_state(self) -> State:
        """Give the target's state.

        Raises:
            NotRunning: the system was stopped meanwhile.
        """
        known = state.load(self._settings.state_dir, self._settings.target)
        if not self._emulator.alive() or known.system is None:
            raise NotRunning(f"the system was stopped: {not_running(self._settings.target)}")
        return known


def running_emulator(known: State) -> Process:
    """Give the emulator's process.

    Raises:
        NotRunning: there is none.
    """
    process = known.running("emulator")
    if process is None:
        raise NotRunning(not_running(known.target))
    return process


def refused(group: FunctionGroup) -> str:
    """Give the key under which the files are kept that were refused last."""
    return f"refused {group.folder.path}"


def failed(group: FunctionGroup) -> str:
    """Give the key under which the files are kept that the emulator did not take."""
    return f"failed {group.folder.path}"


def deployment_in(known: State) -> Deployment:
    """Give what changes with each deployment."""
    return dict(known.deployed), known.watched


def reload_line(files: Iterable[str], functions: Iterable[str], seconds: float) -> str:
    """Give the line that says what went live: files, functions, seconds."""
    return f"live in {seconds:.1f} s: {listed(files, 'files')} → {listed(sorted(functions), 'functions')}"


def listed(names: Iterable[str], plural: str) -> str:
    """Name things where they are few, count them where they are many."""
    named = list(names)
    return ", ".join(named) if 0 < len(named) <= NAMED_FILES else f"{len(named)} {plural}"
