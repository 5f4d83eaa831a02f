"""Execution environments: which container answers an invoke, and what that container may do."""
import contextlib
import hashlib
import json
import os
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from workshop.local import identities, limits
from workshop.local.patches import reports, scratch, volumes
from workshop.machine import labels

PERIOD = 100_000         # microseconds; the scheduler's period that CPU quotas refer to
ENVIRONMENTS = max(4, 2 * (os.cpu_count() or 2))  # at work at once; AWS: 1,000 for an account
ENTRY_POINT = "/lambda-entrypoint.sh"  # of AWS's base images, which bring the emulator

# What a running environment cannot change: another value means another environment.
IDENTITY = ("Version", "PackageType", "ImageUri", "CodeSha256", "ImageConfigResponse", "Runtime",
            "Handler", "Role", "Environment", "MemorySize", "Timeout", "EphemeralStorage",
            "Layers", "Architectures", "LoggingConfig")

_port = 0
_closing = threading.Event()
_at_work = threading.BoundedSemaphore(ENVIRONMENTS)


class RefusedError(RuntimeError):
    """The function cannot be started, in Lambda's words: error type and message."""

    def __init__(self, error_type: str, message: str):
        super().__init__(f"{error_type}: {message}")


def apply(port: int) -> None:
    """Replace MiniStack's container handling by what follows."""
    global _port
    _port = port
    from ministack import app
    from ministack.core import container_reaper
    from ministack.services import lambda_svc

    container_reaper.own_labels = labelled(container_reaper.own_labels)
    app._stop_docker_containers = lambda include_unlabelled=False: sweep(port)
    lambda_svc._spawn_lambda_container = spawn
    lambda_svc._warm_pool_key = pool_key
    lambda_svc._kill_pool_entry = remove_environment
    lambda_svc._pool_kill_function = retire_stale
    lambda_svc._pool_release = releasing(lambda_svc._pool_release)
    lambda_svc._execute_function_docker = queued(lambda_svc._execute_function_docker)


def labelled(own_labels):
    """Every container also carries `workshop.cloud=PORT` and its checkout's label, so that sweeps
    and `clean` find ours and no other."""

    def with_ours(service, **extra):
        return {**own_labels(service, **extra), labels.CLOUD: str(_port),
                labels.CLONE: labels.NUMBER}
    return with_ours


def own_labels() -> dict[str, str]:
    """The labels of every container that this local cloud starts."""
    from ministack.core import container_reaper
    return container_reaper.own_labels("lambda")


def docker_client():
    """MiniStack's Docker client, or None where no engine answers."""
    from ministack.services import lambda_svc
    return lambda_svc._get_docker_client()


def sweep(port: int) -> int:
    """Remove every container of the local cloud on `port`, and return how many there were.

    MiniStack's own sweep at start also removes what other programs' MiniStack left unlabelled.
    """
    client = docker_client()
    if client is None:
        return 0
    found = client.containers.list(all=True, sparse=True, filters={"label": labels.of_cloud(port)})

    def remove(container):
        with contextlib.suppress(Exception):  # it went away by itself
            container.remove(force=True, v=True)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remove, found))
    return len(found)


def close(port: int) -> None:
    """Remove all containers; an invoke that is still on its way cannot start another."""
    _closing.set()
    with contextlib.suppress(Exception):
        sweep(port)


def stopping() -> bool:
    """Whether the local cloud is going down: no container may be started any more."""
    return _closing.is_set()


# Which environment

def pool_key(name: str, config: dict) -> str:
    """Warm containers are kept by function, version and configuration.

    MiniStack keeps them by image or code only: a changed environment variable, or another version
    of the same image, would meet the old container. The first parts of the key are MiniStack's.
    """
    from ministack.services import lambda_svc
    account, region = lambda_svc._account_region_from_function_config(config)
    identity = json.dumps({key: config.get(key) for key in IDENTITY}, sort_keys=True, default=str)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return f"{account}:{region}:{name}:environment:{digest}"


def retire_stale(account: str, name: str) -> None:
    """After an update or a deletion, let go of environments that no version of `name` needs now.

    MiniStack kills them all, those of published versions and those at work included. On AWS an
    invoke that has begun ends in the environment it began in.
    """
    from ministack.services import lambda_svc
    function = lambda_svc._functions.get(name) or {}
    records = [function, *function.get("versions", {}).values()] if function else []
    wanted = {pool_key(name, record["config"]) for record in records}
    idle = []
    with lambda_svc._warm_pool_lock:
        for key in [key for key in lambda_svc._warm_pool if key not in wanted]:
            owner = key.split(":")
            if (owner[0], owner[2]) == (account, name):
                for entry in lambda_svc._warm_pool.pop(key):
                    entry["stale"] = True
                    if not entry["in_use"]:
                        idle.append(entry)
    for entry in idle:
        remove_environment(entry)


def releasing(pool_release):
    """After its invoke, an environment that was retired meanwhile goes away."""
    def release(entry):
        if entry.get("stale"):
            remove_environment(entry)
        else:
            pool_release(entry)
    return release


