"""What goes into images, zips and archives can be read by all, whatever umask made the clone."""
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import onnx
import pytest

from workshop import cloud, deploy, endpoints, packages
from workshop.local import addresses
from workshop.machine import base_image, modes, paths

POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows has no umask")
pytestmark = POSIX


@pytest.fixture(params=[0o027, 0o077, 0o022])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def clone(umask, tmp_path, monkeypatch):
    """lambda/ and docker/ as a clone under that umask has them."""
    for name in ("lambda", "docker"):
        shutil.copytree(paths.ROOT / name, tmp_path / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
        for path in (tmp_path / name, *(tmp_path / name).rglob("*")):
            path.chmod(path.stat().st_mode & 0o777 & ~umask)
    monkeypatch.setattr(paths, "LAMBDA", tmp_path / "lambda")
    monkeypatch.setattr(paths, "DOCKER", tmp_path / "docker")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setattr(base_image, "RECIPE", tmp_path / "docker/base")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [value],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])])),
        tmp_path / "model.onnx")
    return tmp_path


def unreadable(folder):
    """What another user cannot read or enter."""
    return [path for path in (folder, *folder.rglob("*"))
            if path.stat().st_mode & 0o777 not in (
                (0o755,) if path.is_dir() else (0o644, 0o755))]


def test_a_staged_image_can_be_read(clone):
    staged = deploy.stage("churn", clone / "model.onnx")
    assert (staged / "model.onnx").is_file() and unreadable(staged) == []


def test_the_stand_in_is_made_of_what_was_committed(clone):
    context = clone / "context"
    base_image._copy_recipe(context)
    modes.settle(context)
    assert unreadable(context) == []
    programs = [path.relative_to(context).as_posix() for path in context.rglob("*")
                if path.is_file() and path.stat().st_mode & 0o100]
    assert sorted(programs) == ["root/lambda-entrypoint.sh", "root/usr/bin/dnf",
                                "root/usr/local/bin/pip", "root/usr/local/bin/pip3",
                                "root/var/runtime/bootstrap"]


def test_windows_line_ends_do_not_reach_the_stand_in_or_change_its_fingerprint(clone):
    before = base_image._recipe()
    for path in (clone / "docker/base").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert base_image._recipe() == before
    base_image._copy_recipe(clone / "context")
    assert not [path for path in (clone / "context").rglob("*")
                if path.is_file() and b"\r" in path.read_bytes()]


def test_a_zip_says_that_all_may_read(clone):
    content = packages.zipped(clone / "lambda/churn")
    entries = zipfile.ZipFile(io.BytesIO(content)).infolist()
    assert {entry.external_attr >> 16 for entry in entries} == {0o644}


def test_a_model_archive_says_that_all_may_read(clone):
    member, = tarfile.open(fileobj=io.BytesIO(endpoints.archive(clone / "model.onnx")))
    assert member.mode == 0o644


def test_what_a_lesson_copies_or_writes_by_hand_can_be_read(clone, monkeypatch):
    """After cloud.use(): the clone's own folders are settled, and so is what is written next."""
    monkeypatch.setattr(cloud, "_use_local", lambda: None)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    cloud.use()
    shutil.copytree(paths.LAMBDA / "churn", clone / "by_hand")
    (clone / "by_hand/Dockerfile").write_text("FROM x\n")
    (clone / "by_hand/folder").mkdir()
    assert unreadable(clone / "by_hand") == [] and unreadable(paths.DOCKER / "sagemaker") == []


def test_a_link_and_what_it_leads_to_are_left_alone(tmp_path, umask):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to(tmp_path / "secret")
    modes.settle(tmp_path / "folder")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", [
    "bin\r\nnumpy/tests\r\n", "bin \nnumpy/tests\t\n", "\ufeffbin\nnumpy/tests",
    "# a list\r\n\r\n  bin\r\n  # more\r\nnumpy/tests\r\n"])
