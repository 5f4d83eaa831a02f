"""`measure`: its stand-in for the Runtime API, its containers, its arithmetic and its pictures."""
import gzip
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import matplotlib
import pytest

from waiting import until
from workshop import measure
from workshop.course import lessons
from workshop.machine import base_image, engine, paths
from workshop.machine.paths import LAMBDA, ROOT
from workshop.measure import (
    command,
    container,
    figures,
    in_process,
    runs,
    runtime_api,
    sizes,
    variants,
)
from workshop.measure.variants import CUSTOMER, EVERY, LADDER, Variant, own_files

matplotlib.use("agg")
from workshop.measure import plots  # noqa: E402

# ---------------------------------------------------------------- the stand-in, without Docker

# A runtime client in few lines. It echoes events; what else it does, its argument says.
CLIENT = r"""
import http.client, json, os, socket, sys, time
how = sys.argv[1]
address = os.environ["AWS_LAMBDA_RUNTIME_API"]
base = "/2018-06-01/runtime"
print("hello from the log", flush=True)
if how == "dies":
    sys.exit(7)
if how == "sleeps":
    time.sleep(60)
connection = http.client.HTTPConnection(address)
def ask(method, path, body=None):
    global connection
    if how == "reconnects":
        connection.close()
        connection = http.client.HTTPConnection(address)
    connection.request(method, base + path, body)
    answer = connection.getresponse()
    return answer, answer.read()
if how == "complains":
    ask("POST", "/init/error", json.dumps({"errorType": "ImportError", "errorMessage": "no x"}))
    sys.exit(1)
if how == "wanders":
    ask("GET", "/elsewhere")
while True:
    answer, event = ask("GET", "/invocation/next")
    name = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    if how == "fails":
        ask("POST", f"/invocation/{name}/error",
            json.dumps({"errorType": "ValueError", "errorMessage": "not that"}))
    elif how == "in pieces":
        host, port = address.split(":")
        with socket.create_connection((host, int(port))) as raw:
            head = (f"POST {base}/invocation/{name}/response HTTP/1.1\r\n"
                    f"content-length: {len(event)}")
            for piece in (head.encode(), b"\r\n\r\n", event[:3], event[3:]):
                raw.sendall(piece)
                time.sleep(0.02)
            raw.recv(1000)
    else:
        ask("POST", f"/invocation/{name}/response", event)
"""


@pytest.fixture
def runtime(tmp_path):
    """`runtime(how)` starts the client above under the stand-in."""
    script, started = tmp_path / "client.py", []
    script.write_text(CLIENT)

    def start(how, **environment):
        started.append(runtime_api.Runtime([sys.executable, str(script), how], environment))
        return started[-1]
    yield start
    for one in started:
        one.stop()


@pytest.mark.parametrize("how", ["keeps its connection", "reconnects", "in pieces"])
def test_stand_in_serves_clients_that_talk_http_in_their_own_way(runtime, how):
    api = runtime(how)
    for event in ({"n": 1}, {"text": "ä" * 50_000}, [], None):
        milliseconds, answer = api.invoke(event)
        assert answer == event and milliseconds > 0


def test_start_takes_until_the_first_next_and_says_what_the_kernel_counted(runtime):
    began = time.perf_counter()
    took = runtime("keeps its connection").started
    assert 0 < took["init_ms"] <= took["init_wall_ms"] <= (time.perf_counter() - began) * 1000
    if took["others_ms"] is not None:      # not on every kernel
        assert 0 < took["cpu_ms"] <= took["init_ms"] * 1.1
        assert took["init_ms"] == took["init_wall_ms"] - took["others_ms"]


@pytest.mark.parametrize("how, words", [
    ("dies", r"(?s)ended with status 7.*hello from the log"),
    ("complains", "^ImportError: no x$"), ("wanders", "asked the Runtime API for .*/elsewhere")])
def test_start_that_fails_says_how(runtime, how, words):
    with pytest.raises(runtime_api.RuntimeApiError, match=words):
        runtime(how)


