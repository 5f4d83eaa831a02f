"""`doctor`: what prevents the workshop from running on this machine, and how to fix it.

Standard library only. Each check is a function of what it is told, so that each finding can be
tested; `examine` gathers that from the machine.
"""
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from workshop import cloud
from workshop.commands import clean
from workshop.course import failures, last_error
from workshop.local import addresses, lifecycle
from workshop.machine import (
    emulation,
    engine,
    environment,
    groups,
    offline,
    requirements,
    settings,
)
from workshop.machine.paths import ROOT
from workshop.machine.python_version import check_python

OK, WARNING, BLOCKS = "ok", "warning", "BLOCKS"
JUPYTER_PORT = 8888
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")       # us-east-1, us-gov-west-1, ap-southeast-2
ENGINE_GB = 4        # two 1,769 MB functions at once, and what the engine itself takes


@dataclass(frozen=True)
class Finding:
    """One line of the report: how bad it is, what was found, and what to do about it."""
    level: str
    what: str
    fix: str = ""

    def __str__(self):
        return f"{self.level:8} {self.what}" + (f" → {self.fix}" if self.fix else "")


def main() -> int:
    """Print every finding; exit status 1 when one of them blocks."""
    findings = examine()
    for finding in findings:
        print(finding)
    blocking = sum(finding.level == BLOCKS for finding in findings)
    print(f"\n{blocking} of these must be fixed first." if blocking else "\nNothing blocks.")
    return 1 if blocking else 0


def examine(environ=os.environ) -> list[Finding]:
    """Look at this machine; the findings in the order in which a learner meets them."""
    state = engine.look()
    ports = sorted({*clean.cloud_ports(), *_chosen_port(environ)})
    return [
        python(sys.version_info),
        disk(shutil.disk_usage(ROOT).free, environment.is_ready()),
        *packages(environment.VENV.exists(), environment.is_half_made(), environment.is_ready(),
                  _differences, environment.missing()),
        *docker(state, engine.may_start()),
        *docker_platform(state.info, environ, emulation.ready),
        *builder(state.kind == engine.READY and engine.docker("buildx", "version").returncode),
        *registry_login(_read_json(_docker_config(environ))),
        *cloud_port(environ, _cloud_status),
        jupyter_port(lifecycle.listening(JUPYTER_PORT)),
        *stale_cloud([_cloud_status(port) for port in ports], _has_state),
        *(found := aws(environ, _profiles(environ), _who_am_i)),
        *permissions(environ.get("AWS_PROFILE") and all(one.level != BLOCKS for one in found),
                     _lacking),
        *(Finding(WARNING, what, fix) for what, fix in settings.leftovers(environ=environ)),
        *docker_proxy(_read_json(_docker_config(environ))),
        *last_failure(*last_error.read()),
    ]


# ---------------------------------------------------------------- the checks

def python(version) -> Finding:
    found = ".".join(map(str, version[:3]))
    problem = check_python(version, shutil.which)
    if problem:
        return Finding(BLOCKS, f"Python is {found}, the packages need 3.11 to 3.13",
                       problem.splitlines()[1])
    return Finding(OK, f"Python {found}")


def disk(free: int, ready: bool) -> Finding:
    """`free` in bytes where the clone is; the environment, once made, needs little more."""
    gigabytes = free / 1e9
    what = f"{gigabytes:.1f} GB free in {ROOT}"
    if not ready and gigabytes < environment.NEEDED_GB:
        return Finding(BLOCKS, what, f"make room: the environment takes {environment.NEEDED_GB} GB")
    if not ready and gigabytes < environment.NEEDED_GB + environment.CUDA_GB:
        return Finding(WARNING, what, environment.CUDA)
    if gigabytes < 3:
        return Finding(WARNING, what, "make room: images and models take about 3 GB")
    return Finding(OK, what)


