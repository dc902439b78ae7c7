"""What the students' notebooks call: a guess beside its outcome, and a quiz that needs no network."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fairnb.data.progress import HEADLESS
from fairnb.errors import BadData

GUESS_FIRST = "Guess first: write a number in the place of None, then run this cell."
NO_QUIZ = "The quiz needs the package jupyterquiz (`pip install 'fairnb[course]'`); its questions are in quiz.json."


def compare(what: str, guess: object, outcome: float | str, near: float = 0.0) -> None:
    """Print ``guess`` beside ``outcome``. Without a guess the outcome stays hidden: who has seen it cannot guess.

    Args:
        what: the quantity in words. guess: a number, or a word where the outcome is one; None before the guess.
        near: how far off a number may be and still be called near.
    """
    if guess is None or guess is Ellipsis:
        print(GUESS_FIRST)
    elif isinstance(outcome, str):
        print(f"{what}: you said {guess}, it is {outcome}. {'As you said.' if guess == outcome else SURPRISE}")
    elif isinstance(guess, bool) or not isinstance(guess, int | float):
        print(f"{what}: your guess {guess!r} is no number, and the outcome is one. Write a number, e.g. 0.1.")
    else:
        near_it = abs(guess - outcome) <= near
        print(f"{what}: you said {guess:.3g}, it is {outcome:.3g}. {'That is near.' if near_it else SURPRISE}")


SURPRISE = "What did you expect to be otherwise? Write one sentence before you go on."


def quiz(file: str = "quiz.json") -> None:
    """Show the questions of ``file``, which lies beside the notebook, in the cell; nothing is loaded from a network.

    Raises:
        BadData: no such file, or no list of questions.
    """
    try:
        questions = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadData(f"no quiz in {file!r} ({error}): keep {file} beside this notebook") from None
    if not isinstance(questions, list) or not questions:
        raise BadData(f"{file!r} holds no list of questions: get it again from your instructor")
    if os.environ.get(HEADLESS):
        print(f"{len(questions)} questions")
        return
    try:
        from jupyterquiz import display_quiz
    except ImportError:
        print(NO_QUIZ)
        return
    display_quiz(questions, shuffle_answers=False)
