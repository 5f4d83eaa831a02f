"""The failures that lesson 23 makes, each with its signs, its cause and what fixes it."""
from workshop.course.failures import FAILURES, Failure, recognise

__all__ = ["FAILURES", "Failure", "recognise"]
