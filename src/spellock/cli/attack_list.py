"""`spellock attack list`: the attacks, what each needs, and their options."""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AttackListArgs:
    """List the attacks, the weakest level that allows each, and their options."""

    json: bool = False
    """Print one JSON object instead."""


def run_list(args: AttackListArgs) -> int:
    """Print the attacks; returns 0."""
    import dataclasses

    from spellock.attacks.levels import level_of
    from spellock.attacks.registry import attack_class, list_attacks, make_attack

    names = list_attacks()
    levels = {name: level_of(make_attack(name).needs) for name in names}
    options = {name: {one.name: one.default for one in dataclasses.fields(attack_class(name))} for name in names}
    if args.json:
        print(json_format.dumps({name: {"level": levels[name], "options": options[name]} for name in names}))
        return 0
    width = max(map(len, names))
    for name in names:
        words = " ".join(f"{option}={value}" for option, value in options[name].items())
        print(f"{name:<{width}}  {levels[name]:<8} {words}".rstrip())
    return 0
