"""Variants by name: the files in exporters/variants are the registry."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import exporters.variants
from exporters.errors import UnknownVariantError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

    from exporters.variant import Variant


def variant_names() -> tuple[str, ...]:
    """Names of all variants, sorted; imports none of them."""
    modules = pkgutil.iter_modules(exporters.variants.__path__)
    return tuple(sorted(module.name.replace("_", "-") for module in modules))


def default_variants(features: Collection[str], *, labelled: bool = False) -> tuple[str, ...]:
    """Names of the variants that are exported when none is named, on a CPU with these ``features``.

    ``labelled``: whether there are labelled texts to train another model on; without, none is a default.
    """
    variants = {name: find_variant(name) for name in variant_names()}
    return tuple(
        name
        for name, one in variants.items()
        if one.default and is_worth_while(one, features) and (labelled or not one.another_model)
    )


def is_worth_while(variant: Variant, features: Collection[str]) -> bool:
    """Whether a CPU with these ``features`` has one of those that the variant needs."""
    return not variant.needs or bool({*variant.needs} & {*features})


def check_variant_name(name: str) -> None:
    """Raise UnknownVariantError, with the nearest name, unless ``name`` is a variant."""
    known = variant_names()
    if name in known:
        return
    raise UnknownVariantError(
        f"unknown variant {name!r}; {did_you_mean(name, known)}known variants: {', '.join(known)}"
    )


def variant_module(name: str) -> str:
    """The module of variant ``name``; a name with a dot is a module itself (in tests and studies)."""
    return name if "." in name else f"exporters.variants.{name.replace('-', '_')}"


def find_variant(name: str) -> Variant:
    """Import the variant ``name``."""
    if "." not in name:
        check_variant_name(name)
    module = importlib.import_module(variant_module(name))
    variant: Variant = module.VARIANT
    return variant
