"""Variants of other packages: of installed ones by their entry points, and of modules that ``--plugin`` names."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import pkgutil
import re
from functools import cache
from typing import TYPE_CHECKING

from .. import variants
from ..errors import PluginError, first_line
from ..variant import Variant

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = "deploybench.variants"
"""Entry-point group: the name is the variant's, the value is the module that holds ``VARIANT``."""

VARIABLE = "DEPLOYBENCH_PLUGINS"
"""Modules of ``--plugin``, with commas; an environment variable, because child processes need them as well."""

_NAME = re.compile("[a-z0-9]+(-[a-z0-9]+)+")


def shipped_names() -> tuple[str, ...]:
    """Names of the variants of this project; imports none of them."""
    return tuple(module.name.replace("_", "-") for module in pkgutil.iter_modules(variants.__path__))


def plugin_names() -> tuple[str, ...]:
    """Names of the variants of other packages; imports none of them, so that some may be broken."""
    shipped = shipped_names()
    return tuple(name for name in _modules() if _NAME.fullmatch(name) and name not in shipped)


def plugin_module(name: str) -> str:
    """The module of the plugin variant ``name``; raises PluginError where the name is taken twice."""
    module, *others = _modules()[name]
    taken = "deploybench itself" if name in shipped_names() else next(iter(others), "")
    if taken:
        raise PluginError(
            f"plugin {module}: brings the variant {name!r}, and so does {taken}; expected a name of its own: rename or remove it"
        )
    return module


def find_plugin(name: str) -> Variant:
    """Import the plugin variant ``name``; raises PluginError."""
    module = plugin_module(name)
    try:
        variant = getattr(importlib.import_module(module), "VARIANT", None)
    except (Exception, SystemExit) as error:  # whatever the code of others raises
        raise PluginError(
            f"plugin {module}: its import raises {type(error).__name__}: {first_line(error)}; expected a module that is installed "
            "or on PYTHONPATH, and imports without error: correct or remove it"
        ) from error
    if not isinstance(variant, Variant):
        found = "no VARIANT" if variant is None else f"a VARIANT of the type {type(variant).__name__}"
        raise PluginError(
            f"plugin {module}: has {found}, expected one of the type {Variant.__module__}.Variant: define it"
        )
    if not _NAME.fullmatch(name) or name.split("-")[1] != variant.precision:
        raise PluginError(
            f"plugin {module}: brings a variant called {name!r}, expected <runtime>-{variant.precision}[-<how>] in lower case: "
            "rename its module or entry point"
        )
    return variant


def broken_plugins() -> tuple[str, ...]:
    """Why plugin variants cannot be used, one line each."""
    found = []
    for name in _modules():
        try:
            find_plugin(name)
        except PluginError as error:
            found.append(str(error))
    return tuple(found)


def use_plugins(modules: Sequence[str]) -> None:
    """Take the variant of each module as well, in this process and those that it starts; raises PluginError.

    A variant is called after its module, or as the entry point of the module says.
    """
    for module in modules:
        if not all(part.isidentifier() for part in module.split(".")):
            raise PluginError(f"--plugin: found {module!r}, expected the name of a module such as acme.numpy_fp32")
    if modules:
        os.environ[VARIABLE] = ",".join(dict.fromkeys([*_asked(), *modules]))
    names = {module: name for name, found in _modules().items() for module in found}
    for module in modules:
        find_plugin(names[module])


def _modules() -> dict[str, list[str]]:
    """Modules by the name of their variant; more than one is a mistake of the packages."""
    installed = _installed()
    known = {module for _, module in installed}
    asked = [(one.rpartition(".")[2].replace("_", "-"), one) for one in _asked() if one not in known]
    found: dict[str, list[str]] = {}
    for name, module in (*asked, *installed):
        found.setdefault(name, []).append(module)
    return found


def _asked() -> list[str]:
    return [one for one in os.environ.get(VARIABLE, "").split(",") if one]


@cache
def _installed() -> tuple[tuple[str, str], ...]:
    """Name and module of every entry point, in the order of their names."""
    return tuple(sorted({(one.name, one.value) for one in importlib.metadata.entry_points(group=GROUP)}))
