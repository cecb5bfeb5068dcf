"""The tables of `key_search.py`."""

from __future__ import annotations

from support.cells import Figures, over_seeds

#: Locks, and the figures of each.
KEYS = ("searched key", "best listed prompt", "with oil pastel")
FIGURES = ("baseline", "up", "lp", "lp_suppressed", "lp_centred", "lp_centred_bn", "wrong_key_mean", "wrong_key_max",
           "hardened_lp")  # fmt: skip
#: Whose keys are tried on a locked model.
THIEVES = ("a thief's best keys", "right prompt and numbers, his secrets", "unsearched keys of the space")


def table(cells: dict[str, dict[str, Figures]]) -> str:
    """Markdown: a sentence about the search, a row a lock, and a row for each lock and thief; percent."""
    search, lines = cells.get("search", {}), []
    if search:
        gain, again = (over_seeds(search, name) for name in ("gain", "confirmed_gap"))
        edits, trainings = (over_seeds(search, name, digits=0) for name in ("edits", "trainings"))
        none = sum(run["chose_listed"] > 0 for run in search.values())
        lines += [
            f"In the pilots the chosen key has UP - hardened LP {over_seeds(search, 'gap')}, the best listed prompt "
            f"{over_seeds(search, 'listed_gap')}; on other images the chosen key {again}, a gain of {gain} points, for "
            f"{edits} edits and {trainings} trainings; {len(search)} seed{'s' * (len(search) > 1)}.",
            "",
        ]
        if none:
            lines += [
                f"In {none} of {len(search)} searches no searched key beat the best listed prompt, which is the "
                "searched key there.",
                "",
            ]
    lines += ["| lock | baseline | UP | LP | hardened LP | UP - hardened LP |", "|---" * 6 + "|"]
    for name in KEYS:
        locked = cells.get(f"{name}: lock", {})
        if locked:
            gaps = {seed: {"gap": run["up"] - run["hardened_lp"]} for seed, run in locked.items()}
            row = [over_seeds(locked, figure) for figure in ("baseline", "up", "lp", "hardened_lp")]
            lines.append(f"| {name} | {' | '.join(row)} | {over_seeds(gaps, 'gap')} |")
    lines += [
        "", "| lock | tried on it | keys | mean | best, chosen on one half | highest |", "|---" * 6 + "|",
    ]  # fmt: skip
    for name in KEYS:
        runs = cells.get(f"{name}: thieves", {})
        for kind in THIEVES if runs else ():
            shown = [
                f"{over_seeds(runs, f'{kind}_{figure}')} ({over_seeds(runs, f'{kind}_suppressed_{figure}')})"
                for figure in ("mean", "best", "highest")
            ]
            lines.append(f"| {name} | {kind} | {over_seeds(runs, f'{kind}_keys', digits=0)} | {' | '.join(shown)} |")
    return "\n".join(lines)
