"""Fused forms of layers, losses and optimiser steps."""
