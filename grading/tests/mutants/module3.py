"""Mistakes of module 3: compiled loops and matrix products; the GPU's are in `cuda`."""

from grading.tests.mutants.mutant import Mutant, mutant
from grading.tests.mutants.rewriting import STYLES, Rewrite

OPS = "mt_kernels_cpu/fast_ops.py"
MLP = "mt_models/networks/mlp.py"
RACES = "test_data_races"

MATMUL = (STYLES / "matmul.py").read_text(encoding="utf-8").partition("    matrices = 1\n")[2]
"""The loops of the matrix product in that style."""

BUFFERS = (
    "        for ordinal in prange(size):\n"
    "            out_index = np.zeros(len(out_shape), np.int64)\n"
    "            a_index = np.zeros(len(a_shape), np.int64)\n"
    "            b_index = np.zeros(len(b_shape), np.int64)\n"
)

MUTANTS: list[Mutant] = [
    mutant(
        "3.1",
        "map takes tensors of one shape for aligned",
        OPS,
        "if aligned(out_shape, out_strides, a_shape, a_strides):",
        "if aligned(out_shape, out_strides, a_shape, out_strides):",
        "strides",
        style="loops",
    ),
    mutant(
        "3.1",
        "zip looks at the first operand only for alignment",
        OPS,
        "if a_aligned and b_aligned:",
        "if a_aligned and len(b) == size:",
        "second operand",
        style="loops",
    ),
    mutant(
        "3.1",
        "zip reads both operands at the first one's index",
        OPS,
        "y = b[index_to_position(b_index, b_strides)]",
        "y = b[index_to_position(a_index, b_strides)]",
        "index of the first",
        style="loops",
    ),
    mutant(
        "3.1",
        "reduce leaves the first element out",
        OPS,
        "for k in range(length):",
        "for k in range(1, length):",
        "first element",
        style="loops",
    ),
    mutant(
        "3.1",
        "reduce begins with 0",
        OPS,
        "result = out[to]",
        "result = 0.0",
        "begins with 0",
        style="loops",
    ),
    mutant(
        "3.1",
        "the main loop of map is not parallel",
        OPS,
        "for i in prange(size):\n                out[i] = fn(a[i])\n            return\n"
        "        for ordinal in prange(size):",
        "for i in range(size):\n                out[i] = fn(a[i])\n            return\n"
        "        for ordinal in range(size):",
        "prange",
        style="loops",
        compiled=True,
        check="test_parallel_main_loops",
    ),
    mutant(
        "3.1",
        "all threads share one index",
        OPS,
        BUFFERS,
        "        out_index = np.zeros(len(out_shape), np.int64)\n"
        "        a_index = np.zeros(len(a_shape), np.int64)\n"
        "        b_index = np.zeros(len(b_shape), np.int64)\n"
        "        for ordinal in prange(size):\n",
        "share an array",
        style="loops",
        check=RACES,
    ),
    mutant(
        "3.1",
        "map reuses one index for all elements",
        OPS,
        "        for ordinal in prange(size):\n"
        "            out_index = np.zeros(len(out_shape), np.int64)\n"
        "            a_index = np.zeros(len(a_shape), np.int64)\n"
        "            to_index(ordinal",
        "        out_index = np.empty(len(out_shape), np.int64)\n"
        "        for ordinal in prange(size):\n"
        "            a_index = np.zeros(len(a_shape), np.int64)\n"
        "            to_index(ordinal",
        "share an array",
        style="loops",
        check=RACES,
    ),
    mutant(
        "3.1",
        "reduce is parallel over the elements that it folds",
        OPS,
        "        for ordinal in prange(size):\n"
        "            out_index = np.zeros(len(out_shape), np.int64)\n"
        "            to_index(ordinal, out_shape, out_index)\n"
        "            to = index_to_position(out_index, out_strides)\n"
        "            first = index_to_position(out_index, a_strides)\n"
        "            result = out[to]\n"
        "            for k in range(length):\n"
        "                result = fn(result, a[first + k * step])\n"
        "            out[to] = result\n",
        "        for term in prange(size * length):\n"
        "            out_index = np.zeros(len(out_shape), np.int64)\n"
        "            to_index(term // length, out_shape, out_index)\n"
        "            to = index_to_position(out_index, out_strides)\n"
        "            first = index_to_position(out_index, a_strides)\n"
        "            out[to] = fn(out[to], a[first + term % length * step])\n",
        "one element of the result",
        style="loops",
        check=RACES,
    ),
    mutant(
        "3.2",
        "the batch of a single matrix advances",
        OPS,
        "if from_right <= len(b_shape) and b_shape[-from_right] > 1:",
        "if from_right <= len(b_shape):",
        "single matrix|batch",
        style="matmul",
    ),
    mutant(
        "3.2",
        "rows and columns of the second matrix are exchanged",
        OPS,
        "y = b[b_at + k * b_strides[-2] + column * b_strides[-1]]",
        "y = b[b_at + k * b_strides[-1] + column * b_strides[-2]]",
        "exchanged",
        style="matmul",
    ),
    mutant(
        "3.2",
        "the last product is left out",
        OPS,
        "for k in range(a_shape[-1]):",
        "for k in range(a_shape[-1] - 1):",
        "last",
        style="matmul",
    ),
    mutant(
        "3.2",
        "matrices are taken for contiguous",
        OPS,
        "y = b[b_at + k * b_strides[-2] + column * b_strides[-1]]",
        "y = b[b_at + k * b_shape[-1] + column]",
        # On the smallest matrices a forgotten transposition gives the same gradient.
        "second matrix are ignored",
        style="matmul",
    ),
    mutant(
        "3.2",
        "only the first matrix of a batch",
        OPS,
        "    for n in prange(matrices):\n        rest = n",
        "    for n in prange(matrices):\n        rest = n * 0",
        "first matrix",
        style="matmul",
    ),
    mutant(
        "3.2",
        "all matrices use one index",
        OPS,
        "    for n in prange(matrices):\n        rest = n\n",
        "    index = np.zeros(2, np.int64)\n"
        "    for n in prange(matrices):\n"
        "        index[0] = n\n"
        "        rest = index[0]\n",
        "share an array",
        style="matmul",
        check=RACES,
    ),
    mutant(
        "3.2",
        "parallel over the terms of the sums",
        OPS,
        MATMUL,
        MATMUL.replace(
            "for n in prange(matrices):\n        rest = n\n",
            "for term in prange(matrices * a_shape[-1]):\n"
            "        rest, k = divmod(term, a_shape[-1])\n",
        ).replace(
            "                total = 0.0\n"
            "                for k in range(a_shape[-1]):\n"
            "                    x = a[a_at + row * a_strides[-2] + k * a_strides[-1]]\n"
            "                    y = b[b_at + k * b_strides[-2] + column * b_strides[-1]]\n"
            "                    total += x * y\n"
            "                out[to + row * out_strides[-2] + column * out_strides[-1]] = total\n",
            "                x = a[a_at + row * a_strides[-2] + k * a_strides[-1]]\n"
            "                y = b[b_at + k * b_strides[-2] + column * b_strides[-1]]\n"
            "                out[to + row * out_strides[-2] + column * out_strides[-1]] += x * y\n",
        ),
        "one element of the result",
        style="matmul",
        check=RACES,
    ),
    mutant(
        "3.5",
        "no activation between the layers",
        MLP,
        "        x = self.layer1(points).relu()\n        x = self.layer2(x).relu()\n",
        "        x = self.layer1(points)\n        x = self.layer2(x)\n",
        compiled=True,
    ),
    Mutant(
        "3.5",
        "only the first coordinate of a point is used",
        (
            Rewrite(MLP, "import Scalar, Tensor", "import Scalar, Tensor, tensor"),
            Rewrite(
                MLP,
                "x = self.layer1(points).relu()",
                "x = self.layer1(tensor(points.to_numpy() * [1.0, 0.0], self.backend)).relu()",
            ),
        ),
        compiled=True,
    ),
    mutant(
        "3.1",
        "tensors of equal strides are taken for aligned",
        OPS,
        "        if shape[dim] != a_shape[dim]:\n            return False\n",
        "",
        "shape|strides",
        style="loops",
        group="map",
    ),
    mutant(
        "3.1",
        "map goes through its input's elements only",
        OPS,
        "        for ordinal in prange(size):\n"
        "            out_index = np.zeros(len(out_shape), np.int64)\n"
        "            a_index = np.zeros(len(a_shape), np.int64)\n"
        "            to_index(ordinal",
        "        for ordinal in prange(number_of_elements(a_shape)):\n"
        "            out_index = np.zeros(len(out_shape), np.int64)\n"
        "            a_index = np.zeros(len(a_shape), np.int64)\n"
        "            to_index(ordinal",
        "elements of the (input|operand)",
        style="loops",
        group="map",
    ),
    mutant(
        "3.1",
        "zip finds the second operand by the output's strides",
        OPS,
        "y = b[index_to_position(b_index, b_strides)]",
        "y = b[index_to_position(b_index, out_strides[len(out_shape) - len(b_shape) :])]",
        "strides of the (output|result)",
        style="loops",
        group="zip",
    ),
    mutant(
        "3.1",
        "reduce starts with the contents of the output",
        OPS,
        "first = index_to_position(out_index, a_strides)",
        "first = index_to_position(out_index, out_strides)",
        "strides",
        style="loops",
        group="reduce",
    ),
    mutant(
        "3.2",
        "the second batch does not advance if the first has one matrix",
        OPS,
        "if from_right <= len(b_shape) and b_shape[-from_right] > 1:",
        "if from_right <= len(a_shape) and a_shape[-from_right] > 1:",
        "first matri|batch",
        style="matmul",
        group="matrix multiplication",
    ),
    mutant(
        "3.2",
        "sums continue from column to column",
        OPS,
        "            for column in range(out_shape[-1]):\n                total = 0.0\n",
        "            total = 0.0\n            for column in range(out_shape[-1]):\n",
        "sum.*(continue|reset|0)",
        style="matmul",
        group="matrix multiplication",
    ),
    mutant(
        "3.2",
        "sums are as long as the output is wide",
        OPS,
        "for k in range(a_shape[-1]):",
        "for k in range(min(a_shape[-1], out_shape[-1])):",
        "wide|width|columns",
        style="matmul",
        group="matrix multiplication",
    ),
]
