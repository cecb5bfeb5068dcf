"""Which judge a task has."""

from __future__ import annotations

from functools import singledispatch

from spellock.errors import ConfigError
from spellock.evaluation.judge import Judge, Question
from spellock.evaluation.multilabel_judge import MultiLabelJudge
from spellock.evaluation.single_label import SingleLabelJudge
from spellock.tasks.classification import ClassificationTask
from spellock.tasks.multilabel import MultiLabelTask
from spellock.tasks.task import Task


@singledispatch
def make_judge(task: Task, question: Question) -> Judge:
    """The judge of a task's question; a new task registers its own here.

    Raises:
        ConfigError: the task has none.
        DataError: the labels cannot be judged.
    """
    raise ConfigError(f"the task {type(task).__name__} has no evaluation; register one with make_judge.register")


@make_judge.register
def _(task: ClassificationTask, question: Question) -> Judge:
    return SingleLabelJudge(question)


@make_judge.register
def _(task: MultiLabelTask, question: Question) -> Judge:
    return MultiLabelJudge(question)
