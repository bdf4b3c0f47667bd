"""What a recording needs: an offer per product that is bought in it, a product per one that is ordered."""

from collections.abc import Iterator

from offerloop.offers.model import Offer
from offerloop.orders import model as orders
from simulator.replay.mapping import Mapping, Orders, Range
from simulator.replay.recording import Product, Recording
from simulator.shoppers.streams import Streams

DAY_S = 24 * 3600


def catalogue(recording: Recording, mapping: Mapping, seed: int, now: int) -> Iterator[Offer]:
    """The offers, in the order in which the recording first buys them.

    Args:
        now: epoch seconds, from which `expires_in_days` counts.
    """
    streams = Streams(seed)
    for product in recording.products():
        yield offer_of(product, mapping, streams, now)


def goods(recording: Recording, rules: Orders) -> Iterator[orders.Product]:
    """The products that are ordered, in the order in which the recording first buys them."""
    for product in recording.products():
        if product.price_hundredths is not None:
            yield orders.Product(
                product_id=product.offer_id,
                name=product.name,
                category=product.category,
                price=product.price_hundredths,
                inventory_count=rules.stock,
                received_count=rules.stock,
            )


def offer_of(product: Product, mapping: Mapping, streams: Streams, now: int) -> Offer:
    """One product as an offer."""
    rules = mapping.offers
    days = rules.expires_in_days
    return Offer(
        offer_id=product.offer_id,
        offer_name=product.name,
        category=product.category,
        discount_type=rules.discount.discount_type,
        discount_hundredths=100 * _number(rules.discount.value, "discount", product, streams),
        priority=_number(rules.priority, "priority", product, streams),
        inventory_count=rules.stock,
        expires_at=None if days is None else now + days * DAY_S,
        redemptions_per_user=rules.redemptions_per_user,
        received_count=rules.stock,
    )


def _number(rule: int | Range, name: str, product: Product, streams: Streams) -> int:
    """A whole number of lowest..highest: as popular products are, or drawn."""
    if isinstance(rule, int):
        return rule
    if rule.by == "popularity":
        return rule.lowest + round(product.popularity * (rule.highest - rule.lowest))
    drawn = streams.uniform(name, product.offer_id)
    return rule.lowest + int(drawn * (rule.highest - rule.lowest + 1))
