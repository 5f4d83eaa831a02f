"""A whole life of a checkout: work in it, `clean` in it, and the machine is as it was before.

The checkout is a copy with its own port. The machine's Docker engine serves other checkouts as
well, so a listing here holds what a copy's things are known by without clean's help (a label that
the test writes into the copy's Dockerfiles, the copy's port and name), and some things of another
checkout's, which have to stay.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from workshop import deploy
from workshop.machine import base_image, engine, labels
from workshop.machine.paths import ROOT

pytestmark = [
    pytest.mark.skipif(not engine.available(), reason="no Docker engine answers here"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git copies the checkout"),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes hide where they are")]

FOLDER = "hello_whole"          # a function that no other checkout builds
WORK = """
import json
import boto3
from workshop import cloud, deploy, triggers
from workshop.commands import lab
from workshop.machine import engine, labels, paths
cloud.use()
name, s3 = deploy.name("whole"), deploy.s3()
image = deploy.build("hello_whole")
deploy.function(name, deploy.push(image, name))
boto3.client("lambda").invoke(FunctionName=name, Payload=b'{"name": "Ada"}')
deploy.http_api(name, name)
triggers.on_queue(name, triggers.queue(name))
triggers.on_event(name, name, schedule="rate(1 day)")
s3.put_object(Bucket=deploy.bucket(name), Key="file", Body=b"")
boto3.client("lambda").publish_layer_version(
    LayerName=name, Description=deploy.mark(), Content={"ZipFile": b"PK\\x05\\x06" + bytes(18)})
folder = paths.BUILD / "images" / "dangling"
folder.mkdir()
for line in "ENV A=1", "ENV A=2":       # the second takes the name from the first
    (folder / "Dockerfile").write_text(f"FROM {image}\\n{line}\\n")
    engine.docker("build", "-t", f"{image}-more", str(folder), timeout=120).check_returncode()
engine.docker("create", "--name", COPY, image).check_returncode()      # as a lesson does by hand
for kind in "network", "volume":
    engine.docker(kind, "create", "--label", labels.OURS, COPY).check_returncode()
(paths.ROOT / "notebooks" / "__pycache__").mkdir()
(paths.ROOT / "notebooks" / "__pycache__" / "mine.pyc").touch()
process = lab.launch(["--no-browser"])
lab.wait_until_up(process)
"""


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def docker(*arguments):
    return run("docker", *arguments)


class Copy:
    """A copy of this checkout, in a folder of its own, as it would be after `git clone`."""

    def __init__(self, folder: Path):
        self.root, self.mark = folder / "checkout", f"test.copy={uuid.uuid4().hex[:8]}"
        self.name = self.mark.replace("test.copy=", "workshop-copy-")
        self.docker_config, self.temporary = folder / "docker", folder / "t"
        for one in self.docker_config, self.temporary:
            one.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        files = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard",
                    cwd=ROOT)
        for name in filter(None, files.split("\0")):
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.root / name)
        shutil.copytree(self.root / "lambda/hello", self.root / "lambda" / FOLDER)
        for recipe in (self.root / "docker").glob("*Dockerfile"):
            recipe.write_text(recipe.read_text() + f"LABEL {self.mark}\n")
        git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.com"]
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a copy"]):
            run(*git, *command, cwd=self.root)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "PYTHONPATH": str(self.root), "WORKSHOP_PORT": str(self.port), "NO_COLOR": "1",
            "DOCKER_CONFIG": str(self.docker_config), "TMPDIR": str(self.temporary),
            "PYTHONDONTWRITEBYTECODE": ""}

    def run(self, *arguments):
        return run(sys.executable, *arguments, cwd=self.root, env=self.environment)

    def label(self):
        """What this checkout says of itself."""
        return self.run("-c", "from workshop.machine import labels; print(labels.OURS)").strip()

    def listing(self, others=()) -> dict[str, set[str]]:
        """All that there is of this copy, and of the `others` that it must leave alone."""
        return {
            "containers": self._in_docker(others, "ps", "--all", "--format", "{{.ID}} {{.Names}}"),
            "images": self._in_docker(others, "images", "--format",
                                      "{{.ID}} {{.Repository}}:{{.Tag}}"),
            "networks": self._in_docker(others, "network", "ls", "--format", "{{.ID}} {{.Name}}"),
            "volumes": self._in_docker(others, "volume", "ls", "--format", "{{.Name}} {{.Name}}"),
            "logins": set(self._logins()),
            "processes": set(self._processes()),
            "files": set(run("git", "status", "--porcelain", "--ignored", "--untracked-files=all",
                             cwd=self.root).splitlines()),
            "temporary files": {one.name for one in self.temporary.iterdir()},
            "clouds": {str(self.port)} if self._listens() else set()}

    def _in_docker(self, others, *listing):
        """By label where things have labels, by name, and the base image, which all share."""
        lines = set()
        for label in (self.mark, f"workshop.cloud={self.port}", *others):
            lines |= set(docker(*listing, "--filter", f"label={label}").splitlines())
        ours = (f"localhost:{self.port}/", self.name, FOLDER, base_image.STAND_IN)
        return lines | {one for one in docker(*listing).splitlines()
                        if any(word in one for word in ours)}

    def _logins(self):
        """In the learner's file, and in the one that lessons use (workshop/machine/settings.py)."""
        files = [self.docker_config / "config.json", self.root / "build/docker/config.json"]
        return {name for file in files if file.exists()
                for name in json.loads(file.read_text()).get("auths", {})}

    def _processes(self):
        """Those that run in the copy or were started with its environment."""
        for process in psutil.process_iter():
            try:
                if str(self.root) in " ".join([process.cwd(), *process.cmdline(),
                                               *process.environ().values()]):
                    yield f"{process.pid} {' '.join(process.cmdline())[:80]}"
            except psutil.Error:
                continue

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """One thing of each kind in Docker that belongs to another checkout, by its label."""
    folder, name = tmp_path_factory.mktemp("others"), f"workshop-others-{uuid.uuid4().hex[:8]}"
    label = f"workshop.clone={name}"
    (folder / "Dockerfile").write_text(
        f"FROM scratch\nLABEL workshop=lambda-onnx {label}\nCOPY Dockerfile /\nCMD [\"/none\"]\n")
    docker("build", "--quiet", "--tag", name, folder)
    docker("create", "--name", name, name)
    docker("network", "create", "--label", label, name)
    docker("volume", "create", "--label", label, name)
    yield label
    for command in (["rm", "--force"], ["rmi", "--force"], ["network", "rm"], ["volume", "rm"]):
        engine.docker(*command, name)


