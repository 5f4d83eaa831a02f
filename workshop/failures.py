"""Failures that people meet on the way to Lambda, recognised by the messages that they read.

Lesson 20 makes each of them happen, and has a section named as the failure. `recognise` takes any
text: an exception, what docker printed, lines of a log. Standard library only, because `doctor`
uses it before the environment stands.
"""
import re
from dataclasses import dataclass

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Failure:
    """One failure: name, regular expressions that match its messages, cause, and mend.

    name: also the heading of its section in lesson 20. signs: each is enough by itself; they
    match text in which every run of white space is one blank.
    """
    name: str
    signs: tuple[str, ...]
    cause: str
    mend: str

    def seen_in(self, text: str) -> str | None:
        """The words of the text by which the failure is known, or None."""
        plain = " ".join(ANSI.sub("", text).split())
        for sign in self.signs:
            if found := re.search(sign, plain):
                return found.group()
        return None


def recognise(text: str) -> list[Failure]:
    """The failures whose messages are in the text, in the order of lesson 20; [] for none."""
    return [failure for failure in FAILURES if failure.seen_in(text)]


FAILURES = (
    # Build and push
    Failure(
        "An image for many platforms",
        (r"image manifest, config or layer media type for the source image \S+ is not supported",),
        "the registry holds an index, a list of images; Lambda takes one image. buildx makes an "
        "index when it attaches a note on the build.",
        "build with `--provenance=false --platform linux/amd64` (or linux/arm64), or set "
        "BUILDX_NO_DEFAULT_ATTESTATIONS=1 as cloud.use() does; build and push again"),
    Failure(
        "An image for another processor",
        (r"exec format error",
         r"image's platform \(linux/\w+\S*\) does not match the detected host platform",
         r"no match for platform in manifest"),
        "the image is built for arm64 and runs on x86-64, or the other way round.",
        "build with `--platform` for the function's architecture, or create the function with "
        "`Architectures` of the image; `docker image inspect` tells which that is"),
    Failure(
        "A registry login that has expired",
        (r"[Yy]our [Aa]uthorization [Tt]oken has expired", r"no basic auth credentials",
         r"public\.ecr\.aws\S*: (?:unexpected status.{0,80})?403 Forbidden"),
        "docker's login to ECR lasts 12 hours; an old one is sent along, and refused.",
        "`docker logout public.ecr.aws` for public images; for your own registry log in again "
        "(workshop.deploy.login())"),
    # Deploy
    Failure(
        "A role that cannot be assumed",
        (r"role defined for the function cannot be assumed by Lambda",),
        "the role is new and not known everywhere yet, or its trust policy does not name "
        "lambda.amazonaws.com.",
        "look at the trust policy (workshop/policies/trust.json); if it is right, try again for "
        "up to two minutes, on this error alone"),
    Failure(
        "No right to fetch the image",
        (r"Lambda does not have permission to access the ECR image",),
        "the repository's policy does not let lambda.amazonaws.com read; the function's role has "
        "no part in this.",
        "set_repository_policy with workshop/policies/repository.json (workshop.deploy.push() "
        "does it)"),
    Failure(
        "An update during an update",
        (r"An update is in progress for resource", r"currently in the following state: Pending"),
        "the function is still being created or changed.",
        "wait first: get_waiter('function_active_v2') after create_function, "
        "'function_updated_v2' after every update"),
    Failure(
        "The wrong Region",
        (r"Function not found: arn:aws:lambda:[\w-]+:\d{12}:function:[\w:$-]+",
         r"Could not connect to the endpoint URL: \"https://\w+\.[\w-]+\.amazonaws\.com",
         r"Source image \S+ is not valid\. Provide a valid source image"),
        "names hold in one Region only; the client, or the image, is in another. (Or it was never "
        "made, or is deleted.)",
        "compare the Region in the message with boto3.Session().region_name; set "
        "AWS_DEFAULT_REGION, or `aws configure set region`"),
    Failure(
        "No such module, no such handler",
        (r"Runtime\.ImportModuleError", r"Runtime\.HandlerNotFound",
         r"Unable to import module '[\w./]+'", r"Handler '\w+' missing on module '[\w./]+'"),
        "Lambda imports MODULE and calls FUNCTION of `MODULE.FUNCTION`; the file is not in the "
        "image, something that it imports is not, or the function has another name.",
        "read the name in the message: `docker run --rm --entrypoint ls IMAGE` shows the files; "
        "requirements.txt must name what is imported; CMD or ImageConfig names the handler"),
    # Call
    Failure(
        "A number that JSON does not know",
        (r"Object of type \w+ is not JSON serializable",),
        "NumPy's numbers and arrays are not Python's, and JSON knows only Python's.",
        "float(value), int(value), array.tolist() before you return them"),
    Failure(
        "A malformed proxy response",
        (r"(?i)malformed Lambda proxy response",
         r"\b50[02]\b[^{]{0,20}\{ ?\"message\": ?\"Internal [Ss]erver [Ee]rror\" ?\}"),
        "the function failed, or returned what the API cannot send: `body` must be text, "
        "`statusCode` a number, `headers` a dict.",
        "look into the function's log first; if it says nothing, return "
        "{'statusCode': 200, 'body': json.dumps(…)}"),
    Failure(
        "A path that is not there",
        (r"Missing Authentication Token", r"\b404\b[^{]{0,20}\{ ?\"message\": ?\"Not Found\" ?\}",
         r"\b403\b[^{]{0,20}\{ ?\"message\": ?\"Forbidden\" ?\}"),
        "nothing is served at this address: the stage is missing or wrong, or the route is "
        "another. A REST API says `Missing Authentication Token` of paths that it does not know.",
        "compare the address with API, stage, route: …/STAGE/predict; `$default` has no prefix"),
    Failure(
        "Out of time",
        (r"Task timed out after \d+\.\d+ seconds",),
        "the function took longer than its time-out; Lambda's default is 3 seconds.",
        "find out what takes so long (does it also with nothing to do? then it is the import); "
        "then raise Timeout, below the 30 seconds of an API"),
    Failure(
        "Out of memory",
        (r"signal: killed", r"Runtime\.OutOfMemory"),
        "the process needed more than MemorySize and was killed; Lambda's default is 128 MB.",
        "raise MemorySize; `Max Memory Used` in the REPORT line of a good run tells how far"),
    Failure(
        "A disk that cannot be written",
        (r"\[Errno 30\] Read-only file system",),
        "on Lambda everything is read-only but /tmp.",
        "write to /tmp, or set the library's cache folder to it (HF_HOME, MPLCONFIGDIR, …)"),
    Failure(
        "More than fits into a request",
        (r"RequestTooLargeException", r"Function\.ResponseSizeTooLarge",
         r"(?i)exceeded maximum allowed payload size"),
        "a request or an answer may have 6 MB, asynchronously 1 MB; base64 makes a file a third "
        "larger.",
        "put the file into S3 and send a presigned link, or answer with one"),
    Failure(
        "The payload of the command line",
        (r"Invalid base64: ",),
        "the AWS CLI, version 2, takes --payload for base64 unless told otherwise.",
        "add `--cli-binary-format raw-in-base64-out`, or once for all `aws configure set "
        "cli-binary-format raw-in-base64-out`"),
    # Start and model
    Failure(
        "A slow import",
        (r"INIT_REPORT Init Duration: [\d.]+ ms Phase: init Status: timeout",),
        "what is done at import takes more than INIT's 10 seconds; Lambda does it again inside "
        "the first request, on that request's time-out.",
        "import less (ONNX Runtime in place of the framework), load later, more memory; then "
        "raise Timeout"),
    Failure(
        "Weights left behind",
        (r"External data path (?:does not exist: \S+|validation failed)",
         r"Data of TensorProto.{0,200}, but it (?:doesn't exist|is not)",
         r"No such file or directory: '\S+\.onnx\.data'"),
        "the model is two files, MODEL.onnx and MODEL.onnx.data with the weights, and only the "
        "first was copied.",
        "export with external_data=False, or onnx.save(onnx.load(path), other_path) where both "
        "files are, or copy both"),
    Failure(
        "Channels first or channels last",
        (r"Got invalid dimensions for input: .{0,80}Got: \d+ Expected: \d+",
         r"Invalid rank for input: .{0,40}Got: \d+ Expected: \d+"),
        "the array has not the shape that the model wants. PyTorch's models take (picture, "
        "channel, row, column), Keras's (picture, row, column, channel).",
        "look at session.get_inputs()[0].shape, then array.transpose(0, 3, 1, 2) or back"),
    Failure(
        "A pickle of another version",
        (r"InconsistentVersionWarning", r"Trying to unpickle estimator \w+ from version [\w.]+",
         r"No module named 'sklearn\.[\w.]+'"),
        "a pickle holds names inside the library, not a model; it opens only under the version "
        "(and with the packages) that wrote it.",
        "pin the version that wrote it, or export to ONNX, which needs no scikit-learn at all"),
    Failure(
        "A category that nobody knows",
        (r"Unknown Category and zeros = 0",),
        "a category that the model has not seen in training; a capital letter is enough. (A model "
        "made with handle_unknown=\"ignore\" computes on, and says nothing.)",
        "check requests against the categories in the model's signature before the model sees "
        "them, and answer 400"),
    # Clean up
    Failure(
        "A repository that is not empty",
        (r"RepositoryNotEmptyException", r"BucketNotEmpty",
         r"Cannot delete entity, must (?:delete|detach) (?:all )?(?:inline )?policies first"),
        "something is still in it, or hangs on it.",
        "delete_repository(force=True); empty a bucket, and delete a role's policies, first "
        "(workshop.deploy.delete() does all three)"),
)
