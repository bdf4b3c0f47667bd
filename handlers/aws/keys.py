"""Where every row is: the keys of the tables, in one place.

Offers
    OFFER#<id>                  METADATA                an offer; foreign clients write these too
    OFFER#<id>                  STATE                   what the inventory monitor keeps about it
    OFFER#<id>                  RANK#<ranking>          its place in one ranking, with the index keys
    BOARD#<ranking>#<list>      0..3                    head of a ranked list; ALL has four copies
    COUNTER                     AVAILABLE               how many offers are in stock
    PIVOTS#<yyyy-mm-dd>         <rest of the pivot id>  a pivot
    OUTBOX#<0..23>              <ms>#<message id>       a message that is still to be sent
UserActivity
    USER#<id>                   PROFILE                 a shopper
    USER#<id>                   EVENT#<ms>#<event id>   something that the shopper did
    USER#<id>                   REDEEMED#<offer>        how often the shopper redeemed it
    TREND                       CURRENT                 engagement per category
    EXPERIMENT#<id>             METADATA                an experiment
    EXPERIMENTS                 <id>                    names it in the list of all
    LIVE#<0..3>                 EXPERIMENT              four copies of the one that is PREPARING or RUNNING
    EXPERIMENT#<id>             TALLY#<variant>         users exposed and converted
    CRM#<buyer id>              BONUS                   the last bonus for the CRM; never ends by itself
    OUTBOX#<0..23>              <ms>#<message id>       as above
Products
    PRODUCT#<id>                METADATA                a product
Orders
    ORDER#<id>                  METADATA                an order; with the keys of three indexes:
                                                        customer_id and newest_key, always;
                                                        hold_list and hold_until, while it holds stock;
                                                        progress_list and updated_at_ms, while in progress
    ORDER#<id>                  HISTORY#<00001..>       one transition of it
    ORDER#<id>                  NOTICE#<kind>           a text message about it; notice_list and at_ms are
                                                        the keys of an index
    ORDER#<id>                  RATING                  what its customer thinks of it
    PHONE#<hash>                DAY#<yyyy-mm-dd>        messages to a phone on a UTC day
    PHONE#<hash>                OPTED_OUT               its owner wants none
    OUTBOX#<0..23>              <ms>#<message id>       as above
Codes
    POOL#<id>                   METADATA                a pool of codes
    POOLS                       <id>                    names it in the list of all
    POOL#<id>                   TRAIL                   what its levels were in the last day
    POOL#<id>                   RUN                     its replenishment run: the open one, or the last
    POOL#<id>                   RUN#<ms>#<run id>       any of its runs
    POOL#<id>#<shard>           FREE#<hash>#<code>      a code that is still in its pool
    POOL#<id>#<shard>           COUNT                   how many codes of this shard are where
    CODE#<code>                 METADATA                a code, with whatever became of it; holder_id and
                                                        newest_key, once it is somebody's, are an index's keys
    HOLDER#<id>                 POOL#<id>               how many codes of a pool a holder has claimed
    OUTBOX#<0..23>              <ms>#<message id>       as above
Rewards
    CUSTOMER#<id>               ACCOUNT                 points of a customer; due_list and due_at, while some
                                                        end or are pending, are the keys of an index
    CUSTOMER#<id>               ENTRY#<000000001..>     one line of the ledger; day_list and at_key are the
                                                        keys of an index
    ORDER#<id>                  REWARD                  what an order earned and used
    DAY#<yyyy-mm-dd>            TOTAL#<0..15>           what entries of a business day come to so far
    EVER                        TOTAL#<0..15>           what entries of all days come to so far
    OUTBOX#<0..23>              <ms>#<message id>       as above
Idempotency
    REQUEST#<hash>              ANSWER                  the answer to a request under an Idempotency-Key
    LIMIT#<subject>             <window>                requests counted by the limiter
    CRM#<buyer id>              BUYER                   a buyer as the CRM told it lately
    CRM#CONTACT#<hash>          BUYER_ID                the buyer that a phone or an e-mail address led to
"""

import hashlib
import zlib
from datetime import date