def test_start_that_takes_too_long_is_ended(runtime, monkeypatch):
    monkeypatch.setattr(runtime_api, "PATIENCE", 0.3)
    with pytest.raises(runtime_api.RuntimeApiError, match="no answer within 0.3 s"):
        runtime("sleeps")


def test_entry_point_that_is_not_there_is_named():
    with pytest.raises(runtime_api.RuntimeApiError, match="no-such-program"):
        runtime_api.Runtime(["/no-such-program"])


def test_request_that_fails_says_how(runtime):
    with pytest.raises(runtime_api.RuntimeApiError, match="the request failed: ValueError: not "
                                                          "that"):
        runtime("fails").invoke({})


def test_what_it_wrote_can_be_read(runtime):
    assert "hello from the log" in runtime("keeps its connection").said()


def test_commands_are_answered_line_by_line_and_the_end_of_input_ends_it(tmp_path):
    (tmp_path / "client.py").write_text(CLIENT)
    client = [sys.executable, str(tmp_path / "client.py")]
    asked = [{"do": "init", "command": [*client, "dies"]},
             {"do": "init", "command": [*client, "answers"], "environment": {"A": "1"}},
             {"do": "invoke", "event": {"a": 1}, "times": 3}, {"do": "log"}, {"do": "stop"},
             {"do": "files", "folders": [str(tmp_path)]}]
    done = subprocess.run([sys.executable, "-I", "-S", runtime_api.__file__], text=True, timeout=60,
                          input="".join(json.dumps(one) + "\n" for one in asked),
                          capture_output=True)
    died, init, invoke, log, stop, files = map(json.loads, done.stdout.splitlines())
    assert "status 7" in died["error"] and init["init_ms"] > 0
    assert len(invoke["ms"]) == 3 and invoke["answer"] == {"a": 1} and invoke["peak_mb"] > 1
    assert "hello" in log["text"] and stop == {} and done.returncode == 0 and not done.stderr
    assert files["files"] == [[str(tmp_path / "client.py"), len(CLIENT.encode())]]


class Session:
    """Passes for one of ONNX Runtime's."""
    __module__ = "onnxruntime.capi"
    calls = []

    def run(self, *arguments):
        self.calls.append(arguments)


