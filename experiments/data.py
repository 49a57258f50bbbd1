"""The data: Fashion-MNIST from its own files, sequences from their generator, digits for trials.

Nothing is trained on files that are not exactly the published ones: sizes and a hash of the
decompressed bytes are checked at each reading. (The hash is not that of the .gz files: Debian
packs the same bytes anew.)
"""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import urllib.request
import zlib
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.config import Config

FOLDER_VARIABLE = "FASHION_MNIST"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
UPSTREAM = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
SPLIT_SEED = 20250101
VALIDATION = 10_000


class DataError(Exception):
    """The data are missing, or are not what they have to be; the text says what to do."""


@dataclass(frozen=True)
class File:
    """One of the four files: the shape of what it holds and the SHA-256 of its bytes, unpacked."""

    name: str
    shape: tuple[int, ...]
    sha256: str


FILES = {
    "train_images": File(
        "train-images-idx3-ubyte.gz",
        (60_000, 28, 28),
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train_labels": File(
        "train-labels-idx1-ubyte.gz",
        (60_000,),
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "test_images": File(
        "t10k-images-idx3-ubyte.gz",
        (10_000, 28, 28),
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "test_labels": File(
        "t10k-labels-idx1-ubyte.gz",
        (10_000,),
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

MISSING = (
    "Fashion-MNIST was not found in {tried}. On Debian and Ubuntu, "
    "`sudo apt install dataset-fashion-mnist` brings it. Elsewhere, "
    "`python -m experiments download FOLDER` fetches its four files (31 MB) and checks them; then "
    "set " + FOLDER_VARIABLE + "=FOLDER."
)


@dataclass(frozen=True)
class Split:
    """Inputs (B, 1, ...) and labels for training, validation and test."""

    train: tuple[torch.Tensor, torch.Tensor]
    validation: tuple[torch.Tensor, torch.Tensor]
    test: tuple[torch.Tensor, torch.Tensor]


# --- Files ----------------------------------------------------------------------------


def read_idx(path: Path, file: File) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return what an IDX file holds, or say what is wrong with it.

    Parameters
    ----------
    path : Path
        The packed file.
    file : File
        What it has to be.

    Returns
    -------
    ndarray of uint8

    Raises
    ------
    DataError
        If it cannot be unpacked, has another size, shape or hash.

    Notes
    -----
    IDX: two zero bytes, the type (8 is uint8), the number of axes, each size as a big-endian
    32-bit number, then the values.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as problem:
        msg = f"{path} must be a whole gzip file. Received: {problem}"
        raise DataError(msg) from problem
    head = struct.pack(f">HBB{len(file.shape)}I", 0, 8, len(file.shape), *file.shape)
    expected = len(head) + prod(file.shape)
    if content[: len(head)] != head or len(content) != expected:
        msg = (
            f"{path} must hold {file.shape} numbers of one byte, {expected} bytes in all. "
            f"Received: {len(content)} bytes that begin with {content[: len(head)].hex()}"
        )
        raise DataError(msg)
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        msg = f"{path}, unpacked, must have the SHA-256 {file.sha256}. Received: {found}"
        raise DataError(msg)
    return np.frombuffer(content, np.uint8, offset=len(head)).reshape(file.shape)


def folder() -> Path:
    """Return the folder of Fashion-MNIST: the one that a variable names, or else Debian's.

    Raises
    ------
    DataError
        If a file is missing; the message says how to get it.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    found = Path(named) if named else DEBIAN
    if not all((found / file.name).is_file() for file in FILES.values()):
        raise DataError(MISSING.format(tried=found))
    return found


def download(target: Path, source: str = UPSTREAM) -> None:
    """Fetch the four files from where their authors keep them, and check each.

    Parameters
    ----------
    target : Path
        A folder; it is made. What is there and right is not fetched again.
    source : str, optional
        Address of the folder that holds the files.

    Raises
    ------
    DataError
        If a file cannot be fetched or is not the published one. A wrong file gets no name.
    """
    target.mkdir(parents=True, exist_ok=True)
    for file in FILES.values():
        path = target / file.name
        if path.exists():
            read_idx(path, file)
            continue
        part = path.with_suffix(".part")
        try:
            with urllib.request.urlopen(source + file.name, timeout=60) as answer:
                part.write_bytes(answer.read())
            read_idx(part, file)
        except OSError as problem:
            part.unlink(missing_ok=True)
            msg = f"{source + file.name} could not be fetched: {problem}"
            raise DataError(msg) from problem
        except DataError:
            part.unlink(missing_ok=True)
            raise
        part.rename(path)


# --- Data sets ------------------------------------------------------------------------


def load(config: Config) -> Split:
    """Return the data of a configuration, split and standardised.

    Parameters
    ----------
    config : Config

    Returns
    -------
    Split
        Less the mean of all training pixels, divided by their standard deviation.

    Raises
    ------
    DataError
        If files are missing or wrong.
    """
    return _load(config.data, config.resolution)


@cache
def _load(data: str, resolution: int) -> Split:
    return {"fashion": fashion, "mnist1d": mnist1d, "digits": digits}[data](resolution)


def fashion(resolution: int = 28) -> Split:
    """Return Fashion-MNIST: 50,000 pictures for training, 10,000 for validation, 10,000 for test.

    Parameters
    ----------
    resolution : {28, 14}
        14 takes the mean of each 2×2.

    Returns
    -------
    Split
    """
    where = folder()
    arrays = {name: read_idx(where / file.name, file) for name, file in FILES.items()}
    order = np.random.default_rng(SPLIT_SEED).permutation(len(arrays["train_labels"]))
    kept, held = order[:-VALIDATION], order[-VALIDATION:]
    images, labels = arrays["train_images"], arrays["train_labels"]
    return _standardised(
        (_pooled(images[kept], resolution), labels[kept]),
        (_pooled(images[held], resolution), labels[held]),
        (_pooled(arrays["test_images"], resolution), arrays["test_labels"]),
    )


def _pooled(images: np.ndarray[Any, Any], resolution: int) -> np.ndarray[Any, Any]:
    """Return the means of blocks, as many a side as the resolution says."""
    count, height, width = images.shape
    blocks = images.reshape(
        count, resolution, height // resolution, resolution, width // resolution
    )
    means: np.ndarray[Any, Any] = blocks.mean((2, 4), dtype=np.float32)
    return means


def mnist1d(length: int = 40) -> Split:
    """Return sequences: the 4,000 + 1,000 of the generator's own seed, and 20,000 for test.

    Parameters
    ----------
    length : int, optional
        Positions.

    Returns
    -------
    Split
        Validation is what the package calls test; the 20,000 come from another seed.

    Notes
    -----
    Greydanus and Kobak, "Scaling Down Deep Learning with MNIST-1D" (2024).
    """
    from mnist1d.data import (  # type: ignore[import-untyped]
        get_dataset_args,
        make_dataset,
    )

    state = np.random.get_state()  # noqa: NPY002  # the generator seeds the global one
    try:
        arguments = get_dataset_args()
        arguments.final_seq_length = length
        own = make_dataset(arguments)
        arguments.seed += 1
        arguments.num_samples, arguments.train_split = 20_000, 0.0
        other = make_dataset(arguments)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return _standardised(
        (own["x"], own["y"]), (own["x_test"], own["y_test"]), (other["x_test"], other["y_test"])
    )


def digits(resolution: int = 8) -> Split:
    """Return the digits of scikit-learn: 1,000 for training, 397 for validation, 400 for test."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    found = load_digits()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(found.target))
    images, labels = _pooled(found.images[order], resolution), found.target[order]
    cuts = (slice(0, 1000), slice(1000, 1397), slice(1397, None))
    first, second, third = ((images[cut], labels[cut]) for cut in cuts)
    return _standardised(first, second, third)


def _standardised(*parts: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]) -> Split:
    """Return tensors, all shifted and scaled as the training part asks for."""
    values = parts[0][0].astype(np.float64)
    mean, deviation = values.mean(), values.std()
    train, validation, test = (
        (
            torch.from_numpy(((x - mean) / deviation).astype(np.float32)[:, None]),
            torch.from_numpy(y.astype(np.int64)),
        )
        for x, y in parts
    )
    return Split(train, validation, test)


__all__ = ["DataError", "File", "Split", "digits", "download", "fashion", "load", "mnist1d"]
