"""The command on photographs of every kind, on files that are none, and with nobody listening."""

from __future__ import annotations

import io
import json
import os
import signal
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_pretrained import PHOTOS, RIGHT, SKIMAGE

from dsconv import classify
from dsconv.classify import main
from dsconv.pretrained import PRETRAINED, PhotographError, load, open_photograph

EXIF_ORIENTATION = 0x0112
COFFEE, CAMERA = str(PHOTOS["coffee"]), str(PHOTOS["camera"])


@pytest.fixture(scope="module", autouse=True)
def loaded_once():
    """Loading is tested in test_pretrained; here each network is read once."""
    nets = {name: load(name) for name in PRETRAINED}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classify, "load", nets.__getitem__)
        yield nets


@pytest.fixture
def command(capfd):
    """Run the command with the quicker backend; return its status and what it wrote."""

    def call(*arguments):
        status = main(["--backend", "torch", *map(str, arguments)])
        written = capfd.readouterr()
        return status, written.out, written.err

    return call


def in_process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "dsconv.classify", *arguments],
        capture_output=True, text=True, check=False, **options,
    )  # fmt: skip


# --- Answers --------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("model", PRETRAINED)
def test_json(capfd, loaded_once, model, backend):
    files = [str(PHOTOS[name]) for name in ("coffee", "camera", "chelsea")]
    assert main([*files, "--model", model, "--backend", backend, "--json", "--top", "3"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    entries = json.loads(out)
    assert [entry["file"] for entry in entries] == files
    for entry, allowed in zip(entries, RIGHT.values(), strict=True):
        assert list(entry) == ["file", "predictions"]
        found = entry["predictions"]
        assert found[0]["index"] in allowed
        assert len(found) == 3
        expected = loaded_once[model].predict(entry["file"], "torch", top=3)
        for one, prediction in zip(found, expected, strict=True):
            assert list(one) == ["index", "label", "probability"]
            assert type(one["index"]) is int
            assert one["label"] == prediction.label
            assert one["probability"] == pytest.approx(prediction.probability, rel=1e-3)
        assert found[0]["probability"] > found[1]["probability"] > 0


def test_a_table_for_people(command):
    status, out, err = command(COFFEE, CAMERA)
    assert (status, err) == (0, "")
    first, second = out.split("\n\n")
    assert first.splitlines()[:3] == [COFFEE, "  99.21 %  espresso (967)", "   0.43 %  consomme (925)"]  # fmt: skip  # noqa: E501
    assert second.splitlines()[:2] == [CAMERA, "  97.80 %  tripod (872)"]
    assert len(first.splitlines()) == len(second.splitlines()) == 1 + 5
    assert out.endswith("\n")


def test_top_and_the_order_of_arguments(command):
    _, out, _ = command("--top", "1", COFFEE, "--model", "efficientnet_lite0")
    assert out == f"{COFFEE}\n  95.11 %  espresso (967)\n"
    _, out, _ = command("--json", "--top=1000", COFFEE)
    found = json.loads(out)[0]["predictions"]
    assert sum(one["probability"] for one in found) == pytest.approx(1)


def test_a_file_named_twice_is_answered_twice(command):
    _, out, _ = command("--json", "--top", "1", COFFEE, COFFEE)
    assert len(json.loads(out)) == 2


MORE = ("text.png", "page.png", "horse.png", "logo.png", "multipage.tif", "retina.jpg",
        "no_time_for_that_tiny.gif", "chessboard_GRAY.png", "phantom.png", "ihc.png")  # fmt: skip


def test_ten_more_real_images(command):
    """Grey, 1 bit, transparent, several pages, animated: an answer to each and not a word more."""
    status, out, err = command("--json", "--top", "1", *(SKIMAGE / name for name in MORE))
    assert (status, err) == (0, "")
    assert len(json.loads(out)) == len(MORE)


# --- How a file becomes a photograph --------------------------------------------------


@pytest.fixture
def save(tmp_path):
    """Save an image as Pillow does and read it as a photograph."""

    def save(image, name, **options):
        file = tmp_path / name
        image.save(file, **options)
        photograph = open_photograph(file)
        assert photograph.mode == "RGB"
        return np.asarray(photograph)

    return save


COLOURS = np.random.default_rng(5).integers(0, 256, (7, 5, 3), dtype=np.uint8)
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),  # a telephone held upright: turn it to the right
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", TURNS)
def test_exif_turns(save, orientation, suffix):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    lossless = {"lossless": True, "exact": True} if suffix == "webp" else {}
    seen = save(Image.fromarray(COLOURS), f"a.{suffix}", exif=exif, **lossless)
    assert np.array_equal(seen, TURNS[orientation](COLOURS))


def test_exif_of_a_jpeg_changes_the_answer_back(command, tmp_path):
    """The usual case: a photograph that is stored lying."""
    lying = np.rot90(np.asarray(open_photograph(COFFEE)))
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    Image.fromarray(lying).save(tmp_path / "a.jpg", quality=95, exif=exif)
    Image.fromarray(lying).save(tmp_path / "b.jpg", quality=95)
    _, out, _ = command("--json", "--top", "1", COFFEE, tmp_path / "a.jpg", tmp_path / "b.jpg")
    upright, turned, lying = (entry["predictions"][0]["probability"] for entry in json.loads(out))
    assert turned == pytest.approx(upright, abs=0.01)
    assert abs(lying - upright) > 0.01


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(save, orientation):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    assert np.array_equal(save(Image.fromarray(COLOURS), "a.png", exif=exif), COLOURS)


@pytest.mark.parametrize("rubbish", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM"])
def test_damaged_exif_is_no_reason_to_refuse(command, tmp_path, rubbish):
    Image.open(COFFEE).save(tmp_path / "a.jpg", exif=rubbish)
    status, out, err = command("--top", "1", tmp_path / "a.jpg")
    assert (status, err) == (0, "")
    assert "espresso" in out


def test_grey_is_three_equal_colours(save):
    grey = COLOURS[..., 0]
    assert np.array_equal(save(Image.fromarray(grey), "a.png"), np.dstack([grey] * 3))
    bits = save(Image.fromarray(grey).convert("1", dither=0), "b.png")
    assert np.array_equal(bits[..., 0], np.where(grey > 127, 255, 0))


def test_a_palette_is_looked_up(save):
    image = Image.fromarray(COLOURS).quantize(256)
    assert np.array_equal(save(image, "a.png"), np.asarray(image.convert("RGB")))


def expected_on_white(colours, alpha):
    part = alpha[..., None] / 255
    return colours * part + 255 * (1 - part)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_what_is_transparent_is_put_on_white(save, suffix):
    alpha = COLOURS[..., 2]
    image = Image.fromarray(np.dstack([COLOURS, alpha]))
    expected = expected_on_white(COLOURS, alpha)
    assert save(image, f"a.{suffix}") == pytest.approx(expected, abs=1)
    grey = save(image.convert("LA"), f"b.{suffix}")
    lightness = np.asarray(Image.fromarray(COLOURS).convert("L"))
    assert grey[..., 1] == pytest.approx(expected_on_white(lightness[..., None], alpha)[..., 0], abs=1)  # fmt: skip  # noqa: E501


def test_a_transparent_colour_is_white_too(save):
    image = Image.new("P", (4, 3), 0)
    image.putpalette([0, 0, 0, 200, 30, 40])
    image.putpixel((1, 1), 1)
    for suffix in ("png", "gif"):
        seen = save(image, f"a.{suffix}", transparency=0)
        assert seen[0, 0].tolist() == [255, 255, 255]
        assert seen[1, 1].tolist() == [200, 30, 40]
    rgb = save(Image.new("RGB", (4, 3), (9, 8, 7)), "b.png", transparency=(9, 8, 7))
    assert (rgb == 255).all()


def test_cmyk(save):
    image = Image.fromarray(COLOURS).convert("CMYK")
    assert save(image, "a.tif") == pytest.approx(COLOURS, abs=1)
    white = save(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), "b.jpg")
    assert (white > 250).all()


def test_sixteen_bits_keep_the_upper_eight(save):
    values = np.array([[0, 255, 256], [32768, 65279, 65535]], np.uint16)
    for suffix in ("png", "tif"):
        seen = save(Image.fromarray(values), f"a.{suffix}")
        assert seen[..., 0].tolist() == [[0, 0, 1], [128, 254, 255]]
    # Pillow calls the same numbers in a PGM 32 bits.
    assert save(Image.fromarray(values), "a.pgm")[..., 0].tolist() == [[0, 0, 1], [128, 254, 255]]


def test_fractions_and_large_numbers_reach_from_black_to_white(save):
    fractions = np.array([[0.25, 0.5, 0.75]], np.float32)
    assert save(Image.fromarray(fractions), "a.tif")[0, :, 0].tolist() == [0, 128, 255]
    large = np.array([[-100_000, 0, 100_000]], np.int32)
    assert save(Image.fromarray(large), "b.tif")[0, :, 0].tolist() == [0, 128, 255]
    flat = np.full((2, 2), np.nan, np.float32)
    assert not save(Image.fromarray(flat), "c.tif").any()


def test_of_an_animation_the_first_picture(save):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]
    for suffix in ("gif", "png", "webp", "tif"):
        options = {"lossless": True} if suffix == "webp" else {}
        seen = save(frames[0], f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
        assert (seen == [255, 0, 0]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (3, 4), (5000, 40)])
