"""Variants by name: the files in exporters/variants, and plugins."""

from __future__ import annotations

import importlib
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from ..cascades.cascade import cascade
from ..cascades.names import is_cascade, stages_of
from ..errors import MissingPackageError, PluginError, UnknownVariantError, did_you_mean
from ..packages import absent, missing
from .plugins import find_plugin, plugin_module, plugin_names, shipped_names

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..variant import Variant


def variant_names() -> tuple[str, ...]:
    """Names of all variants, sorted; imports none of them."""
    return tuple(sorted((*shipped_names(), *plugin_names())))


def usable_variants() -> dict[str, Variant]:
    """All variants by name, without broken plugins; the packages of some may be absent."""
    found = {}
    for name in variant_names():
        with suppress(PluginError):
            found[name] = find_variant(name)
    return found


def default_variants(features: Collection[str], *, labelled: bool = False) -> tuple[str, ...]:
    """Names of the variants that are exported when none is named, on a CPU with these ``features``.

    Left out are those whose packages are absent. ``labelled``: whether there are labelled texts to train another model on;
    without, none is a default.
    """
    wanted = _wanted_variants(features, labelled=labelled)
    return tuple(name for name in wanted if not absent_packages(name))


def left_out_variants(features: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The absent packages of each variant that ``default_variants`` leaves out for that reason."""
    found = {name: absent_packages(name) for name in _wanted_variants(features, labelled=True)}
    return {name: packages for name, packages in found.items() if packages}


def absent_packages(name: str) -> tuple[str, ...]:
    """The packages that variant ``name``, or one that it is exported from, needs and that are not installed."""
    variant = find_variant(name)
    made_from = [*([variant.base] if variant.base else []), *variant.stages]
    return absent([*variant.packages, *(package for one in made_from for package in absent_packages(one))])


def _wanted_variants(features: Collection[str], *, labelled: bool) -> tuple[str, ...]:
    return tuple(
        name
        for name, one in usable_variants().items()
        if one.default and is_worth_while(one, features) and (labelled or not one.another_model)
    )


def is_worth_while(variant: Variant, features: Collection[str]) -> bool:
    """Whether a CPU with these ``features`` has one of those that the variant needs."""
    return not variant.needs or bool({*variant.needs} & {*features})


def check_variant_name(name: str) -> None:
    """Raise UnknownVariantError, with the nearest name, unless ``name`` is a variant, and PluginError for a broken plugin.

    Raises MissingPackageError where its packages are not installed.
    """
    known = variant_names()
    for one in [stage.variant for stage in stages_of(name)] if is_cascade(name) else [name]:
        if one not in known:
            raise _unknown(one)
    if packages := absent_packages(name):
        raise MissingPackageError(f"{name}: {missing(packages)}")


def variant_module(name: str) -> str:
    """The module of variant ``name``; a name with a dot is a module itself (in tests and studies)."""
    if is_cascade(name):
        return cascade.__module__
    if "." in name:
        return name
    of_plugin = name not in shipped_names() and name in plugin_names()
    return plugin_module(name) if of_plugin else f"deploybench.exporters.variants.{name.replace('-', '_')}"


def find_variant(name: str) -> Variant:
    """Import the variant ``name``; raises UnknownVariantError or PluginError."""
    if is_cascade(name):
        return _cascade(name)
    if "." in name or name in shipped_names():  # entry points are not even read: memory is measured in some processes
        variant: Variant = importlib.import_module(variant_module(name)).VARIANT
        return variant
    if name not in plugin_names():
        raise _unknown(name)
    return find_plugin(name)


def trains_another_model(name: str) -> bool:
    """Whether variant ``name``, or a stage of it, is another model, which is trained on texts."""
    variant = find_variant(name)
    return any(one.another_model for one in (variant, *map(find_variant, variant.stages)))


@cache
def _cascade(name: str) -> Variant:
    return cascade(stages_of(name), find_variant)


def _unknown(name: str) -> UnknownVariantError:
    known = variant_names()
    return UnknownVariantError(
        f"unknown variant {name!r}; {did_you_mean(name, known)}known variants: {', '.join(known)}; "
        "for one of another package, install it or pass --plugin MODULE"
    )
