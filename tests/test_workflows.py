"""The workflows for GitHub Actions: valid, with few rights, and the weekly run's issue."""
import json
import re
import subprocess
import sys

import pytest
import yaml

from workshop.machine.paths import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
NAMES = [file.stem for file in FILES]


# What a job may do besides reading the code: each is an exception with its reason in the file.
WRITES = {("weekly", "issue"): {"issues": "write"},
          ("deploy", "propose"): {"id-token": "write"}, ("deploy", "apply"): {"id-token": "write"},
          ("aws", "lessons"): {"id-token": "write"},
          ("pages", "publish"): {"pages": "write", "id-token": "write"}}


def read(file):
    """A workflow; YAML 1.1 takes its key `on` for the value true."""
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in found.items()}


def steps(file):
    return [(job, step) for job in read(file)["jobs"].values() for step in job["steps"]]


def schema_says(*files):
    """Exit status and words of GitHub's own schema of workflows."""
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema",
                           "vendor.github-workflows", *map(str, files)],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_every_workflow_is_valid():
    assert {"deploy", "weekly"} <= set(NAMES)
    status, words = schema_says(*FILES)
    assert status == 0, words


def test_an_invalid_workflow_would_be_found(tmp_path):
    wrong = read(ROOT / ".github/workflows/weekly.yml")
    wrong["jobs"]["issue"]["permission"] = wrong["jobs"]["issue"].pop("permissions")
    (tmp_path / "wrong.yml").write_text(json.dumps(wrong))
    status, words = schema_says(tmp_path / "wrong.yml")
    assert status == 1 and "permission" in words


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_a_workflow_has_few_rights_and_an_end(file):
    workflow = read(file)
    assert workflow["permissions"] == {}, "a job that names none has none"
    assert workflow["concurrency"]
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 120
        allowed = WRITES.get((file.stem, name), {})
        assert job["permissions"] == allowed | (
            {"contents": "read"} if "checkout@" in str(job["steps"]) else {}), name
    for _, step in steps(file):
        if "uses" in step:      # a tag can be moved to other code
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
            assert re.search(rf"{step['uses']} # v\d+(\.\d+)+\n", file.read_text()), "which tag?"
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_a_job_that_can_take_a_role_is_in_an_environment_and_builds_nothing(file):
    for name, job in read(file)["jobs"].items():
        if job["permissions"].get("id-token") == "write":
            assert job["environment"], f"{name}: nobody approves it, and every branch may run it"
            if file.stem != "aws":      # its purpose is to run the lessons with the role
                assert not re.search(r"-m (workshop|pytest)|docker build|sam build",
                                     str(job["steps"]))
        else:
            assert "configure-aws-credentials" not in str(job["steps"]), name


def test_the_same_action_is_the_same_commit_everywhere():
    found = {}
    for file in FILES:
        for _, step in steps(file):
            if "uses" in step:
                name, _, commit = step["uses"].partition("@")
                found.setdefault(name, set()).add(commit)
    assert all(len(commits) == 1 for commits in found.values()), found


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_scripts_are_bash_and_take_values_from_variables_alone(file):
    for _, step in steps(file):
        if "run" in step:
            assert "${{" not in step["run"], "what a value holds would be run"
            checked = subprocess.run(["bash", "-n"], input=step["run"], text=True,
                                     capture_output=True)
            assert checked.returncode == 0, checked.stderr


# ---------------------------------------------------------------- what is tested where

TEST = ROOT / ".github/workflows/test.yml"
HEADING = "## What is not tested on macOS and Windows"


def not_on_all_systems():
    """Of the table in CONTRIBUTING.md: for each row, its files and its reason."""
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition(HEADING)[2]
    rows = [row.strip("|").split(" | ") for row in section.partition("\n## ")[0].splitlines()
            if row.startswith("| `")]
    return [(files(*re.findall(r"`(.+?)`", cells[0])), cells[1]) for cells in rows]


def files(*patterns):
    """The test files that paths and patterns name; a folder means all in it."""
    found = set()
    for pattern in patterns:
        named = [one for path in ROOT.glob(pattern)
                 for one in (path.rglob("test_*.py") if path.is_dir() else [path])]
        assert named, f"there is no {pattern}"
        found |= set(named)
    return found


def test_each_test_runs_on_all_systems_or_is_listed_with_a_reason():
    job = read(TEST)["jobs"]["without-docker"]
    assert {name.split("-")[0] for name in job["strategy"]["matrix"]["system"]} == {
        "macos", "windows"}
    words = first(job["steps"], "Test")["run"].split()
    assert words[:4] == ["python", "-m", "workshop", "test"]
    everywhere, rows = files(*words[4:]), not_on_all_systems()
    listed = set().union(*(row for row, _ in rows))
    assert not everywhere & listed, "listed in CONTRIBUTING.md, and run by test.yml"
    assert everywhere | listed == set((ROOT / "tests").rglob("test_*.py")), (
        f"neither in test.yml nor listed in CONTRIBUTING.md, {HEADING!r}")
    assert all(len(reason.split()) > 3 for _, reason in rows)


# ---------------------------------------------------------------- lessons on AWS

