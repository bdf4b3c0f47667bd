"""Finding buyers and reading their bonus: pending first, then the cache, then the CRM."""

from dataclasses import dataclass

import pytest

from offerloop.crm.budget import CrmBudget
from offerloop.crm.model import Buyer, Contact, ContactKind, Standing, masked_name
from offerloop.crm.patience import ATTEMPTS, PATIENCE_MS, PatientCrm
from offerloop.crm.ports import CrmSilent
from offerloop.crm.queue_bonus import queue_bonus
from offerloop.crm.read_buyer import CrmDesk, bonus_of, find_buyer
from offerloop.crm.send_bonus import send_bonus
from offerloop.errors import CrmUnavailable, UnknownBuyer
from simulator.memory.activity import MemoryRateCounter
from simulator.memory.crm import MemoryBonusWrites, MemoryBuyerCache, MemoryCrm
from simulator.memory.world import MemoryWorld
from tests.factories import FixedClock

PHONE = Contact(ContactKind.PHONE, "+380501234567")
ANN = Buyer("12", "Ann Smith", 15_050)
SILENT = CrmSilent("no answer", 5)


@dataclass
class Shop:
    """A CRM with one buyer, and a desk that asks it."""

    crm: MemoryCrm
    desk: CrmDesk
    clock: FixedClock

    def queue(self, bonus: int) -> int:
        answer = queue_bonus("12", bonus, writes=self.desk.writes, clock=self.clock)
        return int(answer["version"] or 0)

    def send(self, version: int) -> None:
        send_bonus("12", version, crm=self.crm, writes=self.desk.writes, clock=self.clock)


def a_shop(kept_for_s: int = 60, crm: MemoryCrm | None = None) -> Shop:
    clock = FixedClock()
    crm = crm or MemoryCrm()
    crm.put(ANN, PHONE.value)
    writes = MemoryBonusWrites(MemoryWorld(clock))
    return Shop(crm, CrmDesk(crm, writes, MemoryBuyerCache(), clock, kept_for_s), clock)


def test_what_the_crm_said_is_kept_for_as_long_as_set():
    shop = a_shop()
    found = Standing("12", 15_050, pending=False, name="Ann Smith")

    assert [find_buyer(PHONE, shop.desk), find_buyer(PHONE, shop.desk)] == [found] * 2
    assert bonus_of("12", shop.desk) == found
    assert shop.crm.requests == ["find"]

    shop.clock.move_on(60)
    shop.crm.put(Buyer("12", "Ann Smith", 9), PHONE.value)
    assert (find_buyer(PHONE, shop.desk).bonus, bonus_of("12", shop.desk).bonus) == (9, 9)
    assert shop.crm.requests == ["find", "find"]


def test_with_nothing_kept_the_crm_is_asked_each_time():
    shop = a_shop(kept_for_s=0)

    for _ in range(2):
        bonus_of("12", shop.desk)
        find_buyer(PHONE, shop.desk)

    assert shop.crm.requests == ["get", "find"] * 2


def test_nobody_is_not_kept_for_somebody_who_may_come():
    shop = a_shop()
    other = Contact(ContactKind.EMAIL, "bob@example.com")
    for _ in range(2):
        with pytest.raises(UnknownBuyer) as refusal:
            find_buyer(other, shop.desk)
        assert other.value not in str(refusal.value)

    shop.crm.put(Buyer("13", "Bob", 0), other.value)

    assert find_buyer(other, shop.desk).buyer_id == "13"


def test_a_bonus_that_waits_is_shown_though_the_crm_is_down():
    shop = a_shop()
    find_buyer(PHONE, shop.desk)
    shop.queue(700)
    shop.crm.refusals = [SILENT] * 10

    assert bonus_of("12", shop.desk) == Standing("12", 700, pending=True)
    assert find_buyer(PHONE, shop.desk) == Standing("12", 700, pending=True, name="Ann Smith")
    assert shop.crm.requests == ["find"]


def test_what_was_kept_before_a_write_is_not_shown_after_it():
    shop = a_shop()
    bonus_of("12", shop.desk)

    shop.send(shop.queue(700))

    assert bonus_of("12", shop.desk) == Standing("12", 700, pending=False, name="Ann Smith")
    shop.clock.move_on(1)
    bonus_of("12", shop.desk)
    asked = len(shop.crm.requests)
    assert (bonus_of("12", shop.desk).bonus, len(shop.crm.requests)) == (700, asked)


def test_an_answer_that_a_write_overtook_is_not_shown():
    """The CRM is asked, then a bonus is written, then the answer of before arrives."""

    class Overtaken(MemoryCrm):
        def find(self, contact):
            old = super().find(contact)
            shop.send(shop.queue(700))
            return old

    shop = a_shop(crm=Overtaken())

    assert find_buyer(PHONE, shop.desk) == Standing("12", 700, pending=False, name="Ann Smith")


