"""The composition root of what talks to the CRM, beside wiring.py."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from handlers import wiring
from offerloop.errors import CrmNotConfigured

if TYPE_CHECKING:
    from offerloop.crm.budget import CrmBudget
    from offerloop.crm.ports import BonusWrites, BuyerCache, Crm
    from offerloop.crm.read_buyer import CrmDesk


@cache
def bonus_writes() -> BonusWrites:
    from handlers.aws.crm_writes import DynamoBonusWrites

    return DynamoBonusWrites(wiring.client("dynamodb"), wiring.tables())


@cache
def buyer_cache() -> BuyerCache:
    from handlers.aws.crm_cache import DynamoBuyerCache

    return DynamoBuyerCache(wiring.client("dynamodb"), wiring.tables())


@cache
def crm_desk() -> CrmDesk:
    """What reading from the CRM needs; somebody waits for the answer, so it is asked again at once.

    Raises:
        CrmNotConfigured
    """
    from offerloop.crm.patience import PatientCrm
    from offerloop.crm.read_buyer import CrmDesk

    crm = PatientCrm(_keycrm(crm_budget().take_for_reading), wiring.clock(), time.sleep, random.random)
    return CrmDesk(crm, bonus_writes(), buyer_cache(), wiring.clock(), wiring.settings().crm_cache_s)


@cache
def crm_for_writing() -> Crm:
    """Raises:
    CrmNotConfigured
    """
    return _keycrm(crm_budget().take_for_writing)


def _keycrm(admit: Callable[[], None]) -> Crm:
    from handlers.http_keycrm import HttpKeyCrm

    url, field = crm_address()
    arn = wiring.settings().crm_key_secret_arn
    return HttpKeyCrm(url, field, lambda: wiring.secret(arn).decode().strip(), admit)


def crm_address() -> tuple[str, str]:
    """Where the CRM is, and which of its fields has the bonus.

    Raises:
        CrmNotConfigured: the stack was given neither, or one alone.
    """
    found = wiring.settings()
    if found.crm_url is None or found.crm_bonus_field is None:
        raise CrmNotConfigured("no CRM is named: give the stack a CrmUrl and a CrmBonusField")
    return found.crm_url, found.crm_bonus_field


@cache
def crm_budget() -> CrmBudget:
    from offerloop.crm.budget import CrmBudget

    return CrmBudget(wiring.settings().crm_requests_per_minute, wiring.rate_counter(), wiring.clock())
