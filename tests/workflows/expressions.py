"""The part of GitHub's expression language that the workflows use.

Reads `${{ … }}`: names in contexts, texts, true and false, ==, !=, !, && and ||, always() and its
kin. https://docs.github.com/actions/reference/evaluate-expressions-in-workflows-and-actions
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TOKEN = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||==|!=|[!()]|[\w.*-]+)")
FUNCTIONS = {"always": True, "success": True, "failure": False, "cancelled": False}


class Expression:
    """One expression, evaluated on the contexts."""

    def __init__(self, text: str, contexts: Mapping[str, Any]) -> None:
        self.tokens = TOKEN.findall(text)
        if "".join(self.tokens).replace(" ", "") != re.sub(r"\s", "", text).replace(" ", ""):
            raise ValueError(f"cannot be read: {text}")
        self.contexts = contexts

    def value(self) -> Any:
        """What it comes to; an absent name is an empty text."""
        found = self._or()
        if self.tokens:
            raise ValueError(f"left over: {self.tokens}")
        return found

    def _taken(self, *words: str) -> str:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in words else ""

    def _or(self) -> Any:
        found = self._and()
        while self._taken("||"):
            other = self._and()
            found = found or other
        return found

    def _and(self) -> Any:
        found = self._equal()
        while self._taken("&&"):
            other = self._equal()
            found = found and other
        return found

    def _equal(self) -> Any:
        found = self._single()
        while operator := self._taken("==", "!="):
            same = str(found).lower() == str(self._single()).lower()
            found = same if operator == "==" else not same
        return found

    def _single(self) -> Any:
        if self._taken("!"):
            return not self._single()
        if self._taken("("):
            found = self._or()
            self.tokens.remove(")")
            return found
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token in ("true", "false"):
            return token == "true"
        if self._taken("("):
            self._taken(")")
            return FUNCTIONS[token]
        return self._named(token)

    def _named(self, path: str) -> Any:
        found: Any = self.contexts
        for part in path.split("."):
            found = found.get(part, "") if isinstance(found, Mapping) else ""
        return found


def filled(text: Any, contexts: Mapping[str, Any]) -> str:
    """A text with its `${{ … }}` replaced."""

    def value(match: re.Match[str]) -> str:
        found = Expression(match[1], contexts).value()
        return str(found).lower() if isinstance(found, bool) else str(found)

    return re.sub(r"\$\{\{(.*?)\}\}", value, str(text))


def holds(condition: Any, contexts: Mapping[str, Any]) -> bool:
    """Whether a step's `if` lets it run."""
    text = str(condition).strip().removeprefix("${{").removesuffix("}}")
    return bool(Expression(text, contexts).value())
