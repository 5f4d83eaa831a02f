"""The base image: which one is chosen, and what the one we build promises."""
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
from datetime import date

import pytest

from emulator import docker, emulator, invoke
from workshop.machine import base_image, engine, modes
from workshop.machine.paths import ROOT

needs_docker = pytest.mark.skipif(not engine.available(), reason="no Docker engine")
HANDLER = "lambda_function.lambda_handler"


@pytest.fixture
def state(monkeypatch, tmp_path):
    """An empty folder for what base_image remembers; no WORKSHOP_BASE_IMAGE."""
    monkeypatch.setattr(base_image, "STATE", tmp_path)
    monkeypatch.setattr(base_image, "UNREACHABLE", tmp_path / "unreachable")
    monkeypatch.delenv("WORKSHOP_BASE_IMAGE", raising=False)
    monkeypatch.setattr(engine, "ensure", lambda: None)
    return tmp_path


# ---------------------------------------------------------------- which image

def test_the_learner_may_name_the_image(monkeypatch, capsys):
    monkeypatch.setenv("WORKSHOP_BASE_IMAGE", "mirror.example/lambda/python:3.13")
    assert base_image.get() == "mirror.example/lambda/python:3.13"
    assert "from WORKSHOP_BASE_IMAGE" in capsys.readouterr().out


def test_an_image_of_aws_that_is_here_is_used_without_asking_the_network(state, monkeypatch):
    monkeypatch.setattr(base_image, "_is_here", lambda image: image == base_image.REAL)
    monkeypatch.setattr(base_image, "_answers", lambda: pytest.fail("asked the network"))
    assert base_image.get() == base_image.REAL


def test_the_image_of_aws_is_pulled_for_our_architecture(state, monkeypatch):
    calls = []
    monkeypatch.setenv("WORKSHOP_ARCHITECTURE", "arm64")
    monkeypatch.setattr(base_image, "_is_here", lambda image: False)
    monkeypatch.setattr(base_image, "_answers", lambda: True)
    monkeypatch.setattr(engine, "docker", lambda *words, **options: calls.append(words)
                        or subprocess.CompletedProcess(words, 0, "", ""))
    assert base_image.get() == base_image.REAL
    assert calls == [("pull", "--quiet", "--platform", "linux/arm64", base_image.REAL)]


def test_another_public_image_may_be_asked_for(state, monkeypatch, capsys):
    monkeypatch.setattr(base_image, "_is_here", lambda image: image == base_image.PLAIN)
    assert base_image.get(base_image.PLAIN) == base_image.PLAIN
    assert "Docker's image, already here" in capsys.readouterr().out
    dockerfile = (ROOT / "docker/sagemaker/Dockerfile").read_text()
    assert f"ARG BASE_IMAGE={base_image.PLAIN}\n" in dockerfile


