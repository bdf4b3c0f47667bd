"""How far a replay is: bars on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

console = Console(highlight=False)


@contextmanager
def bars(*names: str) -> Iterator[list[Callable[[float], None]]]:
    """Show progress bars on a terminal, and elsewhere a line for each tenth.

    Yields:
        Per name what takes the share done, 0..1.
    """
    if not console.is_terminal:
        yield [_tenths(name) for name in names]
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as shown:
        yield [_filling(shown, shown.add_task(name, total=1.0)) for name in names]


def _filling(bars: Progress, task: TaskID) -> Callable[[float], None]:
    return lambda share: bars.update(task, completed=share)


def _tenths(what: str) -> Callable[[float], None]:
    shown = 0

    def share(done: float) -> None:
        nonlocal shown
        if int(done * 10) > shown:
            shown = int(done * 10)
            console.print(f"{what}  {shown * 10} %")

    return share