def packages(exists: bool, half_made: bool, ready: bool, differences,
             missing: list[str] = ()) -> list[Finding]:
    """`missing`: groups that are not complete; the first is what every lesson needs."""
    if half_made:
        return [Finding(WARNING, ".venv is half-made: a set-up was interrupted",
                        "python3 -m workshop lab (it makes it afresh)")]
    if not exists:
        return [Finding(OK, "environment not made yet; `python3 -m workshop lab` makes it")]
    if requirements.FIRST not in missing and (why := offline.without(list(missing))):
        return [Finding(OK, f"environment: {why}")]
    if missing and requirements.FIRST not in missing:
        return [Finding(OK, f"environment: {', '.join(missing)} not installed yet "
                        f"({groups.progress()}); `python3 -m workshop lab` goes on with them")]
    if not ready:
        return [Finding(WARNING, "environment.yml, the clone's place or the files of .venv have "
                        "changed since it was made",
                        "python3 -m workshop lab (it brings it up to date)")]
    wrong = differences()
    return [Finding(WARNING, text, "remove .venv, then python3 -m workshop lab")
            for text in wrong] or [Finding(OK, "environment complete, as environment.yml says")]


def docker(state: engine.State, may_start: bool) -> list[Finding]:
    """The engine; without it the lessons that need none run, and no others."""
    if state.kind == engine.READY:
        memory = state.info.get("MemTotal", 0) / 1e9
        found = [Finding(OK, f"Docker {state.info['ServerVersion']}, "
                         f"{state.info.get('Architecture')}, {memory:.1f} GB of memory")]
        if memory < ENGINE_GB:
            found.append(Finding(WARNING, f"functions need more than {memory:.1f} GB of memory",
                                 f"give it {ENGINE_GB} GB (Docker Desktop: Settings, Resources)"))
        return found
    if may_start and state.kind in (engine.NOT_INSTALLED, engine.NOT_RUNNING):
        return [Finding(WARNING, f"Docker is {state.kind}",
                        "python3 -m workshop lab (as root it installs and starts it)")]
    advice = engine.advice(state)
    return [Finding(BLOCKS, f"Docker: {state.kind}; most lessons need it", advice)]


def docker_platform(info: dict, environ, emulated) -> list[Finding]:
    """Images of one architecture do not run as functions of another: `exec format error`.

    `emulated(architecture)`: whether the engine runs programs for that one all the same.
    """
    chosen = environ.get("WORKSHOP_ARCHITECTURE", "")
    if chosen and chosen.lower() not in engine.ARCHITECTURES:
        return [Finding(BLOCKS, f"WORKSHOP_ARCHITECTURE is {chosen!r}",
                        "set it to x86_64 or arm64, or unset it")]
    own = engine.ARCHITECTURES.get(str(info.get("Architecture", "")).lower())
    wanted = engine.ARCHITECTURES.get(chosen.lower(), own)
    found = []
    if own and wanted != own and emulated(wanted):
        found.append(Finding(OK, f"WORKSHOP_ARCHITECTURE is {chosen}: emulated, and slow"))
    elif own and wanted != own:
        found.append(Finding(WARNING, f"WORKSHOP_ARCHITECTURE is {chosen}, the engine is {own} "
                             "and cannot run it", f"unset it. {emulation.HOW}"))
    default = environ.get("DOCKER_DEFAULT_PLATFORM", "").lower()
    of_default = engine.ARCHITECTURES.get(default.removeprefix("linux/").split("/")[0])
    if default and wanted and of_default != wanted:
        found.append(Finding(WARNING, f"DOCKER_DEFAULT_PLATFORM is {default}, the functions' "
                             f"architecture is {wanted}", "unset DOCKER_DEFAULT_PLATFORM"))
    return found


def builder(buildx_status) -> list[Finding]:
    """`buildx_status`: exit status of `docker buildx version`; False where no engine answers."""
    if buildx_status is False:
        return []
    which = "the classic builder" if buildx_status else "BuildKit"
    return [Finding(OK, f"docker build uses {which}; the workshop's Dockerfiles suit both")]


def registry_login(config: dict) -> list[Finding]:
    """An expired login is refused (403) where no login at all would be served."""
    if any("public.ecr.aws" in name for name in config.get("auths", {})):
        return [Finding(WARNING, "docker is logged in to public.ecr.aws; after 12 hours such a "
                        "login makes pulls fail (403)", "docker logout public.ecr.aws")]
    return []


def docker_proxy(config: dict) -> list[Finding]:
    """A proxy in Docker's configuration file: builds may need it, functions never get it."""
    if not config.get("proxies"):
        return []
    return [Finding(OK, "Docker's configuration file names a proxy: `docker build` and a lesson's "
                    "own `docker run` use it, functions do not")]


