"""The files around the pools: what is free for people to see, lists of new codes, pictures of failures."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Protocol

from offerloop.errors import InvalidInput
from offerloop.record import record

AVAILABLE = "available_codes.json"
USED = "used_codes_count.json"
INBOX = "inbox/"
REPORTS = "inbox-reports/"
FAILURES = "failures/"


@record(frozen=True, slots=True)
class StoredFile:
    """A file as it was read.

    Attributes:
        etag: changes with each writing.
        digest: what whoever wrote it noted as the digest of its content; None = nothing.
    """

    content: bytes
    etag: str
    digest: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is as we wrote it: other writers note no digest, or that of another content."""
        return self.digest == digest_of(self.content)


class CodeFiles(Protocol):
    """Files by name, as `inbox/new.csv`."""

    def read(self, name: str, limit: int | None = None) -> StoredFile | None:
        """A file, or None where there is none.

        Raises:
            InvalidInput: it is larger than *limit* bytes.
        """

    def replace(self, name: str, content: bytes, etag: str | None) -> None:
        """Write a file where it still is the one with this etag; None = where there is none.

        Raises:
            Stale: it is not.
        """

    def put(self, name: str, content: bytes) -> None:
        """Write a file whatever is there."""


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def by_amount_in(content: bytes) -> Mapping[str, Sequence[str]]:
    """Read codes by amount, as the view has them: `{"100": ["CODE", …]}`.

    Raises:
        InvalidInput: it is of another form.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidInput("the file is no JSON") from None
    if not isinstance(found, dict) or not all(map(_is_list_of_texts, found.values())):
        raise InvalidInput('the file must be of the form {"100": ["CODE", …]}')
    return found


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