def test_a_list_of_what_is_left_out_works_with_any_line_ends(tmp_path, text):
    for name in ("bin/f", "numpy/tests/t", "numpy/core"):
        (tmp_path / "packages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "packages" / name).touch()
    (tmp_path / "leave_out.txt").write_bytes(text.encode())
    packages.leave_out(tmp_path / "packages", tmp_path / "leave_out.txt")
    left = [path.relative_to(tmp_path / "packages").as_posix()
            for path in (tmp_path / "packages").rglob("*")]
    assert sorted(left) == ["numpy", "numpy/core"]


@pytest.mark.parametrize("pattern", ["../precious", "/tmp/*", "numpy/../../precious"])
def test_a_pattern_deletes_nothing_outside_the_packages(tmp_path, pattern):
    (tmp_path / "packages").mkdir()
    (tmp_path / "precious").touch()
    (tmp_path / "leave_out.txt").write_text(pattern)
    with pytest.raises(ValueError, match="leads out"):
        packages.leave_out(tmp_path / "packages", tmp_path / "leave_out.txt")
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize("recipe", ["Dockerfile", "tiny.Dockerfile"])
def test_the_dockerfiles_read_the_list_with_any_line_ends(tmp_path, recipe):
    """The recipe's own command, in a shell."""
    line = next(line for line in (paths.ROOT / "docker" / recipe).read_text().splitlines()
                if "rm -rf" in line)
    command = line.strip().removeprefix("&& ").removesuffix("\\").strip()
    for name in ("bin", "numpy/tests", "kept"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "leave_out.txt").write_bytes(b"# a list\r\nbin\r\nnumpy/test*\r\n")
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept", "leave_out.txt", "numpy"]


def test_git_writes_the_line_ends_of_linux_everywhere():
    asked = subprocess.run(["git", "check-attr", "eol", "docker/Dockerfile", "data/sp500.csv",
                            "lambda/churn/leave_out.txt", "docker/base/root/lambda-entrypoint.sh"],
                           cwd=paths.ROOT, capture_output=True, text=True)
    if asked.returncode:
        pytest.skip("this is no git checkout")
    assert asked.stdout.count("eol: lf") == 4


def test_the_local_clouds_state_is_its_owners_alone(own_cloud):
    assert addresses.state_folder().stat().st_mode & 0o777 == 0o700


@pytest.fixture
def own_cloud(local_cloud):
    return local_cloud


def test_a_function_finds_its_layer_under_umask_077(local_cloud, docker_engine):
    """A whole deployment by a process, and of a local cloud, that began with that umask."""
    program = """
import os; os.umask(0o077)
from workshop import cloud
from workshop.local import lifecycle
lifecycle.start(); cloud.use()      # as `lab` starts it
import boto3, io, json, pathlib, tempfile, zipfile
from workshop import deploy, packages
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "python/deep/er").mkdir(parents=True)
(folder / "python/deep/__init__.py").write_text("")
(folder / "python/deep/er/__init__.py").write_text("answer = 42")
name = "workshop-test-umask"
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as archive:
    entry = zipfile.ZipInfo("lambda_function.py"); entry.external_attr = 0o644 << 16
    archive.writestr(entry, "import deep.er\\n"
                            "def lambda_handler(event, context):\\n    return deep.er.answer")
client = boto3.client("lambda")
try:
    layer = client.publish_layer_version(LayerName=name,
                                         Content={"ZipFile": packages.zipped(folder)})
    client.create_function(FunctionName=name, Runtime="python3.13", Role=deploy.ensure_role(name),
        Handler="lambda_function.lambda_handler", Code={"ZipFile": buffer.getvalue()}, Timeout=30,
        Layers=[layer["LayerVersionArn"]])
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    print(json.load(client.invoke(FunctionName=name)["Payload"]))
finally:
    lifecycle.stop()        # and all that was made in it is gone
"""
    port = free_port()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300,
        env={**os.environ, "WORKSHOP_PORT": str(port), "PYTHONPATH": str(paths.ROOT)})
    shutil.rmtree(addresses.state_folder(port), ignore_errors=True)
    assert done.returncode == 0 and "\n42\n" in done.stdout, done.stdout + done.stderr


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
