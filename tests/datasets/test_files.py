"""Files that are damaged: each is refused by a ValueError that names it."""

import io
import re
import zipfile

import numpy as np
import pytest

from sklearn_anomaly_attr.datasets import (
    load_adbench,
    load_anomattr,
    load_image_classes,
    load_magnetic_tiles,
    load_smd,
)

RNG = np.random.default_rng(0)
ROWS, LABELS = RNG.normal(size=(6, 3)), np.arange(6) % 2
PICTURES = RNG.integers(256, size=(6, 4, 4), dtype=np.uint8)
LOADERS = {
    "adbench": (
        lambda path: load_adbench(path.parent, path.stem),
        {"X": ROWS, "y": LABELS},
    ),
    "anomattr": (
        lambda path: load_anomattr(path.parent, path.stem),
        {"train": ROWS, "valid": ROWS, "test": ROWS, "y_test": LABELS},
    ),
    "smd": (
        lambda path: load_smd(path.parent, path.stem),
        {
            "train": ROWS,
            "test": ROWS,
            "label": LABELS,
            "interpretation": np.array("[[1, 2, [1]]]"),
        },
    ),
    "image_classes": (
        lambda path: load_image_classes(path.parent, path.stem),
        {"x": PICTURES, "y": LABELS},
    ),
    "magnetic_tiles": (
        lambda path: load_magnetic_tiles(path.parent),
        {
            "x": PICTURES,
            "mask_packed": np.packbits(np.zeros((6, 16), bool), axis=1),
            "y": LABELS,
            "class_names": np.array(["MT_Free", "MT_Crack"]),
        },
    ),
}


@pytest.fixture(params=LOADERS)
def saved(request, tmp_path):
    """A loader of a path, and a path with what it loads."""
    load, arrays = LOADERS[request.param]
    path = tmp_path / "magnetic_tile.npz"
    np.savez_compressed(path, **arrays)
    load(path)
    return load, path


def refused(load, path):
    return pytest.raises(ValueError, match=re.escape(f"{path} "))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_files_that_are_cut_short(saved, share):
    load, path = saved
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with refused(load, path):
        load(path)


def test_files_that_are_altered(saved):
    """Some bytes, one at a time: nothing depends on those that still load."""
    load, path = saved
    whole = path.read_bytes()
    refusals = []
    for place in range(0, len(whole), max(1, len(whole) // 200)):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        try:
            load(path)
        except ValueError as error:
            refusals.append(str(error))
    assert len(refusals) > 50
    assert all(str(path) in sentence for sentence in refusals)


def replace_member(path, name, content):
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    with zipfile.ZipFile(path, "w") as new:
        for member, held in members.items():
            new.writestr(member, content if member == f"{name}.npy" else held)


def array_file(header):
    """An .npy file with a header of one's own."""
    header = header.ljust(117) + "\n"
    size = len(header).to_bytes(2, "little")
    return b"\x93NUMPY\x01\x00" + size + header.encode() + bytes(64)


def pickled():
    content = io.BytesIO()
    np.save(content, np.array([None, "x"], dtype=object))
    return content.getvalue()


def described(kind, shape):
    return f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}"


MEMBERS = {
    "empty": b"",
    "text": b"no array",
    "pickle": pickled(),
    "open bracket": array_file("((("),
    "open dict": array_file("{'descr': '<f8', 'shape': (6, 3)"),
    "brackets": array_file("(" * 110),
    "no dict": array_file("[1, 2]"),
    "zero byte": array_file("\x00"),
    "too large": array_file(described("'<f8'", f"({10**12},)")),
    "beyond int64": array_file(described("'<f8'", f"({10**30},)")),
    "negative": array_file(described("'<f8'", "(-1,)")),
    "fields": array_file(described("[('a', '<f8')]", "(6,)")),
    "dates": array_file(described("'<M8[s]'", "(6,)")),
    "complex": array_file(described("'<c16'", "(2, 2)")),
    "whole beyond int64": array_file(described("'<u8'", "(6,)"))[:-64] + b"\xff" * 64,
}


@pytest.mark.parametrize("content", MEMBERS.values(), ids=MEMBERS)
def test_arrays_that_are_none_or_of_other_types(saved, content):
    load, path = saved
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as file:
        members = [name.removesuffix(".npy") for name in file.namelist()]
    for member in members:
        path.write_bytes(whole)
        replace_member(path, member, content)
        with pytest.raises(ValueError, match=re.escape(str(path))):
            load(path)


def test_a_folder_and_a_file_of_other_bytes(saved):
    load, path = saved
    path.write_bytes(RNG.bytes(3000))
    with refused(load, path):
        load(path)
    path.unlink()
    path.mkdir()
    with refused(load, path):
        load(path)


def test_compression_that_is_not_known(saved):
    load, path = saved
    content = path.read_bytes()
    # The method of each member, in its own header and in the directory.
    for sign, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        for found in re.finditer(re.escape(sign), content):
            at = found.start() + place
            content = content[:at] + b"\x63\x00" + content[at + 2 :]
    path.write_bytes(content)
    with refused(load, path):
        load(path)


@pytest.fixture
def published(tmp_path):
    """Both sets that are published as text."""
    (tmp_path / "anomattr" / "tiny").mkdir(parents=True)
    for part in ("train", "valid", "test"):
        np.savetxt(tmp_path / "anomattr" / "tiny" / f"data_{part}.txt", ROWS)
    smd = {"train": ROWS, "test": ROWS, "test_label": LABELS}
    for part, table in smd.items():
        (tmp_path / "smd" / part).mkdir(parents=True)
        np.savetxt(tmp_path / "smd" / part / "one.txt", table, delimiter=",")
    (tmp_path / "smd" / "interpretation_label").mkdir()
    (tmp_path / "smd" / "interpretation_label" / "one.txt").write_text("1-2:1\n")
    return tmp_path


GARBAGE = {
    "bytes": RNG.bytes(3000),
    "zeros": bytes(3000),
    "words": b"no numbers\nat all\n",
    "ragged": b"1,2,3\n1,2,3,4,5\n",
    "cut short": b"1,2,3\n1,2\n",
    "quotes": b'"1,2,3\n' * 9,
    "empty": b"",
}


def load_published(folder, name):
    if name == "smd":
        return load_smd(folder / "smd", "one")
    return load_anomattr(folder / "anomattr", "tiny")


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize(
    "place",
    [
        "anomattr/tiny/data_train.txt",
        "anomattr/tiny/data_test.txt",
        "smd/train/one.txt",
        "smd/test/one.txt",
        "smd/test_label/one.txt",
    ],
)
def test_texts_that_are_not_tables(published, place, content):
    name = place.split("/")[0]
    load_published(published, name)
    path = published / place
    path.write_bytes(content)
    sentence = re.escape(f"{path} is not a table of numbers")
    with pytest.raises(ValueError, match=sentence):
        load_published(published, name)


def test_an_interpretation_that_is_not_text(published):
    path = published / "smd" / "interpretation_label" / "one.txt"
    path.write_bytes(b"\xff\xfe\x80")
    with pytest.raises(ValueError, match=re.escape(f"{path} is not a text file")):
        load_smd(published / "smd", "one")


@pytest.mark.parametrize("text", ["[" * 100_000, "[[1", "\x00", "null", "1e999"])
def test_an_interpretation_that_is_not_json(tmp_path, text):
    _, arrays = LOADERS["smd"]
    path = tmp_path / "one.npz"
    np.savez(path, **{**arrays, "interpretation": np.array(text)})
    with pytest.raises(ValueError, match=re.escape(f"{path}: interpretation is not")):
        load_smd(tmp_path, "one")
