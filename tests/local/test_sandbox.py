"""What a function may do, finds, and is started by: no more and no less than on AWS."""
import errno
import io
import json
import os
import re
import shutil
import stat
import subprocess
import tarfile
import zipfile

import pytest

import image_registry
from deployed import Function
from workshop.local.patches import containers, loop_disk, scratch, volumes
from workshop.machine import base_image, engine

# Runs the code that the event holds: returns its `answer`, or the error as [type, number, text].
CODE = """
def lambda_handler(event, context):
    names = {"context": context}
    try:
        exec(event["run"], names)
    except Exception as error:
        return [type(error).__name__, getattr(error, "errno", None), str(error)]
    return names.get("answer")
"""
HANDLER = "lambda_function.lambda_handler"


def zipped(*entries) -> bytes:
    """A zip file of (name, text, mode) entries; a name that ends with / is a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16 | (0x10 if name.endswith("/") else 0x20)    # DOS's
            archive.writestr(info, text)
    return buffer.getvalue()


# Zip files

@pytest.mark.parametrize("umask", [0o022, 0o077])
@pytest.mark.parametrize("name, mode, kept", [
    ("code.py", 0o644, 0o644), ("code.py", 0o666, 0o666), ("tool", 0o777, 0o777),
    ("secret.py", 0o600, 0o600), ("group.py", 0o640, 0o640), ("tool", 0o4755, 0o755),
    ("made_on_windows.py", 0, 0o644), ("folder/", 0o777, 0o777), ("folder/", 0, 0o755),
    ("closed/", 0o700, 0o700)])
def test_permissions_are_those_in_the_zip_whatever_the_umask(name, mode, kept, umask):
    before = os.umask(umask)
    try:
        archive = volumes.unzipped(zipped((name, "", mode)), "x86_64")
    finally:
        os.umask(before)
    member, = tarfile.open(fileobj=io.BytesIO(archive))
    assert (member.mode, member.uid, member.gid) == (kept, 0, 0)
    assert member.isdir() == name.endswith("/")


@pytest.mark.parametrize("name, inside", [
    ("/etc/passwd", "etc/passwd"), ("../../up.py", "up.py"), ("a/./b//c.py", "a/b/c.py")])
def test_a_name_in_a_zip_stays_in_its_folder(name, inside):
    archive = volumes.unzipped(zipped((name, "text", 0o644), ("..", "nothing", 0o644)), "arm64")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == [inside]
        assert tar.extractfile(inside).read() == b"text"


def test_a_link_in_a_zip_is_a_link():
    archive = volumes.unzipped(zipped(("lib.so", "lib.so.1", stat.S_IFLNK | 0o777)), "x86_64")
    member, = tarfile.open(fileobj=io.BytesIO(archive))
    assert member.issym() and member.linkname == "lib.so.1"


# The disk that is /tmp

@pytest.mark.parametrize("megabytes", [512, 700, 10_240])
def test_a_new_disk_has_room_for_what_was_asked_and_no_fault(megabytes, tmp_path):
    """Looked at by e2fsck, which is not part of the code that makes the disk."""
    disk, blocks = tmp_path / "disk", loop_disk.blocks_of(megabytes)
    with open(disk, "w+b") as file:
        file.truncate(blocks * loop_disk.BLOCK)
        loop_disk.format_ext2(file.fileno(), blocks)
    checker = shutil.which("e2fsck", path=os.defpath + ":/sbin:/usr/sbin")
    if not checker:
        pytest.skip("this machine has no e2fsck")
    report = subprocess.run([checker, "-f", "-n", disk], capture_output=True, text=True)
    assert report.returncode == 0, report.stdout
    used, all_blocks = map(int, re.search(r"(\d+)/(\d+) blocks$", report.stdout).groups())
    free = (all_blocks - used) * loop_disk.BLOCK / 2**20
    assert megabytes < free < megabytes * 1.03 + 16


# A zip function

@pytest.fixture(scope="module")
def function(aws, role, docker_engine):
    """A zip function with one vCPU whose files and folders everyone could write to."""
    made = Function(aws, "workshop-test-sandbox")
    layer = aws("lambda").publish_layer_version(
        LayerName="workshop-test-sandbox", Content={"ZipFile": zipped(
            ("python/from_layer.py", "ANSWER = 42", 0o666), ("python/", "", 0o777),
            ("wrapper", '#!/bin/sh\nexport WRAPPED="$*"\nexec "$@" ', 0o777),
            ("wrapper.py", "#!/usr/bin/env python3\nimport os, sys\nos.environ['WRAPPED'] = 'yes'\n"
                           "os.execv(sys.argv[1], sys.argv[1:])\n", 0o755),
            ("not_executable", "#!/bin/sh\n", 0o644))})
    made.client.create_function(
        FunctionName=made.name, Role=role, Runtime="python3.13", Handler=HANDLER, MemorySize=1769,
        Timeout=30, Layers=[layer["LayerVersionArn"]], Code={"ZipFile": zipped(
            ("lambda_function.py", CODE, 0o666), ("tool", "#!/bin/sh\necho run", 0o777),
            ("folder/", "", 0o777), ("secret.py", "SECRET = 1", 0o600))})
    made.client.get_waiter("function_active_v2").wait(FunctionName=made.name)
    yield made
    made.delete()
    made.client.delete_layer_version(LayerName="workshop-test-sandbox",
                                     VersionNumber=layer["Version"])


@pytest.mark.parametrize("code", [
    "import multiprocessing; multiprocessing.Lock()",
    "import multiprocessing; multiprocessing.Queue()",
    "import multiprocessing; multiprocessing.Pool(2)",
    "import multiprocessing; multiprocessing.Value('i')",
    "from multiprocessing.shared_memory import SharedMemory; SharedMemory(create=True, size=8)",
    "from concurrent.futures import ProcessPoolExecutor as Pool; Pool(2).submit(len, 'a')"])
def test_there_is_no_shared_memory(function, code):
    """Python 3.13 on Lambda: "FileNotFoundError: [Errno 2] No such file or directory".

    Runtimes up to 3.11 have an older glibc, which says "[Errno 38] Function not implemented".
    """
    assert function.ask(run=code)["payload"][:2] == ["FileNotFoundError", 2]


@pytest.mark.parametrize("code", [
    "from concurrent.futures import ThreadPoolExecutor as Pool\n"
    "answer = Pool(2).submit(max, 1, 2).result()",
    "import multiprocessing\nhere, there = multiprocessing.Pipe()\n"
    "process = multiprocessing.get_context('fork').Process(target=lambda: there.send(2))\n"
    "process.start(); answer = here.recv(); process.join()",
    "import subprocess; answer = int(subprocess.check_output(['python3', '-c', 'print(2)']))",
    "import subprocess; answer = len(subprocess.check_output('/var/task/tool')) // 2",
    "import threading; threading.Lock().acquire(); import from_layer; answer = 2"])
def test_what_works_on_aws_works(function, code):
    assert function.ask(run=code)["payload"] == 2


@pytest.mark.parametrize("place", [
    "/var/task/lambda_function.py", "/var/task/tool", "/var/task/new.py", "/var/task/folder/new",
    "/opt/python/from_layer.py", "/opt/new", "/var/tmp/x", "/run/x", "/var/lock/x"])
def test_nothing_but_tmp_can_be_written(function, place):
    error = function.ask(run=f"open({place!r}, 'a')")["payload"]
    assert error == ["OSError", 30, f"[Errno 30] Read-only file system: {place!r}"]
    assert function.ask(run="open('/tmp/x', 'w'); answer = 1")["payload"] == 1


def test_code_cannot_be_removed_or_opened_to_others_either(function):
    for call in ("remove('/var/task/tool')", "chmod('/var/task/tool', 0o777)",
                 "rename('/var/task/tool', '/var/task/other')", "mkdir('/opt/python/new')"):
        assert function.ask(run=f"import os; os.{call}")["payload"][1] in (1, 30), call


def test_code_that_only_its_owner_may_read_is_refused(function):
    error = function.ask(run="import secret")["payload"]
    assert error == ["PermissionError", 13, "[Errno 13] Permission denied: '/var/task/secret.py'"]


def test_a_function_has_1024_open_files_and_processes(function):
    files = "opened = []\nwhile len(opened) < 2000: opened.append(open('/dev/null'))"
    assert function.ask(run=files)["payload"][:2] == ["OSError", 24]    # "Too many open files"
    threads = """