def cloud_port(environ, status) -> list[Finding]:
    """`status(port)`: the local cloud's status, or the CloudError that says who has the port."""
    if not (ports := _chosen_port(environ)):
        return [Finding(BLOCKS, f"WORKSHOP_PORT is {environ['WORKSHOP_PORT']!r}",
                        "set it to a number from 1024 to 65535, or unset it")]
    answer = status(ports[0])
    if isinstance(answer, cloud.CloudError):
        return [Finding(BLOCKS, f"port {ports[0]} is not ours: {answer}",
                        "export WORKSHOP_PORT=4570 (or another free port)")]
    what = "the local cloud runs on it" if answer["running"] else "free for the local cloud"
    return [Finding(OK, f"port {ports[0]}: {what}")]


def jupyter_port(busy: bool) -> Finding:
    return Finding(OK, f"port {JUPYTER_PORT}: " + (
        "in use; JupyterLab takes the next free one" if busy else "free for JupyterLab"))


def stale_cloud(statuses: list, has_state) -> list[Finding]:
    """What a killed local cloud left: its state, and containers that nobody will stop."""
    found = []
    for status in statuses:
        if isinstance(status, cloud.CloudError) or status["running"]:
            continue
        left = [f"{status['containers']} containers"] if status["containers"] else []
        left += ["its pid file"] if has_state(status["port"]) else []
        if left:
            what = f"the local cloud on port {status['port']} was killed and left "
            found.append(Finding(WARNING, what + " and ".join(left), "python3 -m workshop stop"))
    return found


def aws(environ, profiles: dict, who_am_i) -> list[Finding]:
    """Which cloud the lessons will use, and whether they can.

    `profiles`: {name: its region or None} of ~/.aws; `who_am_i()`: (account, "") or ("", error).
    """
    name = environ.get("AWS_PROFILE")
    if not name:
        keys = " (keys in the environment are not used)" if environ.get("AWS_ACCESS_KEY_ID") else ""
        return [Finding(OK, f"AWS_PROFILE is not set: the local cloud, free{keys}")]
    if name not in profiles:
        return [Finding(BLOCKS, f"AWS_PROFILE is {name}, and ~/.aws has no such profile",
                        f"aws configure --profile {name}; or unset AWS_PROFILE: the local cloud")]
    found = [region(environ, name, profiles[name])]
    for variable in sorted(one for one in environ if one.startswith("AWS_ENDPOINT_URL")):
        if environ[variable]:
            found.append(Finding(WARNING, f"AWS_PROFILE and {variable} are set: calls go to "
                                 f"{environ[variable]}, not to AWS", f"unset {variable}"))
    account, error = who_am_i()
    found.append(Finding(BLOCKS, f"AWS does not accept the credentials of profile {name}: {error}",
                         f"aws configure --profile {name} (or aws sso login --profile {name})")
                 if error else
                 Finding(OK, f"AWS account {account or 'not asked yet'}: lessons cost money"))
    return found


def permissions(usable, lacking) -> list[Finding]:
    """Whether the identity may do what the lessons do, before one of them costs money.

    usable: whether AWS is meant and accepts its credentials. `lacking()`: (stage → actions that the
    identity lacks, "") or ({}, why nobody knows).
    """
    if not usable:
        return []
    stages, error = lacking()
    if error:
        fix = "let an administrator attach workshop/account/policies/learner/operate.json " \
            "(lesson 00)" if "AccessDenied" in error else "try again"
        return [Finding(WARNING, "it cannot be checked what this identity may do "
                        f"(iam:SimulatePrincipalPolicy): {error}", fix)]
    return [Finding(BLOCKS, f"this identity may not do what the stage {stage} needs: "
                    f"{', '.join(actions)}", "let an administrator attach "
                    f"workshop/account/policies/learner/{stage}.json (lesson 00)")
            for stage, actions in stages.items()] or [
        Finding(OK, "this identity may do what the lessons do")]


