"""Executed lessons → pages that can be read without a network."""


def build(root):
    return None
