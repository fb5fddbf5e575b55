"""Variants of other packages: found without being imported, refused in one line, part of the fingerprint."""

import importlib
import sys
from pathlib import Path

import pytest

from deploybench.bench import cli
from deploybench.bench.pipeline.exports import note_broken_plugins
from deploybench.exporters.artifacts import plugins
from deploybench.exporters.artifacts.catalogue import default_variants, find_variant, variant_module, variant_names
from deploybench.exporters.artifacts.source import source_digest, source_files
from deploybench.exporters.errors import PluginError

GOOD = """
from dataclasses import replace
from deploybench.exporters.variants import onnx_fp32
from .parts.session import load
VARIANT = replace(onnx_fp32.VARIANT, runtime="acme", load=load)
"""
BAD = {  # module: its code, and what the line says
    "raising_fp32": ("1 / 0", "its import raises ZeroDivisionError: division by zero; expected a module"),
    "ending_fp32": ("raise SystemExit(3)", "its import raises SystemExit: 3; expected a module"),
    "empty_fp32": ("", "has no VARIANT, expected one of the type deploybench.exporters.variant.Variant: define it"),
    "other_fp32": (
        "VARIANT = {}",
        "has a VARIANT of the type dict, expected one of the type deploybench.exporters.variant.Variant",
    ),
    "other_int8": (GOOD, "brings a variant called 'other-int8', expected <runtime>-fp32[-<how>] in lower case: rename"),
    "Other_fp32": (GOOD, "brings a variant called 'Other-fp32', expected <runtime>-fp32[-<how>] in lower case: rename"),
    "fast": (GOOD, "brings a variant called 'fast', expected <runtime>-fp32[-<how>] in lower case: rename its module"),
    "onnx_fp32": (GOOD, "brings the variant 'onnx-fp32', and so does deploybench itself; expected a name of its own"),
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes a file of the package ``acme``, which can be imported; gives the package's folder."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv(plugins.VARIABLE, "")
    folder = tmp_path / "acme"
    (folder / "parts").mkdir(parents=True)
    for name in ("__init__.py", "parts/__init__.py"):
        (folder / name).touch()
    (folder / "parts" / "session.py").write_text(
        "from deploybench.exporters.runtimes.onnx_session import load_session as load\n"
    )
    (folder / "plain_fp32.py").write_text(GOOD)
    for module, (code, _) in BAD.items():
        (folder / f"{module}.py").write_text(code)
    plugins._installed.cache_clear()
    note_broken_plugins.cache_clear()
    yield folder
    plugins._installed.cache_clear()
    for module in [one for one in sys.modules if one.partition(".")[0] == "acme"]:
        del sys.modules[module]
    importlib.invalidate_caches()


def install(package, **entry_points):
    """Install the package with these entry points."""
    folder = package.parent / "acme-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: acme\nVersion: 1.0\n")
    lines = [f"{name.replace('_', '-')} = {module}" for name, module in entry_points.items()]
    (folder / "entry_points.txt").write_text("\n".join(["[deploybench.variants]", *lines]))


def line_of(capsys, *arguments):
    assert cli.main([*arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


@pytest.mark.parametrize("module", BAD)
def test_a_module_that_brings_no_variant_is_one_line(package, capsys, module):
    for command in (
        ["list"],
        ["recommend", "results"],
        ["export"],
        ["score", "x", "-o", "y.parquet", "--variant=onnx-fp32"],
    ):
        said = line_of(capsys, *command, f"--plugin=acme.{module}")
        assert said.startswith(f"deploybench: error: plugin acme.{module}: {BAD[module][1]}")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("./acme/plain_fp32.py", "--plugin: found './acme/plain_fp32.py', expected the name of a module such as"),
        ("acme.absent_fp32", "its import raises ModuleNotFoundError: No module named 'acme.absent_fp32'"),
        ("", "--plugin: found '', expected the name of a module"),
    ],
)
def test_what_is_no_module_is_one_line(package, capsys, module, message):
    assert message in line_of(capsys, "list", "--plugin", module)