def remove_environment(entry: dict) -> None:
    """Remove an environment's container. Lambda gives functions no time to say goodbye either."""
    container = entry.get("container")
    if container is not None:
        identities.forget(getattr(container, "access_key", None))
        with contextlib.suppress(Exception):  # it is gone already
            container.remove(force=True, v=True)


def queued(execute):
    """At most ENVIRONMENTS invokes at work; the others wait.

    AWS starts an environment for every invoke that finds none free. On a laptop fifty containers
    started at once would all time out.
    """
    def execute_in_turn(func, event, request_id):
        from ministack.services import lambda_svc
        if not _at_work.acquire(timeout=300):
            return lambda_svc._throttle_response(
                reason_code="ConcurrentInvocationLimitExceeded", msg="Rate Exceeded.")
        try:
            return execute(func, event, request_id)
        finally:
            _at_work.release()
    return execute_in_turn


# What it may do

def runtime_image(runtime: str) -> str | None:
    """The image that a zip function's runtime runs in: for Python 3.13 the workshop's own base.

    That base is AWS's image, or its stand-in where AWS's cannot be pulled. MiniStack always pulls.
    """
    from ministack.services import lambda_svc
    if runtime == "python3.13":
        from workshop.machine import base_image
        return base_image.get()
    return lambda_svc._RUNTIME_IMAGE_MAP.get(runtime)


def resources(memory: int) -> dict:
    """Arguments of `docker run` that hold a function to its memory (MB), CPU, disk and user.

    MiniStack sets none of them. INIT has a full vCPU at least; `settle` lowers it afterwards.
    """
    return {
        "mem_limit": f"{memory}m", "memswap_limit": f"{memory}m",
        "cpu_period": PERIOD, "cpu_quota": max(PERIOD, cpu_quota(memory)),
        "read_only": True, "user": limits.SANDBOX,
        "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"],
    }


def sandbox() -> dict:
    """Arguments of `docker run` for what a Lambda function lacks and a container has.

    Shared memory (/dev/shm; without it Python has no multiprocessing.Lock), more than 1,024
    processes or open files, ports below 1024, and sockets other than TCP and UDP.
    """
    from docker.types import Ulimit
    return {
        "ipc_mode": "none", "pids_limit": limits.PROCESSES,
        "ulimits": [Ulimit(name="nofile", soft=limits.FILES, hard=limits.FILES)],
        "sysctls": {"net.ipv4.ip_unprivileged_port_start": "1024",
                    "net.ipv4.ping_group_range": "1 0"},  # nobody
    }


def cpu_quota(memory: int) -> int:
    """Microseconds of CPU in each PERIOD for a function with `memory` MB (never under 1 ms)."""
    return max(1000, PERIOD * memory // limits.VCPU_MEMORY)


def settle(container, memory: int) -> None:
    """Lower the CPU quota to what the memory buys, once INIT is over."""
    if cpu_quota(memory) < PERIOD:
        with contextlib.suppress(Exception):  # the container has just gone
            container.update(cpu_period=PERIOD, cpu_quota=cpu_quota(memory))


def log_stream(version: str) -> str:
    """A name for the log stream of a new environment, as Lambda names them."""
    return f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{version}]{secrets.token_hex(16)}"


def endpoint_url() -> str:
    """The local cloud's address as containers see it."""
    return f"http://host.docker.internal:{_port}"


def environment(config: dict) -> dict[str, str]:
    """The environment variables that a function finds, Lambda's own and the configured ones.

    A zip function's runtime sets the others (docker/base/, or AWS's image). Sources: Lambda
    developer guide, "Defined runtime environment variables"; AWS_Lambda_Image is seen in public
    logs of image functions, and AWS's base images put the runtime's name in its place.
    """
    from ministack.services import lambda_svc
    version = config.get("Version", "$LATEST")
    memory, timeout = int(config.get("MemorySize", 128)), int(config.get("Timeout", 3))
    _account, region = lambda_svc._account_region_from_function_config(config)
    of_image = config.get("PackageType") == "Image"
    return {
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        **({} if of_image else {"TZ": ":UTC"}),  # these two may be configured
        **lambda_svc._runtime_env_vars(config),
        **identities.for_role(config["Role"], config["FunctionName"]),
        "AWS_REGION": region, "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": reports.log_group(config),
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream(version),
        "AWS_ENDPOINT_URL": endpoint_url(),
        "LAMBDA_TASK_ROOT": volumes.CODE, "LAMBDA_RUNTIME_DIR": "/var/runtime",
        **({"AWS_EXECUTION_ENV": "AWS_Lambda_Image"} if of_image
           else {"_HANDLER": config.get("Handler", "")}),
    }