from handlers.aws.attributes import Value, s
from offerloop.crm.model import Contact
from offerloop.offers.board import ALL_OFFERS
from offerloop.offers.scoring import Weights

Key = dict[str, Value]

ALL_BOARD_COPIES = 4  # one partition serves 3,000 read units a second; a board costs one or two
LIVE_COPIES = 4  # every request reads the live experiment: half a unit, or one
OUTBOX_SHARDS = 24  # one partition takes 1,000 write units a second; a message three

# An order costs ByWaiting 10 write units: one as it enters and one as it leaves, two for each of its four
# moves in between. That is less than the 12 of its four messages, so that 24 shards are enough where they
# are enough for the outbox: for 2,000 orders a second. ByDeadline has 2.
ORDER_SHARDS = OUTBOX_SHARDS
NOTICE_SHARDS = 4  # two notices of one write unit each: 2,000 orders a second as well

# An order that uses points and earns some writes two entries of one unit each to ByDay, and moves its account
# in ByDue, two units: 16 shards of 1,000 take 8,000 such orders a second.
REWARD_SHARDS = 16

# A batch of the stream writes one of a day's totals; a partition of the table feeds one batch at a time.
TOTAL_SHARDS = 16

METADATA = "METADATA"
STATE = "STATE"
EXPIRY_LIST = "EXPIRY"

OFFER_PREFIX = "OFFER#"
RANK_PREFIX = "RANK#"
EVENT_PREFIX = "EVENT#"
TALLY_PREFIX = "TALLY#"
EXPERIMENT_PREFIX = "EXPERIMENT#"
PRODUCT_PREFIX = "PRODUCT#"
ORDER_PREFIX = "ORDER#"
HISTORY_PREFIX = "HISTORY#"
CUSTOMER_PREFIX = "CUSTOMER#"
ENTRY_PREFIX = "ENTRY#"
TOTAL_PREFIX = "TOTAL#"
OUTBOX_PREFIX = "OUTBOX#"
CRM_PREFIX = "CRM#"
EXPERIMENT_LIST = "EXPERIMENTS"

# A claim costs its shard's partition 4 write units (the free row goes and the count changes, both twice as
# dear in a transaction) and one partition takes 1,000 a second: 8 shards give out 2,000 codes a second at the
# most; claims that meet at one count collide and are repeated, so less when all come at the same moment. More
# shards would make it dearer to find the last codes, since all counts are read at once.
POOL_SHARDS = 8
POOL_PREFIX = "POOL#"
POOL_LIST = "POOLS"
FREE_PREFIX = "FREE#"
CODE_PREFIX = "CODE#"
CODE_COUNT = "COUNT"
RUN_PREFIX = "RUN#"


def key(pk: str, sk: str) -> Key:
    """The primary key of a row."""
    return {"PK": s(pk), "SK": s(sk)}


def offer_key(offer_id: str) -> Key:
    return key(f"{OFFER_PREFIX}{offer_id}", METADATA)


def state_key(offer_id: str) -> Key:
    return key(f"{OFFER_PREFIX}{offer_id}", STATE)


def rank_key(offer_id: str, ranking_id: str) -> Key:
    return key(f"{OFFER_PREFIX}{offer_id}", f"{RANK_PREFIX}{ranking_id}")


def indexed_list(weights: Weights, list_name: str) -> str:
    """A ranked list's name in indexes and boards: `<ranking>#ALL`, `<ranking>#CATEGORY#<category>`."""
    return f"{weights.ranking_id}#{list_name}"


def board_key(weights: Weights, list_name: str, copy: int = 0) -> Key:
    return key(f"BOARD#{indexed_list(weights, list_name)}", str(copy))


def board_copies(list_name: str) -> int:
    """How many copies a list's board has; 0 is the master."""
    return ALL_BOARD_COPIES if list_name == ALL_OFFERS else 1


def board_copy(list_name: str, spread: str) -> int:
    """The copy that *spread* reads."""
    copies = board_copies(list_name)
    return zlib.crc32(spread.encode()) % copies if copies > 1 else 0


