"""Which values break a service's model, and how AWS says so.

Lengths are counted in characters. A blob's length is not looked at: its text may have been left
out. Source of the words: what AWS's services answer, since they share one framework.
"""
from collections.abc import Callable
from dataclasses import dataclass

from botocore.model import ListShape, MapShape, Shape, StructureShape

from workshop.local.models import exceptions, patterns
from workshop.local.models.protocols import NUMBERS, Call

NOT_NULL = "Member must not be null"

@dataclass(frozen=True)
class Fault:
    """One value that breaks the model.

    path: the member's, such as `targets.1.member.id`. constraint: what does not hold, as in
    "Member must not be null". value: as AWS prints it; None: nothing was given. kind: "required",
    "enum", "pattern", "length", "range" or "name" (a function's name is too long). shape: that of
    the constraint. culprit: the value itself; of a list or a map, the first entry that is wrong.
    hidden: the model calls the value sensitive, and no message repeats it.
    """
    path: str
    constraint: str
    value: str | None
    kind: str
    shape: Shape
    culprit: object = None
    hidden: bool = False

    def __str__(self) -> str:
        value = "Value" if self.hidden else \
            "Value null" if self.value is None else f"Value '{self.value}'"
        return f"{value} at '{self.path}' failed to satisfy constraint: {self.constraint}"


def faults(call: Call) -> list[Fault]:
    """Every value of a call that breaks its operation's model, in the model's order."""
    shape = call.operation.input_shape
    if shape is None:
        return []
    return list(Checker(call).structure(shape, call.parameters, ""))


class Checker:
    """Walks a call's parameters beside the model."""

    def __init__(self, call: Call):
        self.service, self.operation = call.service, call.operation.name

    def value(self, shape: Shape, value, path: str, member: str | None = None):
        """The faults of one value and of what is in it (an iterator)."""
        yield from (Fault(path, rule.words, printed(value), rule.kind, shape, value,
                          is_hidden(shape))
                    for rule in rules(self.service, self.operation, shape, member)
                    if not rule.holds(value))
        if isinstance(shape, StructureShape):
            yield from self.structure(shape, value, path + ".")
        elif isinstance(shape, ListShape):
            yield from self.list(shape, value, path)
        elif isinstance(shape, MapShape):
            yield from self.map(shape, value, path)

    def structure(self, shape: StructureShape, values: dict, prefix: str):
        for key in shape.required_members:
            if values.get(key) is None:
                yield Fault(prefix + lower_first(key), NOT_NULL, None, "required",
                            shape.members[key])
        for key, value in values.items():
            if value is not None:
                yield from self.value(shape.members[key], value, prefix + lower_first(key),
                                      None if prefix else key)

    def list(self, shape: ListShape, values: list, path: str):
        """A list of texts or numbers is named as a whole; of structures, the entry is."""
        if is_nested(shape.member):
            for number, value in enumerate(values, 1):
                if value is not None:
                    yield from self.value(shape.member, value, f"{path}.{number}.member")
        else:
            yield from self.one_of_many(shape, shape.member, values, values, path, "Member")

    def map(self, shape: MapShape, values: dict, path: str):
        yield from self.one_of_many(shape, shape.key, values, values, path, "Map keys")
        if is_nested(shape.value):
            for key, value in values.items():
                if value is not None:
                    yield from self.value(shape.value, value, f"{path}.{key}.member")
        else:
            yield from self.one_of_many(shape, shape.value, values.values(), values, path,
                                        "Map value")

    def one_of_many(self, shape: Shape, member: Shape, values, whole, path: str, subject: str):
        """At most one fault: AWS then says all that each entry must satisfy."""
        known = rules(self.service, self.operation, member)
        for value in values:
            broken = "required" if value is None else next(
                (rule.kind for rule in known if not rule.holds(value)), None)
            if broken:
                words = [rule.words for rule in known]
                if self.service in exceptions.SAY_NOT_NULL:
                    words.append(NOT_NULL)
                yield Fault(path, f"{subject} must satisfy constraint: [{', '.join(words)}]",
                            printed(whole), broken, member, value, is_hidden(shape, member))
                return


# ---------------------------------------------------------------- the constraints of one shape

@dataclass(frozen=True)
class Rule:
    """One constraint: its kind and words, as in `Fault`, and whether a value keeps it."""
    kind: str
    words: str
    holds: Callable[[object], bool]


_RULES: dict[tuple, tuple[Rule, ...]] = {}


def rules(service: str, operation: str, shape: Shape, member: str | None = None
          ) -> tuple[Rule, ...]:
    """A shape's constraints in the order in which AWS lists them, made when first asked for.

    member: the parameter's name when the shape is a parameter's own.
    """
    key = (service, operation, shape.name, member)
    if key not in _RULES:
        model = exceptions.corrected(service, operation, shape, member)
        _RULES[key] = (*sizes(shape, model), *forms(service, shape, model))
    return _RULES[key]


def sizes(shape: Shape, model: dict):
    """The rules of a number's range and of the length of a text, a list or a map."""
    if shape.type_name == "blob":
        return
    is_number = shape.type_name in NUMBERS
    kind, noun = ("range", "value") if is_number else ("length", "length")
    size = (lambda value: value) if is_number else len
    most, least = model.get("max"), model.get("min")
    if most is not None:
        yield Rule(kind, f"Member must have {noun} less than or equal to {number(shape, most)}",
                   lambda value: size(value) <= most)
    if least is not None:
        yield Rule(kind, f"Member must have {noun} greater than or equal to {number(shape, least)}",
                   lambda value: size(value) >= least)
    longest = model.get("longest_name")
    if longest:
        yield Rule("name", f"Member must have length less than or equal to {longest}",
                   lambda name: ":" in name or len(name) <= longest)


def forms(service: str, shape: Shape, model: dict):
    """The rules of a text's form: pattern and enum."""
    if "pattern" in model:
        shown = exceptions.SHOWN.get((service, shape.name), model["pattern"])
        yield Rule("pattern", f"Member must satisfy regular expression pattern: {shown}",
                   lambda value: matches(service, shape, model["pattern"], value))
    if "enum" in model:
        folded = (service, shape.name) in exceptions.ANY_CASE
        yield Rule("enum", f"Member must satisfy enum value set: [{', '.join(model['enum'])}]",
                   lambda value: (value.lower() if folded else value) in model["enum"])


def matches(service: str, shape: Shape, pattern: str, value: str) -> bool:
    """Whether the whole value has the pattern's form; a pattern that is not enforced always has."""
    if (service, shape.name) in patterns.SKIPPED:
        return True
    compiled = patterns.compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


def is_nested(shape: Shape) -> bool:
    return isinstance(shape, (StructureShape, ListShape, MapShape))


def is_hidden(*shapes: Shape) -> bool:
    return any(shape.metadata.get("sensitive") for shape in shapes)


def number(shape: Shape, limit) -> str:
    """A limit as AWS writes it: with a point where the member is no whole number."""
    return str(float(limit) if shape.type_name in ("float", "double") else int(limit))


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def printed(value) -> str:
    """A value as AWS prints it in a message: [a, b] and {a=b}, without quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={printed(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(printed, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
