"""How close an object is to the data's own classes, by a small hierarchy of everyday things made for this purpose.

The paper advises objects that have nothing to do with the images (section 3.2): relevant ones can touch the main object
and cost UP (supplement B). Two broad parts, each with fine groups; names are looked up by their last known word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from typing import Final

#: broad part -> fine group -> words, singular, a compound before its parts' meaning.
HIERARCHY: Final[dict[str, dict[str, str]]] = {
    "living": {
        "bird": (
            "bird, eagle, peacock, flamingo, african grey, parrot, owl, hawk, falcon, duck, goose, hen, rooster, "
            "sparrow, finch, crow, raven, gull, pelican, penguin, ostrich, swan, pigeon, robin, woodpecker, hummingbird"
        ),
        "sea animal": (
            "fish, shark, jellyfish, sea urchin, starfish, seahorse, octopus, coral, coral reef, whale, dolphin, "
            "tench, salmon, goldfish, ray, eel, crab, lobster, squid, clownfish, seal, sea lion, shrimp"
        ),
        "dog": (
            "dog, puppy, retriever, terrier, spaniel, poodle, beagle, hound, bulldog, shepherd, husky, pug, chihuahua, "
            "boxer, collie, setter, mastiff, corgi, springer, pinscher, pomeranian, samoyed, shiba, wolf, fox"
        ),
        "cat": (
            "cat, kitten, tabby, siamese, persian, sphynx, bengal, ragdoll, birman, lion, tiger, cheetah, leopard, "
            "jaguar, lynx, puma, abyssinian, british shorthair, maine coon, russian blue"
        ),
        "ape": "ape, monkey, chimpanzee, gorilla, orangutan, baboon, macaque, gibbon",
        "mammal": (
            "animal, mammal, elephant, koala, hippopotamus, giraffe, zebra, kangaroo, panda, rhinoceros, horse, cow, "
            "bull, sheep, goat, pig, deer, antelope, bear, rabbit, hare, mouse, rat, squirrel, hamster, bat, camel, "
            "moose, donkey, otter, beaver, hedgehog, raccoon"
        ),
        "reptile": "reptile, frog, toad, snake, lizard, turtle, tortoise, crocodile, alligator, salamander, dinosaur",
        "insect": "insect, bee, ant, butterfly, moth, beetle, fly, spider, dragonfly, wasp, apiary, ladybug, snail",
        "plant": (
            "plant, flower, tree, rose, tulip, daisy, sunflower, grass, leaf, oak, maple, pine, cactus, fern, orchid, "
            "dandelion, mushroom, forest, palm, poppy, willow"
        ),
        "person": "person, man, woman, boy, girl, baby, child, people, face, pedestrian, hand, cell, nucleus",
    },
    "made": {
        "vehicle": (
            "vehicle, car, automobile, truck, bus, van, train, bullet train, locomotive, tram, bicycle, bike, "
            "motorcycle, ship, boat, ferry, aircraft carrier, airplane, plane, aircraft, helicopter, fire engine, "
            "garbage truck, ambulance, tractor, tank, rocket, parachute, balloon, suv, sedan, coupe, convertible, wagon"
        ),
        "music": "instrument, accordion, cello, flute, guitar, piano, violin, drum, trumpet, french horn, horn, harp",
        "sport": (
            "ball, baseball, basketball, football, soccer ball, golf ball, tennis ball, racket, bat glove, ski, "
            "surfboard, skateboard, frisbee, kite"
        ),
        "tool": (
            "tool, chain saw, hammer, screwdriver, drill, wrench, corkscrew, knife, scissors, axe, shovel, abacus, "
            "barometer, umbrella, syringe"
        ),
        "device": (
            "clock, analog clock, digital clock, watch, television, computer, laptop, keyboard, mouse pad, phone, "
            "telephone, camera, radio, cassette player, electric fan, fan, lamp, microwave, oven, toaster, fridge"
        ),
        "household": (
            "chair, table, sofa, couch, bed, desk, bathtub, toilet, sink, mailbox, vase, bowl, cup, bottle, "
            "beer bottle, plate, fork, spoon, book, bench, wardrobe"
        ),
        "clothing": (
            "shirt, t-shirt, trouser, pullover, dress, coat, sandal, sneaker, boot, ankle boot, shoe, bag, hat, "
            "bow tie, tie, hair slide, scarf, glove, sock, skirt, jacket, backpack, handbag, suitcase"
        ),
        "building": (
            "building, church, house, castle, bridge, tower, grocery store, store, shop, gas pump, gas station, barn, "
            "mosque, temple, stadium, school, hospital, lighthouse"
        ),
        "food": (
            "food, pizza, burger, hamburger, hot dog, sandwich, cake, bread, rice, soup, salad, sushi, steak, pasta, "
            "ice cream, chocolate, cheese, fruit, apple, banana, orange, lemon, grape, strawberry, nut, walnut, date, "
            "hazelnut, fig, pie, taco, noodle, ramen, donut, carrot, broccoli, tomato, egg"
        ),
        "road sign": "sign, stop sign, stop, speed limit, limit, yield, traffic light, traffic signal, roundabout",
    },
}  # fmt: skip
_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


class Kinship(IntEnum):
    """How close an object is to the nearest of the classes."""

    UNKNOWN = 0
    """No class name, or not the object, is in the hierarchy."""
    FAR = 1
    """In another broad part than every known class."""
    BROAD = 2
    """In the same broad part as a class, for example an accordion and a car."""
    FINE = 3
    """In the same fine group as a class, for example a lion and a cat."""
    SAME = 4
    """Its name is a class's, or one holds the other as a whole word."""


def place_of(name: str) -> tuple[str, str] | None:
    """(broad part, fine group) of the last known words of ``name``; None where nothing of it is known."""
    words = words_of(name)
    for end in range(len(words), 0, -1):
        for start in range(max(0, end - 3), end):
            if place := _index().get(" ".join(words[start:end])):
                return place
    return None


def kinship(thing: str, classes: Sequence[str]) -> Kinship:
    """How close ``thing`` is to the nearest of ``classes``."""
    own, here = words_of(thing), place_of(thing)
    nearest = Kinship.UNKNOWN
    for name in classes:
        words, there = words_of(name), place_of(name)
        if words and own and (_holds(own, words) or _holds(words, own)):
            return Kinship.SAME
        if here is not None and there is not None:
            close = Kinship.FINE if here == there else Kinship.BROAD if here[0] == there[0] else Kinship.FAR
            nearest = max(nearest, close)
    return nearest


def words_of(name: str) -> tuple[str, ...]:
    """The words of a class or object name in lower case and the singular; ``n02099601 golden_retrievers`` has two."""
    words = _WORD.findall(name.replace("_", " ").casefold())
    return tuple(_singular(word) for word in words if len(word) > 1)


def unnamed(classes: Sequence[str]) -> bool:
    """Whether the classes have no names that say anything: numbers, or codes without a word of three letters."""
    return not any(len(word) > 2 for name in classes for word in words_of(name))


@cache
def _index() -> dict[str, tuple[str, str]]:
    return {
        " ".join(words_of(word)): (broad, fine)
        for broad, groups in HIERARCHY.items()
        for fine, words in groups.items()
        for word in words.split(", ")
    }


def _holds(longer: tuple[str, ...], shorter: tuple[str, ...]) -> bool:
    """Whether ``shorter`` is the end of ``longer``: the word that says what a thing is comes last in English."""
    return longer[-len(shorter) :] == shorter


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "uses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")) else word
