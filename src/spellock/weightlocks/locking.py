"""Take the key out of a model: W_locked = (1 - m) W + m fill, and the key holds m W (methods of AdaLoc, CoreLocker)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from spellock.derived import Secret
from spellock.errors import ConfigError
from spellock.key import SECRET_BYTES, Key
from spellock.keystream import HasSecret, Keystream
from spellock.weightlocks.coded_parts import encode_place
from spellock.weightlocks.coded_values import CodedValues
from spellock.weightlocks.fills import Hole, make_fill
from spellock.weightlocks.hashing import Hashing, RunningDigest
from spellock.weightlocks.kinds import Kind, kind_of
from spellock.weightlocks.lock_config import DEFAULT, WeightLockConfig
from spellock.weightlocks.outside import RunningTag
from spellock.weightlocks.places import Place
from spellock.weightlocks.public_fit import check_public, stands_public, without_public
from spellock.weightlocks.selection import select
from spellock.weightlocks.splice import Values, lasting_buffers, spliced
from spellock.weightlocks.states import ModuleState, State
from spellock.weightlocks.value_coding import holds_deltas
from spellock.weightlocks.weight_key import WeightKey


class Locker:
    """Locks the tensors of one model, one after the other, and gives the key when all are done; in a ``with`` block.

    Args:
        state: the model.
        config: settings.
        secret: 32 bytes that fill and random selection are drawn from; fresh ones by default. The same state, settings
            and secret give the same keyed model and key.
        public: the public pretrained model, for the fill of that name.

    Raises:
        ConfigError: the selection is empty, the fill needs a public model, that is of another network, or there is a
            customer's name and the public model has all of the key's tensors, so that nothing is drawn
            for the customer.
    """

    def __init__(
        self, state: State, config: WeightLockConfig, *, secret: bytes | None = None, public: State | None = None
    ) -> None:
        if (config.fill == "public") != (public is not None):
            missing = "a public model (--public MODEL) for the fill 'public'" if public is None else "the fill 'public'"
            raise ConfigError(f"the fill 'public' and a public model go together; add {missing}, or leave both out")
        self.state, self.config, self._public = state, config, public
        self._secret = secrets.token_bytes(SECRET_BYTES) if secret is None else secret
        self._drawn: HasSecret = Secret(self._secret)
        self.places: Mapping[str, Place] = select(state, config.select, self._drawn)
        if config.customer and public is not None and not without_public(self.places, state, public):
            raise ConfigError(
                "got a customer's name and a public model that has all tensors of the key, which gives all customers "
                "the same model; take the fill gaussian or shuffled, or leave the name out"
            )
        if public is not None:
            check_public(self.places, state, public)
        self._coded: dict[str, bytearray] = {}
        self._hashing, self._buffers = Hashing(), lasting_buffers()
        self._digests: dict[str, RunningDigest] = {}
        self._outside: dict[str, str] = {}

    def __enter__(self) -> Locker:
        return self

    def __exit__(self, *_: object) -> None:
        self._hashing.__exit__()

    def keyed(self, name: str) -> Tensor:
        """The tensor ``name`` of the keyed model, on the CPU. Each must be asked for once, here or in pieces."""
        if name not in self.places:
            return next(self.pieces(name))
        info = self.state.infos[name]
        keyed, at = torch.empty(info.scalars, dtype=info.dtype), 0
        for piece in self.pieces(name):
            keyed[at : at + piece.numel()] = piece.reshape(-1)
            at += piece.numel()
        self._digests[name].hexdigest()  # the thread reads the model, which the caller may write into after this
        return keyed.reshape(info.shape)

    def pieces(self, name: str) -> Iterator[Tensor]:
        """The same in pieces, in the order of its bytes. They are hashed meanwhile: they must stay as they are."""
        tensor, place = self.state[name].detach(), self.places.get(name)
        info = self.state.infos[name]
        digest = self._digests[name] = self._hashing.start(info)
        if place is None:
            digest.update(tensor)
            yield tensor
            return
        fill, deltas = self._fill(place, tensor), holds_deltas(info, self.config.coding)
        if deltas:
            fill = fill[0 : len(place.indices)]  # once: what is drawn can be asked for only once
        self._coded[name] = encode_place(place, tensor, self.config.coding, fill if deltas else None)
        tag = RunningTag(place, self._drawn)
        for _, keyed in spliced(place, tensor, fill, self._buffers, empty=tag.update):
            digest.update(keyed)
            yield keyed
        self._outside[name] = tag.hexdigest()

    def key(self, *, image_key: Key | None = None) -> WeightKey:
        """The key, after all tensors were asked for."""
        return WeightKey(
            places=self.places,
            values=CodedValues(
                self.places,
                {name: self._coded[name] for name in self.places},
                self.config.coding,
                checked=True,
            ),
            digests={name: self._digests[name].hexdigest() for name in self.state.infos},
            outside={name: self._outside[name] for name in self.places},
            secret=self._secret,
            fill=self.config.fill,
            customer=self.config.customer,
            coding=self.config.coding,
            image_key=image_key,
        )

    def _fill(self, place: Place, tensor: Tensor) -> Values:
        if kind_of(place.name, self.state.infos) is Kind.STATISTIC:
            # Noise could make a variance negative, and a network of NaN is no lock that a customer can look at.
            fresh = 1.0 if place.name.endswith("running_var") else 0.0
            return torch.full((len(place.indices), place.unit), fresh)
        public = self._public[place.name] if self._public is not None and stands_public(place, self._public) else None
        purpose = f"weight key: fill for {self.config.customer!r}, {place.name}"
        return make_fill(self.config.fill)(
            Hole(place=place, tensor=tensor, stream=Keystream(self._drawn, purpose), public=public)
        )


def lock_module(
    module: nn.Module,
    config: WeightLockConfig | None = None,
    *,
    secret: bytes | None = None,
    public: State | None = None,
    image_key: Key | None = None,
    each: Callable[[str], None] = lambda name: None,
) -> WeightKey:
    """Turn ``module`` into the keyed model, in place, and return its key. Arguments as in `Locker`.

    Whatever ends it early, an interruption too, leaves the module as it was: half of a key would be lost for good.

    Args:
        config: settings; `DEFAULT` without.
        image_key: a key to put into the same file, for models that want edited images too.
        each: told the name of each tensor that is done.

    Raises:
        ConfigError: settings do not fit the model.
        ModelError: the module has quantised or partly shared weights.
    """
    state = ModuleState(module)
    taken: dict[str, Tensor] = {}
    with Locker(state, config or DEFAULT, secret=secret, public=public) as locker:
        try:
            for name in state.infos:
                keyed = locker.keyed(name)
                if name in locker.places:
                    taken[name] = locker.places[name].take(state.tensors[name])
                    with torch.no_grad():
                        state.tensors[name].copy_(keyed)
                each(name)
            return locker.key(image_key=image_key)
        except BaseException:
            for name, values in taken.items():
                locker.places[name].put(state.tensors[name], values)
            raise
