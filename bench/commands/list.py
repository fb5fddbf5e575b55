"""``deploybench list``: variants, architectures, recipes and profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.commands.common import add_command, print_answer

if TYPE_CHECKING:
    import argparse

    from exporters.variant import Variant


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(commands, "list", "list variants, architectures, recipes and profiles", ["deploybench list"])
    command.set_defaults(execute=_list)


def _list(_: argparse.Namespace) -> int:
    from bench.pipeline.options import PROFILES
    from exporters.artifacts.catalogue import find_variant, variant_names
    from exporters.checkpoints.architectures import ARCHITECTURES, PREFIX
    from exporters.training.recipe import read_recipe, recipe_names

    sections = {
        "variants (--variants)": {name: _description(find_variant(name)) for name in variant_names()},
        "architectures with random weights (--checkpoint)": {
            PREFIX + name: fields["model_type"] for name, fields in ARCHITECTURES.items()
        },
        "recipes (deploybench train)": {name: read_recipe(name).description for name in recipe_names()},
        "profiles (--profile)": {name: one.description for name, one in PROFILES.items()},
    }
    print_answer("\n\n".join(_section(title, rows) for title, rows in sections.items()))
    return 0


def _description(variant: Variant) -> str:
    """Runtime, number format, when it is measured unless always, deprecation."""
    when = f"if named or with {' or '.join(variant.needs)}" if variant.needs else ""
    when = when if variant.default else "if named"
    return "; ".join(filter(None, [f"{variant.runtime}, {variant.precision}", when, variant.deprecated]))


def _section(title: str, rows: dict[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join([title, *(f"  {name:<{width}}  {text}" for name, text in rows.items())])
