from __future__ import annotations

import csv
import io
import shutil
import subprocess
from hashlib import md5, sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.importer.lists.listed import DigestListError
from moorage.importer.lists.parsing import LONGEST_LINE_BYTES, found_lists, read_list

SHA256 = sha256(b"counts\n").hexdigest()
MD5 = md5(b"counts\n").hexdigest()  # noqa: S324 - what others' lists have


def rows(text: bytes | str, name: str = "") -> list[tuple[bytes, int | None, str, str]]:
    content = text.encode() if isinstance(text, str) else text
    return [(row.path, row.size_bytes, row.algorithm, row.digest) for row in read_list(io.BytesIO(content), name=name)]


@pytest.mark.parametrize(
    "line",
    [
        f"{SHA256}  a/b.tif",
        f"{SHA256} *a/b.tif",
        f"{SHA256.upper()}  ./a/b.tif",
        f"{SHA256}\ta/b.tif",
        f"SHA256 (a/b.tif) = {SHA256}",
        f"SHA2-256(a/b.tif)= {SHA256}",
        f"# made by hand\n\n{SHA256}  a/b.tif\r",
    ],
)
def test_each_form_of_a_line_names_the_file(line: str) -> None:
    assert rows(line + "\n") == [(b"a/b.tif", None, "sha256", SHA256)]


@pytest.mark.parametrize(
    ("escaped", "path"),
    [(rb"a\nb", b"a\nb"), (rb"a\\nb", rb"a\nb"), (rb"\r\\", b"\r\\")],
)
def test_an_escaped_name_is_what_it_was(escaped: bytes, path: bytes) -> None:
    assert rows(b"\\" + SHA256.encode() + b"  " + escaped + b"\n")[0][0] == path
    assert rows(b"\\SHA256 (" + escaped + b") = " + SHA256.encode() + b"\n")[0][0] == path
    assert rows(SHA256.encode() + b"  " + escaped + b"\n")[0][0] == escaped


NAMES = st.binary(min_size=1, max_size=60).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in {b".", b".."}
)


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), st.sampled_from(["", "--tag", "--binary"]))
def test_what_sha256sum_writes_is_read_as_it_was_meant(names: list[bytes], how: str) -> None:
    with TemporaryDirectory() as folder:
        for name in names:
            Path(folder, name.decode(errors="surrogateescape")).write_bytes(b"counts\n")
        command = [part for part in (shutil.which("sha256sum"), how, "--") if part]
        # `-` alone is sha256sum's name for its standard input, which then holds the same bytes.
        written = subprocess.run(
            [*command, *names], cwd=folder, input=b"counts\n", capture_output=True, check=True
        ).stdout
    assert rows(written) == [(name, None, "sha256", SHA256) for name in names]


def test_the_manifest_of_a_bag_has_any_white_space_and_escapes_line_ends_in_per_cent() -> None:
    text = f"{MD5}   data/a b%0Ac%25.tif\n{MD5}\t*data/d.tif\n"
    assert [row[0] for row in rows(text, "manifest-md5.txt")] == [b"data/a b\nc%.tif", b"data/d.tif"]
    assert rows(f"{MD5}  data/%0A", "x.md5")[0][0] == b"data/%0A"


@pytest.mark.parametrize(
    "text",
    [
        f"path,size,sha256\na/b.tif,7,{SHA256}\n",
        f'digest;size_bytes;Path\n{SHA256};7;"a/b.tif"\n',
        f"Size\tMD5\tSHA-256\tFile name\n7\t{MD5}\t{SHA256}\ta/b.tif\n\n",
        f"\ufefffilename,checksum,algorithm,bytes\r\n./a/b.tif,{SHA256},SHA-256,7\r\n",
    ],
)
def test_a_table_is_read_by_its_header(text: str) -> None:
    assert rows(text) == [(b"a/b.tif", 7, "sha256", SHA256)]


def test_a_table_may_have_sizes_alone() -> None:
    assert rows("path,size\na,0\nb,\n") == [(b"a", 0, "", ""), (b"b", None, "", "")]