import threading
end, threads = threading.Event(), []
try:
    while len(threads) < 2000:
        thread = threading.Thread(target=end.wait)
        thread.start()
        threads.append(thread)
except RuntimeError as error:
    answer = [len(threads), str(error)]
end.set()
for thread in threads:
    thread.join()
"""
    started, error = function.ask(run=threads)["payload"]
    assert 900 < started < 1024 and "can't start new thread" in error


@pytest.mark.parametrize("code", [
    "socket.socket().bind(('0.0.0.0', 80))",
    "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)",
    "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"])
def test_only_tcp_and_udp_and_no_low_port(function, code):
    error = function.ask(run=f"import socket; {code}")["payload"]
    assert error[:2] in (["PermissionError", 13], ["PermissionError", 1])


# Lambda developer guide, "Defined runtime environment variables", and environments of Python 3.13
# functions that were published.
VARIABLES = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "workshop-test-sandbox", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769", "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/workshop-test-sandbox",
    "LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime", "_HANDLER": HANDLER,
    "TZ": ":UTC", "LANG": "en_US.UTF-8", "PYTHONPATH": "/var/runtime",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:"
                       "/var/task/lib:/opt/lib"}
SET = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
       "AWS_LAMBDA_LOG_STREAM_NAME"]
LOOK = "import os; answer = dict(os.environ)"


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_has_awss_value(function, name):
    assert function.ask(run=LOOK)["payload"].get(name) == VARIABLES[name]


def test_the_other_variables_are_there(function):
    assert [name for name in SET if name not in function.ask(run=LOOK)["payload"]] == []


def test_what_a_function_finds_besides_and_lacks(function):
    seen = function.ask(run=LOOK)["payload"]
    assert {"AWS_ENDPOINT_URL", "AWS_LAMBDA_FUNCTION_TIMEOUT", "HOME", "HOSTNAME"} <= set(seen)
    assert not {"AWS_XRAY_DAEMON_ADDRESS", "_X_AMZN_TRACE_ID"} & set(seen)


def test_an_answer_with_an_error_type_counts_as_failed(function):
    assert "FunctionError" in function.ask(run="answer = {'errorType': 'A', 'errorMessage': 'b'}")


def test_text_is_utf_8_whatever_the_locale(function):
    code = ("import locale, sys; answer = [sys.stdout.encoding, sys.getfilesystemencoding(), "
            "locale.getpreferredencoding(), 'ü']; print('grün')")
    assert [word.lower() for word in function.ask(run=code)["payload"]] == ["utf-8"] * 3 + ["ü"]


def test_import_paths_are_awss(function):
    code = "import sys; answer = sys.path[:4]"
    assert function.ask(run=code)["payload"] == [
        "/var/task", "/opt/python/lib/python3.13/site-packages", "/opt/python", "/var/runtime"]


@pytest.fixture
def configured(function):
    """`configured(NAME=value)` sets environment variables; they are taken away at the end."""
    yield lambda **variables: function.configure(Environment={"Variables": variables})
    function.configure(Environment={"Variables": {}})


def test_a_function_may_set_what_is_not_reserved(function, configured):
    mine = {"TZ": "Europe/Berlin", "LANG": "de_DE.UTF-8", "PYTHONPATH": "/var/task/folder",
            "AWS_XRAY_CONTEXT_MISSING": "RUNTIME_ERROR"}
    configured(**mine)
    seen = function.ask(run=LOOK + "; import sys; answer['path'] = sys.path")["payload"]
    assert mine.items() <= seen.items()
    assert "/opt/python" not in seen["path"] and "/var/task/folder" in seen["path"]


@pytest.mark.parametrize("wrapper, wrapped", [
    ("/opt/wrapper", "/var/lang/bin/python3.13 /var/runtime/bootstrap.py"),
    ("/opt/wrapper.py", "yes")])
def test_a_wrapper_script_starts_the_runtime(function, configured, wrapper, wrapped):
    configured(AWS_LAMBDA_EXEC_WRAPPER=wrapper)
    assert function.ask(run=LOOK)["payload"].get("WRAPPED", "").startswith(wrapped)


@pytest.mark.parametrize("wrapper, status, word", [
    ("/opt/none", 127, "does not exist"), ("/opt/not_executable", 126, "is not an executable")])
def test_a_wrapper_that_cannot_run_says_so(function, configured, wrapper, status, word):
    configured(AWS_LAMBDA_EXEC_WRAPPER=wrapper)
    answer = function.ask(run=LOOK)
    assert answer["FunctionError"] and f"exit status {status}" in answer["payload"]["errorMessage"]
    assert f"{wrapper}: {word}" in answer["log"]


def test_ptrace_and_port_25_are_open(function):
    """On AWS both are blocked: ptrace is refused, a connection to port 25 never comes about."""
    trace = ("import ctypes, multiprocessing\nhere, there = multiprocessing.Pipe()\n"
             "ptrace = lambda: there.send(ctypes.CDLL(None).ptrace(0, 0, 0, 0))\n"
             "child = multiprocessing.get_context('fork').Process(target=ptrace)\n"
             "child.start(); answer = here.recv(); child.kill()")
    assert function.ask(run=trace)["payload"] == 0
    connect = ("import socket\ntry: socket.create_connection(('host.docker.internal', 25), 5)\n"
               "except ConnectionRefusedError: pass\nanswer = 'it came through'")
    assert function.ask(run=connect)["payload"] == "it came through"


# Compiled files, and how much a zip and its layers may hold

@pytest.fixture(scope="module")
def library(docker_engine) -> bytes:
    """A library that is compiled for this machine's functions: the C library's `libm`."""
    code = ("import math, sys; path = next(line.split()[-1] for line in open('/proc/self/maps') "
            "if '/libm.so' in line); sys.stdout.buffer.write(open(path, 'rb').read())")
    done = subprocess.run(["docker", "run", "--rm", "--entrypoint", "python3", base_image.get(),
                           "-c", code], capture_output=True, check=True)
    return done.stdout


def test_a_library_for_another_architecture_than_the_functions_fails(aws, new_function, library):
    """As on AWS, when it is loaded; whatever machine the local cloud runs on."""
    layer = aws("lambda").publish_layer_version(
        LayerName="workshop-test-library",
        Content={"ZipFile": zipped(("lib/libm.so", library, 0o755))})
    here = engine.architecture()
    other, = set(volumes.MACHINES) - {here}
    code = {"ZipFile": zipped(("lambda_function.py", CODE, 0o644), ("libm.so", library, 0o755))}
    function = new_function(Code=code, Handler=HANDLER, Runtime="python3.13", Timeout=30,
                            Layers=[layer["LayerVersionArn"]], Architectures=[here])
    places = ("/var/task/libm.so", "/opt/lib/libm.so")
    load = "import ctypes; answer = ctypes.CDLL({!r}).abs(-2)"
    assert [function.ask(run=load.format(place))["payload"] for place in places] == [2, 2]
    function.client.update_function_code(FunctionName=function.name, Architectures=[other], **code)
    function.client.get_waiter("function_updated_v2").wait(FunctionName=function.name)
    for place in places:
        assert function.ask(run=load.format(place))["payload"] == [
            "OSError", None, f"{place}: cannot open shared object file: No such file or directory"]
    function.client.delete_layer_version(LayerName="workshop-test-library",
                                         VersionNumber=layer["Version"])


def test_a_zip_function_runs_on_this_machine_whatever_its_architecture(new_function):
    here = engine.architecture()
    other, = set(volumes.MACHINES) - {here}
    foreign = b"\x7fELF".ljust(18, b"\0") + volumes.MACHINES[other].to_bytes(2, "little")
    code = {"ZipFile": zipped(("lambda_function.py", CODE, 0o644), ("lib.so", foreign, 0o755))}
    function = new_function(Code=code, Handler=HANDLER, Runtime="python3.13", Timeout=30,
                            Architectures=[other])
    answer = function.ask(run="import platform; answer = platform.machine()")["payload"]
    assert answer.replace("aarch64", "arm64") == here
    assert function.ask(run="import ctypes; ctypes.CDLL('/var/task/lib.so')")["payload"][0] == \
        "OSError"


def test_a_zip_and_its_layers_hold_250_mb_at_most(aws, new_function):
    """262,144,000 bytes, unpacked. One byte more is refused, also where the bytes add up."""
    client, most = aws("lambda"), 262_144_000

    def of_size(size):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", bytes(size))
        return {"ZipFile": buffer.getvalue()}

    def refused(call, *arguments, **parameters):
        with pytest.raises(client.exceptions.InvalidParameterValueException) as error:
            call(*arguments, **parameters)
        assert error.value.response["Error"]["Message"] == \
            f"Unzipped size must be smaller than {most} bytes"
    settings = {"Handler": HANDLER, "Runtime": "python3.13"}
    name = "workshop-test-zeros"
    half, half_more = of_size(most // 2), of_size(most // 2 + 1)
    refused(new_function, Code=of_size(most + 1), **settings)
    refused(client.publish_layer_version, LayerName=name, Content=of_size(most + 1))
    layer = client.publish_layer_version(LayerName=name, Content=half)
    layers = {"Layers": [layer["LayerVersionArn"]]}
    refused(new_function, Code=half_more, **settings, **layers)
    function = new_function(Code=half, **settings, **layers)
    refused(client.update_function_code, FunctionName=function.name, **half_more)
    other = new_function(Code=half_more, **settings)
    refused(other.configure, **layers)
    client.delete_layer_version(LayerName=name, VersionNumber=layer["Version"])


# INIT

SLOW_INIT = """
import time
print("INIT begins")
time.sleep({0})
def lambda_handler(event, context):
    time.sleep({1})
    return context.log_stream_name
