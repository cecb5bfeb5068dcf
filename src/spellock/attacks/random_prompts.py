"""Random prompts (ModelLock, section 4.5 and Figure 6): the public editor with prompts of five kinds, UP_rp."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, held, positive
from spellock.attacks.guessing import Guesser, own_secret
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import places_of_classes
from spellock.attacks.prompt_words import five_kinds
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError, EditorError


@register_attack("random-prompts")
@dataclass(frozen=True, kw_only=True)
class RandomPrompts(Attack):
    """Edit with a random prompt and a secret of the thief's own, drop the lock class. UP_rp is the mean over prompts.

    Attributes:
        count: prompts of each kind; the empty prompt is one, and is left out where the editor refuses it.
    """

    count: int = 4

    def __post_init__(self) -> None:
        positive(count=self.count)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.QUERIES, Asset.UNLABELLED, Asset.EDITOR})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`; the order of the predictors means nothing here."""
        check_needs(view, self.needs)
        editor = held(view.editor)
        sample = view.unlabelled[: view.budget.at_most("queries", len(view.unlabelled))]
        guesser = Guesser(view=view, editor=editor, real=places_of_classes(view, view.answer, sample))
        found = []
        for kind, prompts in five_kinds(self.count, seed=view.seed).items():
            for number, prompt in enumerate(prompts, 1):
                key = editor.guess(prompt, own_secret(view.seed))
                try:
                    editor.load(key)
                except (ConfigError, EditorError):
                    continue  # an editor that wants a prompt, or a shorter one
                found.append(guesser.stolen(key, name=f"{kind} {number}"))
        if not found:
            raise ConfigError("no random prompt could be tried, expected an editor that takes some; check its weights")
        return found[: view.budget.at_most("candidates", len(found))]
