"""The methods by name. A module of a room that uses ``@method`` is found by itself, and imported by ``get``.

Importing this module does not import torch, nor does ``names``; ``get`` imports the method's module, and so torch.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, Unpack

from fairnb import registry
from fairnb.contract import Predictor, Task
from fairnb.errors import BadData, UnknownName

_REGISTRY: dict[str, Method] = {}
_CELL = "__main__"  # the module of what a notebook's cell defines


@dataclass(frozen=True)
class Method:
    """A method and what a table says about it. Calling it is calling ``function``.

    Attributes:
        name: of the function, as in the run's record.
        version: raise it when results change; it is part of a run's key.
        function: ``function(task, *, seed, **hparams) -> Predictor``; checks its hyper-parameters.
        reads_groups: whether it reads ``protected`` of the training or validation data (● in tables, ○ if not).
        needs_synthetic: whether it asks for ``task.synthetic``.
        source: paper and table, e.g. ``AIM-Fair Table 3``.
        defaults: hyper-parameters and their defaults; ``None`` mostly means "as in ``task.settings``".
        together: ``together(tasks, seeds=seeds, **hparams) -> list[Predictor]`` for methods that train many seeds as
            one batch, each seed with its own task; None for the others.
        keeps_model: whether the runner keeps the trained network (``runs.model_of``), for figures that look inside.
        again: ``again(task, read, seed=seed, **hparams) -> Predictor`` makes the Predictor from the kept network, which
            ``read`` puts into a fresh one; then tests of one training on other data, or by another inference, train
            nothing (``runs.trained_by``). None for most.
        inference: hyper-parameters that act on inference alone, for methods with ``again``.
    """

    name: str
    version: str
    function: Callable[..., Predictor]
    reads_groups: bool = False
    needs_synthetic: bool = False
    source: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict, hash=False)
    together: Callable[..., list[Predictor]] | None = None
    keeps_model: bool = False
    again: Callable[..., Predictor] | None = None
    inference: tuple[str, ...] = ()

    def __call__(self, task: Task, *, seed: int, **hparams: Any) -> Predictor:
        """Train on ``task`` and give the Predictor. Raises: see ``check_hparams``."""
        return self.function(task, seed=seed, **hparams)


def method(
    *,
    version: str,
    reads_groups: bool = False,
    needs_synthetic: bool = False,
    source: str = "",
    together: bool = False,
    keeps_model: bool = False,
    again: Callable[..., Predictor] | None = None,
    inference: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: register ``name(task, *, seed, **hparams) -> Predictor``, its hyper-parameters being keyword-only.

    Shared ones may come as ``**options: Unpack[T]`` of a TypedDict ``T``, whose entries then default to ``None``.
    With ``together`` the function is ``name(tasks, *, seeds, **hparams) -> list[Predictor]``: many seeds at once.
    The function stays a function (so a worker process can unpickle it) that checks its hyper-parameters.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def checked(*tasks: Any, **arguments: Any) -> Any:
            hparams = {key: value for key, value in arguments.items() if key not in ("seed", "seeds")}
            check_hparams(entry, hparams)
            return function(*tasks, **arguments)

        @functools.wraps(function)
        def alone(task: Task, *, seed: int, **hparams: Any) -> Predictor:
            return checked([task], seeds=[seed], **hparams)[0]

        name = function.__name__
        defaults = types.MappingProxyType(_defaults(function))
        single, many = (alone, checked) if together else (checked, None)
        shown = (reads_groups, needs_synthetic, source, defaults)
        kept = keeps_model or again is not None
        entry = Method(name, _version(function, version), single, *shown, many, kept, again, inference)
        if name in _REGISTRY and _REGISTRY[name].function.__module__ != function.__module__:
            raise ValueError(f"two methods are named {name!r}: {function.__module__} must rename its own")
        _REGISTRY[name] = entry
        return checked

    return register


def is_of_a_notebook(name: str) -> bool:
    """Whether a cell of a notebook (or a script) defines the method, so that no other process has it."""
    return get(name).function.__module__ == _CELL


def _version(function: Callable[..., Any], version: str) -> str:
    """``version``; of a function of a notebook also a hash of its text: an edited one is another method."""
    if function.__module__ != _CELL:
        return version
    return f"{version}-{hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:8]}"


def get(name: str) -> Method:
    """The method of that name; only its own module is imported. Raises UnknownName with the nearest one."""
    if name not in _REGISTRY and name in _places():
        importlib.import_module(_places()[name])
    if name not in _REGISTRY:
        raise UnknownName("method", name, names())
    return _REGISTRY[name]


def names() -> list[str]:
    """All method names, sorted; imports none of their modules."""
    return sorted({*_places(), *_REGISTRY})


def check_hparams(entry: Method | str, hparams: Mapping[str, Any]) -> None:
    """Check names and types of a method's hyper-parameters before anything is trained; ``entry`` may be its name.

    Raises:
        UnknownName: the method has no such hyper-parameter. BadData: a value of the wrong type.
    """
    entry = get(entry) if isinstance(entry, str) else entry
    hints = _hints(inspect.unwrap(entry.function))
    for name, value in hparams.items():
        if name not in entry.defaults:
            raise UnknownName(f"hyper-parameter of method {entry.name}:", name, entry.defaults)
        if not _fits(value, hints.get(name, Any)):
            raise BadData(
                f"hyper-parameter {name} of method {entry.name} must be {_spelled(hints[name])}, got {value!r}"
            )


@functools.cache
def _places() -> dict[str, str]:
    """Name of each method -> its module, read from the sources of the rooms and of this package.

    Together the modules take seconds to import. The decorator must be written as ``@method(...)`` above the function.
    """
    found: dict[str, str] = {}
    for package, folder in [(__package__, Path(__file__).parent), *_rooms()]:
        for file in sorted(folder.rglob("*.py")):
            module = ".".join((package, *file.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
            for name in _decorated(file.read_text(encoding="utf-8")):
                if name in found:
                    raise BadData(f"two methods are named {name!r}, in {found[name]} and {module}: rename one of them")
                found[name] = module
    return found


def _rooms() -> list[tuple[str, Path]]:
    return [(room.package, room.folder) for room in registry.rooms().values()]


def _decorated(text: str) -> list[str]:
    """Names of the module's functions under ``@method(...)``."""
    if "\n@method(" not in text:
        return []
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return [node.name for node in functions if any(_is_method(one) for one in node.decorator_list)]


