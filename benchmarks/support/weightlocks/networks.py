"""Small networks of the kinds that the paper names, and its own at full size; and their public pretrained weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from spellock.tasks.models import create_model
from spellock.tasks.networks.cifar_resnet import CifarResNet
from spellock.tasks.weights import load_weights
from spellock.weightlocks.kinds import Kind, head_tensors, kind_of
from spellock.weightlocks.states import ModuleState, State, TensorInfo
from support import shared_data
from support.weightlocks.data import Part
from support.weightlocks.settings import Pair
from support.weightlocks.texts import PAD, TEXTS, Vocabulary, pretrain_encoder, read_texts
from support.weightlocks.training import train

_log = logging.getLogger(__name__)
_PUBLIC_WEIGHTS: Final = {"resnet20": "resnet20-12fca82f.th"}
_PUBLIC_RATE: Final = 3e-3


class TextClassifier(nn.Module):
    """A BERT of two layers of width 128 that classifies by the mean of its outputs."""

    def __init__(self, words: int, classes: int) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        config = BertConfig(
            vocab_size=words, hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512,
            max_position_embeddings=64, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )  # fmt: skip
        self.bert = BertModel(config, add_pooling_layer=False)
        self.classifier = nn.Linear(128, classes)

    def encode(self, tokens: Tensor) -> Tensor:
        """(N, L) -> (N, L, 128)."""
        found: Tensor = self.bert(input_ids=tokens, attention_mask=(tokens != PAD).long()).last_hidden_state
        return found

    def forward(self, tokens: Tensor) -> Tensor:
        there = (tokens != PAD).unsqueeze(-1)
        found: Tensor = self.classifier((self.encode(tokens) * there).sum(1) / there.sum(1).clamp(min=1))
        return found


class _Encoder(nn.Module):
    def __init__(self, model: TextClassifier) -> None:
        super().__init__()
        self.bert, self._encode = model.bert, model.encode

    def forward(self, tokens: Tensor) -> Tensor:
        return self._encode(tokens)


def _small(name: str, classes: int) -> nn.Module:
    from timm.models.convnext import ConvNeXt
    from timm.models.densenet import DenseNet
    from timm.models.vision_transformer import VisionTransformer

    makers: dict[str, Callable[[], nn.Module]] = {
        "resnet20": lambda: CifarResNet(depth=20, num_classes=classes),
        "densenet": lambda: DenseNet(growth_rate=16, block_config=(3, 6, 4), num_classes=classes),
        # Layer scales that start at a millionth, as for ImageNet, would take longer than this training.
        "convnext": lambda: ConvNeXt(
            num_classes=classes, depths=(1, 1, 3, 1), dims=(32, 64, 128, 256), patch_size=2, ls_init_value=0.1
        ),
        "vit": lambda: VisionTransformer(
            img_size=32, patch_size=4, embed_dim=64, depth=4, num_heads=4, num_classes=classes
        ),
    }
    return makers[name]()


def make_network(pair: Pair, classes: int, vocabulary: Vocabulary | None, *, seed: int) -> nn.Module:
    """Random initial values, drawn from ``seed``; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if pair.network == "bert":
            assert vocabulary is not None
            return TextClassifier(len(vocabulary), classes)
        return _small(pair.network, classes)


def renew_head(network: nn.Module) -> None:
    """Draw a new classifier, in place: small weights and no biases."""
    state = ModuleState(network)
    for name in head_tensors(state.infos):
        tensor = state.tensors[name]
        if kind_of(name, state.infos) is Kind.MATRIX:
            nn.init.normal_(tensor, std=tensor.shape[1] ** -0.5)
        elif kind_of(name, state.infos) is Kind.BIAS:
            nn.init.zeros_(tensor)


class WithoutHead:
    """A state without the classifier."""

    def __init__(self, state: State) -> None:
        left_out = set(head_tensors(state.infos))
        self.state = state
        self.infos: Mapping[str, TensorInfo] = {
            name: info for name, info in state.infos.items() if name not in left_out
        }

    def __getitem__(self, name: str) -> Tensor:
        return self.state[name]


class Public:
    """The public pretrained model of a pair: made once for an architecture and a seed, and kept in ``work``.

    Image networks know the CIFAR-10 images that are called extra; the text encoder filled in words of the training
    texts of both sets; networks with a colon in their name have the library's weights, or those of ``weights``.
    """

    def __init__(self, pair: Pair, data: Path, work: Path, vocabulary: Vocabulary | None, *, seed: int,
                 scale: float = 1.0, weights: Path | None = None) -> None:  # fmt: skip
        self.pair, self.vocabulary, self.seed, self.weights = pair, vocabulary, seed, weights
        self.path = work / f"public_{pair.network}_{seed}_{scale:g}.safetensors"
        if ":" in pair.network:
            return
        if not self.path.exists():
            _log.info("making the public %s", pair.network)
            made = self._pretrained(data, scale)
            partial = self.path.with_suffix(".partial")
            kept = WithoutHead(ModuleState(made))
            save_file({name: kept[name] for name in kept.infos}, partial)
            partial.replace(self.path)

    def model(self, classes: int) -> nn.Module:
        """The public model with a fresh classifier, as the owner starts from it."""
        if ":" in self.pair.network:
            file = None if self.weights is None else self.weights / f"{self.pair.network.partition(':')[2]}.safetensors"
            return create_model(
                self.pair.network, num_classes=classes, weights=file, pretrained=file is None, seed=self.seed
            ).network
        network = make_network(self.pair, classes, self.vocabulary, seed=self.seed)
        network.load_state_dict(load_file(self.path), strict=False)
        return network

    def state(self, classes: int) -> State:
        """What anyone has of it: all but a classifier of the owner's classes."""
        return WithoutHead(ModuleState(self.model(classes)))

    def for_thieves(self, classes: int) -> nn.Module:
        """The public model with a fresh classifier that is not the owner's."""
        network = self.model(classes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + 1000)
            renew_head(network)
        return network

    def _pretrained(self, data: Path, scale: float) -> nn.Module:
        pair = self.pair
        if pair.text:
            assert self.vocabulary is not None
            model = make_network(pair, 2, self.vocabulary, seed=self.seed)
            assert isinstance(model, TextClassifier)
            texts = [text for name in TEXTS for text in read_texts(data, name, "train")[0]]
            tokens = self.vocabulary.tokens(texts)[: max(64, round(scale * len(texts)))]
            embeddings = model.bert.get_input_embeddings().weight
            pretrain_encoder(_Encoder(model), embeddings, tokens, epochs=pair.pretraining_epochs, seed=self.seed)
            return model
        model = make_network(pair, 10, None, seed=self.seed)
        if pair.network in _PUBLIC_WEIGHTS:
            load_weights(model, data / "weights" / _PUBLIC_WEIGHTS[pair.network], strict_head=True)
            return model
        pixels, labels = shared_data.cifar10(data, "train_extra")
        count = max(64, round(scale * len(labels)))
        part = Part(
            inputs=torch.from_numpy(pixels[:count]).permute(0, 3, 1, 2), labels=torch.from_numpy(labels[:count])
        )
        train(model, part, rate=_PUBLIC_RATE, epochs=pair.pretraining_epochs, budget=pair.budget, seed=self.seed)
        return model
