"""Which emulator a target runs on, and by which way."""

from __future__ import annotations

from harness.embedded.emulator import EmbeddedEmulator
from harness.emulator import Emulator, Say
from harness.localstack.container import LocalStackContainer, engine_to_use
from harness.localstack.process import LocalStackProcess
from harness.settings import Refusal, Settings
from harness.state import State

WAYS: dict[str, type[Emulator]] = {
    emulator.way: emulator for emulator in (EmbeddedEmulator, LocalStackProcess, LocalStackContainer)
}


def emulator_of(settings: Settings, known: State) -> Emulator:
    """Give the emulator that was started last for this target; before the first start, the one to start."""
    return WAYS[known.way](settings) if known.way in WAYS else emulator_to_start(settings, silent)


def emulator_to_start(settings: Settings, say: Say) -> Emulator:
    """Choose the emulator for a start, and say what was chosen where there is a choice.

    Raises:
        Refusal: the target has none, or a Docker engine is there and does not work.
    """
    if settings.target == "embedded":
        return EmbeddedEmulator(settings)
    if settings.target == "localstack":
        engine = engine_to_use()
        say(engine.line)
        return LocalStackContainer(settings) if engine.usable else LocalStackProcess(settings)
    raise Refusal(f"TARGET={settings.target} runs on no emulator")


def silent(_line: str) -> None:
    """Say nothing."""