def process(config: dict, image_config: dict) -> dict:
    """Entry point and command of a function's container: `ImageConfig` before the image's own.

    Lambda's own process starts that of the function. Here the emulator does. AWS's base images
    bring it; for every other image it is put in front, as AWS's documentation does for tests.
    """
    if config.get("PackageType") != "Image":
        return {"entrypoint": [ENTRY_POINT], "command": [config.get("Handler", "")]}
    overrides = (config.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
    words = [*(overrides.get("EntryPoint") or image_config.get("Entrypoint") or []),
             *(overrides.get("Command") or image_config.get("Cmd") or [])]
    if words[:1] == [ENTRY_POINT]:
        return {"entrypoint": words[:1], "command": words[1:]}
    return {"entrypoint": [volumes.EMULATOR], "command": words}


def options(config: dict, image: str, image_config: dict) -> dict:
    """All arguments of `docker create` for a function's environment, but for its volumes.

    image_config: what the image says of itself (`Config` in `docker image inspect`).
    """
    overrides = (config.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
    chosen = {
        "image": image,
        "environment": environment(config),
        "labels": {**own_labels(), labels.FUNCTION: config["FunctionName"]},
        "ports": {"8080/tcp": ("127.0.0.1", None)},  # the emulator; loopback only
        "extra_hosts": {"host.docker.internal": "host-gateway"},
        "use_config_proxy": False,      # the proxy in Docker's configuration is for builds
        "working_dir": overrides.get("WorkingDirectory"),
        **process(config, image_config),
        **resources(int(config.get("MemorySize", 128))),
        **sandbox(),
    }
    return {key: value for key, value in chosen.items() if value is not None}


def spawn(config: dict, code_zip: bytes | None, _pin_platform: bool = True):
    """Start a new environment for a function and return (container, None) as MiniStack expects.

    Raises:
        RefusedError: the image is not there, or is built for another architecture.
        RuntimeError: the local cloud is stopping, or no engine answers.
    """
    client = docker_client()
    if stopping() or client is None:
        raise RuntimeError("The local cloud is stopping." if client else "Docker does not answer.")
    image, image_config = function_image(client, config)
    memory, given = int(config.get("MemorySize", 128)), options(config, image, image_config)
    given["mounts"] = [scratch.mount(client, config, own_labels())]
    container = volumes.create(client, contents(config, code_zip, given, image_config), given)
    container.access_key = given["environment"]["AWS_ACCESS_KEY_ID"]
    try:
        container.log = reports.Log(container, lambda: settle(container, memory))
        container.start()
    except BaseException as error:
        remove_environment({"container": container})
        if scratch.is_limited() and "failed to mount local volume" in str(error):
            scratch.do_without(error)
            return spawn(config, code_zip)
        raise
    if stopping():
        remove_environment({"container": container})
        raise RuntimeError("The local cloud is stopping.")
    container.config, container.stream = config, given["environment"]["AWS_LAMBDA_LOG_STREAM_NAME"]
    return container, None


def function_image(client, config: dict) -> tuple[str, dict]:
    """The local image of a function and its `Config`; pulled from ECR when it is not here.

    MiniStack runs an image of the wrong architecture all the same where it can.
    """
    import docker
    of_image = config.get("PackageType") == "Image"
    name = config.get("ImageUri") if of_image else runtime_image(config.get("Runtime", ""))
    if not name:
        raise RefusedError("InvalidParameterValueException",
                           f"The runtime {config.get('Runtime')!r} cannot run here: use "
                           "python3.13.")
    try:
        image = client.images.get(name)
    except docker.errors.ImageNotFound:
        try:
            image = pull(client, name)
        except docker.errors.APIError as error:
            raise RefusedError("ImageNotFound", f"The image {name} cannot be pulled: "
                                                f"{error.explanation or error}") from None
    wanted = (config.get("Architectures") or ["x86_64"])[0]
    built = image.attrs.get("Architecture", "").replace("amd64", "x86_64")  # in Lambda's words
    if of_image and built != wanted:
        raise RefusedError("Runtime.InvalidEntrypoint",
                           "Error: fork/exec /lambda-entrypoint.sh: exec format error "
                           f"(the image is built for {built}, the function for {wanted})")
    return name, image.attrs.get("Config") or {}


def pull(client, name: str):
    """Pull an image; the local registry wants a login of us as of everybody."""
    ours = name.startswith(f"localhost:{_port}/")
    return client.images.pull(name, auth_config=identities.registry_login() if ours else None)


def contents(config: dict, code_zip: bytes | None, given: dict, image_config: dict
             ) -> list[tuple[str, bytes | None]]:
    """What is in a function's read-only volumes: (folder, tar archive) pairs, in order.

    A zip function's code and layers; what an image declares as VOLUME (None: as in the image), and
    the emulator where it does not bring it.
    """
    from ministack.services import lambda_svc
    if config.get("PackageType") == "Image":
        declared = [(folder, None) for folder in image_config.get("Volumes") or {}]
        if given["entrypoint"] != [volumes.EMULATOR]:
            return declared
        architecture = (config.get("Architectures") or ["x86_64"])[0]
        return [*declared, (volumes.EMULATOR_FOLDER, volumes.emulator(architecture))]
    if not code_zip:
        raise RefusedError("InvalidParameterValueException", "The function has no code.")
    layers = [lambda_svc._resolve_layer_zip(layer) for layer in config.get("Layers") or []]
    return [(volumes.CODE, volumes.unzipped(code_zip)),
            *((volumes.LAYERS, volumes.unzipped(layer)) for layer in layers if layer)]
