"""Where things are in the clone."""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"            # everything made here, ignored by git
MODELS = BUILD / "models"         # what the lessons train and export
SOLUTIONS = ROOT / "solutions"
NOTEBOOKS = ROOT / "notebooks"
MINE = ROOT / "my_notebooks"        # the learner's copies of them, ignored by git, never removed
LAMBDA = ROOT / "lambda"
DOCKER = ROOT / "docker"
DATA = ROOT / "data"
VENV = ROOT / ".venv"
