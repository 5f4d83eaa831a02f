"""Measure what it takes to start an image and to answer a request, side by side.

`python3 -m workshop measure`, or in a lesson `measure.run()`, `measure.summary(record)`,
`measure.table(record)`, `measure.memory("default")`; for ways to serve the text model,
`measure.text.run()`. Absolute times belong to one machine and one hour; the ratios between images
that were measured in turn are what holds.
"""
from workshop.measure import text
from workshop.measure.command import main
from workshop.measure.container import Container, MeasureError
from workshop.measure.figures import report, summary, table
from workshop.measure.runs import imports, memory, run
from workshop.measure.variants import LADDER, Variant, build

__all__ = ["LADDER", "Container", "MeasureError", "Variant", "build", "imports", "main",
           "memory", "report", "run", "summary", "table", "text"]