def test_a_bonus_that_is_no_amount_is_no_answer_and_not_kept():
    shop = a_shop()
    shop.crm.put(Buyer("12", "Ann Smith", None), PHONE.value)

    for _ in range(2):
        with pytest.raises(CrmUnavailable, match="no amount"):
            bonus_of("12", shop.desk)
    shop.send(shop.queue(700))

    assert bonus_of("12", shop.desk).bonus == 700


def patient(crm: MemoryCrm, clock: FixedClock) -> tuple[PatientCrm, list[float]]:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.move_on(seconds)

    return PatientCrm(crm, clock, sleep, lambda: 1.0), slept


def test_a_silent_crm_is_asked_again_after_a_pause_that_doubles():
    shop = a_shop()
    crm, slept = patient(shop.crm, shop.clock)
    shop.crm.refusals = [SILENT, SILENT]

    assert crm.get("12") == ANN
    assert (slept, shop.crm.requests) == ([0.2, 0.4], ["get"] * 3)


def test_a_crm_that_stays_silent_is_given_up():
    shop = a_shop()
    crm, _ = patient(shop.crm, shop.clock)
    shop.crm.refusals = [SILENT] * 10

    with pytest.raises(CrmSilent):
        crm.find(PHONE)
    assert len(shop.crm.requests) == ATTEMPTS


def test_a_shopper_does_not_wait_for_slow_silences():
    clock = FixedClock()

    class Slow(MemoryCrm):
        def get(self, buyer_id):
            clock.move_on(PATIENCE_MS / 1_000)
            return super().get(buyer_id)

    slow = Slow()
    slow.refusals = [SILENT] * 10
    crm, slept = patient(slow, clock)

    with pytest.raises(CrmSilent):
        crm.get("12")
    assert (slept, slow.requests) == ([], ["get"])


@pytest.mark.parametrize(("told_s", "slept_s"), [(1, [1.0]), (4, [4.0]), (5, []), (60, [])])
def test_a_crm_that_names_a_time_is_not_asked_before_it(told_s, slept_s):
    shop = a_shop()
    crm, slept = patient(shop.crm, shop.clock)
    shop.crm.refusals = [CrmUnavailable("too many", told_s)]

    if slept_s:
        assert crm.get("12") == ANN
    else:
        with pytest.raises(CrmUnavailable) as refusal:
            crm.get("12")
        assert refusal.value.retry_after_s == told_s
    assert slept == slept_s


def test_somebody_unknown_and_a_write_are_asked_for_once():
    shop = a_shop()
    crm, _ = patient(shop.crm, shop.clock)

    with pytest.raises(UnknownBuyer):
        crm.get("13")
    shop.crm.refusals = [SILENT]
    with pytest.raises(CrmSilent):
        crm.write_bonus(ANN, 1)

    assert shop.crm.requests == ["get", "write_bonus"]


def a_budget(per_minute: int) -> tuple[CrmBudget, FixedClock]:
    clock = FixedClock()
    return CrmBudget(per_minute, MemoryRateCounter(MemoryWorld(clock)), clock), clock


def taken(take, times: int) -> int:
    """How many of so many requests pass."""
    passed = 0
    for _ in range(times):
        try:
            take()
        except CrmUnavailable:
            continue
        passed += 1
    return passed


def test_readers_leave_a_third_to_writes_and_all_together_keep_the_limit():
    budget, clock = a_budget(30)

    assert taken(budget.take_for_reading, 50) == 20
    assert taken(budget.take_for_writing, 50) == 10

    clock.move_on(60)
    assert taken(budget.take_for_writing, 50) == 30
    assert taken(budget.take_for_reading, 50) == 0


def test_any_minute_of_the_crms_own_has_at_most_twice_the_limit():
    budget, clock = a_budget(30)
    clock.move_on(59)
    before = taken(budget.take_for_writing, 100)
    clock.move_on(1)

    assert before + taken(budget.take_for_writing, 100) == 60


def test_who_is_one_too_many_is_told_when_the_next_minute_begins():
    budget, clock = a_budget(1)
    clock.move_on(43)
    budget.take_for_reading()

    with pytest.raises(CrmUnavailable) as refusal:
        budget.take_for_reading()

    assert refusal.value.retry_after_s == 17


@pytest.mark.parametrize(
    ("name", "masked"), [("Ann Smith", "A*** S***"), ("", ""), ("  Олена  ", "О***"), ("x", "x***")]
)
def test_a_log_shows_the_first_letters_of_a_name(name, masked):
    assert masked_name(name) == masked
