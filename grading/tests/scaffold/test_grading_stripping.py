"""Solutions are taken out of sources along their syntax trees, and nothing else is."""

import ast
from textwrap import dedent

import pytest

from grading.scaffold.left_out import CannotLeaveOutError
from grading.scaffold.stripping import ScaffoldError, strip
from grading.tasks.model import Checks, Task


def task(holes: list[str], also_remove: list[str] | None = None) -> Task:
    return Task(
        id="4.2",
        title="",
        asks="",
        module=4,
        points=10,
        checks=Checks(),
        seconds=1,
        memory_mb=100,
        doc="",
        holes=tuple(holes),
        also_remove=tuple(also_remove or ()),
    )


def stripped(
    files: dict[str, str], holes: list[str] | None = None, also_remove: list[str] | None = None
) -> dict[str, str]:
    sources = {f"packages/p/src/p/{name}.py": dedent(text) for name, text in files.items()}
    result = strip(sources, [task(holes or [], also_remove)])
    for text in result.values():
        ast.parse(text)
    return {path.rpartition("/")[2][:-3]: text for path, text in result.items()}


def test_a_body_becomes_an_error_that_names_the_task() -> None:
    before = '''
        """Läßt Bytes und Zeichen zählen."""

        LIMIT = 3  # stays


        @decorated("ä")
        def f(x: int, *, y: str = "ö") -> int:  # stays, too
            """Say what it does.

            >>> f(1)
            3
            """
            # The trick.
            total = x
            return total
            # Why it works.


        def g() -> None:
            # Nothing to do.
            pass


        class C:
            def quick(self): return 1

            async def later(self):
                async def inner():
                    return 1

                return inner
        '''
    after = '''
        """Läßt Bytes und Zeichen zählen."""

        LIMIT = 3  # stays


        @decorated("ä")
        def f(x: int, *, y: str = "ö") -> int:  # stays, too
            """Say what it does.

            >>> f(1)
            3
            """
            raise NotImplementedError("Need to implement for task 4.2: f")


        def g() -> None:
            raise NotImplementedError("Need to implement for task 4.2: g")


        class C:
            def quick(self): raise NotImplementedError("Need to implement for task 4.2: C.quick")

            async def later(self):
                raise NotImplementedError("Need to implement for task 4.2: C.later")
        '''
    holes = ["p.m:f", "p.m:g", "p.m:C.quick", "p.m:C.later"]
    assert stripped({"m": before}, holes)["m"] == dedent(after)


def test_unused_removed_code_is_deleted_and_used_code_raises() -> None:
    before = """
        def solve():
            return _helper() + _kept()


        # How it helps.
        def _helper():
            return 1


        def _kept():
            return 2


        def given():
            return _kept()


        class Twin:
            def _answer(self):
                return 3

            def answer(self):
                return self._answer()
        """
    after = """
        def solve():
            raise NotImplementedError("Need to implement for task 4.2: solve")


        def _kept():
            raise NotImplementedError("removed: it contains the solution of task 4.2")


        def given():
            return _kept()
        """
    also_remove = ["p.m:_helper", "p.m:_kept", "p.m:Twin"]
    assert stripped({"m": before}, ["p.m:solve"], also_remove)["m"] == dedent(after)


def test_statements_that_use_a_left_out_module_are_removed() -> None:
    files = {
        "__init__": """
            from p.fast import Fast
            from p.plain import Plain, quick

            __all__ = ["Fast", "Plain", "quick"]
            """,
        "fast": "class Fast: ...\ndef quick(fn): return fn",
        "plain": """
            from p.fast import quick

            class Plain: ...
            """,
        "user": """
            import p
            import p.fast
            from p import Fast, Plain, fast

            BACKENDS = {
                "fast": Fast,
                "plain": Plain,
            }
            NAMES = ["fast", "plain"]

            @p.quick
            @kept
            def make(name: str, like: Fast | None = None) -> "Plain | Fast":
                if name == "fast":
                    return Fast()
                for kind in (p.fast.Fast, Plain):
                    print(kind)
                try:
                    from p.fast import Fast as Quick
                except ImportError:
                    print(fast)
                else:
                    print(Plain)
                return Plain()
            """,
    }
    result = stripped(files, also_remove=["p.fast"])
    assert set(result) == {"__init__", "plain", "user"}
    error = 'raise NotImplementedError("{} is removed from this tree")'
    assert result["__init__"] == dedent("""
        from p.plain import Plain

        __all__ = ["Plain"]
        """)
    assert result["user"] == dedent(f"""
        import p
        from p import Plain

        BACKENDS = {{
            "plain": Plain,
        }}
        NAMES = ["fast", "plain"]

        @kept
        def make(name: str, like: 'Fast | None' = None) -> "Plain | Fast":
            if name == "fast":
                {error.format("Fast")}
            {error.format("p.fast.Fast")}
            try:
                {error.format("Quick")}
            except ImportError:
                {error.format("fast")}
            else:
                print(Plain)
            return Plain()
        """)


@pytest.mark.parametrize(
    "line", ["DEFAULT = Fast()", "class Mine(Fast): ...", "def f(x=Fast()): ...", "TABLE = [Fast]"]
)
def test_code_that_runs_at_import_is_not_left_out_silently(line: str) -> None:
    files = {"fast": "class Fast: ...", "user": f"from p.fast import Fast\n\n{line}\n"}
    with pytest.raises(
        CannotLeaveOutError, match=r"user\.py:3 uses Fast at import, which is removed"
    ):
        stripped(files, also_remove=["p.fast"])


@pytest.mark.parametrize(
    ("holes", "also_remove", "message"),
    [
        (["p.m:absent"], [], "p.m:absent, which is not in the packages"),
        (["p.other:f"], [], "p.other:f, which is not in the packages"),
        ([], ["p.m:absent"], "p.m:absent, which is not in the packages"),
        ([], ["p.absent"], "names p.absent, which is not in the packages"),
        (["p.m:C"], [], "the hole p.m:C is not a function"),
    ],
)
def test_a_name_that_is_not_there_is_an_error(
    holes: list[str], also_remove: list[str], message: str
) -> None:
    with pytest.raises(ScaffoldError, match=message):
        stripped({"m": "class C: ..."}, holes, also_remove)
