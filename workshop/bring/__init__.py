"""Bring your own model: a function's folder from an ONNX file, and the gate before it ships.

`python3 -m workshop new NAME --from MODEL.onnx --kind table|image|text` and
`python3 -m workshop check lambda/NAME`; in a lesson `bring.new(…)` and `bring.check(…)`.
"""
from workshop.bring.folder import new
from workshop.bring.gate import CheckError, Gate, Report, build, check, text
from workshop.bring.model import ModelError
from workshop.bring.questions import MissingError

__all__ = ["CheckError", "Gate", "MissingError", "ModelError", "Report", "build", "check", "new",
           "text"]