@pytest.fixture(scope="module")
def story(tmp_path_factory, others):
    """Listings before the copy did anything, after its work, and after `clean`."""
    base_image.get()            # what the machine has before, it shall have afterwards
    copy = Copy(tmp_path_factory.mktemp("whole"))
    try:
        before = copy.listing([others])
        # Not made anew: a link to the environment that runs this test.
        (copy.root / ".venv").symlink_to(sys.prefix)
        copy.run("-c", f"COPY = {copy.name!r}\n{WORK}")
        copy.run("-m", "workshop", "run", "01")
        worked = copy.listing([others])
        said = copy.run("-m", "workshop", "clean")
        yield SimpleNamespace(copy=copy, before=before, worked=worked, said=said,
                              after=copy.listing([others]))
    finally:
        leave_nothing(copy)


def leave_nothing(copy):
    """After a failed test: end and remove what clean has not."""
    for one in copy._processes():
        psutil.Process(int(one.split()[0])).kill()
    label = f"label={copy.mark}"
    for listing, removal in (
            (["ps", "-aq", "--filter", label], ["rm", "--force", "--volumes"]),
            (["ps", "-aq", "--filter", f"label=workshop.cloud={copy.port}"], ["rm", "--force"]),
            (["images", "-q", "--filter", label], ["rmi", "--force"])):
        if found := docker(*listing).split():
            engine.docker(*removal, *dict.fromkeys(found))
    for kind in "network", "volume":
        engine.docker(kind, "rm", copy.name)


def test_the_work_left_something_of_every_kind(story):
    """Else the comparison below would prove nothing."""
    for kind in story.before:
        if kind != "temporary files":
            assert story.worked[kind] > story.before[kind], kind
    files = "\n".join(story.worked["files"])
    for what in ("build/cloud/", "build/site/", "build/lessons/", "build/images/", ".venv",
                 "notebooks/__pycache__/"):
        assert what in files
    images = "\n".join(story.worked["images"] - story.before["images"])
    for what in (f"{FOLDER}-", f"localhost:{story.copy.port}/{deploy.name('whole')}:v1-",
                 "<none>:<none>"):
        assert what in images
    processes = "\n".join(story.worked["processes"])
    assert "jupyterlab" in processes and "workshop.local" in processes


@pytest.mark.parametrize("kind", ["containers", "images", "networks", "volumes", "logins",
                                  "processes", "files", "temporary files", "clouds"])
def test_after_clean_all_is_as_it_was(story, kind):
    assert story.after[kind] == story.before[kind]


def test_what_the_lessons_made_in_the_cloud_was_removed_before_the_cloud_ended(story):
    account = story.said.split("In the account, of the owner test:")[1]
    account = account.split("To remove from this machine:")[0]
    things, proof = account.split("Looked again:")
    for kind in ("function", "HTTP API", "bucket", "queue", "rule", "layer version", "role",
                 "repository", "event source mapping", "log group"):
        assert re.search(rf"^  {kind} +\S*{deploy.name('whole')}", things, re.M), kind
    assert proof.strip() == "nothing is there"


def test_clean_proves_it(story):
    machine = story.said.split("To remove from this machine:")[1]
    assert "Looked again:\n  nothing is there" in machine
    assert base_image.STAND_IN in machine.split("What stays:")[1], "another checkout uses it"


def test_a_link_goes_and_not_what_it_leads_to(story):
    assert not (story.copy.root / ".venv").is_symlink()
    assert Path(sys.executable).exists()


def test_two_checkouts_have_two_labels(story):
    assert story.copy.label() != labels.OURS


def test_a_second_clean_finds_nothing(story):
    said = story.copy.run("-m", "workshop", "clean")
    shutil.rmtree(story.copy.root / "workshop/__pycache__", ignore_errors=True)
    assert "container" not in said.split("What stays:")[0]
    assert "login" not in said.split("What stays:")[0]
