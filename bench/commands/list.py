"""``deploybench list``: variants, architectures, recipes and profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..pipeline.options import add_options
from .common import add_command, print_answer

if TYPE_CHECKING:
    import argparse

    from ...exporters.variant import Variant


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "list",
        "list variants, architectures, recipes and profiles",
        ["deploybench list", "deploybench list --plugin acme.numpy_fp32"],
    )
    command.set_defaults(execute=_list)
    add_options(command.add_argument, ("--plugin",))


def _list(parsed: argparse.Namespace) -> int:
    from ...exporters.artifacts.catalogue import usable_variants
    from ...exporters.artifacts.plugins import use_plugins
    from ...exporters.checkpoints.architectures import ARCHITECTURES, PREFIX
    from ...exporters.training.recipe import read_recipe, recipe_names
    from ..pipeline.exports import note_broken_plugins
    from ..pipeline.options import PROFILES

    use_plugins(parsed.plugin or ())
    note_broken_plugins()
    sections = {
        "variants (--variants)": {name: _description(name, one) for name, one in usable_variants().items()},
        "architectures with random weights (--checkpoint)": {
            PREFIX + name: fields["model_type"] for name, fields in ARCHITECTURES.items()
        },
        "recipes (deploybench train)": {name: read_recipe(name).description for name in recipe_names()},
        "profiles (--profile)": {name: one.description for name, one in PROFILES.items()},
    }
    print_answer("\n\n".join(_section(title, rows) for title, rows in sections.items()))
    return 0


def _description(name: str, variant: Variant) -> str:
    """Runtime, number format, when it is measured unless always, deprecation, module of a plugin, absent packages."""
    from ...exporters.artifacts.catalogue import absent_packages
    from ...exporters.artifacts.plugins import plugin_module, plugin_names
    from ...exporters.packages import install

    of = f"of {plugin_module(name)}" if name in plugin_names() else ""
    when = f"if named or with {' or '.join(variant.needs)}" if variant.needs else ""
    when = when if variant.default else "if named"
    packages = absent_packages(name)
    lacks = f"not installed: {install(packages)}" if packages else ""
    return "; ".join(filter(None, [f"{variant.runtime}, {variant.precision}", when, variant.deprecated, of, lacks]))


def _section(title: str, rows: dict[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join([title, *(f"  {name:<{width}}  {text}" for name, text in rows.items())])
