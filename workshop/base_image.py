"""The image that functions are built upon: AWS's own, or the stand-in where it is out of reach."""
from workshop.machine.base_image import PLAIN, get, refuse_stand_in

__all__ = ["PLAIN", "get", "refuse_stand_in"]
