"""The packages import only what `tools.import_graph` allows."""

from pathlib import Path

import pytest

from tools.import_graph import (
    FOLDERS_NO_PACKAGE_IMPORTS,
    MAY_IMPORT,
    ONE_FUNCTION_MAY_IMPORT,
    distribution_with,
    imports_of,
    violations,
)
from tools.workspace import ROOT, Package, normalised, read_packages


def test_no_package_breaks_a_rule() -> None:
    assert violations(read_packages()) == []


def test_every_package_has_a_row_and_every_row_a_package() -> None:
    assert {package.module for package in read_packages()} == set(MAY_IMPORT)


def test_packages_declare_exactly_the_siblings_they_may_import() -> None:
    declared = {
        package.module: {
            module for module in MAY_IMPORT if distribution_with(module) in package.requires
        }
        for package in read_packages()
    }
    assert declared == MAY_IMPORT


def test_the_judge_imports_no_package() -> None:
    """Only the driver, which runs in the process of a submission, imports the code under test.

    The tests contain parts of submissions, which they write to files and never import. The one
    exception runs our own mutants, no code of others, in the process of the test.
    """
    grading = ROOT / "grading"
    mutants = grading / "tests" / "mutants" / "in_process.py"
    beside_it = [grading / "driver", grading / "tests" / "styles", grading / "tests" / "editions"]
    judge = [
        file
        for file in grading.rglob("*.py")
        if file != mutants and not any(folder in file.parents for folder in beside_it)
    ]
    assert judge
    arrows = [str(each) for file in judge for each in imports_of(file) if each.top in MAY_IMPORT]
    assert arrows == []


class TestOnAMadeUpPackage:
    """Each rule reports code that breaks it, and no other code."""

    @staticmethod
    def problems(
        folder: Path, module: str, code: str, requires: set[str], **extras: set[str]
    ) -> list[str]:
        """Return the violations in a package that consists of one file."""
        package = Package(
            folder=folder,
            name=distribution_with(module),
            module=module,
            version="0.1.0",
            requires=frozenset(requires),
            extras={name: frozenset(names) for name, names in extras.items()},
        )
        package.source.mkdir(parents=True, exist_ok=True)
        (package.source / "code.py").write_text(code, "utf-8")
        return violations([package])

    @pytest.mark.parametrize(
        "code",
        [
            "import math, numpy as np\nfrom mt_tensor.layout import MAX_DIMS",
            "from . import sibling_module\nfrom .other import name",
            "import mt_autodiff.graph",
            "def f():\n    import numpy.linalg",
        ],
    )
    def test_allowed_imports_pass(self, tmp_path: Path, code: str) -> None:
        assert self.problems(tmp_path, "mt_autodiff", code, {"numpy", "mt-tensor"}) == []

    @pytest.mark.parametrize(
        "code",
        [
            "import mt_nn",
            "import numpy, mt_nn.module",
            "from mt_nn.module import Module",
            "from mt_nn import Module as M",
            "def f():\n    import mt_nn",
            "class A:\n    def f(self):\n        if True:\n            from mt_nn import Module",
            "try:\n    import mt_nn\nexcept ImportError:\n    pass",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mt_nn",
            "import importlib\nimportlib.import_module('mt_nn.module')",
            "from importlib import import_module\nimport_module('mt_nn')",
            "__import__('mt_nn')",
        ],
    )
    @pytest.mark.parametrize("module", ["mt_tensor", "mt_autodiff", "mt_kernels_cpu"])
    def test_a_forbidden_sibling_is_found(self, tmp_path: Path, module: str, code: str) -> None:
        # The package is declared, so that the import is the only violation.
        found = self.problems(tmp_path, module, code, {"numpy", "mt-tensor", "mt-nn"})
        assert len(found) == 1
        assert "code.py" in found[0] and f"{module} may import" in found[0]

    @pytest.mark.parametrize("folder", sorted(FOLDERS_NO_PACKAGE_IMPORTS))
    def test_an_import_from_a_folder_of_the_root_is_found(
        self, tmp_path: Path, folder: str
    ) -> None:
        found = self.problems(tmp_path, "minitorch", f"from {folder} import x", set())
        assert [f"from {folder}/" in each for each in found] == [True]

    def test_an_undeclared_distribution_is_found(self, tmp_path: Path) -> None:
        found = self.problems(tmp_path, "mt_tensor", "import numpy\nimport scipy.stats", {"numpy"})
        assert [each.endswith("mt-tensor does not declare scipy") for each in found] == [True]

    def test_an_undeclared_sibling_is_found(self, tmp_path: Path) -> None:
        found = self.problems(tmp_path, "mt_autodiff", "import mt_tensor", set())
        assert [each.endswith("does not declare mt-tensor") for each in found] == [True]

    def test_a_module_with_another_name_than_its_distribution(self, tmp_path: Path) -> None:
        code = "from PIL import Image"
        assert self.problems(tmp_path, "mt_models", code, {"pillow"}) == []
        assert len(self.problems(tmp_path, "mt_models", code, {"pil"})) == 1

    def test_an_extra_is_imported_inside_functions_only(self, tmp_path: Path) -> None:
        inside = "def f():\n    import datasets"
        outside = "import datasets"
        assert self.problems(tmp_path, "mt_models", inside, set(), hub={"datasets"}) == []
        found = self.problems(tmp_path, "mt_models", outside, set(), hub={"datasets"})
        assert ["the extra hub" in each for each in found] == [True]

    def test_one_function_may_import_the_gpu_kernels(self, tmp_path: Path) -> None:
        (module,) = ONE_FUNCTION_MAY_IMPORT
        (sibling,) = ONE_FUNCTION_MAY_IMPORT[module]
        once = f"def backend():\n    import {sibling}\n    from {sibling} import Fast\n"
        twice = once + f"def other():\n    import {sibling}\n"

        def problems(code: str) -> list[str]:
            return self.problems(tmp_path, module, code, set(), cuda={normalised(sibling)})

        assert problems(once) == []
        assert ["backend()" in each for each in problems(twice)] == [True]
        assert any("one function only" in each for each in problems(f"import {sibling}"))

    @pytest.mark.parametrize("module", ["mt_tensor", "mt_models", "minitorch"])
    def test_no_package_imports_the_app(self, tmp_path: Path, module: str) -> None:
        (found,) = self.problems(tmp_path, module, "import mt_app", {"mt-app"})
        assert f"{module} may import" in found

    def test_a_package_without_a_row_is_found(self, tmp_path: Path) -> None:
        assert self.problems(tmp_path, "mt_new", "", set()) == ["mt_new has no row in MAY_IMPORT"]
