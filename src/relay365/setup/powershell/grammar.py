"""A script's text as a tree, by recursive descent; raises ScriptError for whatever we would not write.

The order of operators is PowerShell's: -and and -or last, comparisons before them, + before those, the comma first of
all. (PowerShell Language Specification 3.0, chapters 7 and 8; Microsoft: about_Operator_Precedence, about_Parsing)
"""

from __future__ import annotations

import re
from collections.abc import Callable

from relay365.setup.powershell.tokens import ScriptError, Token, pieces, read
from relay365.setup.powershell.tree import (
    Assignment,
    Block,
    Call,
    Choice,
    Command,
    Expand,
    Index,
    Inner,
    Items,
    Literal,
    Loop,
    Member,
    Negation,
    Node,
    Operation,
    Pipeline,
    Script,
    Table,
    Throw,
    Variable,
)

BYTE_ORDER_MARK = "\ufeff"

_HEAD = re.compile(
    r"\A(?:#[^\n]*\n|\s)*(?P<binding>\[CmdletBinding\(SupportsShouldProcess"
    r"(?:, ConfirmImpact = '(?:Low|Medium|High)')?\)\]\r?\nparam\(\)\r?\n)"
)
_LOGICAL = frozenset(("and", "or"))
_COMPARING = frozenset(("eq", "ne", "gt", "contains", "notcontains", "in", "notin", "like"))
_ENDS = frozenset(("|", ";", ")", "}"))


def parse(text: str) -> Script:
    """Read a script; raises ScriptError with the line and the reason."""
    text = text.removeprefix(BYTE_ORDER_MARK)
    head = _HEAD.match(text)
    if head is not None:  # the same number of lines, so that an error names the right one
        text = text[: head.start("binding")] + "\n\n" + text[head.end("binding") :]
    reader = _Reader(list(read(text)))
    return Script(reader.statements(""), asks=head is not None)


