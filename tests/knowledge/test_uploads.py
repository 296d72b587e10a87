"""Documents that come as bytes: found at once, refused with a reason, gone at once."""

import asyncio

import pytest

from coachwork.errors import DocumentUnreadable, InputError, NotFound
from coachwork.knowledge.document import IngestProgress

from .hostile import docx
from .made_base import Made, made  # noqa: F401


async def test_what_is_added_is_found_at_once_and_what_is_removed_is_not(made: Made) -> None:  # noqa: F811
    base = made({"hours.md": "# Hours\n\nThe shop opens at nine.\n"})
    await base.ingest()
    seen: list[IngestProgress] = []
    added = await base.add("2026/bells.docx", docx("A bell costs 12 euro."), seen.append)
    assert (added.id, added.status, added.passages) == ("2026/bells.docx", "indexed", 1)
    assert [seen[0].phase, seen[-1].phase] == ["reading", "done"]
    assert (await base.search("What does a bell cost?", top_k=1))[0].document == "2026/bells.docx"
    assert (await base.ingest()).unchanged == 2
    await base.add("2026/bells.docx", docx("A bell costs 15 euro."))
    texts = [found.text for found in await base.search("What does a bell cost?", top_k=5)]
    assert sum("bell" in text for text in texts) == 1
    await base.remove("2026/bells.docx")
    assert [found.document for found in await base.search("bell", top_k=5)] == ["hours.md"]
    assert [found.id for found in await base.documents()] == ["hours.md"]
    with pytest.raises(NotFound):
        await base.remove("2026/bells.docx")


async def test_only_a_file_of_the_folder_is_removed(made: Made) -> None:  # noqa: F811
    base = made({"broken.pdf": "no PDF"})
    secret = base.folder.parent / "secret.md"
    secret.write_text("Kept.")
    (base.folder / "link").symlink_to(base.folder.parent)
    await base.ingest()
    for name in ("../secret.md", "link/secret.md", "nothing.md", "/secret.md", ""):
        with pytest.raises(NotFound):
            await base.remove(name)
    assert secret.exists()
    await base.remove("broken.pdf")  # one that failed can be taken away too
    assert [found.id for found in await base.documents()] == ["link"]


async def test_the_first_document_may_come_by_upload(made: Made) -> None:  # noqa: F811
    base = made({})
    base.folder.rmdir()
    await base.add("bells.md", b"A bell costs 12 euro.")
    assert (await base.search("bell", top_k=1))[0].document == "bells.md"


NO_NAMES = ["../b.md", "/etc/b.md", "a/../b.md", ".hidden.md", "a//b.md", "a\\b.md", "x.exe", "link/b.md", "folder.md"]


async def test_a_name_that_is_none_is_refused_before_anything_is_written(made: Made) -> None:  # noqa: F811
    base = made({"hours.md": "The shop opens at nine.\n"})
    (base.folder / "link").symlink_to(base.folder.parent)
    (base.folder / "linked.md").symlink_to(base.folder / "hours.md")
    (base.folder / "folder.md").mkdir()
    before = sorted(base.folder.parent.rglob("*"))
    for name in (*NO_NAMES, "linked.md", "", "a\nb.md", "n" * 250 + ".md", "nul\0.md"):
        with pytest.raises(InputError):
            await base.add(name, b"A bell.")
    assert sorted(base.folder.parent.rglob("*")) == before


async def test_what_cannot_be_read_changes_nothing(made: Made) -> None:  # noqa: F811
    base = made({"bells.md": "A bell costs 12 euro.\n"}, max_file_mb=0.01)
    await base.ingest()
    with pytest.raises(DocumentUnreadable, match="binary"):
        await base.add("bells.md", b"\0\1\2" * 100)
    with pytest.raises(InputError, match="at most"):
        await base.add("bells.md", b"x" * 20_000)
    assert (base.folder / "bells.md").read_text() == "A bell costs 12 euro.\n"
    assert (await base.search("bell", top_k=1))[0].text == "A bell costs 12 euro."
    assert sorted(path.name for path in base.folder.iterdir()) == ["bells.md"]


@pytest.mark.slow
async def test_uploads_at_the_same_time_all_arrive(made: Made) -> None:  # noqa: F811
    base = made({})
    await asyncio.gather(*(base.add(f"bell{n}.md", f"Bell {n} costs 12 euro.".encode()) for n in range(5)))
    assert len(await base.search("bell", top_k=10)) == 5
