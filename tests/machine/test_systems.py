"""What only some systems have, and Windows has not: nothing that a learner meets leans on it."""
import ast
import re
import subprocess
import sys

import pytest

from workshop.machine.paths import ROOT

# Python's modules and names that exist on Linux and macOS alone (docs.python.org, "Availability").
MODULES = {"crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
NAMES = {
    "os": set("""O_DIRECTORY O_NOFOLLOW O_TMPFILE WEXITSTATUS WNOHANG chown chroot fchown fork
              forkpty getegid geteuid getgid getloadavg getpgid getuid killpg lchown mkfifo mknod
              nice openpty posix_fadvise pread pwrite sched_getaffinity sched_setaffinity setgid
              setpgid setsid setuid statvfs sync sysconf uname wait3 wait4""".split()),
    "signal": set("SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGQUIT SIGSTOP SIGUSR1 SIGUSR2 alarm "
                  "pause setitimer sigwait".split()),
    "socket": {"AF_UNIX", "SO_REUSEPORT"}, "time": {"tzset"}}
# What runs in a Linux container, whatever the learner's system.
IN_CONTAINERS = {
    "workshop/local/patches/loop_disk.py": "the local cloud sends its text into a container",
    "workshop/measure/runtime_api.py": "`measure` mounts it into the function's container",
    "workshop/measure/text_process.py": "`measure text` runs it in a container",
}
# Where one of these stands in the same function, it looks before it takes a name.
GUARDS = re.compile(r"os\.name|sys\.platform|hasattr|getattr|AttributeError|ImportError")

# In every import by a module of ours, or of MiniStack, the modules are missing, as on Windows.
HIDDEN = f"""
import builtins, importlib, os, pkgutil, runpy, sys
real = builtins.__import__
def without(name, globals=None, *rest, **more):
    ours = str((globals or {{}}).get("__name__", "")).partition(".")[0] in ("workshop", "ministack")
    if ours and name.partition(".")[0] in {MODULES!r}:
        raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
    return real(name, globals, *rest, **more)
builtins.__import__ = without
"""
EVERY_MODULE = HIDDEN + """
import workshop
for one in pkgutil.walk_packages(workshop.__path__, "workshop."):
    if not one.name.endswith("__main__") and one.name not in sys.argv:
        importlib.import_module(one.name)
        print(one.name)
"""


def python(program, *arguments):
    return subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, text=True,
                          capture_output=True, encoding="utf-8")


def sources(*folders):
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def name(path):
    return path.relative_to(ROOT).as_posix()


def test_every_module_can_be_imported_where_linuxs_own_are_missing():
    inside = {file.removesuffix(".py").replace("/", ".") for file in IN_CONTAINERS}
    done = python(EVERY_MODULE, *inside, "workshop.load.locustfile")    # Locust's own process
    assert done.returncode == 0, done.stderr
    assert {"workshop.local.server", "workshop.commands.lab"} <= set(done.stdout.split())


def test_a_module_that_needs_one_would_be_found():
    done = python(HIDDEN + "exec(compile('import fcntl', 'x', 'exec'), {'__name__': 'workshop.x'})")
    assert "No module named 'fcntl'" in done.stderr


DOCTOR = HIDDEN + """
for name in ("fork", "geteuid", "getuid", "getloadavg", "killpg", "sched_getaffinity"):
    delattr(os, name)
sys.argv = ["workshop", "doctor"]
runpy.run_module("workshop", run_name="__main__")
"""


def test_doctor_prints_its_findings_there():
    done = python(DOCTOR)
    assert "Traceback" not in done.stderr and "ok       Python" in done.stdout, done.stderr


def unguarded(tree):
    """The names of NAMES that a function takes without a look at what the system has."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for node in ast.walk(tree):
        if (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
                and node.attr in NAMES.get(node.value.id, ())):
            around = [one for one in functions if one.lineno <= node.lineno <= one.end_lineno]
            if not any(GUARDS.search(ast.unparse(one)) for one in around):
                yield f"{node.value.id}.{node.attr}"


def test_what_only_some_systems_have_is_looked_for_first():
    found = {name(path): list(unguarded(ast.parse(path.read_text(encoding="utf-8"))))
             for path in sources("workshop", "solutions") if name(path) not in IN_CONTAINERS}
    assert not {file: names for file, names in found.items() if names}, "Windows has none of these"


def at_import(tree):
    """The names of NAMES that importing a module needs: those outside of functions' bodies."""
    inside = {node for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.Lambda))
              for part in (one.body if isinstance(one.body, list) else [one.body])
              for node in ast.walk(part)}
    for node in set(ast.walk(tree)) - inside:
        if (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
                and node.attr in NAMES.get(node.value.id, ())):
            yield f"{node.value.id}.{node.attr}"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = {getattr(node, "module", None), *(alias.name for alias in node.names)}
            yield from modules & MODULES


