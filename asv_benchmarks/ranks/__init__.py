"""Speed of training on two ranks, beside one process with one thread and with two.

``hatch run mpi:speed`` measures all in turn and prints a table. PyTorch's DistributedDataParallel
on gloo is measured, too, where PyTorch is installed: ``hatch -e mpi run uv pip install torch``.
"""
