"""The demonstration: the system, its dashboard, its API page and live shoppers, as long as one wants."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from harness import companions, lifecycle, state
from harness.processes import Process, port_is_free, start_detached, stop
from harness.settings import Refusal, Settings
from harness.system import REPOSITORY, RunningSystem

PAGE_WITHIN_S = 30
DEFAULT_PORTS = {"dashboard": 8501, "docs": 8601}  # 8501 is Streamlit's own default


def headless(settings: Settings, minutes: int, say: lifecycle.Say) -> int:
    """Run shoppers for some minutes, then audit, then stop what was started.

    Returns:
        0 when shoppers ended well and the audit found nothing, else 1.
    """
    with system_for_now(settings, say) as system:
        shopped = run_in_foreground([*shoppers_command(system), "--minutes", str(minutes)], system)
        audited = run_in_foreground([sys.executable, "-m", "harness", "audit"], system)
        return 1 if shopped or audited else 0


def interactive(settings: Settings, minutes: int | None, say: lifecycle.Say) -> int:
    """Run shoppers with dashboard and API page beside them until Ctrl-C, then stop all that was started."""
    with (
        system_for_now(settings, say) as system,
        page_for_now(settings, system, "docs", docs_command, "/", say) as docs_url,
        page_for_now(
            settings, system, "dashboard", dashboard_command, "/_stcore/health", say
        ) as dashboard_url,
        shop_for_now(settings, system, say) as shop_url,
    ):
        for name, value in addresses(settings, system, dashboard_url, docs_url, shop_url).items():
            say(f"{name:<10} {value}")
        say("Ctrl-C stops it all")
        open_in_browser(dashboard_url)
        limit = ["--minutes", str(minutes)] if minutes else []
        if not run_in_foreground([*shoppers_command(system), *limit], system) and minutes:
            wait_for_interrupt()
    return 0


def addresses(
    settings: Settings, system: RunningSystem, dashboard_url: str, docs_url: str, shop_url: str
) -> dict[str, str]:
    """Give every address of a demonstration by its name."""
    supplier = companions.kept(companions.BON, settings)
    return {
        "dashboard": dashboard_url,
        "demo shop": shop_url,
        "API page": docs_url,
        "supplier": "" if supplier is None else supplier.url,
        "API": system.api_url,
        "API key": "in `make -s outputs`, as api_key",
        "endpoint": str(system.endpoint_url),
    }


def dashboard_until_interrupt(settings: Settings, system: RunningSystem, say: lifecycle.Say) -> None:
    """Show the dashboard until Ctrl-C."""
    with page_for_now(settings, system, "dashboard", dashboard_command, "/_stcore/health", say) as url:
        say(f"dashboard  {url}")
        open_in_browser(url)
        wait_for_interrupt()


def shop_for_now(
    settings: Settings, system: RunningSystem, say: lifecycle.Say
) -> AbstractContextManager[str]:
    """Serve the demo shop where the deployment expects it.

    Raises:
        Refusal: its port was taken since, or it does not start.
    """
    place = companions.kept(companions.SHOP, settings)
    if place is None or (page_address(settings, "storefront") is None and not port_is_free(place.port)):
        raise Refusal(f"the demo shop's port is taken: `make deploy{settings.words}` gives it another one")

    def command(port: int) -> Sequence[str]:
        return [sys.executable, *companions.SHOP.command(companions.Place(port), settings.state_dir)]

    return page_for_now(settings, system, "storefront", command, "/health", say, place.port)


@contextmanager
def system_for_now(settings: Settings, say: lifecycle.Say) -> Iterator[RunningSystem]:
    """Bring the system up and, unless it ran before, down again at the end."""
    lifecycle.refuse_aws(
        settings,
        "`make demo` is for this machine: on AWS use `make deploy`, `seed`, `shoppers MINUTES=` and "
        f"`dashboard` with{settings.words}",
    )
    signal.signal(signal.SIGTERM, interrupt)
    ran_before = state.load(settings.state_dir, settings.target).running("emulator") is not None
    try:
        yield lifecycle.up(settings, say)
    finally:
        if not ran_before:
            lifecycle.down(settings, say)


@contextmanager
def page_for_now(
    settings: Settings,
    system: RunningSystem,
    name: str,
    command: Callable[[int], Sequence[str]],
    health: str,
    say: lifecycle.Say,
    port: int | None = None,
) -> Iterator[str]:
    """Serve a page, or find it served already, and stop it at the end if it was started here.

    Args:
        port: where alone it may be served; None = anywhere.
    Raises:
        Refusal: it does not start; names the log.
    """
    served = page_address(settings, name)
    if served is not None:
        yield served
        return
    port = port or free_port_from(DEFAULT_PORTS[name])
    url = f"http://127.0.0.1:{port}"
    log = settings.logs / f"{name}.log"
    environment = {**system.environment(), "PYTHONPATH": str(REPOSITORY)}
    process = start_detached(command(port), log, environment, REPOSITORY)
    try:
        remember(settings, name, process, url)
        wait_for_page(process, url + health, f"the {name} did not start: see {log}")
        yield url
    finally:
        say(f"stopping {name}")
        stop(process)
        forget(settings, name)


def dashboard_command(port: int) -> Sequence[str]:
    """Give the command that serves the dashboard on the loopback address."""
    return [
        *(sys.executable, "-m", "streamlit", "run", "dashboard/app.py"),
        *("--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"),
        *("--browser.gatherUsageStats", "false", "--server.fileWatcherType", "none"),
    ]


def docs_command(port: int) -> Sequence[str]:
    """Give the command that serves the page to browse the API."""
    return [sys.executable, "-m", "harness.api_page", str(port)]


def shoppers_command(system: RunningSystem) -> list[str]:
    """Give the command for live shoppers with what USERS, SPEED and SEED say.

    Messages to invented numbers cost money on AWS, so shoppers have phones on emulators alone.
    """
    given = [(name, os.environ.get(name)) for name in ("USERS", "SPEED", "SEED")]
    options = [part for name, value in given if value for part in (f"--{name.lower()}", value)]
    phones = [] if system.target == "aws" else ["--phones"]
    return [sys.executable, "-m", "simulator.live", *phones, *options]


def page_address(settings: Settings, name: str) -> str | None:
    """Give the address of a page that is being served."""
    known = state.load(settings.state_dir, settings.target)
    return known.pages.get(name) if known.running(name) is not None else None


def remember(settings: Settings, name: str, process: Process, url: str) -> None:
    """Write a page's process and address down, for `down`, `status` and `outputs`."""
    with state.changed(settings.state_dir, settings.target) as known:
        known.processes[name], known.pages[name] = process, url