def test_test_files_can_be_read_on_windows():
    """A file that cannot be imported fails there, even if each of its tests would be skipped."""
    guarded = {"tests/course/test_run.py": {"signal.SIGKILL"},
               "tests/local/test_gate.py": {"os.geteuid"}}
    found = {name(path): set(at_import(ast.parse(path.read_text(encoding="utf-8"))))
             for path in sources("tests")}
    assert {file: names for file, names in found.items() if names} == guarded, (
        "each of these looks at os.name or sys.platform first")


@pytest.mark.parametrize("code, found", [
    ("@mark(signal.SIGKILL)\ndef f(): pass", {"signal.SIGKILL"}), ("import fcntl", {"fcntl"}),
    ("def f():\n    import fcntl\n    os.fork()", set()), ("from pwd import x", {"pwd"})])
def test_a_name_that_importing_needs_is_found(code, found):
    assert set(at_import(ast.parse(code))) == found


@pytest.mark.parametrize("code, found", [
    ("def f(): os.killpg(1, 9)", ["os.killpg"]), ("signal.SIGHUP", ["signal.SIGHUP"]),
    ("def f():\n    if os.name == 'posix':\n        os.killpg(1, 9)", []), ("os.getpid()", [])])
def test_a_name_without_a_look_is_found(code, found):
    assert list(unguarded(ast.parse(code))) == found


def without_encoding(tree):
    """Lines on which a text file is opened in the system's encoding; on Windows, not UTF-8."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or {None, "encoding"} & {k.arg for k in node.keywords}:
            continue
        called = ast.unparse(node.func).rpartition(".")
        binary = any(re.fullmatch("'[rwax+]*b[rwax+]*'", ast.unparse(one)) for one in node.args)
        if (called[2] == "read_text" or called[2] == "write_text" and len(node.args) == 1
                or called == ("", "", "open") and not binary):
            yield node.lineno


def test_a_text_file_is_opened_as_utf_8():
    """In lessons and tests it is UTF-8 anyway: the commands set PYTHONUTF8 for them."""
    found = {name(path): list(without_encoding(ast.parse(path.read_text(encoding="utf-8"))))
             for path in sources("workshop", "lambda") if name(path) not in IN_CONTAINERS}
    assert not {file: lines for file, lines in found.items() if lines}, 'add encoding="utf-8"'


@pytest.mark.parametrize("code, lines", [
    ("open(x)", [1]), ("open(x, 'rb')", []), ("open(x, 'w', encoding='ascii')", []),
    ("p.read_text()", [1]), ("p.write_text('a')", [1]), ("zipped.open('x')", [])])
def test_a_text_file_in_the_systems_encoding_is_found(code, lines):
    assert list(without_encoding(ast.parse(code))) == lines


COMMANDS = {"aws", "cd", "curl", "docker", "sam"}      # what every system has after the set-up


@pytest.mark.parametrize("path", sorted((ROOT / "solutions").glob("*.py")), ids=name)
def test_the_shell_commands_of_a_lesson_work_in_windows_shell(path):
    """cmd.exe: no single quotes around a word, no sed or cat, no variables of bash."""
    lines = re.findall(r"(?m)^# !(.*)$", path.read_text(encoding="utf-8"))
    for line in lines:
        assert {part.split()[0] for part in line.split("&&")} <= COMMANDS, line
        assert "'" not in line and "$(" not in line and ";" not in line, line


def test_files_have_names_that_every_system_takes():
    """What Windows refuses in a name; two names that differ in case alone; long paths."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True,
                            encoding="utf-8").stdout.split("\0")[:-1]
    assert len(listed) > 300
    reserved = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")
    parts = {part for path in listed for part in path.split("/")}
    assert not [part for part in parts if re.search(r'[<>:"|?*\\\x00-\x1f]|[ .]$', part)
                or reserved.match(part)]
    assert len({path.lower() for path in listed}) == len(listed)
    # Windows takes 260 characters, unless told otherwise; a clone's own folder is in front.
    assert max(map(len, listed)) <= 120
