"""`lab`: the first lesson in a real browser, run to the bottom; start, stop and Ctrl-C."""
import json
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request

import nbformat
import pytest

import devtools
from waiting import until
from workshop.commands import browser, lab, notebooks
from workshop.machine import engine
from workshop.machine.paths import BUILD, ROOT

EXPOSED = "--LabApp.expose_app_in_browser=True"      # lets the test read the cells' outputs
NOTEBOOK = "[...jupyterapp.shell.widgets('main')].find(widget => widget.content?.model?.cells)"
KERNEL = f"{NOTEBOOK}?.sessionContext?.session?.kernel?.status"
CELLS = f"JSON.stringify({NOTEBOOK}.content.model.toJSON().cells)"


@pytest.fixture
def server(tmp_path, monkeypatch):
    process = lab.launch(["--no-browser", EXPOSED], tmp_path)
    try:
        yield lab.wait_until_up(process, tmp_path)
    finally:
        lab.end(process)


@pytest.fixture
def lesson():
    """The first lesson's file, put back as it was (JupyterLab may save it)."""
    file = sorted(notebooks.refresh().glob("00_*.ipynb"))[0]
    before = file.read_bytes()
    yield file
    if file.read_bytes() != before:
        file.write_bytes(before)


def test_run_all_reaches_the_bottom_of_the_first_lesson_in_a_browser(lesson, server, tmp_path):
    found = browser.find()
    if not found:
        pytest.skip("no Chrome or Chromium is installed (WORKSHOP_BROWSER may name one)")
    with devtools.page(found, lab.address(server), tmp_path / "profile") as page:
        until(lambda: page.ask(f"globalThis.jupyterapp && {KERNEL}") == "idle",
              "the lesson is there with its kernel")
        page.click(".lm-MenuBar-item", "Run")
        page.click("li[data-command='runmenu:run-all']")
        wait_until_run(page)
        cells = json.loads(page.ask(CELLS))
        page.screenshot(BUILD / "lab.png")
    assert_ran_to_the_bottom(nbformat.read(lesson, as_version=4).cells, cells)


def wait_until_run(page):
    """Until the last code cell has its number and the kernel is idle."""
    def bottom_reached():
        code = [cell for cell in json.loads(page.ask(CELLS)) if cell["cell_type"] == "code"]
        return code[-1]["execution_count"] is not None and page.ask(KERNEL) == "idle"
    until(bottom_reached, "the last cell has ended", seconds=180)


def assert_ran_to_the_bottom(written, ran):
    """Every code cell ran, and only those that may raise (open exercises' checks) did."""
    assert len(written) == len(ran)
    for before, after in zip(written, ran):
        if before.cell_type != "code":
            continue
        assert after["execution_count"] is not None, f"did not run:\n{before.source}"
        errors = [output for output in after["outputs"] if output["output_type"] == "error"]
        may_raise = "raises-exception" in before.metadata.get("tags", [])
        assert may_raise or not errors, f"{errors[0]['evalue']} in:\n{before.source}"


def test_a_cell_with_an_error_or_that_did_not_run_is_noticed():
    written = [nbformat.v4.new_code_cell("1 / 0"), nbformat.v4.new_code_cell("1")]
    error = {"output_type": "error", "evalue": "division by zero"}
    ran = [{"execution_count": 1, "outputs": [error]}, {"execution_count": 2, "outputs": []}]
    with pytest.raises(AssertionError, match="division by zero"):
        assert_ran_to_the_bottom(written, ran)
    ran = [{"execution_count": 1, "outputs": []}, {"execution_count": None, "outputs": []}]
    with pytest.raises(AssertionError, match="did not run"):
        assert_ran_to_the_bottom(written, ran)


def test_it_listens_on_loopback_only_and_wants_its_token(server):
    address = urllib.parse.urlsplit(server["url"])
    assert address.hostname == "127.0.0.1" and server["token"] in lab.address(server)
    with pytest.raises(OSError):
        lab._call({**server, "token": "wrong"}, "api/contents")
    others = [found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None)]
    for other in {other for other in others if not other.startswith("127.") and "." in other}:
        with pytest.raises(OSError):
            socket.create_connection((other, address.port), timeout=2)


