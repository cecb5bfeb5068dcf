"""The table of commands. A command's module is imported only when it is used."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from spellock.cli.usage import UsageError


@dataclass(frozen=True)
class Command:
    """One command: its words, where its arguments (a frozen dataclass) and ``run`` function live, and what it does.

    ``defaults_name`` is a function that makes the defaults of the arguments from the words, where they depend on them.
    ``resumes`` says that the same command goes on where it was interrupted; others begin anew.
    """

    name: str
    summary: str
    module: str
    arguments_name: str
    run_name: str = "run"
    defaults_name: str | None = None
    resumes: bool = False

    @property
    def arguments(self) -> type[Any]:
        """The frozen dataclass that the flags are made from."""
        found: type[Any] = getattr(import_module(self.module), self.arguments_name)
        return found

    def defaults(self, words: Sequence[str]) -> Any:
        """An instance of the arguments with what ``words`` need not say, or None for the dataclass's own defaults."""
        if self.defaults_name is None:
            return None
        return getattr(import_module(self.module), self.defaults_name)(words)

    def run(self, args: object) -> int:
        """Run the command; returns its exit code."""
        code: int = getattr(import_module(self.module), self.run_name)(args)
        return code


_LIST = (
    Command("key new", "Make a new key file", "spellock.cli.key", "KeyNewArgs", "run_new"),
    Command("key editors", "List editors, or the settings of one", "spellock.cli.key", "KeyEditorsArgs", "run_editors"),
    Command("key show", "Show a key file's header, or the key", "spellock.cli.key_file", "KeyShowArgs", "run_show"),
    Command("key rekey", "Give a key file a new passphrase", "spellock.cli.key_file", "KeyRekeyArgs", "run_rekey"),
    Command(
        "prompts suggest", "Propose key prompts and score them", "spellock.cli.prompts", "PromptsSuggestArgs",
        resumes=True,
    ),
    Command(
        "prompts search", "Search for the best whole key", "spellock.cli.prompts_search", "PromptsSearchArgs",
        resumes=True,
    ),
    Command("model import", "Make a model folder of a weights file", "spellock.cli.model_import", "ModelImportArgs"),
    Command("split", "Hold test images of a table or folder back", "spellock.cli.split", "SplitArgs"),
    Command(
        "lock", "Lock a data set and a model with a key", "spellock.cli.lock", "LockArgs", "run", "defaults",
        resumes=True,
    ),
    Command("predict", "Predict with a locked model and its key", "spellock.cli.predict", "PredictArgs"),
    Command("evaluate", "Measure what a lock is worth", "spellock.cli.evaluate", "EvaluateArgs"),
    Command("attack", "Attack a locked model as a thief would", "spellock.cli.attack", "AttackArgs", resumes=True),
    Command("attack list", "List attacks and what they need", "spellock.cli.attack_list", "AttackListArgs", "run_list"),
    Command("verify", "Say whether a suspect goes back to your model", "spellock.cli.verify", "VerifyArgs"),
    Command("verify list", "List the ways to verify", "spellock.cli.verify", "VerifyListArgs", "run_list"),
    Command("demo", "Lock, unlock and evaluate on a small data set", "spellock.cli.demo", "DemoArgs", resumes=True),
    Command(
        "weights select", "Show which weights would be the key", "spellock.cli.weights_select", "WeightsSelectArgs",
        "run_select", "select_defaults",
    ),
    Command(
        "weights lock", "Take a key out of a model's weights", "spellock.cli.weights_lock", "WeightsLockArgs",
        "run_lock", "lock_defaults",
    ),
    Command(
        "weights unlock", "Write the whole model of a keyed one", "spellock.cli.weights_unlock", "WeightsUnlockArgs",
        "run_unlock",
    ),
    Command(
        "weights part", "Make a smaller key that opens less", "spellock.cli.weights_unlock", "WeightsPartArgs",
        "run_part",
    ),
    Command(
        "weights adapt", "Train on, inside the key", "spellock.cli.weights_adapt", "WeightsAdaptArgs", "run",
        "defaults", resumes=True,
    ),
    Command("weights bounds", "Bound what a weight key changes", "spellock.cli.weights_bounds", "WeightsBoundsArgs"),
    Command(
        "editor train", "Train an editor on your own pictures", "spellock.cli.editor", "EditorTrainArgs",
        resumes=True,
    ),
    Command(
        "editor lora", "Train a LoRA with a secret style", "spellock.cli.editor", "EditorLoraArgs", "run_lora",
        resumes=True,
    ),
    Command("editor mark", "Watermark edited images", "spellock.cli.editor_mark", "EditorMarkArgs", "run_mark"),
    Command(
        "editor verify", "Say whether images carry your watermark", "spellock.cli.editor_mark", "EditorVerifyArgs",
        "run_verify",
    ),
    Command(
        "weights encrypt",
        "Encrypt a model's weights under a key file",
        "spellock.cli.weights_encrypt",
        "WeightsEncryptArgs",
        "run_encrypt",
    ),
    Command(
        "weights decrypt",
        "Decrypt a model's weights with their key file",
        "spellock.cli.weights_encrypt",
        "WeightsDecryptArgs",
        "run_decrypt",
    ),
)  # fmt: skip
COMMANDS: Final[Mapping[str, Command]] = {command.name: command for command in _LIST}


def find_command(words: Sequence[str]) -> tuple[Command | dict[str, Command], list[str]]:
    """The command that ``words`` begin with and the words after it; a group (``key``) alone gives its commands.

    Raises:
        UsageError: there is no such command; the message names the nearest.
    """
    for length in (2, 1):
        command = COMMANDS.get(" ".join(words[:length]))
        if command is not None:
            return command, list(words[length:])
    group = {name: command for name, command in COMMANDS.items() if name.split()[0] == words[0] and " " in name}
    if group and (len(words) == 1 or words[1] in ("-h", "--help")):
        return group, []
    given = " ".join(words[:2]) if group else words[0]
    near = difflib.get_close_matches(given, group or COMMANDS, n=1, cutoff=0.5)
    if not near and not group:
        near = difflib.get_close_matches(given, {name.split()[0] for name in COMMANDS}, n=1, cutoff=0.5)
    hint = f"did you mean `spellock {near[0]}`?" if near else f"there are: {', '.join(group or COMMANDS)}."
    raise UsageError(f"unknown command {given!r}; {hint} See `spellock --help`")


def overview(commands: Mapping[str, Command]) -> str:
    """The help text that lists ``commands`` with one line each."""
    width = max(len(name) for name in commands)
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in commands.items()]
    return "\n".join(
        [
            "usage: spellock COMMAND [OPTIONS]",
            "",
            "Lock a fine-tuned model with a spell: it works only on inputs edited with the same key.",
            "",
            "commands:",
            *lines,
            "",
            "  spellock COMMAND --help   all options of a command",
            "  spellock --version        the version",
            "  --debug                   with any command: log details, and show the traceback of a failure",
        ]
    )