"""


def slow_init(new_function, init, handler, **settings):
    """A zip function whose INIT and handler take so many seconds."""
    code = zipped(("lambda_function.py", SLOW_INIT.format(init, handler), 0o644))
    return new_function(Code={"ZipFile": code}, Handler=HANDLER, Runtime="python3.13", **settings)


def test_init_over_10_seconds_is_repeated_in_the_first_invoke(new_function):
    function = slow_init(new_function, 10.5, 0, Timeout=60)
    answer = function.ask()
    began, report, again, start, *_, figures = answer["log"].splitlines()
    assert answer.get("FunctionError") is None and began == "INIT begins"
    assert re.fullmatch(r"INIT_REPORT Init Duration: 1\d{4}\.\d\d ms\tPhase: init\tStatus: timeout",
                        report)
    assert again.startswith("START RequestId: ") and start == "INIT begins"
    assert "Init Duration" not in figures
    assert float(re.search(r"\tDuration: ([\d.]+) ms", figures)[1]) > 10_500
    assert len(function.containers()) == 1
    streams = function.logs.describe_log_streams(logGroupName=f"/aws/lambda/{function.name}")
    assert [one["logStreamName"] for one in streams["logStreams"]] == [answer["payload"]]
    assert function.ask()["payload"] == answer["payload"]    # the same environment


def test_a_repeated_init_counts_for_the_time_out(new_function):
    answer = slow_init(new_function, 14, 0, Timeout=13).ask()
    assert answer["payload"]["errorMessage"].endswith("Error: Task timed out after 13.00 seconds")
    assert "Phase: init\tStatus: timeout" in answer["log"]


def test_the_first_time_out_includes_init(new_function):
    """The emulator's clock starts with the request, before INIT; on AWS, after INIT."""
    function = slow_init(new_function, 2, 2, Timeout=3)
    assert function.ask()["payload"]["errorType"] == "Sandbox.Timedout"