def forget(settings: Settings, name: str) -> None:
    """Take a page out of the state."""
    with state.changed(settings.state_dir, settings.target) as known:
        known.processes.pop(name, None)
        known.pages.pop(name, None)


def free_port_from(port: int) -> int:
    """Give the first free port from *port* on; a page's number matters to nobody.

    Raises:
        Refusal: none of a hundred is free.
    """
    for candidate in range(port, port + 100):
        if port_is_free(candidate):
            return candidate
    raise Refusal(f"no port from {port} to {port + 99} is free")


def wait_for_page(process: Process, url: str, refusal: str) -> None:
    """Wait until a page answers.

    Raises:
        Refusal: it ended or did not answer in time.
    """
    until = time.monotonic() + PAGE_WITHIN_S
    while time.monotonic() < until and process.alive():
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise Refusal(refusal)


def open_in_browser(url: str) -> None:
    """Open a page where there is a screen to open it on."""
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)


def run_in_foreground(command: Sequence[str], system: RunningSystem) -> int:
    """Run a command on the system to its end; on Ctrl-C or SIGTERM it is asked to stop and waited for.

    Returns:
        Its exit code.
    """
    signal.signal(signal.SIGTERM, interrupt)
    child = subprocess.Popen(command, env=system.environment(), cwd=REPOSITORY)
    try:
        return child.wait()
    except KeyboardInterrupt:
        # A terminal's Ctrl-C has reached the child as well; a signal to this process alone has not.
        child.send_signal(signal.SIGTERM)
        return child.wait(timeout=60)


def wait_for_interrupt() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        return


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Treat SIGTERM as Ctrl-C."""
    raise KeyboardInterrupt
