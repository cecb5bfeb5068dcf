"""`spellock attack list`: the attacks, what each needs, and their options."""

from __future__ import annotations

import json as json_format
import textwrap
from dataclasses import dataclass
from typing import Annotated

import tyro


@dataclass(frozen=True, kw_only=True)
class AttackListArgs:
    """List the attacks, the weakest level that allows each, and their options; of attacks that are named, what they do
    and what each option means."""

    name: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[NAME ...]")] = ()
    """Attacks to be told of in full. None: one line for each that there is."""
    json: bool = False
    """Print one JSON object instead."""


def run_list(args: AttackListArgs) -> int:
    """Print the attacks; returns 0.

    Raises:
        ConfigError: there is no attack of a name.
    """
    import dataclasses

    from spellock.attacks.levels import level_of
    from spellock.attacks.registry import attack_class, list_attacks, make_attack
    from spellock.cli.attributes import attribute_texts, first_paragraph

    names = list(dict.fromkeys(args.name)) or list_attacks()
    levels = {name: level_of(make_attack(name).needs) for name in names}
    options = {name: {one.name: one.default for one in dataclasses.fields(attack_class(name))} for name in names}
    texts = {name: attribute_texts(attack_class(name)) for name in args.name}
    if args.json:
        found = {name: {"level": levels[name], "options": options[name]} for name in names}
        more = {name: {"about": first_paragraph(attack_class(name)), "meaning": texts[name]} for name in args.name}
        print(json_format.dumps({name: found[name] | more.get(name, {}) for name in names}))
        return 0
    width = max(map(len, names))
    for name in names:
        if name in args.name:
            print(f"{name} ({levels[name]}): {first_paragraph(attack_class(name))}")
            for option, value in options[name].items():
                line = f"{option}={value}  {texts[name].get(option, '')}"
                print(textwrap.fill(line, 100, initial_indent="  ", subsequent_indent="      "))
            continue
        words = " ".join(f"{option}={value}" for option, value in options[name].items())
        print(f"{name:<{width}}  {levels[name]:<8} {words}".rstrip())
    return 0
