"""What a lesson calls for what an earlier lesson, or an earlier cell of its own, makes."""
from workshop.course.catch_up import catch_up
from workshop.course.lessons import require

__all__ = ["catch_up", "require"]