def test_session_run_is_called_with_what_the_handler_gave_it(tmp_path, monkeypatch):
    (tmp_path / "made_up.py").write_text(
        "def handler(event, context):\n    session.run(['out'], event['x'])\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(Session, "calls", [])
    import made_up
    made_up.session = session = Session()
    made = in_process.measure("made_up.handler", {"x": 5}, 4)
    assert len(made["handler_ms"]) == len(made["session_run_ms"]) == 4
    assert Session.calls == [(["out"], 5)] * 9      # once to look, then in turn
    assert made_up.session is session


def test_handler_without_a_session_has_no_session_run():
    sys.modules["bare"] = type(sys)("bare")
    sys.modules["bare"].handler = lambda event, context: context.aws_request_id
    assert in_process.measure("bare.handler", {}, 2)["session_run_ms"] is None


# ---------------------------------------------------------------- arithmetic

def record(**changes):
    """A small record: 9 rounds of three variants, INIT 10, 300 and 30 ms, a little up and down."""
    names = {"empty": (10, 14, 0.1), "sklearn": (300, 140, 5), "default": (30, 49, 0.3)}
    starts = [{"variant": name, "disk": disk, "round": number,
               "init_ms": (init + (disk == "cold") * 10) * (1 + number / 50), "first_ms": 2 * warm,
               "warm_p50_ms": warm if disk == "warm" else None,
               "peak_mb": peak, "cpu_ms": init * 0.9, "others_ms": init * 0.1, "init_wall_ms": init,
               "read_mb": 5.0 if disk == "cold" else 0.0}
              for disk, rounds in (("warm", 9), ("cold", 3)) for number in range(rounds)
              for name, (init, peak, warm) in names.items()]
    made = {"date": "2026-01-01T00:00:00+00:00", "machine": {}, "memory_mb": 1769, "processors": 1,
            "starts": starts, "cannot_see": ["the moon"],
            "warm_ms": {name: [warm] * 20 for name, (_, _, warm) in names.items()},
            "handler_ms": {"empty": [0.001], "sklearn": [4.0, 5.0, 6.0], "default": [0.2]},
            "session_run_ms": {"empty": [], "sklearn": [], "default": [0.1]},
            "sizes": {name: {"image_bytes": 100 * size, "pushed_bytes": 40 * size,
                             "dependency_bytes": 80 * size * (name != "empty")}
                      for name, size in (("empty", 1), ("sklearn", 5), ("default", 2))}}
    return {**made, **changes}


def without(name):
    made = record()
    made["starts"] = [start for start in made["starts"] if start["variant"] != name]
    for what in ("warm_ms", "handler_ms", "session_run_ms", "sizes"):
        del made[what][name]
    return made


def test_summary_has_the_ratios_of_medians_and_sizes():
    assert measure.summary(record()) == {
        "empty": {"init_x_empty": 1.0, "bytes_x_sklearn": 0.0, "image_x_sklearn": 0.2,
                  "handler_x_session_run": None, "peak_x_sklearn": 0.1},
        "sklearn": {"init_x_empty": pytest.approx(30), "bytes_x_sklearn": 1.0,
                    "image_x_sklearn": 1.0, "handler_x_session_run": 50.0, "peak_x_sklearn": 1.0},
        "default": {"init_x_empty": pytest.approx(3), "bytes_x_sklearn": 0.4,
                    "image_x_sklearn": 0.4, "handler_x_session_run": 2.0, "peak_x_sklearn": 0.35}}


def test_summary_ignores_starts_from_a_cold_disk():
    made = record()
    for start in made["starts"]:
        start["init_ms"] *= 1 if start["disk"] == "warm" else 100
    assert measure.summary(made) == measure.summary(record())


def test_ratio_to_what_was_not_measured_is_none():
    summary = measure.summary(without("sklearn"))
    assert summary["default"]["bytes_x_sklearn"] is None
    assert summary["default"]["peak_x_sklearn"] is None
    assert summary["default"]["init_x_empty"] == pytest.approx(3)


def test_interval_draws_whole_rounds():
    """Rounds differ by up to 16 %, but alike for all variants: the ratio does not move."""
    assert figures.interval(record(), "default") == (pytest.approx(3), pytest.approx(3))
    made = record()
    for start in made["starts"]:
        start["init_ms"] *= 1 + (start["variant"] == "default") * start["round"] / 10
    low, high = figures.interval(made, "default")
    assert 3 < low < measure.summary(made)["default"]["init_x_empty"] < high < 3 * 1.8
    low, high = figures.interval(made, "empty", to="default")
    assert 1 / (3 * 1.8) < low < high < 1 / 3


def test_table_puts_ratios_first_and_keeps_to_the_summary():
    table = measure.table(record())
    assert list(table.columns[:len(figures.RATIOS)]) == figures.RATIOS
    for name, ratios in measure.summary(record()).items():
        for what, value in ratios.items():
            assert table.loc[name, what] == pytest.approx(value, nan_ok=True) or value is None
    assert table.loc["default", "cold_init_x_empty"] == pytest.approx(2)
    assert table.loc["default", "init_p50_ms"] < table.loc["default", "init_p99_ms"]


def test_report_names_what_cannot_be_seen_and_how_noisy_it_was():
    report = measure.report(record())
    assert "9 starts of each at 1769 MB, 1 processor seen" in report and "- the moon" in report
    assert "had the CPU for 10% of the median start" in report
    assert report.index("init_x_empty") < report.index("init_p50_ms") < report.index("image_mb")
    assert "–" in re.search(r"^empty.*$", report, re.MULTILINE)[0]


def test_report_without_the_kernels_counts():
    made = record()
    for start in made["starts"]:
        start |= {"cpu_ms": None, "others_ms": None, "read_mb": None}
    assert "the kernel does not say" in measure.report(made)


def test_cold_starts_that_read_nothing_are_left_out_and_said(monkeypatch):
    monkeypatch.setattr(runs, "inspect", lambda image: {"Config": {"Labels": None}})
    made = record()
    assert not any("cold" in line for line in runs._cannot_see(made, {"empty": "x"}))
    assert {start["disk"] for start in made["starts"]} == {"warm", "cold"}
    for start in made["starts"]:
        start["read_mb"] = 0.0
    told = runs._cannot_see(made, {"empty": "x"})
    assert any("did not let go of the images' files" in line for line in told)
    assert {start["disk"] for start in made["starts"]} == {"warm"}
    assert measure.table(made)["cold_init_x_empty"].isna().all()


def with_commit():
    """The record with default of an earlier commit: twice the times, a third more memory."""
    made = record()
    made["starts"] += [{**start, "variant": "default@abc1234", "peak_mb": start["peak_mb"] * 4 / 3,
                        **{what: start[what] and 2 * start[what]
                           for what in ("init_ms", "cpu_ms", "first_ms", "warm_p50_ms")}}
                       for start in made["starts"] if start["variant"] == "default"]
    for what in ("warm_ms", "handler_ms", "session_run_ms", "sizes"):
        made[what]["default@abc1234"] = made[what]["default"]
    return made


def test_report_compares_an_image_with_the_one_of_an_earlier_commit():
    compared = figures.against(with_commit())
    assert list(compared.index) == ["default / default@abc1234"]
    row = compared.loc["default / default@abc1234"]
    for word in figures.COMPARED:
        ratio = 0.75 if word == "peak" else 0.5
        assert [row[word], row[f"{word}_from"], row[f"{word}_to"]] == pytest.approx([ratio] * 3)
    assert "earlier commit" in measure.report(with_commit())
    assert figures.against(record()).empty and "earlier commit" not in measure.report(record())


def test_comparison_leaves_out_what_the_kernel_does_not_count():
    made = with_commit()
    for start in made["starts"]:
        start["cpu_ms"] = None
    assert {"init", "peak"} < set(figures.against(made)) and "init_cpu" not in figures.against(made)


def test_interval_of_a_comparison_draws_whole_rounds():
    made = with_commit()
    for start in made["starts"]:
        start["first_ms"] *= 1 + (start["variant"] == "default") * start["round"] / 10
    row = figures.against(made).loc["default / default@abc1234"]
    assert 0.5 < row["first_from"] < row["first"] < row["first_to"] < 0.9


@pytest.fixture
def commits(tmp_path, monkeypatch):
    """A project in Git whose function has been changed since its only commit."""
    def git(*arguments):
        subprocess.run(["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.invalid",
                        *arguments], check=True, capture_output=True)
    for name in ("lambda/churn/web.py", "docker/Dockerfile", "other.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as committed")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    (tmp_path / "lambda/churn/web.py").write_text("changed")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    return tmp_path


def test_an_earlier_commit_has_its_own_variants_and_files(commits):
    chosen = runs.choose(["default"])
    one, = variants.earlier(chosen, "HEAD")
    assert one.name == f"default@{one.commit}" and re.fullmatch("[0-9a-f]{7,}", one.commit)
    assert (one.folder, one.event) == (EVERY["default"].folder, EVERY["default"].event)
    for _ in range(2):          # a second time, too
        folder = variants._extract(one.commit)
        assert (folder / "lambda/churn/web.py").read_text() == "as committed"
        assert (folder / "docker/Dockerfile").is_file() and not (folder / "other.txt").exists()


def test_a_commit_that_is_not_there_is_named(commits):
    with pytest.raises(measure.MeasureError, match="(?s)no-such-commit.*failed: fatal"):
        variants.earlier(list(LADDER), "no-such-commit")


def test_an_image_of_an_earlier_commit_is_built_from_its_files(monkeypatch, tmp_path):
    given = []
    monkeypatch.setattr(variants, "_extract", lambda commit: tmp_path / commit)
    monkeypatch.setattr(variants.deploy, "build", lambda *a, **more: given.append((a, more)))
    variants.build(Variant("empty@abc1234", "hello", commit="abc1234"))
    variants.build(Variant("empty", "hello"))
    assert given == [(("hello", None), {"tag": "empty-abc1234", "root": tmp_path / "abc1234"}),
                     (("hello", None), {"tag": "empty"})]


def test_what_is_pinned_to_every_run():
    assert [one.name for one in runs.choose(["sklearn"])] == ["empty", "sklearn", "default"]
    assert [one.name for one in runs.choose(["image"])] == ["empty", "image"]
    assert runs.choose(None) == list(LADDER)
    mine = Variant("mine", "churn", model="churn.onnx")
    assert runs.choose([mine])[-1] is mine and runs.only(mine) is mine
    assert [one.name for one in runs.choose([LADDER[-1]])] == ["empty", "default", "tiny"]
    with pytest.raises(measure.MeasureError, match="no variant 'mine'; there are empty, sklearn"):
        runs.choose(["mine"])


def test_every_rung_names_what_is_there_and_says_what_it_bought_and_costs():
    for one in EVERY.values():
        assert (LAMBDA / one.folder / "lambda_function.py").is_file()
        assert (ROOT / "docker" / one.dockerfile).is_file()
        assert one.bought and one.costs and "\n" not in one.bought + one.costs


def test_import_times_nest_and_come_in_order():
    rows = runs.read_imports(
        "noise\nimport time: self [us] | cumulative | imported package\n"
        "import time:       100 |        100 |     deep\n"
        "import time:       200 |        300 |   inner\n"
        "import time:       400 |        700 | outer\n"
        "import time:        50 |         50 | after\n")
    assert [(row["module"], row["depth"], row["began_ms"], row["total_ms"]) for row in rows] == [
        ("outer", 0, pytest.approx(0), 0.7), ("inner", 1, pytest.approx(0), 0.3),
        ("deep", 2, pytest.approx(0), 0.1), ("after", 0, pytest.approx(0.7), 0.05)]


def test_dependencies_are_what_is_not_the_functions_own():
    own = own_files(next(one for one in LADDER if one.name == "default"))
    assert {"lambda_function", "contract", "web", "model", "requirements"} <= own
    own_ones = ["lambda_function.py", "web.py", "__pycache__/web.cpython-313.pyc", "model.onnx",
                "requirements.txt"]
    others = ["six.py", "__pycache__/six.cpython-313.pyc", "numpy/web.py", "numpy/model.py"]
    files = [[f"/var/task/{name}", 1] for name in own_ones] + \
        [[f"/var/task/{name}", 10] for name in others] + [["/opt/python/web.py", 100]]
    assert sizes.dependencies(files, own) == 140


def test_a_layer_counts_as_gzip_makes_it():
    text = "".join(f"{number} {number ** 3:x}\n" for number in range(200_000)).encode()
    content = text + random.Random(0).randbytes(1_500_000) + text       # some megabytes
    for whole in (content, content[:1000]):
        assert sizes._gzip_size(io.BytesIO(whole)) == pytest.approx(len(gzip.compress(whole, 6)),
                                                                    rel=0.002, abs=20)
    packed = gzip.compress(content)
    assert sizes._gzip_size(io.BytesIO(packed)) == len(packed)


# ---------------------------------------------------------------- pictures

def test_pictures_show_every_variant_and_say_their_figures():
    drawn = plots.every(record())
    assert list(drawn) == ["distributions", "ladder", "ladder_bytes", "ladder_memory"]
    for figure, description in drawn.values():
        labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
        assert labels[-2:] == ["sklearn", "default"] and "default" in description
    assert "default, warm disk: 3.0; default, cold disk: 3.8" in drawn["distributions"][1]
    assert "sklearn 30.0; default 3.00" in drawn["ladder"][1]
    assert "default 0.35" in drawn["ladder_memory"][1]


def test_pictures_without_the_baseline_and_without_cold_starts():
    made = without("sklearn")
    made["starts"] = [start for start in made["starts"] if start["disk"] == "warm"]
    drawn = plots.every(made)
    assert list(drawn) == ["distributions", "ladder"]
    assert "cold" not in drawn["distributions"][1]


def test_picture_of_imports_names_the_packages_that_take_the_time():
    rows = [{"module": "numpy", "depth": 0, "began_ms": 0, "self_ms": 30, "total_ms": 40},
            {"module": "re", "depth": 1, "began_ms": 0, "self_ms": 10, "total_ms": 10},
            {"module": "onnxruntime", "depth": 0, "began_ms": 40, "self_ms": 60, "total_ms": 60}]
    figure, description = plots.imports(rows, "Imports")
    assert "onnxruntime 60%, numpy 30%, re 10%" in description and len(figure.axes[0].patches) == 3


# ---------------------------------------------------------------- the command

def test_command_refuses_what_is_no_variant(capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["nope"])
    assert end.value.code == 2 and "there is no variant 'nope'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--starts", "0"), ("--memory", "64"), ("--starts", "x")])