def test_a_busy_port_is_left_to_its_owner(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        process = lab.launch([f"--ServerApp.port={port}"], tmp_path)
        try:
            assert lab.wait_until_up(process, tmp_path)["port"] != port
        finally:
            lab.end(process)


def test_stop_ends_a_running_lab(server, tmp_path):
    assert lab.stop(tmp_path)
    assert lab.running(tmp_path) is None
    assert not lab.stop(tmp_path)


def test_a_lab_that_does_not_start_gives_its_last_words(tmp_path, capsys):
    process = lab.launch(["--ServerApp.port=no-number"], tmp_path)
    with pytest.raises(lab.LabError, match="no-number"):
        lab.wait_until_up(process, tmp_path)


def test_lab_makes_the_learners_copies_and_opens_the_first(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(lab.notebooks, "refresh", lambda: made.append("copies"))
    monkeypatch.setattr(lab, "_start_cloud", lambda: None)
    monkeypatch.setattr(lab, "running", lambda state: {"url": "http://127.0.0.1:8888/", "pid": 7})
    monkeypatch.setattr(lab, "_show", lambda *_: made.append("shown"))
    assert lab.main([], tmp_path) == 0 and made == ["copies", "shown"]
    (tmp_path / "00_first.ipynb").write_text("{}")
    monkeypatch.setattr(lab, "MINE", tmp_path)
    assert lab._page() == f"lab/tree/{tmp_path.name}/00_first.ipynb"


def test_ctrl_c_prints_no_traceback_and_leaves_nothing_running(tmp_path):
    program = ("import sys, pathlib; from workshop.commands import lab; lab._start_cloud = lambda: "
               "None; sys.exit(lab.main(['--no-browser'], pathlib.Path(sys.argv[1])))")
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = ""
    for line in process.stdout:
        said += line
        if "open this file in a browser" in line:
            break
    assert "token=" not in said, "a log would hold it"
    assert lab.running(tmp_path)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert lab.running(tmp_path) is None


def test_without_a_screen_the_address_is_printed_and_no_browser_is_opened(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(lab.webbrowser, "open", opened.append)
    monkeypatch.setattr(lab.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    here = {"url": "http://127.0.0.1:8888/", "token": "secret-token", "pid": 7}
    lab._show(here, [])
    said = capsys.readouterr().out
    assert str(lab.redirect(here)) in said and "secret-token" not in said and not opened
    monkeypatch.setattr(lab.sys.stdout, "isatty", lambda: True, raising=False)
    lab._show(here, [])
    assert lab.address(here) in capsys.readouterr().out and not opened
    monkeypatch.setenv("DISPLAY", ":0")
    lab._show(here, ["--no-browser"])
    assert not opened
    lab._show(here, [])
    assert opened == [lab.redirect(here).as_uri()], "no token in a command line"


def test_the_token_is_in_no_log_and_no_command_line_and_only_its_owner_reads_the_files(
        server, tmp_path):
    with urllib.request.urlopen(lab.address(server)) as answer:     # as a browser opens it
        assert answer.status == 200
    lab._call(server, "api/contents")
    token = server["token"]
    assert len(token) >= 32
    assert token in lab.redirect(server, tmp_path).read_text()
    assert token not in (tmp_path / "jupyter.log").read_text()
    shown = subprocess.run(["ps", "axeww", "-o", "command="], capture_output=True, text=True).stdout
    assert "jupyterlab" in shown and token not in shown
    modes = {path: path.stat().st_mode & 0o777 for path in (tmp_path, *tmp_path.rglob("*"))}
    assert {path: mode for path, mode in modes.items()
            if mode != (0o700 if path.is_dir() else 0o600)} == {}


def test_files_that_an_earlier_version_left_open_are_closed(tmp_path):
    (tmp_path / "runtime").mkdir(mode=0o755)
    (tmp_path / "runtime/jpserver-1.json").write_text("{}")
    (tmp_path / "runtime/jpserver-1.json").chmod(0o644)
    lab._private(tmp_path)
    assert [path.stat().st_mode & 0o777 for path in (
        tmp_path, tmp_path / "runtime", tmp_path / "runtime/jpserver-1.json")] == [
        0o700, 0o700, 0o600]


HOSTILE = {
    "jupyter_server_config.json": json.dumps({
        "PasswordIdentityProvider": {"hashed_password": "argon2:x", "password_required": True},
        "ServerApp": {"base_url": "/theirs/", "port": 1}}),
    "jupyter_server_config.py": "raise SystemExit('a configuration of the learner')",
    "jupyter_config.json": json.dumps({"IdentityProvider": {"token": ""}})}


def test_a_password_or_other_settings_of_the_learner_are_no_obstacle(tmp_path, monkeypatch):
    for name, text in HOSTILE.items():
        path = tmp_path / "home/.jupyter" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_CONFIG_PATH"):
        monkeypatch.setenv(name, str(tmp_path / "home/.jupyter"))
    monkeypatch.setenv("JUPYTER_TOKEN", "theirs")
    monkeypatch.setenv("JUPYTERLAB_DIR", "/nonexistent")
    process = lab.launch(["--no-browser"], tmp_path / "state")
    try:
        server = lab.wait_until_up(process, tmp_path / "state")
        assert server["base_url"] == "/" and server["token"] not in ("", "theirs")
    finally:
        lab.end(process)


@pytest.mark.parametrize("there, root, system, expected", [
    (None, True, "ID=debian", ["chromium"]),
    ("/usr/bin/chromium", True, "ID=debian", []),
    (None, False, "ID=debian", []),
    (None, True, "ID=ubuntu\nID_LIKE=debian", []),      # there it is a snap
])
def test_a_browser_is_installed_for_root_on_debian_only(monkeypatch, tmp_path, there, root, system,
                                                        expected):
    installed = []
    (tmp_path / "release").write_text(system)
    monkeypatch.setattr(browser, "find", lambda: there)
    monkeypatch.setattr(engine, "is_root", lambda: root)
    monkeypatch.setattr(engine, "OS_RELEASE", tmp_path / "release")
    monkeypatch.setattr(engine, "apt_install", lambda what, *names: installed.extend(names))
    browser.ensure()
    assert installed == expected
