"""What a lesson calls for what an earlier lesson makes."""
from workshop.course.lessons import require

__all__ = ["require"]