COUNTER_KEY = key("COUNTER", "AVAILABLE")
TREND_KEY = key("TREND", "CURRENT")


def pivot_key(pivot_id: str) -> Key:
    """A pivot id is `<UTC day>/<rest>`; a day is a partition."""
    day, _, rest = pivot_id.partition("/")
    return key(f"PIVOTS#{day}", rest or "-")


def experiment_key(experiment_id: str) -> Key:
    return key(f"{EXPERIMENT_PREFIX}{experiment_id}", METADATA)


def live_experiment_keys() -> list[Key]:
    """Of all copies, which are written together."""
    return [key(f"LIVE#{copy}", "EXPERIMENT") for copy in range(LIVE_COPIES)]


def live_experiment_key(spread: str) -> Key:
    """Of the copy that *spread* reads."""
    return live_experiment_keys()[zlib.crc32(spread.encode()) % LIVE_COPIES]


def profile_key(user_id: str) -> Key:
    return key(f"USER#{user_id}", "PROFILE")


def event_key(user_id: str, occurred_at_ms: int, event_id: str) -> Key:
    return key(f"USER#{user_id}", f"{EVENT_PREFIX}{occurred_at_ms:013d}#{event_id}")


def redeemed_key(user_id: str, offer_id: str) -> Key:
    return key(f"USER#{user_id}", f"REDEEMED#{offer_id}")


def tally_key(experiment_id: str, variant: str) -> Key:
    return key(f"{EXPERIMENT_PREFIX}{experiment_id}", f"{TALLY_PREFIX}{variant}")


def product_key(product_id: str) -> Key:
    return key(f"{PRODUCT_PREFIX}{product_id}", METADATA)


def order_key(order_id: str) -> Key:
    return key(f"{ORDER_PREFIX}{order_id}", METADATA)


def history_key(order_id: str, number: int) -> Key:
    """Five digits: an order of 20 lines of 1,000 units can be refunded unit by unit."""
    return key(f"{ORDER_PREFIX}{order_id}", f"{HISTORY_PREFIX}{number:05d}")


def hold_list(shard: int) -> str:
    """A list of orders that hold stock."""
    return f"HOLDING#{shard}"


def progress_list(shard: int) -> str:
    """A list of orders in progress."""
    return f"PROGRESS#{shard}"


def order_shard(order_id: str) -> int:
    """The shard of an order in both kinds of lists."""
    return zlib.crc32(order_id.encode()) % ORDER_SHARDS


def notice_key(order_id: str, kind: str) -> Key:
    return key(f"{ORDER_PREFIX}{order_id}", f"NOTICE#{kind}")


def rating_key(order_id: str) -> Key:
    return key(f"{ORDER_PREFIX}{order_id}", "RATING")


def notice_list(shard: int) -> str:
    return f"NOTICES#{shard}"


def notice_shard(order_id: str) -> int:
    return zlib.crc32(order_id.encode()) % NOTICE_SHARDS


def phone_day_key(phone: str, day: str) -> Key:
    return key(_phone(phone), f"DAY#{day}")


def opted_out_key(phone: str) -> Key:
    return key(_phone(phone), "OPTED_OUT")


def _phone(phone: str) -> str:
    """Hashed, so that keys, which end up in metrics and logs, show nobody's number."""
    return f"PHONE#{hashlib.sha256(phone.encode()).hexdigest()}"


def account_key(customer_id: str) -> Key:
    return key(f"{CUSTOMER_PREFIX}{customer_id}", "ACCOUNT")


def entry_key(customer_id: str, number: int) -> Key:
    return key(f"{CUSTOMER_PREFIX}{customer_id}", f"{ENTRY_PREFIX}{number:09d}")


def reward_key(order_id: str) -> Key:
    return key(f"{ORDER_PREFIX}{order_id}", "REWARD")


def day_list(day: str, shard: int) -> str:
    """A list of the ledger's entries of one UTC day, `yyyy-mm-dd`."""
    return f"DAY#{day}#{shard}"


def due_list(shard: int) -> str:
    """A list of accounts in which something ends, or counts, at a known time."""
    return f"DUE#{shard}"