# An image function

OF_AWS = {"Entrypoint": ["/lambda-entrypoint.sh"], "Cmd": ["a.b"]}
PLAIN = {"Entrypoint": ["python", "-m", "awslambdaric"], "Cmd": ["a.b"]}


@pytest.mark.parametrize("image, overrides, words", [
    (OF_AWS, {}, ["/lambda-entrypoint.sh", "a.b"]),
    (OF_AWS, {"Command": ["c.d"]}, ["/lambda-entrypoint.sh", "c.d"]),
    (OF_AWS, {"EntryPoint": ["./main"]}, [volumes.EMULATOR, "./main", "a.b"]),
    (PLAIN, {}, [volumes.EMULATOR, "python", "-m", "awslambdaric", "a.b"]),
    (PLAIN, {"Command": ["c.d"]}, [volumes.EMULATOR, "python", "-m", "awslambdaric", "c.d"]),
    (PLAIN, {"EntryPoint": ["/lambda-entrypoint.sh"]}, ["/lambda-entrypoint.sh", "a.b"]),
    ({"Entrypoint": None, "Cmd": ["./main"]}, {}, [volumes.EMULATOR, "./main"]),
    ({"Entrypoint": ["/bin/sh", "-c", "./main"], "Cmd": None}, {},
     [volumes.EMULATOR, "/bin/sh", "-c", "./main"]),
    ({}, {}, [volumes.EMULATOR])])
