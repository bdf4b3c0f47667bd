"""Each page on a system in memory: full, straight after seeding, and while nothing answers."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.order_data import masked, reached, standing
from dashboard.reward_data import TOP_CUSTOMERS, points_held
from dashboard.views import (
    codes,
    experiments,
    health,
    messages,
    orders,
    pivots,
    recommendations,
    rewards,
    trending,
)
from offerloop import money
from offerloop.bonuses.model import BALANCE_SIGN, EntryKind
from offerloop.offers.model import EventType
from offerloop.orders.model import OrderStatus
from offerloop.orders.notices import NoticeStatus
from simulator.invariants import INVARIANTS
from tests.memory_dashboard import LAPTOP, MemoryDashboard

VIEWS = {
    "recommendations": recommendations,
    "pivots": pivots,
    "trending": trending,
    "experiments": experiments,
    "orders": orders,
    "messages": messages,
    "code pools": codes,
    "rewards": rewards,
    "health": health,
}


def draw(view, source):
    view.show(lambda: source)


def page(name, source):
    app = AppTest.from_function(draw, args=(VIEWS[name], source), default_timeout=20).run()
    assert not app.exception, app.exception
    return app


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def words(app):
    return "\n".join(element.value for kind in ("markdown", "caption", "code") for element in app.get(kind))


@pytest.fixture(scope="module")
def busy():
    source = MemoryDashboard()
    source.live_through()
    return source


@pytest.fixture(autouse=True)
def _forgotten():
    st.cache_data.clear()


@pytest.fixture
def seeded():
    return MemoryDashboard()


@pytest.mark.parametrize("name", VIEWS)
def test_a_page_of_a_busy_system_has_no_empty_state_and_no_warning(name, busy):
    app = page(name, busy)

    assert app.title[0].value.lower() == name
    assert not app.warning
    assert not app.code


@pytest.mark.parametrize("name", VIEWS)
def test_a_page_says_so_while_nothing_answers_and_goes_on_afterwards(name, seeded):
    seeded.down = True
    app = page(name, seeded)
    assert [warning.value for warning in app.warning] == [
        "The system at http://127.0.0.1:4566 does not answer. `make up` starts it."
    ]

    seeded.down = False
    app.run()
    assert not app.warning


def test_user001_sees_the_documented_scores_straight_after_seeding(seeded):
    app = page("recommendations", seeded)

    assert app.selectbox(key="user").value == "USER001"
    assert metrics(app)["Best score"] == "87.5"
    assert metrics(app)["Offers in stock"] == "5"
    table = app.dataframe[0].value
    assert list(table["Offer"]) == ["Premium Laptop Deal", "Fashion Flash Sale", "Smart Home Bundle"]
    assert list(table["Because"]) == ["preferred", "default", "preferred"]
    assert list(table["Stock"]) == [50, 200, 30]
    assert list(table["Boost"]) == ["–", "–", "–"]
    assert "Score = 40 % priority + 30 % relevance + 20 % urgency + 10 % inventory" in words(app)
    assert "make shoppers" in words(app)  # no events yet


def test_another_user_may_be_chosen_or_typed(seeded):
    # AppTest can choose options only; what is typed arrives as the same session state.
    app = AppTest.from_function(draw, args=(recommendations, seeded), default_timeout=20)
    app.session_state["user"] = "nobody-has-seen-me"
    app.run()

    assert not app.exception
    assert "Nothing is known about this user yet" in words(app)
    assert list(app.dataframe[0].value["Because"]) == ["default", "default", "default"]


def test_a_boost_a_learned_category_and_a_dismissal_are_explained(seeded):
    laptop = seeded.offers.get(LAPTOP)
    seeded.track("USER002", laptop, EventType.ADD_TO_CART)
    seeded.track("USER002", seeded.offers.get("OFF005"), EventType.DISMISS)
    seeded.sell_out(LAPTOP)
    seeded.deliver()

    app = page("recommendations", seeded)
    app.selectbox(key="user").set_value("USER002").run()

    rows = app.dataframe[0].value.set_index("Offer")
    assert rows.loc["Smart Home Bundle", "Boost"] == "+20"
    assert rows.loc["Smart Home Bundle", "Because"].startswith("learned +")
    assert "Smart Home Bundle carries the boost of a pivot" in words(app)
    assert "Not recommended (dismissed or used up): Garden Starter Set" in words(app)
    assert list(app.dataframe[1].value["Event"]) == ["dismiss", "add to cart"]


def test_pivots_are_counted_and_open_ones_marked(busy):
    app = page("pivots", busy)

    assert metrics(app) == {"Open": "1", "Total, 7 days": "2", "Undone": "1", "No candidate": "0"}
    rows = app.dataframe[0].value
    assert list(rows["State"]) == ["● open", "undone"]
    assert list(rows["Took over"]) == ["Smart Home Bundle", "Smart Home Bundle"]
    assert rows["Undone (UTC)"].iloc[0] == "–"


def test_trending_counts_what_was_tracked(busy):
    shown = metrics(page("trending", busy))

    by_type = busy.trends().engagement.by_type()
    assert shown["Events, 15 min"] == f"{sum(by_type.values()):,}"
    assert shown["Redemptions"] == str(by_type[EventType.REDEMPTION])
    assert shown["Strongest now"] == busy.trends().lifted[0].category


def test_an_experiment_shows_its_variants_and_a_verdict(busy):
    app = page("experiments", busy)

    [view] = busy.experiments()
    exposed = [variant.exposed for variant in view.result.variants]
    assert metrics(app)["Users exposed"] == str(sum(exposed))
    assert metrics(app)["Sample ratio"] == "as intended"
    rows = app.dataframe[0].value
    assert list(rows["Variant"]) == ["control", "urgent"]
    assert list(rows["Exposed"]) == exposed
    assert list(rows["Urgency"]) == ["20 %", "60 %"]
    assert "The intervals overlap" in words(app)


def test_without_an_experiment_the_page_gives_commands_that_name_no_key(seeded):
    commands = page("experiments", seeded).code[0].value

    assert f"API={seeded.facts().api_url}" in commands
    assert '-H "X-API-Key: $KEY"' in commands
    assert "/experiments/more-urgency/start" in commands


@pytest.mark.parametrize("name", ["pivots", "trending"])
def test_an_empty_page_says_what_to_run(name, seeded):
    assert "make shoppers" in words(page(name, seeded))


@pytest.mark.parametrize("name", ["orders", "messages"])
def test_without_an_order_the_page_gives_a_command_that_places_one_and_names_no_key(name, seeded):
    command = page(name, seeded).code[0].value

    assert f"API={seeded.facts().api_url}" in command
    assert '"$API/orders" -H "X-API-Key: $KEY"' in command


def test_orders_are_counted_by_stage_outcome_and_reason(busy):
    app = page("orders", busy)

    view = busy.orders()
    counts = standing(view.newest)
    done = reached(view.newest)[OrderStatus.COMPLETED]
    shown = metrics(app)
    assert shown["Orders shown"] == str(len(view.newest))
    assert shown["Success rate"] == f"{100 * done / (done + counts[OrderStatus.FAILED]):.1f} %"
    assert shown["In progress"] == "3"
    failed = app.dataframe[0].value
    assert next(iter(failed["Reason"])) == "payment declined: insufficient funds"
    assert sum(failed["Orders"]) == counts[OrderStatus.FAILED]
    assert list(app.dataframe[1].value["Status"]) == ["Payment processing"] * 3  # they stand still


def test_one_order_is_told_from_its_placing_to_its_refund(busy):
    refunded = next(
        story.order
        for story in busy.orders().newest
        if story.order.status is OrderStatus.PARTIALLY_REFUNDED and story.order.phone
    )
    app = AppTest.from_function(draw, args=(orders, busy), default_timeout=20)
    app.session_state["order"] = f" {refunded.order_id} "  # typed, as one does
    app.run()

    assert not app.exception
    history, lines, told = (element.value for element in list(app.dataframe)[-3:])
    assert list(history["Status"]) == [
        "Pending",
        "Validating",
        "Inventory check",
        "Payment processing",
        "Fulfillment",
        "Completed",
        "Partially refunded",
    ]
    assert list(history["Detail"])[-1] == "scratched"
    assert list(history["Lasted"])[-1] == "–"
    assert lines["Refunded"][0].startswith("1 × €")
    assert list(told["Kind"]) == ["Created", "Completed"]
    assert metrics(app)["Tracking"] == refunded.tracking.number
    assert app.text[0].value == f"Customer {refunded.customer_id}, phone {masked(refunded.phone)}"
    assert refunded.phone not in str(app.main)


def test_an_id_that_no_order_has_is_said_so(busy):
    app = AppTest.from_function(draw, args=(orders, busy), default_timeout=20)
    app.session_state["order"] = "no-such-order"
    app.run()

    assert not app.exception
    assert "There is no order of this id" in words(app)


def test_messages_say_what_became_of_each_and_show_no_phone(busy):
    app = page("messages", busy)

    notices = busy.notices().newest
    sent = sum(notice.status is NoticeStatus.SENT for notice in notices)
    shown = metrics(app)
    assert (shown["Messages shown"], shown["Sent"]) == (str(len(notices)), str(sent))
    assert int(shown["Sent"]) + int(shown["Failed"]) + int(shown["Not sent"]) == len(notices)
    rows = app.dataframe[0].value
    assert set(rows["Status"]) == {
        "sent",
        "failed: refused by SNS",
        "not sent: no phone given",
        "not sent: opted out",
        "not sent: the phone's daily limit",
        "not sent: number not allowed here",
    }
    assert list(rows["Phone"]) == [masked(notice.phone) for notice in notices]
    assert not any(notice.phone in str(app.main) for notice in notices if notice.phone)


def test_a_chosen_message_is_shown_as_it_was_sent(busy):
    app = page("messages", busy)
    assert app.text[0].value == busy.notices().newest[0].text

    app.selectbox(key="message").select_index(3).run()
    assert app.text[0].value == busy.notices().newest[3].text


def test_pools_show_counts_and_never_a_code(busy):
    app = page("code pools", busy)

    pools = busy.pools().pools
    rows = app.dataframe[0].value.set_index("Pool")
    assert list(rows["Free"]) == [view.level.free for view in pools]
    assert rows.loc["bonus-200", "State"] == "empty"
    assert rows.loc["bonus-200", "Empty (UTC)"] == "now"
    assert rows.loc["bonus-200", "Last run"] == "Failed"
    assert rows.loc["bonus-100", "Empty (UTC)"].startswith("in ")
    assert rows.loc["bonus-300", ["State", "Lead time", "Last run"]].tolist() == ["ok", "1.5 h", "Done"]
    assert set(rows["Counted over"]) == {"16 min"}
    shown = metrics(app)
    assert shown["Given out"] == f"{sum(view.level.given for view in pools):,}"
    assert shown["Short of codes"] == "1"
    assert not any(code in str(app.main) for code in busy.world.codes)


def test_replenishment_runs_are_told(busy):
    table = page("code pools", busy).dataframe[1].value

    assert list(table["Pool"]) == [run.pool_id for run in busy.pools().runs]
    assert set(table["Status"]) == {"Done", "Failed"}
    assert "20 of 20" in list(table["Added"])
    assert set(table["Attempts"]) == {1, 2}
    assert "scrape: the list of codes is missing (table#codes)" in list(table["Reason"])


def test_the_screenshot_of_a_failed_run_is_read_when_asked_for_and_kept_over_refreshes(busy, monkeypatch):
    read = []
    picture = busy.failure_picture
    monkeypatch.setattr(busy, "failure_picture", lambda name: read.append(name) or picture(name))
    app = page("code pools", busy)
    newest = next(run for run in busy.pools().runs if run.screenshot)
    assert (read, len(app.get("image"))) == ([], 0)

    app.button(key="show-screenshot").click().run()
    app.run()
    assert (read, len(app.get("image"))) == ([newest.screenshot], 1)

    monkeypatch.setattr(busy.giveaway.files, "files", {})
    app.button(key="show-screenshot").click().run()
    assert len(app.get("image")) == 0
    assert "There is no picture of this run any more" in words(app)


def test_without_a_pool_the_page_says_what_brings_some(seeded):
    assert len(page("code pools", seeded).dataframe[0].value) == 5  # those of the sample data
    seeded.world.pools.clear()

    assert page("code pools", seeded).code[0].value == "make seed"


def by_day(app):
    """The rows of the days, newest first."""
    return app.dataframe[1].value


def test_rewards_are_told_for_today_and_for_a_fortnight(busy):
    app = page("rewards", busy)

    view, shown = busy.rewards(), metrics(app)
    today, total = view.today.totals, view.total
    assert shown["Issued today"] == money.shown(today.of(EntryKind.ISSUED).amount, "EUR")
    assert shown["Net"] == money.shown(total.net, "EUR")
    assert shown["Liability, change"] == money.shown(points_held(total), "EUR")
    expired, issued = (total.of(kind).amount for kind in (EntryKind.EXPIRED, EntryKind.ISSUED))
    assert shown["Breakage"] == f"{100 * expired / issued:.1f} %"
    rows = by_day(app)
    assert (len(rows), rows["Day"][0]) == (15, f"{view.today.day}, so far")
    assert rows["Entries"].sum() == total.entries


def test_rewards_are_told_since_the_first_entry(busy):
    shown = metrics(page("rewards", busy))

    entries = [entry for ledger in busy.world.entries.values() for entry in ledger]
    balances = sum(BALANCE_SIGN[entry.kind] * entry.amount for entry in entries)
    assert shown["Liability"] == money.shown(balances, "EUR")
    expired, issued = (
        sum(entry.amount for entry in entries if entry.kind is kind)
        for kind in (EntryKind.EXPIRED, EntryKind.ISSUED)
    )
    assert shown["Expired ever"] == money.shown(expired, "EUR")
    assert shown["Breakage ever"] == f"{100 * expired / issued:.1f} %"


def test_top_customers_are_those_that_were_issued_most(busy):
    app = page("rewards", busy)

    issued = {
        customer_id: sum(entry.amount for entry in ledger if entry.kind is EntryKind.ISSUED)
        for customer_id, ledger in busy.world.entries.items()
    }
    most = sorted(issued, key=lambda customer_id: -issued[customer_id])[:TOP_CUSTOMERS]
    rows = app.dataframe[0].value
    assert list(rows["Customer"]) == most
    assert rows["Issued"][0] == money.shown(issued[most[0]], "EUR")
    assert f"the first {TOP_CUSTOMERS} of {len(issued)} customers" in words(app)


def test_a_day_without_a_file_is_named_with_the_command_that_writes_it(busy):
    missing = busy.fortnight.missing
    app = page("rewards", busy)

    rows = by_day(app).set_index("Day")
    assert rows.loc[str(missing), "From"] == "the stream"
    assert set(rows["From"].drop([str(missing), rows.index[0]])) == {"the day's file"}
    assert f"`make rewards DAY={missing}`" in words(app)


def test_without_points_the_page_gives_a_command_that_earns_some(seeded):
    assert '"$API/orders" -H "X-API-Key: $KEY"' in page("rewards", seeded).code[0].value


def test_health_shows_where_counts_and_api_documentation(busy):
    app = page("health", busy)

    assert metrics(app) == {
        "Offers": "6",
        "In stock": "5",
        "Open pivots": "1",
        "Outbox waiting": "0",
        "Dead letters": "0",
    }
    assert "embedded" in words(app)
    assert "[API documentation](http://127.0.0.1:8502)" in words(app)


def test_the_audit_runs_at_the_press_of_a_button(seeded):
    app = page("health", seeded)
    assert not app.success

    app.button[0].click().run()
    assert app.success[0].value == f"All {len(INVARIANTS)} laws hold."

    seeded.breach = True
    app.button[0].click().run()
    assert app.error[0].value == f"1 of {len(INVARIANTS)} laws are broken."
    assert "OFF002: stock is -1" in list(app.dataframe[0].value["Breaches"])
