"""The published view: which codes are free, and how many were given out, by amount.

One file each; nobody but we should write them. What somebody else writes into the list of free codes is taken
for new codes, those ever seen left out, and never for removals; then the list is written again.
"""

import json
from collections.abc import Callable, Collection, Mapping

from offerloop.codes.files import AVAILABLE, USED, CodeFiles, StoredFile, by_amount_in
from offerloop.codes.model import AMOUNT_POOLS
from offerloop.codes.ports import CodeStore
from offerloop.codes.take_in import Intake, Wrong, take_in_by_amount
from offerloop.errors import Busy, InvalidInput
from offerloop.idempotency import Stale
from offerloop.record import record

MAX_TRIES = 5


@record(frozen=True, slots=True)
class Publishing:
    """What publishing needs.

    Attributes:
        limit: how many free codes of a pool are shown.
        report: told of what somebody else wrote.
    """

    codes: CodeStore
    files: CodeFiles
    limit: int
    report: Callable[[Intake], None]


def publish_views(touched: Collection[str], desk: Publishing) -> None:
    """Bring the view up to date; files that need no change are not written.

    Args:
        touched: ids of the pools that are read again; of the others the view keeps what it has.
    Raises:
        Busy: others kept writing the same files.
    """
    pool_ids = [pool_id for pool_id in desk.codes.pool_ids() if pool_id.startswith(AMOUNT_POOLS)]
    _bring_up_to_date(
        AVAILABLE, pool_ids, touched, lambda pool_id: list(desk.codes.free(pool_id, desk.limit)), desk
    )
    _bring_up_to_date(USED, pool_ids, touched, lambda pool_id: desk.codes.level(pool_id).given, desk)


def _bring_up_to_date(
    name: str,
    pool_ids: Collection[str],
    touched: Collection[str],
    read: Callable[[str], object],
    desk: Publishing,
) -> None:
    for _ in range(MAX_TRIES):
        file = desk.files.read(name)
        shown = _shown(name, file, desk)
        # The pools after the file, at each try: else an older reading could be written over a newer one.
        document = {
            _key(pool_id): (
                read(pool_id) if pool_id in touched or _key(pool_id) not in shown else shown[_key(pool_id)]
            )
            for pool_id in sorted(pool_ids, key=lambda each: (len(each), each))
        }
        content = json.dumps(document).encode()
        if file is not None and file.is_ours and file.content == content:
            return
        try:
            desk.files.replace(name, content, None if file is None else file.etag)
        except Stale:
            continue
        return
    raise Busy(f"others keep writing {name}")


def _shown(name: str, file: StoredFile | None, desk: Publishing) -> Mapping[str, object]:
    """What the file shows by our own hand; what is by another's is taken in first."""
    if file is None:
        return {}
    if file.is_ours:
        found: Mapping[str, object] = json.loads(file.content)
        return found
    if name == AVAILABLE:
        try:
            desk.report(take_in_by_amount(by_amount_in(file.content), codes=desk.codes))
        except InvalidInput as refused:
            desk.report(Intake(invalid=1, wrong=(_whole_file(refused),)))
    return {}


def _whole_file(refused: InvalidInput) -> Wrong:
    return Wrong(AVAILABLE, refused.message)


def _key(pool_id: str) -> str:
    return pool_id.removeprefix(AMOUNT_POOLS)
