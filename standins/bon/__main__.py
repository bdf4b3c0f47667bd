"""``python -m standins.bon PORT STATE_FILE``: serve until stopped; STATE_FILE keeps codes and transfers."""

import argparse
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from offerloop.money import MINOR_PER_MAJOR
from standins.bon import forms
from standins.bon.access import Account
from standins.bon.behaviour import Behaviour, behaviour_of
from standins.bon.desk import Desk, utc_now
from standins.bon.server import BonServer
from standins.bon.stock import CURRENCY, Stock
from standins.serving import serve

OF_ONE_AMOUNT = re.compile(r"(?P<amount>[^:A-Z]*)(?P<currency>[A-Z]{3})?:(?P<count>.*)")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve on the loopback address."""
    given = _parser().parse_args(arguments)
    try:
        account = Account(os.environ.get("BON_LOGIN", ""), os.environ.get("BON_PASSWORD", ""), time.monotonic)
    except ValueError as missing:
        raise SystemExit(f"{missing}: set BON_LOGIN and BON_PASSWORD") from None
    stock = Stock(given.state_file)
    if stock.is_new():
        for amount, count, currency in given.stock:
            stock.generate(amount, count, currency)
    serve(BonServer(given.port, Desk(account, stock, given.behave, utc_now)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m standins.bon", description="The admin site of the supplier BON."
    )
    parser.add_argument("port", type=int, help="of the loopback address; 0 for any free one")
    parser.add_argument("state_file", type=Path, help="keeps codes and transfers")
    parser.add_argument(
        "--stock", type=_stock, default=[], help="codes to begin with: 100:40,10EUR:40; UAH if not said"
    )
    parser.add_argument("--behave", type=behaviour_of, default=Behaviour(), help='as JSON: {"slow_s": 2}')
    return parser


def _stock(text: str) -> list[tuple[int, int, str]]:
    """Read the first stock, as amounts in minor units, how many codes of each, and their currency."""
    return [_of_one_amount(part) for part in text.split(",")]


def _of_one_amount(text: str) -> tuple[int, int, str]:
    parts = OF_ONE_AMOUNT.fullmatch(text)
    if parts is None:
        raise argparse.ArgumentTypeError(f"{text} is not an amount and a number, as 100:40 or 10EUR:40")
    try:
        amount = forms.whole(parts["amount"], forms.MOST_AMOUNT, "the amount") * MINOR_PER_MAJOR
        count = forms.whole(parts["count"], 10**6, "the number of codes")
    except forms.BadForm as bad:
        raise argparse.ArgumentTypeError(str(bad)) from None
    return amount, count, parts["currency"] or CURRENCY


if __name__ == "__main__":
    main()
