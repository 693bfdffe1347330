"""Compare many random operations with PyTorch: `python -m tests.fuzz.run SEED INPUTS`.

It needs the environment `oracle`. The command prints disagreements and the number of cases.
"""

import sys
import warnings

from tests.fuzz.cases import BACKENDS, check
from tests.fuzz.operations import draw


def disagreements(seed: int, inputs: int, special: bool) -> list[str]:
    """Run the cases of some consecutive seeds, and return a sentence for each disagreement.

    Args:
        seed: The first seed.
        inputs: The number of seeds.
        special: True for operands with NaN, infinities and other special numbers.
    """
    found = []
    with warnings.catch_warnings():
        # PyTorch warns of operations that it computes as documented.
        warnings.simplefilter("ignore")
        for each in range(seed, seed + inputs):
            case = draw(each, special)
            try:
                found += check(case, each, special)
            except Exception as error:
                error.add_note(f"seed {each}, {case.name}, special numbers: {special}")
                raise
    return found


def main(seed: int, inputs: int) -> int:
    """Run usual and special operands; return 1 if there is a disagreement."""
    found = [d for special in (False, True) for d in disagreements(seed, inputs, special)]
    print("\n".join(found))
    print(f"{2 * inputs} inputs on up to {len(BACKENDS)} backends, {len(found)} disagreements")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
