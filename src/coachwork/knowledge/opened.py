"""Opens a file of a folder so that nothing but that very file is read. Knows links, pipes and sizes; knows no format.

The folder was listed a moment ago and may have changed since: what counts is what the open handle says.
"""

import hashlib
import os
import stat
from pathlib import Path

from coachwork.errors import DocumentUnreadable

_KINDS = (
    (stat.S_ISLNK, "a link, and links are not followed"),
    (stat.S_ISFIFO, "a pipe, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
    (stat.S_ISCHR, "a device, not a file"),
    (stat.S_ISBLK, "a device, not a file"),
    (stat.S_ISDIR, "a folder, not a file"),
)
_BLOCK = 1 << 20


def what_it_is(mode: int) -> str:
    """What a thing that is no regular file is instead, "" for a file."""
    if stat.S_ISREG(mode):
        return ""
    return next((words for test, words in _KINDS if test(mode)), "no file")


def too_large(size: int, limit: int) -> str:
    return f"it has {size / 1e6:,.1f} MB; at most {limit / 1e6:g} MB are read"


def read_whole(document: str, path: Path, limit: int) -> bytes:
    """The bytes of a file of at most `limit` bytes. Raises DocumentUnreadable."""
    handle = _opened(document, path)
    with os.fdopen(handle, "rb") as file:
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise DocumentUnreadable(document, f"it can't be read ({error.strerror})") from None
        if len(data) > limit:
            raise DocumentUnreadable(document, too_large(max(os.fstat(handle).st_size, len(data)), limit))
    return data


def sha256_of(document: str, path: Path, limit: int) -> str:
    """The SHA-256 of a file's bytes, "" where it can't be read: the reading process then says why."""
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(_opened(document, path), "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
                if size > limit:
                    return ""
    except (OSError, DocumentUnreadable):
        return ""
    return digest.hexdigest()


def _opened(document: str, path: Path) -> int:
    """A handle of the regular file at `path`. A pipe is not waited for, a link not followed, nor one in the path."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        try:
            kind = what_it_is(path.lstat().st_mode)
        except OSError:
            kind = ""
        why = f"it is {kind}" if kind else f"it can't be opened ({error.strerror})"
        raise DocumentUnreadable(document, why) from None
    try:
        if kind := what_it_is(os.fstat(handle).st_mode):
            raise DocumentUnreadable(document, f"it is {kind}")
        if path.parent.resolve() != path.parent:
            raise DocumentUnreadable(document, "a folder above it is a link, and links are not followed")
    except BaseException:
        os.close(handle)
        raise
    return handle
