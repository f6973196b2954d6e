"""Whether a message written by one schema could fail to be read by another.

Compares two JSON Schemas of the subset that `schemas.generate` writes. Asked with (new, old)
it guards older readers, asked with (old, new) it guards what older producers still send and
what the archive keeps. A change with findings needs a new major version of its type.
"""

from typing import Any

Schema = dict[str, Any]


def breaks(written: Schema, read: Schema) -> list[str]:
    """Return why a message valid by ``written`` may be refused by ``read``; empty if never.

    Each reason names the place in the message, such as ``$.location.lon``.
    """
    return _Comparison(written, read).compare(written, read, "$")


class _Comparison:
    def __init__(self, written: Schema, read: Schema) -> None:
        self._written = written
        self._read = read
        self._under_way: set[tuple[str, str]] = set()

    def compare(self, written: Schema, read: Schema, where: str) -> list[str]:
        pair = (written.get("$ref", ""), read.get("$ref", ""))
        if all(pair):
            if pair in self._under_way:
                return []
            self._under_way.add(pair)
        written = _resolve(written, self._written)
        read = _resolve(read, self._read)
        options = written.get("anyOf", [written])
        accepted = read.get("anyOf", [read])
        if len(options) == 1 and len(accepted) == 1:
            return self._one(options[0], accepted[0], where)
        found = []
        for option in options:
            partner = self._partner(option, accepted)
            if partner is None:
                found.append(
                    f"{where}: {_describe(option, self._written)} is not known to the reader"
                )
            else:
                found += self.compare(option, partner, where)
        return found

    def _partner(self, option: Schema, accepted: list[Schema]) -> Schema | None:
        name = _describe(option, self._written)
        return next((a for a in accepted if _describe(a, self._read) == name), None)

    def _one(self, written: Schema, read: Schema, where: str) -> list[str]:
        if not read:
            return []
        kinds = _types(written), _types(read)
        if not _covers(*kinds):
            return [f"{where}: was {_names(kinds[1])}, is {_names(kinds[0])}"]
        found = _value_breaks(written, read, where)
        if "properties" in read:
            found += self._object(written, read, where)
        return found + self._elements(written, read, where)

    def _elements(self, written: Schema, read: Schema, where: str) -> list[str]:
        found = []
        for part in ("items", "additionalProperties"):
            if isinstance(read.get(part), dict) and read[part]:
                inner = written.get(part)
                if not isinstance(inner, dict):
                    found.append(f"{where}: {part} are of any kind now")
                else:
                    found += self.compare(inner, read[part], f"{where}[]")
        own, wanted = written.get("prefixItems", []), read.get("prefixItems", [])
        if len(own) != len(wanted):
            return [*found, f"{where}: of another length"]
        for i, (item, other) in enumerate(zip(own, wanted, strict=True)):
            found += self.compare(item, other, f"{where}[{i}]")
        return found

    def _object(self, written: Schema, read: Schema, where: str) -> list[str]:
        own = written.get("properties", {})
        found = [
            f"{where}.{name}: may be missing now, and the reader needs it"
            for name in read.get("required", [])
            if name not in written.get("required", [])
        ]
        for name, schema in read["properties"].items():
            if name in own:
                found += self.compare(own[name], schema, f"{where}.{name}")
        return found


def _value_breaks(written: Schema, read: Schema, where: str) -> list[str]:
    found = []
    values = _values(read)
    if values is not None and not (_values(written) or {None}) <= values:
        found.append(f"{where}: values other than {sorted(map(str, values))}")
    if read.get("format") not in (None, written.get("format")):
        found.append(f"{where}: no longer of the format {read['format']}")
    return found


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _describe(schema: Schema, root: Schema) -> str:
    if "$ref" in schema:
        name: str = schema["$ref"].rpartition("/")[2]
        tag = _tag(_resolve(schema, root))
        return tag or name
    return _tag(schema) or _names(_types(schema))


def _tag(schema: Schema) -> str | None:
    for name, field in schema.get("properties", {}).items():
        if "enum" in field and len(field["enum"]) == 1:
            return f"{name}={field['enum'][0]}"
    return None


def _types(schema: Schema) -> frozenset[str]:
    kind = schema.get("type", [])
    return frozenset([kind] if isinstance(kind, str) else kind)


def _covers(written: frozenset[str], read: frozenset[str]) -> bool:
    accepted = read | {"integer"} if "number" in read else read
    return not read or (bool(written) and written <= accepted)


def _values(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _names(kinds: frozenset[str]) -> str:
    return "/".join(sorted(kinds)) or "anything"
