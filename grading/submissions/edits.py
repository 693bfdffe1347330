"""Edits of a source file by nodes of its syntax tree; comments and layout are kept.

Edits are collected by position and applied together, so that a file is parsed once and positions
stay valid.
"""

import ast
from collections.abc import Sequence

from grading.submissions.syntax import Function


class Edits:
    """The text of a file, its syntax tree, and collected edits.

    Attributes:
        tree: The syntax tree of the text before all edits.
    """

    def __init__(self, text: str) -> None:
        self._bytes = text.encode()
        self.tree = ast.parse(text)
        # Columns of the syntax tree count bytes.
        self._lines = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._edits: list[tuple[int, int, bytes]] = []

    def result(self) -> str:
        """Return the edited text; of two overlapping edits only the outer one is applied."""
        text = self._bytes
        end_of_last = len(text) + 1
        outer_first = sorted(self._edits, key=lambda edit: (edit[0], -edit[1]))
        kept: list[tuple[int, int, bytes]] = []
        for start, end, new in outer_first:
            if not kept or start >= kept[-1][1]:
                kept.append((start, end, new))
        for start, end, new in reversed(kept):
            assert end <= end_of_last
            text = text[:start] + new + text[end:]
            end_of_last = start
        return text.decode()

    def replace(self, node: ast.AST, new: str) -> None:
        """Replace a statement or an expression."""
        start, end = self.span(node)
        self._edits.append((start, end, new.encode()))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return the byte positions of the start and end of a node, with its decorators."""
        at = node
        decorators = getattr(node, "decorator_list", [])
        start = self._offset(at.lineno, at.col_offset)  # type: ignore[attr-defined]
        if decorators:
            first = decorators[0]
            start = self._bytes.rindex(b"@", 0, self._offset(first.lineno, first.col_offset))
        return start, self._offset(at.end_lineno, at.end_col_offset)  # type: ignore[attr-defined]

    def text_of(self, node: ast.AST) -> str:
        """Return the text of a node."""
        start, end = self.span(node)
        return self._bytes[start:end].decode()

    def remove_lines(self, node: ast.AST) -> None:
        """Remove a statement, the comments directly above it, and the blank lines above those."""
        start, end = self.span(node)
        first = self._bytes.rfind(b"\n", 0, start) + 1
        for belongs in (lambda line: line.startswith(b"#"), lambda line: not line):
            while first > 0:
                before = self._bytes.rfind(b"\n", 0, first - 1) + 1
                if not belongs(self._bytes[before:first].strip()):
                    break
                first = before
        self._edits.append((first, self._end_of_line(end), b""))

    def remove_line(self, node: ast.AST) -> None:
        """Remove the lines of a statement only."""
        start, end = self.span(node)
        first = self._bytes.rfind(b"\n", 0, start) + 1
        self._edits.append((first, self._end_of_line(end), b""))

    def remove_elements(self, elements: Sequence[tuple[ast.AST, ast.AST]], gone: set[int]) -> None:
        """Remove elements of a list, a dict or an import.

        Args:
            elements: The first and the last node of each element, in order.
            gone: Indices of the elements to remove; at least one element has to stay.
        """
        kept = [i for i in range(len(elements)) if i not in gone]
        for i in gone:
            start, end = self.span(elements[i][0])[0], self.span(elements[i][1])[1]
            if i < kept[-1]:
                # Remove up to the start of the next element.
                end = self.span(elements[i + 1][0])[0]
            else:
                start = self.span(elements[i - 1][1])[1]
            self._edits.append((start, end, b""))

    def empty(self, function: Function, message: str) -> None:
        """Replace the body of a function by an error; its docstring is kept."""
        statements = function.body
        documented = (
            isinstance(statements[0], ast.Expr)
            and isinstance(statements[0].value, ast.Constant)
            and isinstance(statements[0].value.value, str)
        )
        error = f'raise NotImplementedError("{message}")'
        if documented:
            start = self.span(statements[0])[1]
            error = "\n" + " " * statements[0].col_offset + error
        else:
            start = self.span(statements[0])[0]
            # Comments between the signature and the body belong to the body.
            if statements[0].lineno > function.lineno:
                line = self._bytes.rfind(b"\n", 0, start) + 1
                while (before := self._bytes.rfind(b"\n", 0, line - 1) + 1) and (
                    self._bytes[before:line].strip().startswith(b"#")
                ):
                    line = before
                error = " " * statements[0].col_offset + error
                start = line
        end = self._with_comments(self.span(statements[-1])[1], function.col_offset)
        self._edits.append((start, end, error.encode()))

    def _with_comments(self, end: int, indent: int) -> int:
        """Return the end of a body, including deeper indented comments that follow it."""
        end = self._end_of_line(end) - 1
        while True:
            line_end = self._end_of_line(end + 1)
            line = self._bytes[end + 1 : line_end]
            inside = len(line) - len(line.lstrip()) > indent
            if not (line.strip().startswith(b"#") and inside):
                return end
            end = line_end - 1

    def _end_of_line(self, position: int) -> int:
        end = self._bytes.find(b"\n", position)
        return len(self._bytes) if end < 0 else end + 1

    def _offset(self, line: int, column: int) -> int:
        return self._lines[line - 1] + column
