"""Hostile archives are refused with a reason, and write nothing outside of their folder."""

import bz2
import io
import lzma
import os
import signal
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import py7zr
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grading.hand_ins import unpacker
from grading.hand_ins.archives import ArchiveError, unpack
from grading.hand_ins.unpacker import RefusedError, Unpacked, link_target, member_name
from grading.paths import ROOT

MIB = 1 << 20


class Place:
    """A folder for unpacking, with a file beside it that an attack could overwrite."""

    def __init__(self, folder: Path) -> None:
        self.archive = folder / "hw.zip"
        self.folder = folder / "unpacked"
        self.folder.mkdir()
        self.victim = folder / "victim"
        self.victim.write_text("safe")

    def zip(self, *members: tuple[str | zipfile.ZipInfo, bytes]) -> None:
        with zipfile.ZipFile(self.archive, "w", zipfile.ZIP_DEFLATED) as target:
            for name, content in members:
                target.writestr(name, content)

    def tar(self, *members: tuple[str, bytes, str], packing: str = "gz") -> None:
        """Write a tar file of name, type and target of a link; a regular file has a target, too."""
        with tarfile.open(self.archive, f"w:{packing}") as target:  # type: ignore[call-overload]
            for name, kind, link in members:
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, link
                content = b"own" if kind == tarfile.REGTYPE else b""
                info.size = len(content)
                target.addfile(info, io.BytesIO(content))

    def seven_zip(self, *members: tuple[str, bytes]) -> None:
        with py7zr.SevenZipFile(self.archive, "w") as target:
            for number, (_, content) in enumerate(members):
                target.writestr(content, f"{number}")
            for file, (name, _) in zip(target.header.files_info.files, members, strict=True):
                file["filename"] = name

    def unpack(self, largest: int = MIB, files: int = 100) -> None:
        unpack(self.archive, self.folder.resolve(), largest, files)

    def refused(self, largest: int = MIB, files: int = 100) -> str:
        """Return the reason of the refusal."""
        with pytest.raises(ArchiveError) as error:
            self.unpack(largest, files)
        return str(error.value)

    @property
    def written(self) -> dict[str, bytes]:
        """The regular files that were unpacked; anything else is an error."""
        found = {}
        for path in self.folder.rglob("*"):
            assert not path.is_symlink()
            if not path.is_dir():
                assert stat.S_ISREG(path.lstat().st_mode)
                found[path.relative_to(self.folder).as_posix()] = path.read_bytes()
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    before = sorted(tmp_path.iterdir())
    yield place
    assert place.victim.read_text() == "safe"
    assert sorted({*tmp_path.iterdir()} - {place.archive}) == before


