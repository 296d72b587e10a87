"""Office files are archives: is this one whole, and does it stay small when opened? Knows zip; knows no XML."""

import io
import zipfile

from coachwork.errors import DocumentUnreadable

_MAX_OPENED = 300_000_000  # bytes, all members together
_MAX_MEMBERS = 10_000
_MAX_RATIO = 200  # of a member above 10 MB; XML text packs about 20 to 1


def check_archive(document: str, data: bytes, member: str, kind: str) -> None:
    """Raise DocumentUnreadable unless `data` is a zip that holds `member` and opens to a bearable size."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise DocumentUnreadable(document, f"it is no whole archive, as {kind} has to be ({error})") from None
    if len(members) > _MAX_MEMBERS:
        raise DocumentUnreadable(document, f"it holds {len(members):,} parts; {kind} has a few dozen")
    opened = sum(info.file_size for info in members)
    swollen = any(info.file_size > 10_000_000 and info.file_size > _MAX_RATIO * info.compress_size for info in members)
    if opened > _MAX_OPENED or swollen:
        raise DocumentUnreadable(document, f"it would open to {opened / 1e6:,.0f} MB (a zip bomb?)")
    if any(info.flag_bits & 1 for info in members):
        raise DocumentUnreadable(document, "it is encrypted", hint="Save it without a password.")
    if member not in {info.filename for info in members}:
        raise DocumentUnreadable(document, f"it is an archive, but not {kind}")