def test_a_registry_that_is_out_of_reach_is_asked_once_a_day(state, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(base_image, "_is_here", lambda image: False)
    monkeypatch.setattr(base_image, "_answers", lambda: asked.append(1))
    monkeypatch.setattr(base_image, "_stand_in_is_here", lambda: True)
    assert base_image.get() == base_image.get() == base_image.stand_in()
    assert len(asked) == 1
    assert "public.ecr.aws cannot be reached" in capsys.readouterr().out
    (state / "unreachable").write_text("2020-01-01")
    base_image.get()
    assert len(asked) == 2
    assert (state / "unreachable").read_text() == date.today().isoformat()


def test_a_refused_pull_is_told_in_the_words_of_docker(state, monkeypatch, capsys):
    monkeypatch.setattr(base_image, "_is_here", lambda image: False)
    monkeypatch.setattr(base_image, "_answers", lambda: True)
    monkeypatch.setattr(base_image, "_stand_in_is_here", lambda: True)
    monkeypatch.setattr(engine, "docker", lambda *words, **options: subprocess.CompletedProcess(
        words, 1, "", "a\nError: 403 Forbidden"))
    assert base_image.get() == base_image.stand_in()
    assert "Error: 403 Forbidden (an old login? docker logout" in capsys.readouterr().out


def test_without_a_stand_in_the_registry_is_asked_again_the_same_day(state, monkeypatch):
    (state / "unreachable").write_text(date.today().isoformat())
    monkeypatch.setattr(base_image, "_is_here", lambda image: False)
    monkeypatch.setattr(base_image, "_stand_in_is_here", lambda: False)
    monkeypatch.setattr(base_image, "_answers", lambda: True)
    monkeypatch.setattr(engine, "docker", lambda *words, **options: subprocess.CompletedProcess(
        words, 0, "", ""))
    assert base_image.get() == base_image.REAL


@pytest.mark.parametrize("answer, reachable", [
    (io.BytesIO(), True),
    (urllib.error.HTTPError("", 401, "log in", {}, None), True),
    (urllib.error.HTTPError("", 403, "proxy", {}, None), False),
    (urllib.error.HTTPError("", 503, "proxy", {}, None), False),
    (urllib.error.URLError("no such host"), False), (TimeoutError(), False)],
    ids=["200", "401", "403", "503", "no host", "timeout"])
def test_registry_is_reachable_when_it_answers_itself(monkeypatch, answer, reachable):
    def urlopen(url, timeout):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(base_image.urllib.request, "urlopen", urlopen)
    assert base_image._answers() is reachable


def test_a_name_server_that_never_answers_is_not_waited_for(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(base_image.urllib.request, "urlopen", lambda url, timeout: never.wait())
    assert base_image._answers(seconds=0.05) is False
    never.set()


# ---------------------------------------------------------------- where none can be had

@pytest.mark.parametrize("root, debian", [(False, True), (True, False)])
def test_without_debian_and_root_the_message_says_what_to_do(state, monkeypatch, root, debian):
    monkeypatch.setattr(engine, "is_root", lambda: root)
    monkeypatch.setattr(engine, "is_debian", lambda: debian)
    with pytest.raises(base_image.BaseImageError, match="as root on Debian.*docker pull"
                       ) as refusal:
        base_image._build_stand_in("the registry is down")
    assert "the registry is down" in str(refusal.value)


def test_another_architecture_without_emulation_is_refused(state, monkeypatch):
    monkeypatch.setattr(engine, "is_root", lambda: True)
    monkeypatch.setattr(engine, "is_debian", lambda: True)
    monkeypatch.setattr(base_image.host, "machine", lambda: "x86_64")
    monkeypatch.setattr(base_image.emulation, "ready", lambda architecture: False)
    monkeypatch.setenv("WORKSHOP_ARCHITECTURE", "arm64")
    with pytest.raises(base_image.BaseImageError, match="arm64 cannot be built here: nothing "
                                                        "emulates .*binfmt --install"):
        base_image._build_stand_in("it is out of reach")


def test_a_failing_step_is_told_with_its_last_words():
    with pytest.raises(base_image.BaseImageError, match="`sh` said:\nE: no such suite"):
        base_image._run(["sh", "-c", "echo E: no such suite >&2; exit 25"])


# ---------------------------------------------------------------- never to AWS

@pytest.mark.parametrize("config, words", [
    ({"Labels": {"workshop.stand-in": "true"}}, "never pushed to an AWS account"),
    (None, "no local image")])
def test_stand_in_and_unknown_images_are_refused(monkeypatch, config, words):
    monkeypatch.setattr(base_image, "_inspect", lambda image, what: config)
    with pytest.raises(ValueError, match=words):
        base_image.refuse_stand_in("churn:v1")


@needs_docker
def test_label_is_inherited_by_every_image_built_on_the_stand_in(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL workshop.stand-in=true\n")
    docker("build", "--tag", "workshop-test-base", tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM workshop-test-base\nLABEL workshop=lambda-onnx\n")
    docker("build", "--tag", "workshop-test-child", tmp_path)
    try:
        with pytest.raises(ValueError, match="workshop-test-child is built on"):
            base_image.refuse_stand_in("workshop-test-child")
    finally:
        docker("rmi", "workshop-test-child", "workshop-test-base")


@needs_docker
def test_an_image_on_another_base_may_be_pushed(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nENV A=1\n")
    docker("build", "--tag", "workshop-test-other", tmp_path)
    try:
        base_image.refuse_stand_in("workshop-test-other")
    finally:
        docker("rmi", "workshop-test-other")


# ---------------------------------------------------------------- building

def test_each_architecture_has_a_stand_in_of_its_own(monkeypatch):
    names = set()
    for architecture in engine.DOCKER_NAMES:
        monkeypatch.setenv("WORKSHOP_ARCHITECTURE", architecture)
        names.add(base_image.stand_in())
        assert f":3.13-{architecture}-" in base_image.stand_in(), "a person can see which it is"
    assert len(names) == 2


KILLED = """
import sys
from pathlib import Path
from workshop.machine import base_image, engine
base_image.STATE = Path(sys.argv[1])
base_image._check_possible = lambda why: None
base_image._stand_in_is_here = lambda: False
def fetch(context):
    (context / "rootfs.tar").write_bytes(b"half")
    print("fetching", flush=True)
    sys.stdin.read()
base_image._fetch_debian = fetch
base_image._build_stand_in("of this test")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is built on Linux only")
def test_a_build_killed_in_the_middle_is_done_anew(state, monkeypatch):
    victim = subprocess.Popen([sys.executable, "-c", KILLED, state], cwd=ROOT, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    while "fetching" not in victim.stdout.readline():
        assert victim.poll() is None
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    leftover, = state.glob("context-*")
    assert (leftover / "rootfs.tar").read_bytes() == b"half"

    steps = []

    def fetch(context):
        assert not leftover.exists() and not (context / "rootfs.tar").exists()
        steps.append("fetch")

    monkeypatch.setattr(base_image, "_check_possible", lambda why: None)
    monkeypatch.setattr(base_image, "_stand_in_is_here", lambda: False)
    monkeypatch.setattr(base_image, "_fetch_debian", fetch)
    monkeypatch.setattr(base_image, "_fetch_packages", lambda context: steps.append("packages"))
    monkeypatch.setattr(base_image, "_fetch_emulator", lambda context: steps.append("emulator"))
    monkeypatch.setattr(base_image, "_docker_build", lambda context: steps.append(
        sorted(path.name for path in context.iterdir())))
    base_image._build_stand_in("of this test")
    assert steps == ["fetch", "packages", "emulator",
                     ["Dockerfile", "ca-certificates.crt", "requirements.txt", "root"]]
    assert not list(state.glob("context-*"))


@pytest.mark.parametrize("architecture, machine", [("x86_64", 62), ("arm64", 183)])
def test_the_official_emulator_is_at_hand_for_both_architectures(
        monkeypatch, tmp_path, architecture, machine):
    """Byte 18 of an ELF file names the machine: 62 x86-64, 183 AArch64 (ELF specification)."""
    monkeypatch.setenv("WORKSHOP_ARCHITECTURE", architecture)
    base_image._fetch_emulator(tmp_path)
    emulator_file = tmp_path / "aws-lambda-rie"
    content = emulator_file.read_bytes()
    assert content[:4] == b"\x7fELF" and content[18] == machine
    assert emulator_file.stat().st_mode & 0o777 == 0o755


# ---------------------------------------------------------------- the contract

@pytest.fixture(scope="module")
def image():
    return base_image.get()


@pytest.fixture
def run(image, tmp_path):
    """Start a container with /var/task (and /opt) from files: yields a function that does it."""
    from contextlib import ExitStack

    from emulator import AS_LAMBDA

    with ExitStack() as stack:
        def start(code, handler=HANDLER, options=AS_LAMBDA, layer=None):
            mounts = []
            for target, files in (("/var/task", {"lambda_function.py": code}),
                                  ("/opt/python", layer)):
                if files is not None:
                    folder = tmp_path / target.strip("/").replace("/", "-")
                    folder.mkdir(mode=0o755)
                    for name, text in files.items():
                        (folder / name).write_text(text)
                    modes.settle(folder)
                    mounts += ["--volume", f"{folder}:{target}:ro"]
            return stack.enter_context(emulator(image, handler, options=[*options, *mounts]))
        yield start


LOOK = """
import os, sys
def lambda_handler(event, context):
    def write(path):
        try:
            open(path, "w").close()
            return "written"
        except OSError as error:
            return error.strerror
    return {"event": event, "uid": os.getuid(), "cwd": os.getcwd(), "path": sys.path,
            "version": list(sys.version_info[:2]), "environment": dict(os.environ),
            "request_id": context.aws_request_id, "/tmp": write("/tmp/x"),
            "/var/task": write("/var/task/x")}
"""


@needs_docker
def test_function_runs_with_the_contract_of_lambda(run):
    seen, = invoke(run(LOOK), {"a": [1, None]})
    assert seen["event"] == {"a": [1, None]} and len(seen["request_id"]) == 36
    assert seen["version"] == [3, 13]
    assert seen["cwd"] == "/var/task" and seen["uid"] == 993
    assert seen["/tmp"] == "written" and seen["/var/task"] == "Read-only file system"
    expected = {"LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime",
                "PYTHONPATH": "/var/runtime", "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
                "LANG": "en_US.UTF-8", "TZ": ":/etc/localtime", "_HANDLER": HANDLER}
    assert expected.items() <= seen["environment"].items()
    assert seen["path"].index("/var/task") < seen["path"].index("/opt/python")


@needs_docker
def test_function_is_unprivileged_also_when_the_container_starts_as_root(run, image):
    if image != base_image.stand_in():
        pytest.skip("AWS's image leaves the choice of the user to the Lambda service")
    container = run(LOOK, options=["--read-only", "--tmpfs", "/tmp", "--network", "none"])
    seen, = invoke(container, {})
    assert seen["uid"] == 993
    top = docker("top", container, "-eo", "pid,uid,args").splitlines()[1:]
    assert {line.split()[1] for line in top} == {"993"}


@needs_docker
def test_packages_of_a_layer_can_be_imported(run):
    code = "import from_layer\ndef lambda_handler(event, context):\n    return from_layer.ANSWER\n"
    assert invoke(run(code, layer={"from_layer.py": "ANSWER = 42"}), {}) == [42]


@needs_docker
def test_boto3_is_there_as_in_the_image_of_aws(run):
    code = "import boto3\ndef lambda_handler(event, context):\n    return boto3.__version__\n"
    assert invoke(run(code), {})[0].startswith("1.")


@needs_docker
@pytest.mark.parametrize("handler, kind, message", [
    ("lambda_function.other", "Runtime.HandlerNotFound",
     "Handler 'other' missing on module 'lambda_function'"),
    ("other.lambda_handler", "Runtime.ImportModuleError",
     "Unable to import module 'other': No module named 'other'")])
def test_unknown_handler_is_refused_in_the_words_of_aws(run, handler, kind, message):
    answer, = invoke(run(LOOK, handler), {})
    assert (answer["errorType"], answer["errorMessage"]) == (kind, message)


@needs_docker
def test_an_exception_is_answered_as_an_error(run):
    answer, = invoke(run("def lambda_handler(event, context):\n    return event['missing']\n"), {})
    assert answer["errorType"] == "KeyError" and answer["errorMessage"] == "'missing'"


@needs_docker
def test_entry_point_wants_the_name_of_a_handler(image):
    done = subprocess.run(["docker", "run", "--rm", "--network", "none", image],
                          capture_output=True, text=True)
    assert done.returncode == 142
    assert "requires the handler name" in done.stderr


@needs_docker
def test_stand_in_carries_its_labels(image):
    if image != base_image.stand_in():
        pytest.skip("AWS's image is used here")
    labels = json.loads(docker("image", "inspect", image, "--format", "{{json .Config.Labels}}"))
    assert labels["workshop.stand-in"] == "true" and labels["workshop"] == "lambda-onnx"
    with pytest.raises(ValueError, match="never pushed"):
        base_image.refuse_stand_in(image)


@needs_docker
def test_the_history_has_the_size_of_every_layer(image):
    """Lesson 04 adds up what it says; Docker puts sizes into other lines where one has none."""
    sizes = docker("history", "--human=false", "--format", "{{.Size}}", image).split()
    whole = int(docker("image", "inspect", image, "--format", "{{.Size}}"))
    assert sum(map(int, sizes)) == whole


@needs_docker
def test_stand_in_holds_no_manuals_and_keeps_its_licences(image):
    if image != base_image.stand_in():
        pytest.skip("AWS's image is used here")
    program = ("import pathlib, json; print(json.dumps([sorted(p.name for p in pathlib.Path(f)"
               ".glob(g) if p.is_file()) for f, g in (('/usr/share/locale', '**/*'), "
               "('/usr/share/man', '**/*'), ('/usr/lib', '*/gconv/*'), ('/usr/share/doc', '**/*'))"
               "]))")
    *useless, documents = json.loads(docker(
        "run", "--rm", "--network", "none", "--entrypoint", "python3", image, "-c", program))
    assert useless == [[], [], []]
    assert set(documents) == {"copyright"} and len(documents) > 20


def in_stand_in(image, *words):
    """Run a program in the stand-in: (exit status, standard output, standard error)."""
    if image != base_image.stand_in():
        pytest.skip("AWS's image is used here")
    done = subprocess.run(["docker", "run", "--rm", "--network", "none", "--entrypoint", words[0],
                           image, *words[1:]], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@needs_docker
@pytest.mark.parametrize("script, printed", [
    ("cat <(echo a) <(echo b)", "a\nb\n"), ("words=(a b); echo ${words[1]}", "b\n"),
    ("[[ abc == a* ]] && echo yes", "yes\n"), ("echo {1..3}", "1 2 3\n")])
def test_sh_is_bash_as_in_the_image_of_aws(image, script, printed):
    assert in_stand_in(image, "/bin/sh", "-c", script) == (0, printed, "")


@needs_docker
def test_a_dockerfile_that_needs_bash_builds(image, tmp_path):
    (tmp_path / "Dockerfile").write_text(
        f"FROM {image}\nRUN sort <(echo b; echo a) > sorted && test \"$(head -1 sorted)\" = a\n")
    docker("build", "--tag", "workshop-test-bash", tmp_path)
    docker("rmi", "workshop-test-bash")


@needs_docker
@pytest.mark.parametrize("program", ["dnf", "microdnf"])
def test_a_missing_package_manager_says_so(image, program):
    status, printed, error = in_stand_in(image, program, "install", "-y", "libgomp")
    assert status == 1 and not printed
    assert "stand-in" in error and "docker/README.md" in error


@needs_docker
def test_lambdas_user_can_read_every_file_that_we_put_there(image):
    """Whatever the umask of whoever cloned, or built the image."""
    ours = ["/lambda-entrypoint.sh", "/var/runtime", "/var/task", "/opt", "/usr/local", "/etc/ssl",
            "/usr/bin/dnf", "/usr/lib/python3.13"]
    closed = in_stand_in(image, "find", *ours, "-not", "-type", "l", "-not", "-perm", "-o+r", "-o",
                         "-type", "d", "-not", "-perm", "-o+x")
    assert closed == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is built on Linux only")
def test_the_recipes_files_are_readable_whatever_the_umask(tmp_path):
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    for name, mode in (("closed.py", 0o600), ("program", 0o700), ("open.py", 0o666)):
        (folder / name).touch()
        (folder / name).chmod(mode)
    (folder / "link").symlink_to("nowhere")
    folder.chmod(0o700)
    modes.settle(tmp_path)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in [folder, *folder.iterdir()]
            if not path.is_symlink()} == {
        "folder": "0o755", "closed.py": "0o644", "program": "0o755", "open.py": "0o644"}


@pytest.mark.parametrize("changed", ["Dockerfile", "requirements.txt", "root/usr/bin/dnf"])
def test_a_changed_recipe_is_another_tag_so_that_checkouts_do_not_disturb_each_other(
        monkeypatch, tmp_path, changed):
    before = base_image.stand_in()
    shutil.copytree(base_image.RECIPE, tmp_path / "base")
    monkeypatch.setattr(base_image, "RECIPE", tmp_path / "base")
    assert base_image.stand_in() == before
    with open(tmp_path / "base" / changed, "a") as file:
        file.write("# changed\n")
    assert base_image.stand_in() != before
    assert base_image.stand_in().startswith(
        f"{base_image.STAND_IN}:3.13-{engine.architecture()}-")