def test_the_emulator_stands_in_front_of_what_does_not_bring_it(image, overrides, words):
    config = {"PackageType": "Image", "ImageConfigResponse": {"ImageConfig": overrides}}
    process = containers.process(config, image)
    assert process["entrypoint"] + process["command"] == words


# The files of the stand-in without anything that it knows of Lambda, but for awslambdaric.
PLAIN_IMAGE = """
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS base
FROM scratch
COPY --from=base / /
RUN rm -r /usr/local/bin/aws-lambda-rie /lambda-entrypoint.sh /var/runtime /var/task /opt \
    && mkdir -p /function/data && chmod -R 777 /function
WORKDIR /function
COPY . ./
VOLUME /function/data
ENV TZ=Asia/Tokyo
"""
SCRIPT = '#!/bin/sh\nexec python3 -m awslambdaric "$1"\n'
# What AWS's documentation shows for images that are also tried without Lambda.
EITHER = """#!/bin/sh
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
  exec /usr/local/bin/aws-lambda-rie python3 -m awslambdaric $@
else
  exec python3 -m awslambdaric $@
fi
"""


@pytest.fixture(scope="module")
def pushed(aws, docker_engine, tmp_path_factory):
    """`pushed(ending)` builds a plain image whose Dockerfile ends so, pushes it: its URI."""
    ecr, name = aws("ecr"), "workshop-test-plain"
    uri = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    folder, login = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("login")
    for file, text in {"lambda_function.py": CODE, "start.sh": SCRIPT, "either.sh": EITHER}.items():
        (folder / file).write_text(text)
        (folder / file).chmod(0o755)
    made = []

    def docker(*words, **options):
        done = subprocess.run(["docker", "--config", login, *words], capture_output=True, text=True,
                              **options)
        assert done.returncode == 0, done.stderr

    def push(ending):
        (folder / "Dockerfile").write_text(f"{PLAIN_IMAGE}LABEL workshop=lambda-onnx\n{ending}\n")
        made.append(f"{uri}:{len(made)}")
        docker("build", "--build-arg", f"BASE_IMAGE={base_image.get()}", "-t", made[-1], folder)
        docker("push", made[-1])
        return made[-1]
    user, password = image_registry.credentials(ecr)
    docker("login", "--username", user, "--password-stdin", image_registry.host(uri),
           input=password)
    yield push
    ecr.delete_repository(repositoryName=name, force=True)
    for image in made:
        subprocess.run(["docker", "rmi", image], capture_output=True)


