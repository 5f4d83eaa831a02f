"""What lessons ask about Docker: is an engine there, for which processor, and what is ours."""
from workshop.machine.engine import architecture, available, own, platform

__all__ = ["architecture", "available", "own", "platform"]
