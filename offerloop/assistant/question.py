"""What a question asks for, and which orders and customers it names. Pure: nothing is read."""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum

from offerloop.record import record

MAX_QUESTION_LENGTH = 1_000
MAX_REFERENCES = 5
MIN_PREFIX_LENGTH = 6
MAX_ID_LENGTH = 64


class Intent(StrEnum):
    """What somebody wants to know."""

    STATUS = "STATUS"
    TRACKING = "TRACKING"
    RECENT = "RECENT"
    CANCEL = "CANCEL"
    REFUND = "REFUND"
    HELP = "HELP"
    UNKNOWN = "UNKNOWN"


@record(frozen=True, slots=True)
class Question:
    """A question as far as it is understood.

    Attributes:
        references: what it calls orders by, in lower case, at most MAX_REFERENCES: whole ids, or beginnings.
        customers: ids of customers that it names.
        of_several: whether it is about orders rather than one order.
    """

    intent: Intent
    references: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    of_several: bool = False


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOKEN = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
_HEX = re.compile(r"[0-9a-f-]{6,}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ORDER_BEFORE = re.compile(r"\border(?:'s)?(?: id| number| no\.?| nr\.?)?(?: is)? ?[:#=]? ?['\"(\[]?$")
_CUSTOMER = re.compile(
    r"\b(?:customer|user|client|account)(?: ?id| number)?(?: is)?['\"]?[ :#=]+['\"]?"
    r"(?P<named>[a-z0-9._:-]*[0-9][a-z0-9._:-]*)"
)
_CUSTOMER_ITSELF = re.compile(r"\b(?P<named>(?:customer|user|client)[._:-]?[0-9][a-z0-9._:-]*)")

# The first that fits. Where a question has words of several, the narrower wish stands first.
_WORDS = (
    (Intent.CANCEL, r"\bcancel\w*|\bcall (?:it |my order |the order )?off\b"),
    (Intent.REFUND, r"\brefund\w*|\breturn(?:s|ed|ing)?\b|\bmoney back\b|\bsend (?:it|them|this) back\b"),
    (
        Intent.TRACKING,
        r"\bwhere\b|\btrack\w*|\bpackages?\b|\bparcels?\b|\bship\w*|\bdeliver\w*|\barriv\w*|\bcarriers?\b|\bcouriers?\b",
    ),
    (
        Intent.RECENT,
        r"\b(?:recent|last|latest|previous|past|all|my|list|show)\b.*\borders\b"
        r"|\border history\b|\bmy purchases\b",
    ),
    (
        Intent.STATUS,
        r"\bstatus\b|\bstate of\b|\bprogress\b|\bhappen\w*|\bstuck\b|\bfail\w*|\bcomplete[d]?\b|\bready\b"
        r"|\b(?:charged|paid)\b|\b(?:my|last|latest|recent|newest|this|that|the) order\b",
    ),
    (
        Intent.HELP,
        r"^\W*(?:hi|hello|hey|good (?:morning|day|afternoon|evening)|help|thanks|thank you|start)\b"
        r"|\bhelp me\b|\bwhat can (?:you|i)\b|\bwho are you\b",
    ),
)
_INTENTS = tuple((intent, re.compile(words)) for intent, words in _WORDS)
_SEVERAL = re.compile(r"\b(?:orders|packages|parcels|shipments|deliveries)\b")


def understand(text: str) -> Question:
    """Find out what is asked; whatever a text says, the answer is one of ours."""
    plain = _plain(text)
    named = [*_CUSTOMER.finditer(plain), *_CUSTOMER_ITSELF.finditer(plain)]
    spans = [match.span("named") for match in named]
    found = (token for at, token in _references(plain) if not any(start <= at < end for start, end in spans))
    references = tuple(dict.fromkeys(found))[:MAX_REFERENCES]
    intent = next((intent for intent, words in _INTENTS if words.search(plain)), Intent.UNKNOWN)
    if references and intent in (Intent.HELP, Intent.UNKNOWN, Intent.RECENT):
        intent = Intent.STATUS
    return Question(
        intent=intent,
        references=references,
        customers=tuple(dict.fromkeys(match["named"].strip("._:-") for match in named)),
        of_several=_SEVERAL.search(plain) is not None,
    )


def references_in(text: str) -> list[str]:
    """Everything in a text that an order may be called by, in lower case: to check an answer.

    Whole ids are found even where they are glued to something else.
    """
    plain = _plain(text)
    tokens = (token for _, token in _references(plain))
    return list(dict.fromkeys([*tokens, *_UUID.findall(plain)]))


def is_whole_id(reference: str) -> bool:
    """Whether it is as long as ids are made, so that it can begin nothing else."""
    return _UUID.fullmatch(reference) is not None


# What keyboards make of an apostrophe and a hyphen.
_TYPED = str.maketrans({"\u2019": "'", **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")})


def _plain(text: str) -> str:
    """Lower case, with one form for characters that look alike, and without those that cannot be seen."""
    alike = unicodedata.normalize("NFKC", text.translate(_TYPED))
    seen = "".join(char for char in alike if unicodedata.category(char) != "Cf")
    return " ".join(seen.lower().split())


def _references(plain: str) -> Iterator[tuple[int, str]]:
    """Where each stands, and what it is.

    An id is made of hexadecimal digits and hyphens; people also write other things behind "order".
    """
    for match in _TOKEN.finditer(plain):
        token, rest = match.group(), plain[match.end() : match.end() + 3]
        if len(token) > MAX_ID_LENGTH or _DATE.fullmatch(token):
            continue
        has_digit, has_letter = any(map(str.isdigit, token)), any(map(str.isalpha, token))
        is_hex = _HEX.fullmatch(token) is not None
        is_cut = rest == "..."  # a single character for it is three dots by now
        is_named = _ORDER_BEFORE.search(plain[max(0, match.start() - 24) : match.start()]) is not None
        if (
            (is_hex and has_digit and has_letter)
            or (is_hex and is_cut)
            or (has_digit and len(token) >= MIN_PREFIX_LENGTH - 1 and (is_named or is_cut))
        ):
            yield match.start(), token
