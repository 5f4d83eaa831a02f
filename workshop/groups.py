"""What lessons ask of set-up: that packages which are still being installed are there."""
from workshop.machine.groups import need

__all__ = ["need"]
