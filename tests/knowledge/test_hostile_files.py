"""A folder of files made to hurt: each ends with its reason or is read, memory stays bounded, the rest is indexed."""

import os
import sys
from pathlib import Path

import pytest

from coachwork.errors import DocumentUnreadable
from coachwork.knowledge.document import ReadLimits
from coachwork.knowledge.opened import read_whole
from coachwork.knowledge.reader import DocumentReader

from .hostile import READ, hostile
from .made_base import Made, made  # noqa: F401

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and sockets of POSIX")
SECRET = "the key under the doormat"


@pytest.mark.slow
async def test_every_hostile_file_ends_with_its_reason_or_is_read(made: Made, tmp_path: Path) -> None:  # noqa: F811
    base = made({}, max_file_mb=1, parse_seconds=20, parse_memory_mb=700)
    outside = tmp_path / "elsewhere" / "secret.md"
    outside.parent.mkdir()
    outside.write_text(SECRET)
    files = hostile(outside)
    assert len(files) >= 40
    for file in files:
        file.make(base.folder / file.name)
    (base.folder / "good.md").write_text("# Bells\n\nA bell costs 12 euro.\n")
    report = await base.ingest()
    reasons = {failed.document: failed.reason for failed in report.failed}
    read = {found.id for found in await base.documents() if found.status == "indexed"}
    wrong = {}
    for file in files:
        id_ = file.name.encode("ascii", "backslashreplace").decode().replace("\n", "\\n")
        right = id_ in read if file.says == READ else file.says in reasons[id_] if id_ in reasons else not file.says
        if not right or (id_ in read) == (id_ in reasons):
            wrong[id_] = reasons.get(id_, "was read")
    assert wrong == {}
    assert len(reasons) >= 40
    assert "good.md" in read
    assert not (tmp_path / "escaped.txt").exists()
    for id_ in read:
        assert SECRET not in (await base.document(id_)).text
    best = (await base.search("What does a bell cost?", top_k=1))[0]
    assert "bell" in best.text.lower()
    assert (await base.ingest()).embedded == 0  # and none of them is read into the index again


async def test_a_file_that_became_a_link_or_a_pipe_after_it_was_listed_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text(SECRET)
    listed = tmp_path / "documents" / "listed.md"
    listed.parent.mkdir()
    listed.symlink_to(tmp_path / "secret.md")
    with pytest.raises(DocumentUnreadable, match="a link"):
        read_whole("listed.md", listed, 1000)
    listed.unlink()
    os.mkfifo(listed)
    with pytest.raises(DocumentUnreadable, match="a pipe"):
        read_whole("listed.md", listed, 1000)
    listed.unlink()
    listed.parent.rmdir()
    listed.parent.symlink_to(tmp_path)
    (tmp_path / "listed.md").write_text("A bell.")
    with pytest.raises(DocumentUnreadable, match="a folder above it is a link"):
        read_whole("listed.md", listed, 1000)


async def test_a_reader_outlives_a_file_that_takes_too_long_or_too_much(tmp_path: Path) -> None:
    slow, large, good = tmp_path / "slow.csv", tmp_path / "large.txt", tmp_path / "good.md"
    slow.write_bytes(b'"' * 3_000_001)
    large.write_bytes(b"# a\n" * 10_000_000)
    good.write_text("A bell costs 12 euro.")
    limits = ReadLimits(memory_bytes=500_000_000, max_text=1_000_000)
    async with DocumentReader(limits, size=180, overlap=0) as reader:
        for path in (large, slow):
            with pytest.raises(DocumentUnreadable):
                await reader.read(path.name, path)
        [read] = (await reader.read("good.md", good)).readings
    assert read.parsed.text == "A bell costs 12 euro."
