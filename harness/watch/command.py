"""The loop behind `make watch`."""

from __future__ import annotations

import signal
from pathlib import Path

import watchfiles

from harness.lifecycle import Say, refuse_aws
from harness.settings import Settings
from harness.watch.session import Session
from harness.watch.sources import IGNORED, watched_folders

QUIET_MS = 50  # an editor writes, renames and sets modes; a checkout touches many files
GATHERED_AT_MOST_MS = 1000
SYSTEM_EVERY_MS = 500


def watch(settings: Settings, say: Say) -> None:
    """Bring every edit to the running emulator until Ctrl-C.

    Raises:
        Refusal: the target is AWS.
        NotRunning: nothing runs, or what ran was stopped.
    """
    refuse_aws(settings, f"watching is for emulators: use `make deploy{settings.words}`")
    session = Session(settings, say)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        session.look()
        say(f"watching the code of {session.function_count} functions; Ctrl-C ends it")
        while True:
            follow(session, watched_folders(session.folders))
    except KeyboardInterrupt:
        if session.is_live():
            say(f"ended; what was edited stays live until `make deploy{settings.words}`")
        else:
            say("ended; what was deployed is live")
    finally:
        session.end()


def follow(session: Session, folders: list[Path]) -> None:
    """Bring edits until other folders are to be watched."""
    first = True  # what was saved before the folders were watched shows at the first look
    for changes in watchfiles.watch(
        *folders,
        watch_filter=IGNORED,
        step=QUIET_MS,
        debounce=GATHERED_AT_MOST_MS,
        rust_timeout=SYSTEM_EVERY_MS,
        yield_on_timeout=True,
    ):
        session.look_at_system()
        if changes or first:
            first = False
            session.look()
            if watched_folders(session.folders) != folders:
                return
