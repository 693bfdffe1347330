"""The networks of the course, and a decoder-only transformer."""

from mt_models.networks.gpt import GPT
from mt_models.networks.kim import KimCNN, Preset
from mt_models.networks.lenet import CourseLeNet, LeNet5
from mt_models.networks.mlp import ScalarLinear, ScalarMLP, TensorMLP
from mt_models.networks.modes import answering, can_be_captured, evaluating

__all__ = [
    "GPT",
    "CourseLeNet",
    "KimCNN",
    "LeNet5",
    "Preset",
    "ScalarLinear",
    "ScalarMLP",
    "TensorMLP",
    "answering",
    "can_be_captured",
    "evaluating",
]
