"""Which Pythons the workshop runs on. Written so that an old one can read it, to say so."""

OLDEST, NEWEST = (3, 11), (3, 13)


def check_python(version, found=lambda name: None):
    """Return None, or what to do when this Python's `version` is not one that the packages run on.

    `found` says where a command is (shutil.which).
    """
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return None
    others = ["python3.%d" % minor for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    others = [name for name in others if found(name)]
    advice = ("Type this instead: %s -m workshop ..." % others[0] if others else
              "Install Python 3.13 from https://www.python.org/downloads/, or use conda: "
              "conda env create -f environment.yml")
    return ("this is Python %d.%d; the workshop needs 3.11, 3.12 or 3.13 (its packages exist for "
            "these).\n%s" % (version[0], version[1], advice))