OUTSIDE = ["../victim", "a/../../victim", "/tmp/mt-victim", "..\\victim", "C:\\victim", "\\victim"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_paths_out_of_a_zip_file(place: Place, name: str) -> None:
    place.zip(("a.txt", b"a"), (name, b"attack"))
    assert "path" in place.refused()


@pytest.mark.parametrize("name", OUTSIDE)
def test_paths_out_of_a_tar_file(place: Place, name: str) -> None:
    place.tar((name, tarfile.REGTYPE, ""))
    assert "path" in place.refused()


@pytest.mark.parametrize("name", OUTSIDE)
def test_paths_out_of_a_7z_file(place: Place, name: str) -> None:
    place.seven_zip((name, b"attack"))
    assert "hw.zip is refused" in place.refused()


@pytest.mark.parametrize("target", ["/etc/passwd", "../victim", "a/../../victim", "..\\victim"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_out_of_a_tar_file(place: Place, kind: bytes, target: str) -> None:
    place.tar(("link", kind, target))
    assert "victim" in place.refused() or "passwd" in place.refused()


def symbolic_link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize("target", ["/etc/passwd", "../victim"])
def test_links_out_of_a_zip_file(place: Place, target: str) -> None:
    place.zip((symbolic_link("a/link"), b"../" * target.startswith("..") + target.encode()))
    assert "a link out of it" in place.refused()


def test_links_out_of_a_7z_file(place: Place, tmp_path: Path) -> None:
    tree = tmp_path / "unpacked" / "tree"
    tree.mkdir()
    (tree / "link").symlink_to("../../victim")
    with py7zr.SevenZipFile(place.archive, "w") as target:
        target.write(tree / "link", "tree/link")
    (tree / "link").unlink()
    tree.rmdir()
    assert "refused" in place.refused()
    assert not place.written


def test_a_file_is_not_written_through_a_link(place: Place) -> None:
    """The classic attack: a link to a folder outside, then a file in this folder."""
    place.tar(("out", tarfile.SYMTYPE, ".."), ("out/victim", tarfile.REGTYPE, ""))
    assert "a link out of it: 'out' -> '..'" in place.refused()
    assert place.written == {"out/victim": b"own"}
    (place.folder / "out/victim").unlink()
    place.tar(("in", tarfile.SYMTYPE, "."), ("in/victim", tarfile.REGTYPE, ""))
    place.unpack()
    assert place.written == {"in/victim": b"own"}


def test_links_inside_become_copies(place: Place) -> None:
    place.tar(
        ("a/first.py", tarfile.REGTYPE, ""),
        ("a/second.py", tarfile.SYMTYPE, "first.py"),
        ("b/third.py", tarfile.SYMTYPE, "../a/second.py"),
        ("b/fourth.py", tarfile.LNKTYPE, "a/first.py"),
        ("b/loop", tarfile.SYMTYPE, "loop"),
        ("b/nothing", tarfile.SYMTYPE, "x"),
    )
    place.unpack()
    names = ("a/first.py", "a/second.py", "b/third.py", "b/fourth.py")
    assert place.written == dict.fromkeys(names, b"own")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes(place: Place, kind: bytes) -> None:
    place.tar(("device", kind, ""))
    assert "not a regular file" in place.refused()


@pytest.mark.parametrize("write", [Place.zip, Place.seven_zip])
def test_bombs_of_bytes(place: Place, write: Callable[..., None]) -> None:
    write(place, *[(f"{i}", bytes(200_000)) for i in range(8)])
    assert place.archive.stat().st_size < 20_000
    assert "too large when it is unpacked; the limits are 1 MiB" in place.refused()
    assert sum(map(len, place.written.values())) <= MIB


@pytest.mark.parametrize("packing", ["gz", "bz2", "xz"])
def test_bombs_of_bytes_in_compressed_tar_files(place: Place, packing: str) -> None:
    with tarfile.open(place.archive, f"w:{packing}") as target:  # type: ignore[call-overload]
        info = tarfile.TarInfo("zeros")
        info.size = 8 * MIB
        target.addfile(info, io.BytesIO(bytes(8 * MIB)))
    assert "too large when it is unpacked" in place.refused()


def test_a_file_of_holes(place: Place) -> None:
    """A tar file of a few bytes can declare a file of terabytes that consists of zeros."""
    with tarfile.open(place.archive, "w", format=tarfile.PAX_FORMAT) as target:
        info = tarfile.TarInfo("holes")
        info.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "holes",
            "GNU.sparse.realsize": str(1 << 42),
        }
        content = b"0\n".ljust(512, b"\0")
        info.size = len(content)
        target.addfile(info, io.BytesIO(content))
    assert "hw.zip is refused" in place.refused()


def test_members_that_share_their_bytes(place: Place) -> None:
    """Each entry of the directory points to the same compressed bytes."""
    place.zip(("0", bytes(300_000)))
    with zipfile.ZipFile(place.archive, "a") as target:
        target.filelist += [target.filelist[0]] * 8
        target._didModify = True  # type: ignore[attr-defined]
    assert "refused" in place.refused()


def test_bombs_of_files(place: Place) -> None:
    place.zip(*[(f"d/{i}", b"") for i in range(101)])
    assert "too many files" in place.refused()


def test_bombs_of_entries(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacker, "MAX_MEMBERS", 10)
    place.tar(*[(f"__MACOSX/{i}", tarfile.REGTYPE, "") for i in range(11)])
    with pytest.raises(RefusedError, match="more than 10 entries"):
        unpacker.unpack(place.archive, Unpacked(place.folder, MIB, 100))


def test_a_declared_size_is_not_believed(place: Place) -> None:
    place.zip(("zeros", bytes(4 * MIB)))
    raw = bytearray(place.archive.read_bytes())
    for at in (raw.find(b"PK\x03\x04") + 22, raw.find(b"PK\x01\x02") + 24):
        raw[at : at + 4] = (1).to_bytes(4, "little")
    place.archive.write_bytes(raw)
    assert "refused" in place.refused()
    assert sum(map(len, place.written.values())) <= MIB


def test_encrypted_archives(place: Place) -> None:
    place.zip(("a", b"a"))
    raw = bytearray(place.archive.read_bytes())
    for at in (raw.find(b"PK\x03\x04") + 6, raw.find(b"PK\x01\x02") + 8):
        raw[at] |= 1
    place.archive.write_bytes(raw)
    assert "encrypted with a password" in place.refused()
    with py7zr.SevenZipFile(place.archive, "w", password="x") as target:
        target.writestr("a", "a")
    assert "encrypted with a password" in place.refused()


def test_unknown_compression(place: Place) -> None:
    place.zip(("a", b"a"))
    raw = bytearray(place.archive.read_bytes())
    for at in (raw.find(b"PK\x03\x04") + 8, raw.find(b"PK\x01\x02") + 10):
        raw[at] = 97
    place.archive.write_bytes(raw)
    assert "it is compressed in an unsupported way" in place.refused()


def test_a_name_that_is_also_a_folder(place: Place) -> None:
    place.zip(("a", b"a"), ("a/b", b"b"))
    assert "damaged" in place.refused()


@pytest.mark.parametrize("name", ["x" * 300, "d/" * 70 + "x"])
def test_long_paths(place: Place, name: str) -> None:
    place.zip((name, b""))
    assert "too long" in place.refused()


def test_a_busy_machine_is_no_reason_to_refuse(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the grader, so that the next run of a batch tries again."""
    monkeypatch.setattr("grading.hand_ins.archives.WALL_SECONDS", 0.01)
    place.zip(("a", b"a"))
    with pytest.raises(TimeoutError, match=r"not unpacked within 0\.01 s"):
        place.unpack()


def test_a_dictionary_that_is_larger_than_the_memory(place: Place) -> None:
    """The header of LZMA declares the size of the buffer that the decoder allocates."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as target:
        target.addfile(tarfile.TarInfo("a"))
    content = bytearray(lzma.compress(raw.getvalue(), lzma.FORMAT_ALONE, preset=0))
    content[1:5] = (3 << 30).to_bytes(4, "little")
    place.archive.write_bytes(content)
    assert "needs more than 2048 MiB of memory" in place.refused()


def test_a_bomb_of_processor_time(place: Place) -> None:
    """Contents that are left out have to be decompressed, but are never written."""
    info = tarfile.TarInfo("__MACOSX/zeros")
    part, parts = 10 * MIB, 300
    info.size = part * parts
    place.archive.write_bytes(bz2.compress(info.tobuf()) + bz2.compress(bytes(part)) * parts)
    program = (
        "import sys; from grading.hand_ins import unpacker; unpacker.SECONDS = 1; "
        "sys.exit(unpacker.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, str(place.archive), str(place.folder), "1000", "9"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert done.returncode == -signal.SIGXCPU
    assert not done.stdout


def test_an_ended_process_is_reported(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grading.hand_ins.archives.sys.executable", "false")
    place.zip(("a", b"a"))
    assert "it takes more than 30 s of processor time or 2048 MiB" in place.refused()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"%PDF-1.7", "a PDF document"),
        (b"hello", "not an archive, or damaged"),
        (b"PK\x03\x04hello", "damaged"),
        (b"7z\xbc\xaf\x27\x1chello", "damaged"),
        (b"\x1f\x8bhello", "damaged"),
    ],
)
def test_other_contents(place: Place, content: bytes, what: str) -> None:
    place.archive.write_bytes(content)
    assert what in place.refused()


def test_an_archive_with_a_wrong_ending_is_unpacked(place: Place) -> None:
    place.tar(("a.py", tarfile.REGTYPE, ""))
    place.unpack()
    assert place.written == {"a.py": b"own"}


def test_windows_separators(place: Place) -> None:
    info = zipfile.ZipInfo("hw4\\minitorch\\nn.py")
    place.zip((info, b"x"), ("hw4\\empty\\", b""))
    place.unpack()
    assert place.written == {"hw4/minitorch/nn.py": b"x"}


PATHS = st.text(st.sampled_from("a./\\:C\0\ud800é"), max_size=12)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(PATHS, PATHS)
def test_accepted_paths_and_links_are_inside(name: str, target: str) -> None:
    """The oracle is `os.path.normpath` of the path below a folder."""
    try:
        path = member_name(name)
        aim = link_target(path, target)
    except RefusedError:
        return
    for each in (path, aim):
        whole = os.path.normpath(f"/folder/{each}")
        assert whole == "/folder" or whole.startswith("/folder/")