def region(environ, name: str, of_profile: str | None) -> Finding:
    """The region that boto3 uses: AWS_DEFAULT_REGION before the profile's.

    boto3 does not read AWS_REGION (botocore 1.43, configprovider.py); other programs do.
    """
    chosen = environ.get("AWS_DEFAULT_REGION") or of_profile
    other = environ.get("AWS_REGION")
    if not chosen:
        what = f"profile {name} has no region"
        what += f", and boto3 does not read AWS_REGION ({other})" if other else ""
        return Finding(BLOCKS, what,
                       f"aws configure set region {other or 'us-east-1'} --profile {name}")
    if not REGION.fullmatch(chosen):
        return Finding(BLOCKS, f"{chosen!r} does not look like a region",
                       f"aws configure set region us-east-1 --profile {name}; "
                       "unset AWS_DEFAULT_REGION")
    if other and other != chosen:
        return Finding(BLOCKS, f"boto3 uses region {chosen}, but AWS_REGION says {other}",
                       f"export AWS_REGION={chosen}, or set both to the one you mean")
    if of_profile and chosen != of_profile:
        return Finding(WARNING, f"region {chosen} from AWS_DEFAULT_REGION, but profile {name} says "
                       f"{of_profile}", "unset AWS_DEFAULT_REGION, if that is wrong")
    return Finding(OK, f"region {chosen}")


def last_failure(where: str, seen) -> list[Finding]:
    """What the last cell or lesson that failed ran into; `seen`: (failure's name, words read)."""
    known = {failure.name: failure for failure in failures.FAILURES}
    if not where:
        return []
    where = "a notebook's cell" if where.startswith("cell ") else where    # its id helps nobody
    if not any(name in known for name, _ in seen):
        return [Finding(WARNING, f"{where} failed; the cause is not known",
                        "read the last lines of its message, and compare them with the table at "
                        "the beginning of lesson 23")]
    return [Finding(WARNING, f"{where} failed: “{words}”. {name}: {known[name].cause}",
                    f"{known[name].fix} (lesson 23, “{name}”)")
            for name, words in seen if name in known]


# ---------------------------------------------------------------- looking at the machine

def _differences() -> list[str]:
    """Ask the environment's own Python."""
    ask = "from workshop.machine import environment; print('\\n'.join(environment.differences()))"
    answer = subprocess.run([str(environment.python()), "-c", ask], cwd=ROOT, text=True,
                            capture_output=True)
    if answer.returncode:
        return [f"the Python of .venv does not work: {answer.stderr.strip()[-200:]}"]
    return answer.stdout.split("\n")[:-1] if answer.stdout.strip() else []


def _chosen_port(environ) -> list[int]:
    """The local cloud's port, or nothing where WORKSHOP_PORT is no port."""
    value = environ.get("WORKSHOP_PORT") or str(addresses.DEFAULT_PORT)
    return [int(value)] if value.isdecimal() and 1024 <= int(value) <= 65535 else []


def _cloud_status(port: int):
    try:
        return lifecycle.status(port)
    except cloud.CloudError as error:
        return error


def _has_state(port: int) -> bool:
    return addresses.pid_path(port).exists()


def _docker_config(environ) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"


def _read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _profiles(environ) -> dict:
    """The profiles that ~/.aws names, with their regions."""
    home = Path.home() / ".aws"
    found = {}
    for variable, default in (("AWS_SHARED_CREDENTIALS_FILE", home / "credentials"),
                              ("AWS_CONFIG_FILE", home / "config")):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(environ.get(variable) or default, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in parser.sections():
            name = section.removeprefix("profile ").strip()
            found[name] = parser[section].get("region") or found.get(name)
    return found


def _who_am_i() -> tuple[str, str]:
    """Ask AWS, with the environment's boto3; ("", "") where that does not stand yet."""
    if not environment.is_ready():
        return "", ""
    ask = ("import boto3, botocore.config as c; print(boto3.client('sts', region_name='us-east-1', "
           "config=c.Config(connect_timeout=5, retries={'max_attempts': 1}))"
           ".get_caller_identity()['Account'])")
    try:
        answer = subprocess.run([str(environment.python()), "-c", ask], capture_output=True,
                                text=True, timeout=40)
    except subprocess.TimeoutExpired:
        return "", "no answer within 40 s"
    if answer.returncode:
        return "", answer.stderr.strip().splitlines()[-1]
    return answer.stdout.strip(), ""


def _lacking() -> tuple[dict, str]:
    """Ask AWS, as `_who_am_i` does, what the identity lacks."""
    if not environment.is_ready():
        return {}, "the environment is not made yet"
    try:
        answer = subprocess.run([str(environment.python()), "-m", "workshop.permissions",
                                 "--check"],
                                cwd=ROOT, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return {}, "no answer within 120 s"
    if answer.returncode:
        return {}, answer.stderr.strip().splitlines()[-1]
    return json.loads(answer.stdout), ""
