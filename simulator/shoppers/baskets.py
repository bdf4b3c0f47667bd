"""What goes into a basket: drawn so that values and numbers of lines are those of recorded baskets.

The catalogue's prices are fixed, so a basket comes near the value that was drawn for it, not exactly to it.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from math import exp, sqrt

from offerloop.orders.model import MAX_LINES
from simulator.scenario.model import Basket
from simulator.shoppers.checkout import BasketLine, SoldProduct
from simulator.shoppers.shop import ShownOffer
from simulator.shoppers.streams import normal

MOST_UNITS = 10  # that are taken at one time: our choice; who comes back to a product takes more
WINDOW = 20  # a line is one of the twentieth of all products whose prices are nearest to what it should cost

# Places in a basket's row of numbers:
_VALUE, _LINES, _POINT, _PICK = 0, 1, 2, 3
NUMBERS = _PICK + MAX_LINES


def basket_size(section: Basket, row: Sequence[float]) -> tuple[float, int]:
    """The value that a basket aims at, in minor units, and how many lines it has, 1..MAX_LINES.

    Args:
        row: shape ``(NUMBERS,)``, each in [0, 1).
    """
    deviation = normal(row[_VALUE])
    value = 100 * exp(section.mu + section.sigma * deviation)
    point = row[_POINT]
    for each in section.price_points:
        if point < each.share:
            value = each.value_hundredths
            break
        point -= each.share
    lines = section.lines
    if lines is None:
        return value, 1
    own = normal(row[_LINES])
    together = lines.correlation * deviation + sqrt(1 - lines.correlation**2) * own
    return value, min(MAX_LINES, max(1, round(exp(lines.mu + lines.sigma * together))))


class Shelves:
    """The products that baskets are filled from, by price.

    Args:
        products: at least one.
    """

    def __init__(self, products: Sequence[SoldProduct]) -> None:
        by_price = sorted(products, key=_price)
        self._all = by_price, [product.price for product in by_price]
        shelves: defaultdict[str, list[SoldProduct]] = defaultdict(list)
        for product in by_price:
            shelves[product.category].append(product)
        self._of = {name: (shelf, [each.price for each in shelf]) for name, shelf in shelves.items()}

    def sells(self, category: str) -> bool:
        return category in self._of

    def basket(
        self, offer: ShownOffer, section: Basket, row: Sequence[float], *, whole: bool
    ) -> tuple[BasketLine, ...]:
        """One unit of a product with the offer, of a category that is sold here, and what else is bought.

        Args:
            row: shape ``(NUMBERS,)``, each in [0, 1).
            whole: False leaves it at the offer: the rest was bought before.
        """
        value, lines = basket_size(section, row)
        products, prices = self._of[offer.category]
        with_offer = products[_pick(prices, value / lines, row[_PICK], 1)]
        first = BasketLine(with_offer, 1, offer)
        if not whole or lines == 1:
            return (first,)
        units: dict[str, int] = {}
        bought: dict[str, SoldProduct] = {}
        left = value - first.amount
        products, prices = self._all
        for line in range(1, lines):
            target = max(0.0, left / (lines - line))
            product = products[_pick(prices, target, row[_PICK + line], max(1, len(products) // WINDOW))]
            count = min(MOST_UNITS, max(1, round(target / product.price)))
            bought[product.product_id] = product
            units[product.product_id] = units.get(product.product_id, 0) + count
            left -= count * product.price
        return (first, *(BasketLine(bought[each], count) for each, count in units.items()))


def _pick(prices: Sequence[int], target: float, uniform: float, window: int) -> int:
    """The place of one of the *window* products whose prices are nearest to *target*."""
    begin = bisect_left(prices, target) - window // 2
    begin = max(0, min(begin, len(prices) - window))
    return begin + int(uniform * min(window, len(prices)))


def _price(product: SoldProduct) -> tuple[int, str]:
    return product.price, product.product_id