def test_small_and_very_long_images_are_answered(command, tmp_path, size):
    """Resized whole, 1 × 20,000 pixels would become 256 × 5,120,000."""
    Image.new("RGB", size, "teal").save(tmp_path / "a.png")
    for model in PRETRAINED:
        status, out, err = command("--model", model, "--top", "1", tmp_path / "a.png")
        assert (status, err) == (0, "")
        assert len(out.splitlines()) == 2


def test_the_middle_of_a_very_long_image_is_seen(loaded_once):
    middle = np.asarray(open_photograph(CAMERA))
    rest = np.full((512, 512 * 10, 3), 90, np.uint8)
    image = np.concatenate([rest, middle, rest], axis=1)
    net = loaded_once["mobilenet_v2"]
    for turn in (np.asarray, np.rot90):  # long across, and long down
        whole = net.preprocess(np.ascontiguousarray(turn(image)))
        part = net.preprocess(np.ascontiguousarray(turn(middle)))
        assert np.abs(whole - part).max() < 1.1 / 255 / 0.224  # rounded another way, one level


def test_the_caller_keeps_her_warnings(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        open_photograph(COFFEE)
        warnings.warn("mine", stacklevel=1)
    assert [str(w.message) for w in caught] == ["mine"]


# --- Files that are none --------------------------------------------------------------


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_size(width, height):
    """Return a PNG that says it is so large, with hardly anything in it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def encoded(format, part=1.0, **options):
    stream = io.BytesIO()
    image = Image.open(COFFEE).resize((300, 200))
    image.save(stream, format, **options)
    content = stream.getvalue()
    return content[: int(part * len(content))]


CUT_OFF = "the image is cut off, damaged or unusual ("
NO_IMAGE = "this is no image that Pillow can read"
BROKEN = {
    "empty.jpg": (b"", "the file is empty"),
    "text.jpg": (b"Not a photograph.\n", NO_IMAGE),
    "zeros.png": (bytes(5000), NO_IMAGE),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", NO_IMAGE),
    "start.png": (encoded("PNG", 0.0001) or b"\x89", NO_IMAGE),
    "half.png": (encoded("PNG", 0.5), CUT_OFF),
    "half.jpg": (encoded("JPEG", 0.5), CUT_OFF),
    "half.gif": (encoded("GIF", 0.5), CUT_OFF),
    "half.bmp": (encoded("BMP", 0.5), CUT_OFF),
    "half.tif": (encoded("TIFF", 0.5), CUT_OFF),
    "packed.tif": (encoded("TIFF", 0.7, compression="tiff_lzw"), NO_IMAGE),  # its table is last
    "half.webp": (encoded("WEBP", 0.5), CUT_OFF),
    "half.jp2": (encoded("JPEG2000", 0.3), CUT_OFF),
    "garbled.png": (png_of_size(300, 200), CUT_OFF),
    "bomb.png": (png_of_size(100_000, 100_000), "the image has more than 89,478,485 pixels"),
    "large.png": (png_of_size(10_000, 9_000), "the image has more than 89,478,485 pixels"),
    "nothing.png": (png_of_size(0, 200), NO_IMAGE),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_gets_one_line_and_the_others_their_answer(command, tmp_path, name):
    content, reason = BROKEN[name]
    file = tmp_path / name
    file.write_bytes(content)
    status, out, err = command("--json", "--top", "1", file, COFFEE)
    assert status == 1
    assert [entry["file"] for entry in json.loads(out)] == [COFFEE]
    assert err.count("\n") == 1
    assert err.startswith(f"dsconv.classify: {file}: ")
    assert reason in err
    assert len(err) < len(str(file)) + 250


@pytest.fixture
def special(tmp_path):
    """Files that cannot be made from bytes, and what is said of each."""
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("x")
    return {
        str(tmp_path / "missing.jpg"): "there is no such file",
        str(tmp_path): "this is a folder",
        str(tmp_path / "broken"): "the link leads to no file",
        str(tmp_path / "loop"): "too many levels of symbolic links",
        str(tmp_path / "pipe"): "this is no regular file",
        str(tmp_path / "text" / "a.jpg"): "not a directory",
        str(tmp_path / ("a" * 300)): "file name too long",
        "/dev/zero": "this is no regular file",
        "": "there is no such file",
        "a\0b": "unusual (embedded null byte)",
    }


def test_what_is_no_file_gets_one_line_each(command, special):
    status, out, err = command("--top", "1", *special, COFFEE)
    assert status == 1
    assert out == f"{COFFEE}\n  99.21 %  espresso (967)\n"
    lines = err.splitlines()
    assert len(lines) == len(special)
    for line, (file, reason) in zip(lines, special.items(), strict=True):
        assert line.startswith(f"dsconv.classify: {file}: ".replace("\0", r"\x00"))
        assert line.endswith(reason)


def test_no_permission(command, monkeypatch):
    """Root may read everything, so the refusal is played."""
    opened = Path.open

    def refuse(self, *arguments):
        if str(self) == CAMERA:
            raise PermissionError(13, "Permission denied", CAMERA)
        return opened(self, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    status, out, err = command("--json", CAMERA, COFFEE)
    assert (status, len(json.loads(out))) == (1, 1)
    assert err == f"dsconv.classify: {CAMERA}: you may not read this file\n"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "the image does not fit into this machine's memory"),
        (ValueError("two\n  lines"), "the image is cut off, damaged or unusual (two lines)"),
        (KeyError(), "the image is cut off, damaged or unusual (KeyError)"),
        (SyntaxError("x" * 999), f"the image is cut off, damaged or unusual ({'x' * 120})"),
    ],
)
def test_whatever_a_decoder_raises_is_one_line(monkeypatch, error, reason):
    def load(_):
        raise error

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(PhotographError) as caught:
        open_photograph(COFFEE)
    assert (caught.value.file, caught.value.reason) == (COFFEE, reason)
    assert str(caught.value) == f"{COFFEE}: {reason}"
    assert caught.value.__cause__ is error


def test_when_no_file_can_be_read_no_network_is(command, monkeypatch):
    monkeypatch.setattr(classify, "load", None)
    assert command("--json", "missing.png", "/")[:2] == (1, "[]\n")
    assert command("missing.png")[:2] == (1, "")


def test_names_stay_on_one_line(command, tmp_path):
    for name in ("new\nline.png", "tab\t\x1b[31m.png", "café ☕.png"):
        (tmp_path / name).write_bytes(Path(COFFEE).read_bytes())
    names = [str(tmp_path / name) for name in ("new\nline.png", "tab\t\x1b[31m.png", "café ☕.png")]
    status, out, err = command("--top", "1", *names, "no\nfile")
    assert status == 1
    assert err == "dsconv.classify: no\\nfile: there is no such file\n"
    assert out.count("\n") == 3 * 2 + 2  # a name and a class for each, and two lines between
    assert "new\\nline.png" in out
    assert "tab\\t\\x1b[31m.png" in out
    assert "café ☕.png" in out
    _, out, _ = command("--json", "--top", "1", *names)
    assert [entry["file"] for entry in json.loads(out)] == names


def test_the_network_is_loaded_once_and_may_warn(command, monkeypatch, loaded_once):
    asked = []

    def warning(name):
        asked.append(name)
        warnings.warn("Deprecated", DeprecationWarning, stacklevel=1)
        return loaded_once[name]

    monkeypatch.setattr(classify, "load", warning)
    assert command("--top", "1", COFFEE, CAMERA)[::2] == (0, "")
    assert asked == ["mobilenet_v2"]


def test_a_network_that_cannot_be_had_is_one_line(command, monkeypatch):
    def missing(name):
        raise FileNotFoundError(f"The weights of {name} are not here. Install them.")

    monkeypatch.setattr(classify, "load", missing)
    status, out, err = command("--json", COFFEE, CAMERA)
    assert (status, out) == (1, "")
    assert err == "dsconv.classify: The weights of mobilenet_v2 are not here. Install them.\n"


# --- The call -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: PHOTO"),
        ([COFFEE, "--top", "0"], "--top: must be a whole number from 1 to 1000, not '0'"),
        ([COFFEE, "--top", "1001"], "--top: must be"),
        ([COFFEE, "--top", "2.5"], "--top: must be"),
        ([COFFEE, "--top"], "--top: expected one argument"),
        ([COFFEE, "--model", "vgg"], "--model: invalid choice: 'vgg'"),
        ([COFFEE, "--backend", "jax"], "--backend: invalid choice: 'jax'"),
        ([COFFEE, "--jso"], "unrecognized arguments: --jso"),
        ([COFFEE, "--a\nb"], "unrecognized arguments: --a\\nb"),
    ],
)
def test_a_wrong_call_is_one_line_and_status_2(capfd, arguments, said):
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("dsconv.classify: ")
    assert said in err


def test_help(capfd):
    assert main(["--help"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    for word in ("PHOTO", "--model", "--backend", "--top", "--json", *PRETRAINED):
        assert word in out


# --- Terminals, pipes, interruptions --------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("files", "bar"), [(1, False), (2, True)])
def test_a_bar_on_a_terminal_for_several(monkeypatch, capsys, files, bar):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    given = [COFFEE, CAMERA][:files]
    assert main([*given, "--backend", "torch", "--top", "1", "--json"]) == 0
    assert ("photo" in terminal.getvalue()) is bar
    assert len(json.loads(capsys.readouterr().out)) == files
    if bar:
        assert "0/2" in terminal.getvalue()  # later states are shown ten times a second at most
        assert terminal.getvalue().endswith("\r")  # taken away


def test_no_bar_elsewhere_and_complaints_beside_it(monkeypatch, command):
    assert command(COFFEE, CAMERA)[2] == ""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["missing.png", "gone.png"]) == 1
    for file in ("missing.png", "gone.png"):
        assert f"\rdsconv.classify: {file}: there is no such file\n" in terminal.getvalue()


def test_ctrl_c_is_one_line_and_130(monkeypatch, capsys):
    def interrupt(file):
        raise KeyboardInterrupt

    monkeypatch.setattr(classify, "open_photograph", interrupt)
    assert main([COFFEE, CAMERA]) == 130
    assert capsys.readouterr().err == "dsconv.classify: interrupted\n"


def test_answers_come_one_by_one_until_ctrl_c():
    """All the answers together would fit into the pipe's buffer, and be read at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dsconv.classify", *[COFFEE] * 30],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell in the background ignores Ctrl-C, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout.readline() == f"{COFFEE}\n"  # it is at work
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "dsconv.classify: interrupted\n")