@given(st.lists(st.tuples(NAMES, st.integers(0, 2**63 - 1)), min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_a_table_that_csv_wrote_is_read_as_it_was_meant(files: list[tuple[bytes, int]], delimiter: str) -> None:
    text = io.StringIO()
    write = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
    write(["path", "size"])
    for name, size in files:
        write([name.decode(errors="surrogateescape"), size])
    content = text.getvalue().encode(errors="surrogateescape")
    # Line ends of a text are one and the same: of a name's own, \r before \n is not told from them.
    expected = [(name.replace(b"\r\n", b"\n"), size, "", "") for name, size in files]
    assert rows(content) == expected


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "names no file"),
        ("\n# nothing\n", 0, "names no file"),
        (f"{SHA256}  a\n{SHA256}  /etc/passwd\n", 2, "root of a disk"),
        (f"{SHA256}  ../a\n", 1, "“..”"),
        (f"{SHA256}  a/../../b\n", 1, "“..”"),
        (f"{SHA256}  a//b\n", 1, "empty name"),
        (f"{SHA256}  a/\n", 1, "slash"),
        (f"{SHA256}  .//etc/../../b\n", 1, "“..”"),
        (f"{SHA256}  {'n/' * 2100}n\n", 1, "4,096"),
        (f"{SHA256[:-1]}  a\n", 1, "63 digits"),
        (f"{SHA256[:-1]}g  a\n", 1, "not a digest and a path"),
        ("hello world\n", 1, "not a digest and a path"),
        (f"BLAKE2b (a) = {SHA256}\n", 1, "BLAKE2b"),
        (f"\\{SHA256}  a\\tb\n", 1, "backslash"),
        (f"{SHA256}  a\0{SHA256}  b\0", 1, "zero byte"),
        (f"path,sha256\na,{SHA256}\nb,xyz\n", 3, "not hexadecimal"),
        (f"path,sha256\na,{MD5}\n", 2, "sha256 has 64"),
        (f"path,digest,algorithm\na,{MD5},xxh64\n", 2, "xxh64"),
        ("path,size\na,-1\n", 2, "number of bytes"),
        ("path,size\na,99999999999999999999\n", 2, "number of bytes"),
        ('path,size\n"a,1\n', 2, "not CSV"),
        ('path,size\n"' + "a\n" * 200, 2, "quotation mark"),
        ("path,size\n,1\n", 2, "empty name"),
    ],
)
def test_a_fault_is_told_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(DigestListError, match=why) as failure:
        rows(text)
    assert failure.value.line == line
    str(failure.value).encode()


def test_a_name_that_says_the_algorithm_is_held_to_it() -> None:
    with pytest.raises(DigestListError, match="sha512 has 128"):
        rows(f"{SHA256}  a\n", "SHA512SUMS")


def test_a_line_without_end_is_not_read_to_it() -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            buffer[:] = b"a" * len(buffer)
            self.read_bytes += len(buffer)
            return len(buffer)

    endless = Endless()
    with pytest.raises(DigestListError, match="longer than"):
        list(read_list(io.BufferedReader(endless)))  # type: ignore[type-var]
    assert endless.read_bytes <= 2 * LONGEST_LINE_BYTES


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused_with_a_sentence(content: bytes) -> None:
    try:
        found = rows(content)
    except DigestListError as error:
        str(error).encode()
    else:
        assert all(path and not path.startswith(b"/") and b".." not in path.split(b"/") for path, *_ in found)


def test_lists_are_known_by_their_names_the_strongest_first() -> None:
    names = [
        b"MD5SUMS", b"SHA256SUMS", b"data.sha256", b"scans.md5sum", b"manifest-sha512.txt", b"tagmanifest-sha256.txt",
        b"checksums.csv", b"sha1sums.txt", b"notes.txt", b"data.csv", b"bagit.txt", b"md5", b"a.tif", b"caf\xe9.md5",
        b"checksums.txt", b"sha256sum.txt",
    ]  # fmt: skip
    assert [(found.name, found.algorithm) for found in found_lists(names)] == [
        (b"SHA256SUMS", "sha256"), (b"data.sha256", "sha256"), (b"sha256sum.txt", "sha256"),
        (b"manifest-sha512.txt", "sha512"), (b"sha1sums.txt", "sha1"),
        (b"MD5SUMS", "md5"), (b"caf\xe9.md5", "md5"), (b"scans.md5sum", "md5"),
        (b"checksums.csv", ""), (b"checksums.txt", ""),
    ]  # fmt: skip


def test_a_bag_lists_what_is_in_its_data_folder() -> None:
    assert [found.folder for found in found_lists([b"manifest-md5.txt", b"MD5SUMS"])] == [b"", b"data"]