def _is_method(decorator: ast.expr) -> bool:
    call = decorator.func if isinstance(decorator, ast.Call) else None
    return isinstance(call, ast.Name) and call.id == "method"


def _defaults(function: Callable[..., Predictor]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            found |= dict.fromkeys(_shared(function))
        elif name not in ("seed", "seeds"):
            found[name] = parameter.default
    return found


@functools.cache
def _hints(function: Callable[..., Predictor]) -> dict[str, Any]:
    names = {"Task": Task, "Predictor": Predictor}
    return typing.get_type_hints(function, localns=names) | _shared(function)


def _shared(function: Callable[..., Predictor]) -> dict[str, Any]:
    """Names and types of the hyper-parameters that come as ``**options: Unpack[T]``."""
    for hint in typing.get_type_hints(function, localns={"Task": Task, "Predictor": Predictor}).values():
        if typing.get_origin(hint) is Unpack:
            return {name: kind | None for name, kind in typing.get_type_hints(typing.get_args(hint)[0]).items()}
    return {}


def _fits(value: Any, hint: Any) -> bool:
    """Whether ``value`` is of type ``hint`` (unions, literals and sequences too; an int is a float, a bool is not)."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if origin is Literal:
        return any(type(value) is type(argument) and value == argument for argument in arguments)
    if origin in (tuple, list, SequenceType):  # records are JSON, where a tuple comes back as a list
        return isinstance(value, list | tuple) and all(_fits(item, arguments[0]) for item in value)
    if isinstance(value, bool) or hint is None or hint is type(None):
        return value is None if hint in (None, type(None)) else hint is bool
    return isinstance(value, (int, float) if hint is float else origin or hint)


def _spelled(hint: Any) -> str:
    """A type in words: ``float, 'val' or None``."""
    if typing.get_origin(hint) in (Union, types.UnionType, Literal):
        parts = [repr(part) if isinstance(part, str) else _spelled(part) for part in typing.get_args(hint)]
        return f"{', '.join(parts[:-1])} or {parts[-1]}" if len(parts) > 1 else parts[0]
    return "None" if hint is type(None) else str(getattr(hint, "__name__", hint))
