"""Operations on tensors that are composed of others, by subject.

Each is a plain function of tensors: it needs no gradient formula and runs on every backend. Most of
them are methods of `Tensor`.
"""
