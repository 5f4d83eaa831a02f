"""The command line: python3 -m workshop lab|run|test|doctor|stop|clean.

The top of this file must run on an old Python too, to say so.
"""
import sys

from workshop.machine.python_version import check_python

if __name__ == "__main__":
    import shutil
    problem = check_python(sys.version_info, getattr(shutil, "which", lambda name: None))
    if problem:
        sys.exit(problem)
    from workshop.commands import command_line
    sys.exit(command_line.main(sys.argv[1:]))