def reward_shard(customer_id: str) -> int:
    """The shard of a customer in both kinds of lists."""
    return zlib.crc32(customer_id.encode()) % REWARD_SHARDS


def pool_key(pool_id: str) -> Key:
    return key(f"{POOL_PREFIX}{pool_id}", METADATA)


def pool_trail_key(pool_id: str) -> Key:
    return key(f"{POOL_PREFIX}{pool_id}", "TRAIL")


def code_key(code: str) -> Key:
    return key(f"{CODE_PREFIX}{code}", METADATA)


def code_shard(code: str) -> int:
    """The shard of its pool in which a code is, while it is free; it is counted there ever after."""
    return zlib.crc32(code.encode()) % POOL_SHARDS


def free_list(pool_id: str, shard: int) -> str:
    """A list of free codes of a pool."""
    return f"{POOL_PREFIX}{pool_id}#{shard}"


def free_place(number: int) -> str:
    """A place in a list of free codes, evenly spread; whatever the codes look like.

    Args:
        number: 0..2**32-1.
    """
    return f"{FREE_PREFIX}{number:08x}"


def free_key(pool_id: str, code: str) -> Key:
    place = free_place(zlib.crc32(code.encode()))
    return key(free_list(pool_id, code_shard(code)), f"{place}#{code}")


def code_count_key(pool_id: str, shard: int) -> Key:
    return key(free_list(pool_id, shard), CODE_COUNT)


def pool_of_list(free_list: str) -> str:
    """The pool of a list of free codes."""
    return free_list.removeprefix(POOL_PREFIX).rpartition("#")[0]


def code_in_place(place: str) -> str:
    """The code of a row in a list of free codes."""
    return place.removeprefix(FREE_PREFIX).partition("#")[2]


def pool_run_key(pool_id: str) -> Key:
    """Of the run that is open, or was the last."""
    return key(f"{POOL_PREFIX}{pool_id}", "RUN")


def run_key(pool_id: str, requested_at_ms: int, run_id: str) -> Key:
    return key(f"{POOL_PREFIX}{pool_id}", f"{RUN_PREFIX}{requested_at_ms:013d}#{run_id}")


def holder_key(holder_id: str, pool_id: str) -> Key:
    return key(f"HOLDER#{holder_id}", f"{POOL_PREFIX}{pool_id}")


def total_key(day: date, shard: int) -> Key:
    return key(f"DAY#{day.isoformat()}", f"{TOTAL_PREFIX}{shard}")


def total_ever_key(shard: int) -> Key:
    return key("EVER", f"{TOTAL_PREFIX}{shard}")


def outbox_key(partition_key: str, written_at_ms: int, message_id: str) -> Key:
    """Messages of one partition key share a shard and stand in the order in which they were written."""
    shard = zlib.crc32(partition_key.encode()) % OUTBOX_SHARDS
    return key(f"{OUTBOX_PREFIX}{shard}", f"{written_at_ms:013d}#{message_id}")


def answer_key(scope: str, idempotency_key: str) -> Key:
    """Hashed, so that it is short and no scope can be built that collides with another's."""
    digest = hashlib.sha256(f"{len(scope)}:{scope}{idempotency_key}".encode()).hexdigest()
    return key(f"REQUEST#{digest}", "ANSWER")


def limit_key(subject: str, window: int) -> Key:
    return key(f"LIMIT#{subject}", str(window))


def crm_bonus_key(buyer_id: str) -> Key:
    return key(f"{CRM_PREFIX}{buyer_id}", "BONUS")


def crm_buyer_key(buyer_id: str) -> Key:
    return key(f"{CRM_PREFIX}{buyer_id}", "BUYER")


def crm_contact_key(contact: Contact) -> Key:
    """Hashed, so that keys, which end up in metrics and logs, show nobody's number or address."""
    digest = hashlib.sha256(f"{contact.kind}:{contact.value}".encode()).hexdigest()
    return key(f"{CRM_PREFIX}CONTACT#{digest}", "BUYER_ID")
