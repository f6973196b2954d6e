"""The OpenAPI document as a page: plain HTML, made here, so that nothing is loaded from outside."""

from collections.abc import Mapping
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff }
h2 { font: 600 1rem ui-monospace, monospace; margin: 2rem 0 0; border-top: 1px solid #ccc;
     padding-top: 1rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0 }
code { font-family: ui-monospace, monospace }
p.who { color: #555 }
"""


def as_page(document: Mapping[str, Any], access: Mapping[str, frozenset[str]]) -> str:
    """Return an OpenAPI document as a page of HTML.

    Parameters
    ----------
    document
        As FastAPI makes it.
    access
        The roles that may use an endpoint, by method and path; none is everybody.
    """
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<title>{title}</title><link rel="stylesheet" href="docs.css"></head><body>',
        f'<h1>{title}</h1><p>For programs: <a href="openapi.json">openapi.json</a></p>',
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            parts.append(_operation(name, operation, sorted(access[name])))
    parts.append("</body></html>")
    return "".join(parts)


def _operation(name: str, operation: Mapping[str, Any], roles: list[str]) -> str:
    text = "</p><p>".join(map(escape, operation.get("description", "").split("\n\n")))
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation.get("parameters", ())
    )
    who = ", ".join(roles) or "everybody, without signing in"
    statuses = ", ".join(operation["responses"])
    return (
        f"<h2>{escape(name)}</h2><p>{text}</p><p class=who>For: {escape(who)}. "
        f"Answers: {escape(statuses)}.</p><table>{rows}</table>"
    )
