"""Variants by name: the file system is the registry, and listing imports none of them."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import TYPE_CHECKING

import exporters.variants
from exporters.errors import UnknownVariantError

if TYPE_CHECKING:
    from collections.abc import Collection

    from exporters.variant import Variant


def variant_names() -> tuple[str, ...]:
    """Names of all variants, sorted; imports none of them."""
    modules = pkgutil.iter_modules(exporters.variants.__path__)
    return tuple(sorted(module.name.replace("_", "-") for module in modules))


def default_variants(features: Collection[str]) -> tuple[str, ...]:
    """Names of the variants that are made when none is named, on a CPU with these ``features``."""
    variants = {name: find_variant(name) for name in variant_names()}
    return tuple(name for name, one in variants.items() if one.default and is_worth_while(one, features))


def is_worth_while(variant: Variant, features: Collection[str]) -> bool:
    """Whether a CPU with these ``features`` has one that the variant needs."""
    return not variant.needs or bool({*variant.needs} & {*features})


def check_variant_name(name: str) -> None:
    """Raise UnknownVariantError, with the nearest name, unless a file stands for ``name``."""
    known = variant_names()
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UnknownVariantError(f"unknown variant {name!r}; {hint}known variants: {', '.join(known)}")


def variant_module(name: str) -> str:
    """The module that stands for ``name``; one with a dot is a module of its own (tests and studies have such)."""
    return name if "." in name else f"exporters.variants.{name.replace('-', '_')}"


def find_variant(name: str) -> Variant:
    """Import the one file that stands for ``name``."""
    if "." not in name:
        check_variant_name(name)
    module = importlib.import_module(variant_module(name))
    variant: Variant = module.VARIANT
    return variant
