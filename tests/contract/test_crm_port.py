"""`Crm` in memory, and over HTTP on the stand-in KeyCRM."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from handlers.http_keycrm import HttpKeyCrm
from offerloop.crm.model import Buyer, Contact, ContactKind
from offerloop.crm.ports import Crm, CrmSilent
from offerloop.errors import CrmUnavailable, UnknownBuyer
from simulator.memory.crm import MemoryCrm
from standins.keycrm.requests import Behaviour, Mode
from tests.crm_service import FIELD, KEY, add_buyer, crm_server

PHONE = Contact(ContactKind.PHONE, "+380501234567")
EMAIL = Contact(ContactKind.EMAIL, "ann@example.com")


@dataclass
class Service:
    """A CRM as its callers see it, and hands that reach into it."""

    crm: Crm
    add: Callable[..., Buyer]  # name, bonus in minor units, phones, e-mail addresses
    silence: Callable[[], None]  # the next request is carried out and not answered
    throttle: Callable[[], None]  # the next request is one too many


def over_http(folder: Path, servers: ExitStack, admit: Callable[[], None]) -> Service:
    server = servers.enter_context(crm_server(folder))
    server.behaviour = Behaviour(requests_per_minute=0)

    def add(name: str, bonus: int, phone: tuple[str, ...] = (), email: tuple[str, ...] = ()) -> Buyer:
        text = f"{bonus / 100:.2f}"
        return Buyer(add_buyer(server, name, text, phone=list(phone), email=list(email)), name, bonus)

    def meet(mode: Mode) -> Callable[[], None]:
        return lambda: setattr(server, "behaviour", Behaviour(mode, next=1, requests_per_minute=0))

    crm = HttpKeyCrm(server.url, FIELD, lambda: KEY, admit)
    return Service(crm, add, meet(Mode.SILENT), meet(Mode.THROTTLE))


def in_memory(admit: Callable[[], None]) -> Service:
    crm = MemoryCrm(admit)

    def add(name: str, bonus: int, phone: tuple[str, ...] = (), email: tuple[str, ...] = ()) -> Buyer:
        buyer = Buyer(str(len(crm.buyers) + 1), name, bonus)
        crm.put(buyer, *phone, *email)
        return buyer

    def silence() -> None:
        crm.lands, crm.refusals = True, [CrmSilent("no answer")]

    def throttle() -> None:
        crm.lands, crm.refusals = False, [CrmUnavailable("too many", 60)]

    return Service(crm, add, silence, throttle)


Serve = Callable[..., Service]


@pytest.fixture(params=["memory", pytest.param("http", marks=pytest.mark.allow_hosts(["127.0.0.1"]))])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as servers:

        def make(admit: Callable[[], None] = lambda: None) -> Service:
            return in_memory(admit) if request.param == "memory" else over_http(tmp_path, servers, admit)

        yield make


@pytest.mark.parametrize("spelling", ["+380501234567", "380501234567"])
def test_a_buyer_is_found_by_its_phone_with_or_without_the_plus(serve: Serve, spelling: str) -> None:
    service = serve()
    service.add("Bob", 0, phone=("+380501234568",))
    ann = service.add("Ann Smith", 15_050, phone=("+1555", spelling))

    assert service.crm.find(PHONE) == ann


def test_a_buyer_is_found_by_its_address_in_any_case(serve: Serve) -> None:
    service = serve()
    ann = service.add("Ann Smith", 100, email=("Ann@Example.com",))

    assert service.crm.find(EMAIL) == ann


def test_nobody_is_found_by_what_nobody_has(serve: Serve) -> None:
    service = serve()
    service.add("Ann Smith", 100, phone=("+3805012345679",), email=("xann@example.com",))

    assert (service.crm.find(PHONE), service.crm.find(EMAIL)) == (None, None)


def test_of_several_with_one_phone_the_oldest_is_meant(serve: Serve) -> None:
    service = serve()
    oldest, *_ = [service.add(f"Buyer {number}", number, phone=("+380501234567",)) for number in range(60)]

    assert service.crm.find(PHONE) == oldest


def test_a_buyer_is_read_by_its_id(serve: Serve) -> None:
    service = serve()
    ann = service.add("Ann Smith", 15_050)

    assert service.crm.get(ann.buyer_id) == ann
    with pytest.raises(UnknownBuyer):
        service.crm.get("999")


@pytest.mark.parametrize("bonus", [0, 5, 15_050, 10_000, 10**11])
def test_a_bonus_is_set_whatever_it_was(serve: Serve, bonus: int) -> None:
    service = serve()
    ann = service.add("Ann Smith", 15_050, phone=("+380501234567",))

    for _ in range(2):
        service.crm.write_bonus(ann, bonus)

    assert service.crm.get(ann.buyer_id) == Buyer(ann.buyer_id, "Ann Smith", bonus)
    assert service.crm.find(PHONE) == Buyer(ann.buyer_id, "Ann Smith", bonus)


def test_a_bonus_of_nobody_is_not_set(serve: Serve) -> None:
    with pytest.raises(UnknownBuyer):
        serve().crm.write_bonus(Buyer("999", "Nobody", 0), 100)


def test_a_write_without_an_answer_may_have_been_made(serve: Serve) -> None:
    service = serve()
    ann = service.add("Ann Smith", 0)
    service.silence()

    with pytest.raises(CrmSilent):
        service.crm.write_bonus(ann, 700)

    assert service.crm.get(ann.buyer_id).bonus == 700


def test_one_request_too_many_is_refused_and_not_carried_out(serve: Serve) -> None:
    service = serve()
    ann = service.add("Ann Smith", 0)
    service.throttle()

    with pytest.raises(CrmUnavailable) as refusal:
        service.crm.write_bonus(ann, 700)

    assert not isinstance(refusal.value, CrmSilent)
    assert service.crm.get(ann.buyer_id).bonus == 0


def test_nothing_goes_out_that_is_not_admitted(serve: Serve) -> None:
    def refuse() -> None:
        raise CrmUnavailable("enough for now", 17)

    service = serve(refuse)
    ann = service.add("Ann Smith", 0)

    for ask in (
        lambda: service.crm.find(PHONE),
        lambda: service.crm.get(ann.buyer_id),
        lambda: service.crm.write_bonus(ann, 1),
    ):
        with pytest.raises(CrmUnavailable, match="enough for now"):
            ask()
