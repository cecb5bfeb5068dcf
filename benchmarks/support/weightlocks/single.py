"""One adaptation: fine-tuning everything, the key alone, or the classifier alone; and what a thief gets of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from spellock.weightlocks.kinds import head_tensors
from spellock.weightlocks.parts import part_of
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.unlocking import unlocked
from spellock.weightlocks.weight_key import WeightKey
from support.cells import Figures
from support.weightlocks.data import Owned
from support.weightlocks.keys import coding_of, keyed, sized, to_train
from support.weightlocks.networks import Public
from support.weightlocks.settings import FILLS, PARTS, SHIPPED_FILL, THEFT_PERCENT, Pair
from support.weightlocks.thefts import control, place_figures, thefts
from support.weightlocks.training import accuracy, best_of, train

#: Those that are measured under all fills, of all sizes, with thefts, and as static locks.
SELECTIONS = ("default", "adaloc")


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """A pair with its data and public model, to be adapted with one seed."""

    pair: Pair
    owned: Owned
    public: Public
    seed: int
    device: str = "cpu"

    def start(self) -> nn.Module:
        """The public model with the owner's fresh classifier."""
        return self.public.model(self.owned.classes).to(self.device).eval()

    def fit(self, model: nn.Module, rate: float, **how: object) -> WeightKey | None:
        """Train with the budget of the pair."""
        budget = self.pair.budget
        return train(model, self.owned.train, rate=rate, epochs=budget.epochs, budget=budget, seed=self.seed, **how)  # type: ignore[arg-type]

    def best(self, make: Callable[[], nn.Module], fit: Callable[[nn.Module, float], WeightKey | None]
             ) -> tuple[nn.Module, WeightKey | None, Figures]:  # fmt: skip
        """The model of the best learning rate, its key, and its figures. The rate is given in thousandths."""
        model, key, rate, right = best_of(self.pair.budget.rates, make, fit, self.owned.validation)
        figures = {"authorised": accuracy(model, self.owned.test), "validation": right, "rate_per_mille": 1000 * rate}
        return model, key, figures

    def full(self) -> Figures:
        """Everything is fine-tuned. Then it is locked as it is, the static way: thefts of that under each selection."""
        model, _, figures = self.best(self.start, self.fit)
        for selection in SELECTIONS:
            config = sized(ModuleState(self.start()), selection, THEFT_PERCENT, text=self.pair.text)
            for fill in FILLS:
                locked = keyed(
                    model,
                    config,
                    fill,
                    seed=self.seed,
                    public=self.public.state(self.owned.classes),
                    coding=coding_of(selection),
                )
                figures[f"{selection}_unauthorised_{fill}"] = accuracy(locked.model, self.owned.test)
                if fill == SHIPPED_FILL[selection]:
                    found = thefts(
                        locked, self.owned, self.public, rate=figures["rate_per_mille"] / 1000, seed=self.seed
                    )
                    figures |= {f"{selection}_{name}": value for name, value in (found | locked.sizes()).items()}
        return figures

    def head_only(self) -> Figures:
        """The classifier alone learns."""
        names = head_tensors(ModuleState(self.start()).infos)
        return self.best(self.start, lambda model, rate: self.fit(model, rate, only=names))[2]

    def without_lock(self, rate: float) -> Figures:
        """Chance, and what a thief makes of the public model alone."""
        return {
            "chance": self.owned.chance,
            "majority": self.owned.majority,
            **control(self.owned, self.public, rate=rate, seed=self.seed),
        }

    def key_only(self, selection: str, percent: int, *, thief_rate: float, rounded_from: float = 0.0) -> Figures:
        """The key alone learns: the public model is locked before the owner's data touches it, and never changes."""
        start, shown = self.start(), self.public.state(self.owned.classes)
        config = sized(ModuleState(start), selection, percent, text=self.pair.text)
        coding = coding_of(selection)
        shipped = keyed(start, config, SHIPPED_FILL[selection], seed=self.seed, public=shown, coding=coding)

        _, key, figures = self.best(
            lambda: to_train(self.start(), shipped),
            lambda model, rate: self.fit(model, rate, key=shipped.key, rounded_from=rounded_from),
        )
        assert key is not None
        with unlocked(shipped.model, key) as model:
            figures["authorised"] = accuracy(model, self.owned.test)
        figures |= shipped.sizes()
        for share in PARTS:
            with unlocked(shipped.model, part_of(key, share / 100)) as model:
                figures[f"part_{share}"] = accuracy(model, self.owned.test)
        for fill in FILLS if selection in SELECTIONS else (SHIPPED_FILL[selection],):
            locked = keyed(start, config, fill, seed=self.seed, public=shown, coding=coding)
            figures[f"unauthorised_{fill}"] = accuracy(locked.model, self.owned.test)
            if percent == THEFT_PERCENT:
                found = place_figures(locked, shown, granularity=config.granularity)
                figures |= {f"{fill}_{name}": value for name, value in found.items()}
        if percent == THEFT_PERCENT:
            figures |= thefts(shipped, self.owned, self.public, rate=thief_rate, seed=self.seed)
        return figures