def test_lessons_run_on_aws_by_hand_alone_and_are_cleaned_up_whatever_happened():
    workflow = read(ROOT / ".github/workflows/aws.yml")
    assert list(workflow["on"]) == ["workflow_dispatch"]
    named = workflow["jobs"]["lessons"]["steps"]
    assert "role" not in str(named[:named.index(first(named, "Take the role"))]), "set up first"
    run = first(named, "Run the lessons")["run"]
    assert '--on-aws --account "$ACCOUNT"' in run, "the number that a person has typed"
    after = named[named.index(first(named, "Run the lessons")) + 1:]
    assert all(step["if"] == "always()" for step in after)
    assert "inventory --remove" in first(after, "Remove")["run"]


def first(named, words):
    """The first step whose name begins so."""
    return next(step for step in named if step.get("name", "").startswith(words))


@pytest.mark.parametrize("account, lessons, status", [
    ("123456789012", "", 0), ("123456789012", "05 06", 0), ("12345", "", 1),
    ("123456789012", "5", 1), ("123456789012", "05 --account", 1), ("123456789012", "05;id", 1)])
def test_its_inputs_are_a_number_and_lessons(account, lessons, status):
    steps_of = read(ROOT / ".github/workflows/aws.yml")["jobs"]["lessons"]["steps"]
    done = subprocess.run(["bash", "-e", "-c", first(steps_of, "Read the inputs")["run"]],
                          env={"ACCOUNT": account, "LESSONS": lessons}, capture_output=True)
    assert done.returncode == status


# ---------------------------------------------------------------- the site

def test_the_site_is_published_complete_by_a_job_that_runs_nothing_else():
    workflow = read(ROOT / ".github/workflows/pages.yml")
    assert workflow["on"] == {"release": {"types": ["published"]}, "workflow_dispatch": None}
    made, published = workflow["jobs"]["site"]["steps"], workflow["jobs"]["publish"]["steps"]
    assert first(made, "Make the site")["run"].endswith("workshop site --complete")
    assert first(made, "Look at every page")["run"].endswith("tests/support/accessible_site.py")
    assert made[-1]["with"] == {"path": "build/site"}
    assert [step["uses"].partition("@")[0] for step in published] == ["actions/deploy-pages"]


# ---------------------------------------------------------------- the weekly run

WEEKLY = ROOT / ".github/workflows/weekly.yml"


def test_it_runs_weekly_with_the_newest_versions():
    workflow = read(WEEKLY)
    assert [len(one["cron"].split()) for one in workflow["on"]["schedule"]] == [5]
    assert all(one["cron"].split()[4] != "*" for one in workflow["on"]["schedule"])
    assert workflow["env"]["WORKSHOP_NEWEST"] == "1"


def test_the_calls_of_all_lessons_are_compared_with_the_recorded_ones():
    last = read(WEEKLY)["jobs"]["calls"]["steps"][-1]["run"]
    assert last == ".venv/bin/python tests/support/record_calls.py --compare"
    assert (ROOT / last.split()[1]).is_file()


def test_the_job_that_may_write_issues_runs_nothing_of_the_repository():
    jobs = read(WEEKLY)["jobs"]
    assert [name for name, job in jobs.items() if "write" in str(job["permissions"])] == ["issue"]
    assert jobs["issue"]["permissions"] == {"issues": "write"}
    assert not any("uses" in step or "python" in step["run"] for step in jobs["issue"]["steps"])


@pytest.mark.parametrize("open_issue, results, expected", [
    ("", "success success success", []),
    ("7", "success success success", [["issue", "close", "7", "--comment",
                                       "It passes again: URL"]]),
    ("", "failure success success", [["issue", "create", "--title", "Weekly run", "--body-file",
                                      "report.md"]]),
    ("7", "success failure success", [["issue", "comment", "7", "--body-file", "report.md"]]),
    ("7", "success success failure", [["issue", "comment", "7", "--body-file", "report.md"]]),
    ("7", "cancelled success success", [["issue", "comment", "7", "--body-file", "report.md"]])])
def test_one_issue_is_opened_updated_and_closed(tmp_path, open_issue, results, expected):
    gh = tmp_path / "gh"
    gh.write_text(f"#!{sys.executable}\nimport json, sys\n"
                  f"if 'list' in sys.argv: print({open_issue!r})\n"
                  "else: print(json.dumps(sys.argv[1:]), file=open('calls', 'a'))\n")
    gh.chmod(0o755)
    (tmp_path / "calls").touch()
    step, = read(WEEKLY)["jobs"]["issue"]["steps"]
    everything, others, recorded = results.split()
    # As GitHub runs a script.
    done = subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tmp_path, text=True,
                          capture_output=True, env={
        "PATH": f"{tmp_path}:/usr/bin:/bin", "RUN": "URL", "REPORT": "`$(touch run)` moved",
        "EVERYTHING": everything, "OTHERS": others, "CALLS": recorded})
    assert done.returncode == 0, done.stderr
    calls = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    assert calls == expected
    if "report.md" in str(expected):
        assert (tmp_path / "report.md").read_text().startswith("`$(touch run)` moved\n")
    assert not (tmp_path / "run").exists()
