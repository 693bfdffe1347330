"""The networks of the course."""

from mt_models.networks.kim import KimCNN, Preset
from mt_models.networks.lenet import CourseLeNet, LeNet5
from mt_models.networks.mlp import ScalarLinear, ScalarMLP, TensorMLP

__all__ = [
    "CourseLeNet",
    "KimCNN",
    "LeNet5",
    "Preset",
    "ScalarLinear",
    "ScalarMLP",
    "TensorMLP",
]
