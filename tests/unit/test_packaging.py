"""What pyproject.toml puts into a wheel."""

import tomllib
from pathlib import Path

from setuptools import find_packages

ROOT = Path(__file__).parents[2]


def test_every_data_file_is_in_a_package_and_in_its_package_data():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = find_packages(ROOT, include=settings["packages"]["find"]["include"])
    shipped = {
        path.relative_to(ROOT)
        for package, patterns in settings["package-data"].items()
        if package in packages
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    found = {
        path.relative_to(ROOT)
        for package in ("bench", "exporters", "suites")
        for path in (ROOT / "deploybench" / package).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and path.name != "README.md"
    }

    assert found == shipped - {Path("deploybench/py.typed")}
    assert {package.partition(".")[0] for package in packages} == {"deploybench"}