@pytest.fixture
def image_function(new_function, pushed):
    def create(ending, **settings):
        return new_function(PackageType="Image", Code={"ImageUri": pushed(ending)}, Timeout=30,
                            Architectures=[engine.architecture()], **settings)
    return create


@pytest.mark.parametrize("ending", [
    'ENTRYPOINT ["python3", "-m", "awslambdaric"]\nCMD ["lambda_function.lambda_handler"]',
    "ENTRYPOINT exec python3 -m awslambdaric lambda_function.lambda_handler",
    'CMD ["python3", "-m", "awslambdaric", "lambda_function.lambda_handler"]',
    "CMD python3 -m awslambdaric lambda_function.lambda_handler",
    'ENTRYPOINT ["./start.sh"]\nCMD ["lambda_function.lambda_handler"]',
    'ENTRYPOINT ["/function/either.sh"]\nCMD ["lambda_function.lambda_handler"]'])
def test_an_image_needs_no_emulator_of_its_own(image_function, ending):
    function = image_function(ending)
    seen = function.ask(run="import os; answer = [os.getcwd(), os.getuid(), os.environ['TZ'], "
                            "os.environ['AWS_EXECUTION_ENV'], os.environ['LAMBDA_TASK_ROOT']]")
    assert seen["payload"] == ["/function", 993, "Asia/Tokyo", "AWS_Lambda_Image", "/var/task"]
    assert "Init Duration" in seen["log"]


def test_settings_of_the_function_go_before_those_of_the_image(image_function):
    function = image_function('ENTRYPOINT ["false"]\nCMD ["no.handler"]', ImageConfig={
        "EntryPoint": ["./function/start.sh"],
        "Command": ["function.lambda_function.lambda_handler"],
        "WorkingDirectory": "/"})
    assert function.ask(run="import os; answer = os.getcwd()")["payload"] == "/"
    for place in ("/function/x", "/function/data/x", volumes.EMULATOR, "/dev/shm/x"):
        error = function.ask(run=f"open({place!r}, 'w')")["payload"]
        assert error[1] in (2, 30), f"{place}: {error}"


