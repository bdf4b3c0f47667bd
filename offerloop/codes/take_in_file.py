"""The inbox: files of new codes, each taken in once, each with a report beside."""

import json
from collections.abc import Mapping, Sequence

from offerloop.codes.files import INBOX, REPORTS, CodeFiles, by_amount_in
from offerloop.codes.ports import CodeStore
from offerloop.codes.take_in import Intake, Wrong, amounts_in_csv, take_in_by_amount
from offerloop.errors import InvalidInput

MAX_FILE_BYTES = 5 * 1024 * 1024  # some 300,000 codes, which take some minutes


def take_in_file(name: str, *, codes: CodeStore, files: CodeFiles) -> Intake | None:
    """Add the codes of a file in the inbox, and write the report.

    Args:
        name: `inbox/…`; its content is JSON as the view has it, or CSV lines `code,amount`.
    Returns:
        What became of them; None for a file that is gone, or that has its report already.
    """
    try:
        file = files.read(name, MAX_FILE_BYTES)
    except InvalidInput as refused:
        intake, etag = _refused(name, refused), ""
    else:
        if file is None or _has_report(name, file.etag, files):
            return None
        etag = file.etag
        try:
            intake = take_in_by_amount(_listed(file.content), codes=codes)
        except InvalidInput as refused:
            intake = _refused(name, refused)
    files.put(_report_name(name), json.dumps(_report(intake, etag), indent=1).encode())
    return intake


def _listed(content: bytes) -> Mapping[str, Sequence[str]]:
    if content.lstrip()[:1] in (b"{", b"["):
        return by_amount_in(content)
    try:
        return amounts_in_csv(content.decode())
    except ValueError:
        raise InvalidInput("the file is neither JSON nor CSV in UTF-8") from None


def _refused(name: str, refused: InvalidInput) -> Intake:
    return Intake(invalid=1, wrong=(Wrong(name, refused.message),))


def _has_report(name: str, etag: str, files: CodeFiles) -> bool:
    """Events come twice; a report written twice would call all codes ever seen."""
    report = files.read(_report_name(name))
    return report is not None and report.is_ours and json.loads(report.content)["etag"] == etag


def _report_name(name: str) -> str:
    return f"{REPORTS}{name.removeprefix(INBOX)}.json"


def _report(intake: Intake, etag: str) -> dict[str, object]:
    return {
        "added": len(intake.added),
        "duplicates": intake.duplicates,
        "ever_seen": intake.ever_seen,
        "invalid": [{"entry": wrong.entry, "reason": wrong.reason} for wrong in intake.wrong],
        "invalid_count": intake.invalid,
        "etag": etag,
    }