class _Reader:
    """The tokens and how far they are read."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._at = tokens, 0

    # -- statements -----------------------------------------------------------------------------------------------

    def statements(self, closing: str) -> tuple[Node, ...]:
        """All statements up to a closing mark, which is taken, or to the end."""
        found: list[Node] = []
        while True:
            self._skip_lines(";")
            if self._token is None:
                if closing:
                    raise ScriptError(self._line, f"{closing} is missing")
                return tuple(found)
            if closing and self._takes(closing):
                return tuple(found)
            found.append(self._statement())
            if not (self._is_end or self._token.kind == "newline"):
                raise ScriptError(self._line, f"{self._token.text!r} behind a statement")

    def _statement(self) -> Node:
        token = self._need("a statement")
        if token.kind == "word" and token.text in ("if", "foreach", "throw"):
            self._at += 1
            return {"if": self._choice, "foreach": self._loop, "throw": self._throw}[token.text]()
        following = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else token
        if token.kind == "variable" and following.kind == "mark" and following.text in ("=", "+="):
            self._at += 2
            return Assignment(token.text, self._pipeline(), following.text == "+=")
        return self._pipeline()

    def _choice(self) -> Node:
        branches: list[tuple[Node | None, tuple[Node, ...]]] = [self._branch()]
        while (word := self._word_behind("elseif", "else")) is not None:
            branches.append(self._branch() if word == "elseif" else (None, self._body()))
            if word == "else":
                break
        return Choice(tuple(branches))

    def _branch(self) -> tuple[Node, tuple[Node, ...]]:
        self._take("(")
        condition = self._pipeline()
        self._take(")")
        return condition, self._body()

    def _word_behind(self, *words: str) -> str | None:
        """One of these words, though it may stand on the next line."""
        at = self._at
        self._skip_lines()
        token = self._token
        if token is not None and token.kind == "word" and token.text in words:
            self._at += 1
            return token.text
        self._at = at
        return None

    def _loop(self) -> Node:
        self._take("(")
        name = self._need("a variable").text
        self._at += 1
        if self._word_behind("in") is None:
            raise ScriptError(self._line, "foreach has no `in`")
        items = self._pipeline()
        self._take(")")
        return Loop(name, items, self._body())

    def _throw(self) -> Node:
        return Throw(self._expression())

    def _body(self) -> tuple[Node, ...]:
        self._take("{")
        return self.statements("}")

    # -- commands -------------------------------------------------------------------------------------------------

    def _pipeline(self) -> Node:
        stages = [self._stage()]
        while self._takes("|"):
            self._skip_lines()
            stages.append(self._stage())
        return stages[0] if len(stages) == 1 else Pipeline(tuple(stages))

    def _stage(self) -> Node:
        token = self._need("a command or a value")
        if token.kind == "word":
            if "-" not in token.text:
                raise ScriptError(token.line, f"{token.text} is no cmdlet, and no value without quotes")
            self._at += 1
            return self._command(token)
        return self._expression()

    def _command(self, name: Token) -> Node:
        arguments: list[tuple[str, Node | None]] = []
        while not self._is_end and (token := self._token) is not None and token.kind != "newline":
            if token.kind != "parameter":
                arguments.append(("", self._argument()))
                continue
            self._at += 1
            is_bound = self._takes(":")
            is_alone = self._is_end or self._token is None or self._token.kind in ("newline", "parameter")
            if is_bound and is_alone:
                raise ScriptError(token.line, f"-{token.text}: has no value")
            arguments.append((token.text, None if is_alone else self._argument()))
        return Command(name.text, tuple(arguments), name.line)

    def _argument(self) -> Node:
        """A value as an argument, or a list of them: operators need parentheses around them."""
        items = [self._argument_word()]
        while self._takes(","):
            self._skip_lines()
            items.append(self._argument_word())
        return items[0] if len(items) == 1 else Items(tuple(items), is_array=False)

    def _argument_word(self) -> Node:
        token = self._need("a value")
        if token.kind == "word":
            if "-" in token.text:
                raise ScriptError(token.line, f"{token.text} as a value stands in quotes")
            self._at += 1
            return Literal(token.text)
        return self._postfix()

    # -- expressions ----------------------------------------------------------------------------------------------

    def _expression(self) -> Node:
        return self._binary(_LOGICAL, lambda: self._binary(_COMPARING, self._sum))

    def _binary(self, names: frozenset[str], operand: Callable[[], Node]) -> Node:
        left: Node = operand()
        while (token := self._token) is not None and token.kind == "parameter" and token.text in names:
            self._at += 1
            self._skip_lines()
            left = Operation(token.text, left, operand())
        return left

    def _sum(self) -> Node:
        left = self._list()
        while self._takes("+"):
            self._skip_lines()
            left = Operation("plus", left, self._list())
        return left

    def _list(self) -> Node:
        items = [self._unary()]
        while self._takes(","):
            self._skip_lines()
            items.append(self._unary())
        return items[0] if len(items) == 1 else Items(tuple(items), is_array=False)

    def _unary(self) -> Node:
        token = self._need("a value")
        if (token.kind, token.text) in (("parameter", "not"), ("mark", "!")):
            self._at += 1
            return Negation(self._unary())
        return self._postfix()

    def _postfix(self) -> Node:
        node = self._primary()
        while (token := self._token) is not None and token.kind == "mark" and token.is_tight:
            if token.text == "." and self._tokens[self._at + 1].kind == "word":
                node = self._member(node)
            elif token.text == "[":
                self._at += 1
                node = Index(node, self._expression())
                self._take("]")
            else:
                break
        return node

    def _member(self, target: Node) -> Node:
        name = self._tokens[self._at + 1].text
        self._at += 2
        token = self._token
        if token is None or token.text != "(" or not token.is_tight:
            return Member(target, name)
        self._at += 1
        arguments: tuple[Node, ...] = ()
        if not self._takes(")"):
            found = self._expression()
            arguments = found.items if isinstance(found, Items) and not found.is_array else (found,)
            self._take(")")
        return Call(target, name, arguments)

    def _primary(self) -> Node:
        token = self._need("a value")
        self._at += 1
        if token.kind == "string":
            return Literal(token.text)
        if token.kind == "number":
            return Literal(float(token.text) if "." in token.text else int(token.text))
        if token.kind == "variable":
            return Variable(token.text)
        if token.kind == "expandable":
            found = pieces(token.text, token.line)
            return Expand(tuple(Variable(t) if kind == "variable" else Literal(t) for kind, t in found))
        if token.kind == "mark" and token.text in ("(", "$("):
            self._skip_lines()
            inner = Inner(self._pipeline())
            self._skip_lines()
            self._take(")")
            return inner
        if token.kind == "mark" and token.text in ("@(", "@{", "{"):
            return {"@(": self._array, "@{": self._table, "{": self._block}[token.text]()
        raise ScriptError(token.line, f"{token.text!r} where a value is expected")

    def _array(self) -> Node:
        items: list[Node] = []
        for one in self.statements(")"):
            items += one.items if isinstance(one, Items) and not one.is_array else (one,)
        return Items(tuple(items))

    def _block(self) -> Node:
        return Block(self.statements("}"))

    def _table(self) -> Node:
        pairs: list[tuple[str, Node]] = []
        while True:
            self._skip_lines(";")
            if self._takes("}"):
                return Table(tuple(pairs))
            key = self._need("a key")
            if key.kind not in ("word", "string"):
                raise ScriptError(key.line, f"{key.text!r} where a key is expected")
            self._at += 1
            self._take("=")
            pairs.append((key.text, self._pipeline()))

    # -- tokens ---------------------------------------------------------------------------------------------------

    @property
    def _token(self) -> Token | None:
        """The next token; None at the end, where only the last line end is left."""
        return self._tokens[self._at] if self._at < len(self._tokens) - 1 else None

    @property
    def _line(self) -> int:
        return self._tokens[min(self._at, len(self._tokens) - 1)].line

    @property
    def _is_end(self) -> bool:
        token = self._token
        return token is None or (token.kind == "mark" and token.text in _ENDS)

    def _need(self, what: str) -> Token:
        token = self._token
        if token is None or token.kind == "newline":
            raise ScriptError(self._line, f"{what} is missing")
        return token

    def _takes(self, mark: str) -> bool:
        token = self._token
        is_it = token is not None and token.kind == "mark" and token.text == mark
        self._at += is_it
        return is_it

    def _take(self, mark: str) -> None:
        if not self._takes(mark):
            raise ScriptError(self._line, f"{mark} is missing")

    def _skip_lines(self, also: str = "") -> None:
        while (token := self._token) is not None and (
            token.kind == "newline" or (token.kind == "mark" and token.text == also)
        ):
            self._at += 1