@pytest.mark.parametrize("ending, kind, words", [
    ('ENTRYPOINT ["/no/such/program"]', "InvalidEntrypoint",
     "fork/exec /no/such/program: no such file or directory"),
    ('ENTRYPOINT ["/function/lambda_function.py"]', "InvalidEntrypoint",
     "fork/exec /function/lambda_function.py: exec format error"),
    ('CMD ["sh", "-c", "exit 7"]', "ExitError", "Runtime exited with error: exit status 7")])
def test_an_image_that_starts_nothing_says_why(image_function, ending, kind, words):
    answer = image_function(ending).ask()
    assert answer["payload"]["errorType"] == f"Runtime.{kind}"
    assert re.fullmatch(f"RequestId: [-0-9a-f]{{36}} Error: {words}",
                        answer["payload"]["errorMessage"])


FILL = """
with open("/tmp/large", "wb") as file:
    for written in range({0} + 20):
        file.write(bytes(2**20))
        file.flush()
"""


def test_tmp_has_its_size_and_is_no_memory(new_function):
    """512 MB, or what EphemeralStorage says; a full /tmp is no reason to end the function."""
    function = new_function(Code={"ZipFile": zipped(("lambda_function.py", CODE, 0o644))},
                            Handler=HANDLER, Runtime="python3.13", MemorySize=192, Timeout=120)
    for size in (512, 700):
        function.configure(EphemeralStorage={"Size": size})
        free = function.ask(run="import shutil; answer = shutil.disk_usage('/tmp').free")
        assert size <= free["payload"] / 2**20 < size * 1.05
        assert function.ask(run=FILL.format(size))["payload"][:2] == ["OSError", errno.ENOSPC]
        left = function.ask(run="import os; answer = os.path.getsize('/tmp/large')")
        assert left["payload"] >= size * 2**20


def test_tmp_is_writable_whatever_the_image_has_there(image_function):
    for line in ("RUN chmod 0755 /tmp", "RUN rm -rf /tmp"):
        function = image_function(f'{line}\nCMD ["./start.sh", "lambda_function.lambda_handler"]')
        assert function.ask(run="open('/tmp/x', 'w'); import os; answer = "
                                "oct(os.stat('/tmp').st_mode)")["payload"] == "0o41777", line


def test_an_engine_without_loop_devices_leaves_tmp_without_a_size(monkeypatch):
    """As a rootless one. The function then has an ordinary volume."""
    class Helper:
        @staticmethod
        def exec_run(_command):
            return 1, b"PermissionError: [Errno 1] Operation not permitted: '/dev/loop7'"
    monkeypatch.setattr(scratch, "_helper", Helper)
    monkeypatch.setattr(scratch, "_without", "")
    assert scratch.mount(None, {}, {}) == {"Target": "/tmp", "Source": None, "Type": "volume",
                                           "ReadOnly": False}
    assert not scratch.is_limited()


def test_no_volume_stays_behind(function, image_function):
    """What lends volumes goes at once, and the volumes with the function's container."""
    image = image_function('CMD ["./start.sh", "lambda_function.lambda_handler"]')
    for asked in (function, image):
        asked.ask(run="answer = 1")
        container, = asked.containers()
        mounts = json.loads(engine.docker("inspect", container).stdout)[0]["Mounts"]
        assert [mount["Destination"] for mount in mounts if mount["RW"]] == ["/tmp"]
        engine.docker("rm", "--force", "--volumes", container)
        left = engine.docker("volume", "ls", "--quiet").stdout.split()
        assert not {mount["Name"] for mount in mounts} & set(left)


def test_a_copy_that_fails_leaves_no_container_and_no_volume(docker_engine, monkeypatch):
    from docker.models.containers import Container
    seen = []

    def full(container, *_):
        container.reload()
        seen.extend([container.id, *(mount["Name"] for mount in container.attrs["Mounts"])])
        raise OSError("No space left on device")
    monkeypatch.setattr(Container, "put_archive", full)
    given = {"image": base_image.get(), "labels": {"workshop": "lambda-onnx"}}
    with pytest.raises(OSError, match="No space"):
        volumes.create(containers.docker_client(), [("/opt", b"archive")], given)
    container, volume = seen
    assert engine.docker("inspect", container).returncode
    assert engine.docker("volume", "inspect", volume).returncode