def test_command_refuses_numbers_that_make_no_sense(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        command.main([*arguments])
    assert end.value.code == 2 and arguments[0] in capsys.readouterr().err


def test_command_says_what_a_variant_said_without_a_traceback(monkeypatch, capsys):
    def fail(*_):
        raise measure.MeasureError("churn:default: ImportError: no x")
    monkeypatch.setattr(runs, "run", fail)
    assert command.main([]) == 1
    assert capsys.readouterr().err == "measure: churn:default: ImportError: no x\n"


def test_command_prints_the_report_and_keeps_the_pictures(monkeypatch, tmp_path, capsys):
    given = []
    monkeypatch.setattr(runs, "run", lambda *arguments: given.append(arguments) or record())
    monkeypatch.setattr(runs, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["default", "--starts", "5", "--cold-starts", "2", "--memory", "512",
                         "--against", "main", "--processors", "2"]) == 0
    assert given == [(["default"], 5, 2, 512, "main", 2)]
    said = capsys.readouterr().out
    assert "init_x_empty" in said and "distributions.png" in said
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "distributions.png", "ladder.png", "ladder_bytes.png", "ladder_memory.png"}


# ---------------------------------------------------------------- with Docker

HANDLERS = {
    "look": '''
import os, socket
def quota():
    """CPUs that the kernel grants, by cgroups of version 2 or 1; None for no cap."""
    try:
        most, period = open("/sys/fs/cgroup/cpu.max").read().split()
    except OSError:
        most, period = (open(f"/sys/fs/cgroup/cpu/cpu.cfs_{name}_us").read()
                        for name in ("quota", "period"))
    return None if most in ("max", "-1\\n") else int(most) / int(period)
def writable(folder):
    try:
        open(os.path.join(folder, "probe"), "w").close()
        return True
    except OSError:
        return False
AT_INIT = quota()
def lambda_handler(event, context):
    return {"user": os.getuid(), "root": writable("/var/task"), "tmp": writable("/tmp"),
            "interfaces": [name for _, name in socket.if_nameindex()],
            "cores": len(os.sched_getaffinity(0)), "at_init": AT_INIT, "now": quota(),
            "memory": os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]}
''',
    "broken": "raise ValueError('there is no model here')\n",
    "exits": "import os\nprint('going', flush=True)\nos._exit(3)\n",
    "greedy": "block = bytearray(300 * 2 ** 20)\n"
              "def lambda_handler(event, context):\n    return 1\n",
    "refuses": "def lambda_handler(event, context):\n"
               "    return {'statusCode': 400, 'message': 'the request is not valid'}\n",
}