def test_two_plugins_have_two_names(package, capsys):
    (package / "parts" / "plain_fp32.py").write_text(GOOD.replace(".parts", ""))
    install(package, plain_fp32="acme.plain_fp32")

    message = "plugin acme.parts.plain_fp32: brings the variant 'plain-fp32', and so does acme.plain_fp32; expected"
    assert message in line_of(capsys, "list", "--plugin=acme.parts.plain_fp32")


def test_the_flag_of_an_installed_module_changes_nothing(package, capsys):
    install(package, acme_fp32="acme.plain_fp32")

    assert cli.main(["list", "--plugin=acme.plain_fp32"]) == 0
    out, err = capsys.readouterr()
    assert "  acme-fp32                   acme, fp32; of acme.plain_fp32\n" in out
    assert "plain-fp32" not in out
    assert err == ""


def test_names_are_known_without_an_import(package):
    install(package, acme_fp32="acme.plain_fp32", bad_fp32="acme.raising_fp32")

    assert {"acme-fp32", "bad-fp32"} < set(variant_names())
    assert "acme" not in sys.modules
    assert variant_module("acme-fp32") == "acme.plain_fp32"
    assert find_variant("acme-fp32").runtime == "acme"


def test_what_is_installed_and_broken_is_said_once_and_left_out(package, capsys):
    install(package, acme_fp32="acme.plain_fp32", **{module: f"acme.{module}" for module in BAD})

    assert cli.main(["list"]) == cli.main(["list"]) == 0
    out, err = capsys.readouterr()
    said = " ".join(err.split())
    for module, (_, why) in BAD.items():
        assert said.count(f"left out: plugin acme.{module}: {why}") == 1
    assert "acme-fp32 " in out
    assert "raising-fp32" not in out
    found = default_variants([])
    assert "acme-fp32" in found
    assert "raising-fp32" not in found
    assert find_variant("onnx-fp32").runtime == "onnxruntime"
    with pytest.raises(PluginError, match=r"^plugin acme.raising_fp32: its import raises ZeroDivisionError"):
        find_variant("raising-fp32")


def test_a_broken_one_that_is_named_is_one_line(package, capsys):
    install(package, raising_fp32="acme.raising_fp32")

    assert "plugin acme.raising_fp32: its import raises" in line_of(capsys, "run", "--variants=raising-fp32")


def test_the_order_of_the_flags_is_free(package, capsys, tmp_path):
    for flags in (
        ["--plugin=acme.plain_fp32", "--variants=plain-fp32"],
        ["--variants=plain-fp32", "--plugin=acme.plain_fp32"],
    ):
        assert "nowhere" in line_of(capsys, "export", *flags, f"--checkpoint={tmp_path}/nowhere")
    plugins.os.environ[plugins.VARIABLE] = ""
    said = line_of(capsys, "export", "--variants=plain-fp32", f"--checkpoint={tmp_path}/nowhere")
    assert said.endswith("; for one of another package, install it or pass --plugin MODULE\n")


def test_the_source_of_a_plugin_is_followed(package):
    found = source_files("acme.plain_fp32")

    assert {"acme", "acme.plain_fp32", "acme.parts", "acme.parts.session"} <= set(found)
    assert {"deploybench.exporters.variants.onnx_fp32", "deploybench.exporters.runtimes.onnx_session"} <= set(
        found
    )  # it loads with these
    assert not [name for name in found if name.startswith("acme.raising")]


@pytest.mark.parametrize("changed", ["plain_fp32.py", "parts/session.py", "__init__.py"])
def test_a_changed_source_is_another_digest(package, tmp_path, monkeypatch, changed):
    monkeypatch.setattr("deploybench.exporters.artifacts.source._digest", Path.read_text)
    before = source_digest("acme.plain_fp32")
    file = package / changed
    file.write_text(file.read_text() + "# changed\n")

    assert source_digest("acme.plain_fp32") != before


def test_relative_imports_are_those_of_python(package):
    (package / "parts" / "deep.py").write_text(
        "from . import session\nfrom .. import plain_fp32\nfrom ..fast import x\n"
    )

    found = source_files("acme.parts.deep")
    assert {"acme.parts.session", "acme.plain_fp32", "acme.fast"} <= set(found)
