"""All checks that need a GPU, in one command and one report: ``hatch run gpu-check``.

The command compares results with those of the processor, trains the networks to the accuracy that
the processor reaches, and compares the time of each kernel with the limits of the GPU, with PyTorch
and with our kernels on the processor. With ``--simulate`` only the comparison of results runs, in
numba's simulator and with tiny sizes. That tests the command and says nothing about a GPU.
"""
