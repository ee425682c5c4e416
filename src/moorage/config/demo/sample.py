"""The sample data set: a few hundred files in nested folders, images among them, some MB; the same every time."""

import json
import math
import random
import struct
import zlib
from pathlib import Path

SEED = 1847
SPECIMENS = 6
IMAGES_PER_SPECIMEN = 24
IMAGE_SIDE = 128
MARK = "README.txt"

README = """\
Aluminium bronze, six specimens: a made-up data set to try Moorage with.

micrographs/<specimen>/   scanning images (PNG) with their settings (JSON)
tensile/<specimen>.csv    stress and strain
diffraction/              one pattern a specimen, and its peaks
notes/                    what the people wrote
"""


def write_sample(folder: Path) -> int:
    """Write the data set below `folder` unless it is there; returns the number of files it has."""
    if not (folder / MARK).exists():
        chance = random.Random(SEED)  # noqa: S311 - a data set, not a secret
        for number in range(1, SPECIMENS + 1):
            _specimen(folder, f"specimen-{number:02d}", chance)
        _notes(folder)
        (folder / "empty folder for later").mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(README)  # last: a half-written data set is written again
    return sum(path.is_file() for path in folder.rglob("*"))


def _specimen(folder: Path, name: str, chance: random.Random) -> None:
    images = folder / "micrographs" / name
    images.mkdir(parents=True, exist_ok=True)
    grains = _grains(chance)
    for number in range(1, IMAGES_PER_SPECIMEN + 1):
        stem = f"{name}_{number:03d}"
        (images / f"{stem}.png").write_bytes(_image(grains, chance))
        settings = {"magnification": 500 * (1 + number % 5), "voltage_kv": 15, "working_distance_mm": 8.5}
        (images / f"{stem}.json").write_text(json.dumps(settings, indent=1))
    curve = folder / "tensile" / f"{name}.csv"
    curve.parent.mkdir(parents=True, exist_ok=True)
    curve.write_text("strain,stress_mpa\n" + "".join(_tensile(chance)))
    pattern = folder / "diffraction" / name / "pattern.xy"
    pattern.parent.mkdir(parents=True, exist_ok=True)
    pattern.write_text("".join(_pattern(chance)))
    (pattern.parent / "peaks.txt").write_text("".join(f"{20 + 7 * peak:.2f}\n" for peak in range(8)))


def _grains(chance: random.Random) -> bytes:
    """Shades of a specimen: each point takes that of the nearest of some random centres; boundaries are dark."""
    side = range(IMAGE_SIDE)
    centres = [(chance.randrange(IMAGE_SIDE), chance.randrange(IMAGE_SIDE), chance.randint(60, 220)) for _ in range(9)]
    shades = bytearray()
    for y in side:
        for x in side:
            first, second = sorted(((x - cx) ** 2 + (y - cy) ** 2, shade) for cx, cy, shade in centres)[:2]
            is_boundary = math.sqrt(second[0]) - math.sqrt(first[0]) < 1.5
            shades.append(20 if is_boundary else first[1])
    return bytes(shades)


def _image(grains: bytes, chance: random.Random) -> bytes:
    """A grey PNG of the grains under noise (PNG specification, third edition)."""
    noise = chance.randbytes(len(grains))
    points = bytes(shade + (grain & 15) for shade, grain in zip(grains, noise, strict=True))
    # Each row begins with its filter type: 0, none.
    rows = b"".join(b"\0" + points[start : start + IMAGE_SIDE] for start in range(0, len(points), IMAGE_SIDE))
    header = struct.pack(">IIBBBBB", IMAGE_SIDE, IMAGE_SIDE, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _tensile(chance: random.Random) -> list[str]:
    strength = chance.uniform(480, 620)
    return [
        f"{strain / 10000:.4f},{strength * (1 - math.exp(-strain / 60)) + chance.gauss(0, 1.5):.2f}\n"
        for strain in range(0, 1500, 2)
    ]


def _pattern(chance: random.Random) -> list[str]:
    return [
        f"{angle / 50:.2f} {100 + 900 * max(0.0, math.cos(angle / 55)) ** 40 + chance.random() * 20:.1f}\n"
        for angle in range(1000, 5000)
    ]


def _notes(folder: Path) -> None:
    notes = folder / "notes"
    notes.mkdir(parents=True, exist_ok=True)
    (notes / "2026-03-02 polishing.txt").write_text("Specimens 1 to 3: diamond paste, 1 µm.\n")
    (notes / "etching (Ätzung).txt").write_text("FeCl3, 15 s; specimen 4 a little longer.\n", encoding="utf-8")
    (notes / "questions.txt").write_text("Is the second phase in specimen 5 real?\n")