def test_nobody_reads():
    process = subprocess.Popen(
        [sys.executable, "-m", "dsconv.classify", *[COFFEE] * 500],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=30), err) == (141, "")


def test_a_whole_run_in_a_fresh_process(tmp_path):
    """As people call it: warnings are errors, the output knows ASCII alone, one file is broken."""
    (tmp_path / "caf\u00e9.png").write_bytes(Path(COFFEE).read_bytes())
    environment = os.environ | {"PYTHONWARNINGS": "error", "PYTHONIOENCODING": "ascii"}
    done = in_process("caf\u00e9.png", "gone\u00e9.png", "--top", "1", cwd=tmp_path, env=environment)  # fmt: skip  # noqa: E501
    assert done.returncode == 1
    assert done.stdout == "caf\\xe9.png\n  99.21 %  espresso (967)\n"
    assert done.stderr == "dsconv.classify: gone\\xe9.png: there is no such file\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full device")
def test_a_full_disk():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dsconv.classify", "--json", "missing.png"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "dsconv.classify: missing.png: there is no such file",
        "dsconv.classify: the answers cannot be written: no space left on device",
    ]


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_output_is_no_traceback(monkeypatch, closed):
    monkeypatch.setattr(sys, closed, None)
    assert main(["missing.png", "--json"]) == 1


def test_the_mains_example_is_the_modules_entry():
    done = in_process()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_one_photograph_is_in_memory_at_a_time(monkeypatch, capsys):
    import gc
    import weakref

    seen = []

    def watched(file):
        gc.collect()
        assert sum(reference() is not None for reference in seen) <= 1
        photograph = open_photograph(file)
        seen.append(weakref.ref(photograph))
        return photograph

    monkeypatch.setattr(classify, "open_photograph", watched)
    assert main([COFFEE, CAMERA, COFFEE, "--backend", "torch"]) == 0
    assert len(seen) == 3
