"""The lists of ``deploybench list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.artifacts.catalogue import find_variant, variant_names
from exporters.checkpoints.architectures import ARCHITECTURES, PREFIX
from exporters.training.recipe import read_recipe, recipe_names

if TYPE_CHECKING:
    from exporters.variant import Variant


def render_choices() -> str:
    """Variants, architectures, recipes and profiles, one line each."""
    from bench.pipeline.options import PROFILES

    variants = {name: find_variant(name) for name in variant_names()}
    sections = {
        "variants (--variants)": {
            name: "; ".join(filter(None, [f"{one.runtime}, {one.precision}", _when(one), one.deprecated]))
            for name, one in variants.items()
        },
        "architectures with random weights (--checkpoint)": {
            PREFIX + name: fields["model_type"] for name, fields in ARCHITECTURES.items()
        },
        "recipes (deploybench train)": {name: read_recipe(name).description for name in recipe_names()},
        "profiles (--profile)": {name: one.description for name, one in PROFILES.items()},
    }
    return "\n\n".join(_section(title, rows) for title, rows in sections.items())


def _when(variant: Variant) -> str:
    """When a variant is measured; empty where it always is."""
    if not variant.default:
        return "if named"
    return f"if named or with {' or '.join(variant.needs)}" if variant.needs else ""


def _section(title: str, rows: dict[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join([title, *(f"  {name:<{width}}  {text}" for name, text in rows.items())])
