"""``python -m standins.bon PORT STATE_FILE``: serve until stopped; STATE_FILE keeps codes and transfers."""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

from offerloop.money import MINOR_PER_MAJOR
from standins.bon import forms
from standins.bon.access import Account
from standins.bon.behaviour import Behaviour, behaviour_of
from standins.bon.desk import Desk, utc_now
from standins.bon.server import BonServer
from standins.bon.stock import Stock
from standins.serving import serve


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve on the loopback address."""
    given = _parser().parse_args(arguments)
    try:
        account = Account(os.environ.get("BON_LOGIN", ""), os.environ.get("BON_PASSWORD", ""), time.monotonic)
    except ValueError as missing:
        raise SystemExit(f"{missing}: set BON_LOGIN and BON_PASSWORD") from None
    stock = Stock(given.state_file)
    if stock.is_new():
        for amount, count in given.stock:
            stock.generate(amount, count)
    serve(BonServer(given.port, Desk(account, stock, given.behave, utc_now)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m standins.bon", description="The admin site of the supplier BON."
    )
    parser.add_argument("port", type=int, help="of the loopback address; 0 for any free one")
    parser.add_argument("state_file", type=Path, help="keeps codes and transfers")
    parser.add_argument("--stock", type=_stock, default=[], help="codes to begin with: 100:40,200:40")
    parser.add_argument("--behave", type=behaviour_of, default=Behaviour(), help='as JSON: {"slow_s": 2}')
    return parser


def _stock(text: str) -> list[tuple[int, int]]:
    """Read the first stock, as amounts in minor units and how many codes of each."""
    pairs = [part.partition(":") for part in text.split(",")]
    try:
        return [
            (
                forms.whole(amount, forms.MOST_AMOUNT, "the amount") * MINOR_PER_MAJOR,
                forms.whole(count, 10**6, "the number of codes"),
            )
            for amount, _, count in pairs
        ]
    except forms.BadForm as bad:
        raise argparse.ArgumentTypeError(str(bad)) from None


if __name__ == "__main__":
    main()