@pytest.fixture(scope="module")
def image(docker_engine, tmp_path_factory):
    """`image(name)`: an image of one of the handlers above."""
    made, run = {}, uuid.uuid4().hex[:8]

    def build(name):
        if name not in made:
            folder = tmp_path_factory.mktemp("image")
            (folder / "lambda_function.py").write_text(HANDLERS[name])
            (folder / "Dockerfile").write_text(
                "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nLABEL workshop=lambda-onnx\n"
                'COPY lambda_function.py ./\nCMD ["lambda_function.lambda_handler"]\n')
            made[name] = f"workshop-test-measure-{name}:{run}"
            done = subprocess.run(["docker", "build", "--build-arg",
                                   f"BASE_IMAGE={base_image.get()}", "-t", made[name], folder],
                                  capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        return made[name]
    yield build
    for tag in made.values():
        subprocess.run(["docker", "rmi", tag], capture_output=True)


def test_what_runs_inside_can_be_read_whatever_the_umask(monkeypatch, tmp_path):
    monkeypatch.setattr(container, "BUILD", tmp_path)
    before = os.umask(0o077)
    try:
        folder = container._scripts()
    finally:
        os.umask(before)
    assert {path.name for path in folder.iterdir()} == {"runtime_api.py", "in_process.py"}
    assert all(path.stat().st_mode & 0o004 for path in (folder, *folder.iterdir()))


def is_there(name) -> bool:
    return bool(engine.docker("ps", "--all", "--quiet", "--filter", f"name={name}").stdout)


def test_container_is_held_as_lambda_holds_a_function(image):
    with measure.Container(image("look"), 512) as one:
        took, warm = one.start({}, warm=3)
        assert is_there(one.name) and len(warm) == 3
        seen, again = one.answers([{}, {}])
    assert not is_there(one.name) and again == seen
    assert seen["user"] == 993 and seen["tmp"] and not seen["root"]
    assert seen["interfaces"] == ["lo"] and seen["cores"] == 1 and seen["memory"] == "512"
    assert took["init_ms"] > 0 and took["first_ms"] > 0 and took["peak_mb"] > 5
    assert seen["at_init"] in (None, 1.0)
    assert seen["now"] == pytest.approx(512 / 1769, abs=0.001)


@pytest.mark.skipif(os.cpu_count() < 2, reason="a machine with one processor")
def test_container_shows_more_processors_and_grants_the_time_of_one(image):
    with measure.Container(image("look"), 512, processors=2) as one:
        seen, = one.answers([{}])
    assert seen["cores"] == 2 and seen["at_init"] == pytest.approx(1)
    assert seen["now"] == pytest.approx(512 / 1769, abs=0.001)


@pytest.mark.parametrize("name, words", [
    ("broken", "there is no model here"), ("exits", r"(?s)ended with status 3.*going"),
    ("greedy", "killed because it took more memory than there is"),
    ("refuses", "was not answered: .*the request is not valid")])
def test_image_that_cannot_be_measured_says_why_and_its_container_lives_on(image, name, words):
    with measure.Container(image(name), 128) as one:
        for _ in range(2):
            with pytest.raises(measure.MeasureError, match=words):
                one.start({})
        assert one.ask("forget")["files"] > 100


def test_image_that_is_not_there_is_named(docker_engine):
    with pytest.raises(measure.MeasureError, match="there is no image workshop-no-such-image"):
        measure.Container("workshop-no-such-image", 128)


HOLD = """
import sys, time
from workshop import measure
with measure.Container(sys.argv[1], 128) as one:
    one.start({})
    print(one.name, flush=True)
    while True:
        one.start({})
"""


@pytest.mark.parametrize("end", ["SIGINT", "SIGKILL"], ids=["Ctrl-C", "killed"])
def test_interrupted_measurement_leaves_no_container(image, end):
    process = subprocess.Popen([sys.executable, "-c", HOLD, image("look")], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    name = process.stdout.readline().strip()
    assert name.startswith("workshop-measure-") and is_there(name)
    process.send_signal(getattr(signal, end))
    process.communicate(timeout=60)
    until(lambda: not is_there(name), "the container is gone", 30)


@pytest.fixture
def look(image, monkeypatch, tmp_path):
    """Variants that need no build of theirs, and a folder of this test's for the results."""
    monkeypatch.setattr(runs, "build", lambda variant: image(variant.folder))
    monkeypatch.setattr(runs, "FOLDER", tmp_path)
    return tmp_path


def test_memory_sizes_that_are_too_small_have_the_reason_for_figures(look):
    rows = measure.memory(Variant("greedy", "greedy", event={}), (128, 512), starts=2)
    small, enough = rows
    assert small["memory_mb"] == 128 and "more memory than there is" in small["error"]
    assert "init_ms" not in small and "error" not in enough
    assert enough["peak_mb"] > 300 and enough["warm_p50_ms"] <= enough["warm_p99_ms"]
    measure.memory(Variant("look", "look", event={}), (1769,), starts=1)
    kept = json.loads((look / "memory.json").read_text())
    assert kept["greedy"] == rows and len(kept["look"]) == 1


@pytest.fixture(scope="module")
def measured(docker_engine, tmp_path_factory):
    """A short real run of the empty handler and what every run has, and its files' content."""
    lessons.require("build/models/churn.onnx")
    folder = tmp_path_factory.mktemp("measure")     # the learner's own figures stay
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "FOLDER", folder)
        made = measure.run(["empty"], starts=4, cold_starts=2)
    return made, *(json.loads((folder / f"{name}.json").read_text())
                   for name in ("starts", "summary"))


def test_run_keeps_its_whole_record_and_the_summary(measured):
    made, starts, summary = measured
    assert starts == made and summary == measure.summary(made)
    assert {"date", "machine", "memory_mb", "processors", "starts", "warm_ms", "handler_ms",
            "session_run_ms", "sizes", "cannot_see"} == made.keys()
    assert list(made["sizes"]) == ["empty", "default"] and made["machine"]["cores"] >= 1
    assert any("microVM" in line for line in made["cannot_see"])


def test_run_starts_variants_in_turn_in_changing_order(measured):
    starts = measured[0]["starts"]
    for disk, rounds in (("warm", 4), ("cold", 2)):
        order = [(one["round"], one["variant"]) for one in starts if one["disk"] == disk]
        turns = [[name for number, name in order if number == turn] for turn in range(rounds)]
        assert [number for number, _ in order] == sorted(number for number, _ in order)
        if order or disk == "warm":             # an engine may not know of cold disks
            assert all(sorted(turn) == ["default", "empty"] for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1 or not order


def test_figures_of_a_run_make_sense(measured):
    made = measured[0]
    for name in ("empty", "default"):
        assert len(made["warm_ms"][name]) == 4 * runs.WARM
        assert len(made["handler_ms"][name]) == runs.ROUNDS * runs.CALLS
        size = made["sizes"][name]
        assert 0 <= size["dependency_bytes"] < size["image_bytes"]
        assert 0 < size["pushed_bytes"] < size["image_bytes"]
    assert made["sizes"]["empty"]["dependency_bytes"] == 0
    assert made["sizes"]["default"]["dependency_bytes"] > 10e6
    assert made["session_run_ms"]["default"] and not made["session_run_ms"]["empty"]
    # The most robust of what is known: loading a model takes longer than loading none.
    cpu = {name: min(figures.of(made, name, "cpu_ms")) for name in ("empty", "default")}
    assert 0 < cpu["empty"] < cpu["default"]
    assert measure.summary(made)["default"]["handler_x_session_run"] > 1
    peak = {name: max(figures.of(made, name, "peak_mb")) for name in ("empty", "default")}
    assert 5 < peak["empty"] < peak["default"] < 300


def test_imports_of_a_start_include_the_handlers(measured):
    rows = measure.imports("default")
    assert "onnxruntime" in {row["module"] for row in rows}
    assert min(row["began_ms"] for row in rows) >= 0


def test_customer_of_the_measurement_is_one_that_tests_send():
    event = json.loads((Path(__file__).parent / "support/events/direct.json").read_text())
    assert event == {"customer": CUSTOMER}
