"""Places for files: a folder, a bucket."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.folder import Folder
from tap_analytics.fleet.places import open_place

if TYPE_CHECKING:
    from tap_analytics.fleet.places import Place


def test_what_is_written_is_read(place: Place) -> None:
    place.write("a/b", b"1")
    assert place.read("a/b") == b"1"


def test_a_file_takes_the_place_of_the_one_before(place: Place) -> None:
    place.write("a/b", b"1")
    place.write("a/b", b"22")
    assert place.read("a/b") == b"22"


def test_a_file_that_is_not_there_reads_as_none(place: Place) -> None:
    assert place.read("a/b") is None


def test_only_the_first_creates_a_file(place: Place) -> None:
    assert place.create("a/b", b"first")
    assert not place.create("a/b", b"second")
    assert place.read("a/b") == b"first"


def test_of_many_that_create_a_file_at_once_one_succeeds(place: Place) -> None:
    created: list[bool] = []
    threads = [
        threading.Thread(target=lambda: created.append(place.create("a", b"x")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(created) == [False] * 7 + [True]


def test_names_are_those_of_all_files_below(place: Place) -> None:
    for name in ("a/2", "a/1", "a/b/c", "ab/1", "d"):
        place.write(name, b"")
    assert place.names("a") == ["a/1", "a/2", "a/b/c"]
    assert place.names("none") == []


def test_removed_files_are_gone_and_may_be_removed_again(place: Place) -> None:
    place.write("a/1", b"")
    place.write("a/2", b"")
    place.remove(["a/1"])
    place.remove(["a/1"])
    assert place.names("a") == ["a/2"]


def test_a_folder_is_removed_with_all_that_is_in_it(place: Place) -> None:
    for name in ("a/1", "a/b/c", "ab/1"):
        place.write(name, b"")
    place.remove_folder("a")
    place.remove_folder("a")
    assert place.names("a") == []
    assert place.names("ab") == ["ab/1"]


def test_a_log_has_the_lines_as_soon_as_they_are_added(place: Place) -> None:
    log = place.new_log("logs/one")
    log.add(b"1\n")
    assert place.read("logs/one") == b"1\n"
    log.add(b"2\n3\n")
    assert place.read("logs/one") == b"1\n2\n3\n"
    log.close()


@pytest.mark.parametrize("moment", ["os.fsync", "pathlib.Path.replace"])
def test_a_file_whose_writing_is_cut_off_is_as_before(
    tmp_path: Path, moment: str
) -> None:
    place = Folder(tmp_path)
    place.write("a/b", b"before")
    with (
        mock.patch(moment, side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        place.write("a/b", b"after")
    assert place.read("a/b") == b"before"
    assert place.names("a") == ["a/b"]


def test_what_a_killed_process_left_half_written_is_no_file(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    with (
        mock.patch("pathlib.Path.replace", side_effect=KeyboardInterrupt),
        mock.patch("pathlib.Path.unlink"),
        pytest.raises(KeyboardInterrupt),
    ):
        place.write("a/b", b"half")
    assert len(list((tmp_path / "a").iterdir())) == 1
    assert place.names("a") == []


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    full = OSError(28, "No space left on device")
    with (
        mock.patch("tap_analytics.fleet.folder.os.fsync", side_effect=full),
        pytest.raises(FleetError, match=r"a/b can't be written: No space left"),
    ):
        place.write("a/b", b"1")


def test_a_bucket_that_is_not_there_is_one_line(bucket: Place, tmp_path: Path) -> None:
    del bucket  # The store serves.
    place = open_place("s3://no-such-bucket/x", tmp_path)
    with pytest.raises(FleetError, match=r"s3://no-such-bucket/x/a can't be written: "):
        place.write("a", b"1")


def test_a_kind_of_place_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=r"The place nowhere://a can't be used: "):
        open_place("nowhere://a", tmp_path)


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(FleetError) as caught:
        open_place("nowhere://me:secret@host/a", tmp_path)
    assert "secret" not in str(caught.value)


def test_a_relative_path_is_seen_from_the_folder(tmp_path: Path) -> None:
    open_place("state", tmp_path).write("a", b"1")
    assert (tmp_path / "state" / "a").read_bytes() == b"1"


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    open_place(f"file://{tmp_path}/x", Path("/")).write("a", b"1")
    assert (tmp_path / "x" / "a").read_bytes() == b"1"
