"""Failures that people meet on the way to Lambda, recognised by the messages that they read.

Lesson 23 makes each of them happen, and has a section named as the failure. `recognise` takes any
text: an exception, what docker printed, lines of a log. Standard library only, because `doctor`
uses it before the environment stands.

A wrong cause costs more time than none. So a sign holds the words that tell its failure from all
others with a similar message; where a message has several causes, the failure is not known.
tests/support/messages.json has real messages of both kinds.
"""
import re
from dataclasses import dataclass

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Failure:
    """One failure: name, regular expressions that match its messages, cause, and fix.

    name: also the heading of its section in lesson 23. signs: each is enough by itself; they
    match text in which every run of white space is one blank. Where a sign has a group named
    `words`, only these words of the message are kept and shown.
    """
    name: str
    signs: tuple[str, ...]
    cause: str
    fix: str

    def seen_in(self, text: str) -> str | None:
        """The words of the text by which the failure is known, or None."""
        plain = " ".join(ANSI.sub("", text).split())
        for sign in self.signs:
            if found := re.search(sign, plain):
                return found.groupdict().get("words") or found.group()
        return None


def recognise(text: str) -> list[Failure]:
    """The failures whose messages are in the text, in the order of lesson 23; [] for none."""
    return [failure for failure in FAILURES if failure.seen_in(text)]


# A Region's name as AWS forms them: what does not look so is a typing error, not a lost network.
REGION = (r"(?:af|ap|ca|cn|eu|eusc|il|me|mx|sa|us)(?:-gov|-iso[a-z]?|-isob|-de)?-"
          r"(?:central|(?:north|south)?(?:east|west)|north|south)-\d")
# What last_error.told() adds: the same `No module named` may come from an import.
UNPICKLING = "(while a pickle was opened)"
MOVED = r"(?:(?:sklearn|numpy)\.[\w.]+|_loss)"      # modules that another release does not have


FAILURES = (
    # Build and push
    Failure(
        "An image for many platforms",
        (r"image manifest(?:, config)? or layer media type for the source image \S+ is not "
         r"supported",),
        "the registry holds an index, a list of images; Lambda takes one image. buildx makes an "
        "index when it attaches a note on the build.",
        "build with `--provenance=false --platform linux/amd64` (or linux/arm64), or set "
        "BUILDX_NO_DEFAULT_ATTESTATIONS=1 as cloud.use() does; build and push again"),
    Failure(
        "An image for another processor",
        # A script without `#!` gives the same words: so only for programs that are known to be
        # none. The entry point of AWS's base images is a script, but has its `#!`.
        (r"exec \S*/(?:lambda-entrypoint\.sh|aws-lambda-rie|python[\d.]*|node|bash|sh)\"?: "
         r"exec format error",
         # The warning alone does not say that it failed: an engine may emulate the processor.
         r"(?P<words>does not match the detected host platform) .{0,400}exec format error",
         r"no match for platform in manifest"),
        "the image is built for arm64 and runs on x86-64, or the other way round.",
        "build with `--platform` for the function's architecture, or create the function with "
        "`Architectures` of the image; `docker image inspect` tells which that is"),
    Failure(
        "A registry login that is missing or expired",
        (r"denied: [Yy]our [Aa]uthorization [Tt]oken has expired",
         # A 403 of public.ecr.aws alone may be a network or too many pulls; `doctor` looks for an
         # old login by itself.
         r"no basic auth credentials(?! supplied)"),
        "docker has no login for this registry, or an old one: ECR's lasts 12 hours. An expired "
        "login is refused even where an image is public.",
        "`docker logout public.ecr.aws` for public images; log in to your own registry "
        "(workshop.deploy.login()), and compare account and Region in its name"),
    # Deploy
    Failure(
        "A role that cannot be assumed",
        (r"role defined for the function cannot be assumed by Lambda",),
        "the role is new and not known everywhere yet, or its trust policy does not name "
        "lambda.amazonaws.com.",
        "look at the trust policy (workshop/account/policies/trust.json); if it is right, try "
        "again for up to two minutes, on this error alone"),
    Failure(
        "No permission to read the image",
        (r"Lambda does not have permission to access the ECR image",),
        "the repository's policy does not let lambda.amazonaws.com read; the function's role has "
        "no part in this.",
        "set_repository_policy with workshop/account/policies/repository.json "
        "(workshop.deploy.push() does it)"),
    Failure(
        "An update during an update",
        (r"An update is in progress for resource", r"currently in the following state: Pending"),
        "the function is still being created or changed.",
        "wait first: get_waiter('function_active_v2') after create_function, "
        "'function_updated_v2' after every update"),
    Failure(
        "Not found in this Region",
        (r"Function not found: arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:[\w:$-]+",
         # No network gives the same words for a Region that exists.
         r"Could not connect to the endpoint URL: \"https://(?:[a-z]+\.)?[a-z]+\."
         rf"(?!{REGION}\.)[a-z]{{2,4}}-[a-z]+[\w-]*\.amazonaws\.com",
         r"Source image \d{12}\.dkr\.ecr\.[\w-]+\.amazonaws\.com/\S+ (?:is not valid|does not "
         r"exist)\. Provide a valid source image"),
        "names hold in one Region and one account. The function or the image is in another, was "
        "never created, or is deleted; or no Region has the name in the address.",
        "compare the Region in the message with boto3.Session().region_name; set "
        "AWS_DEFAULT_REGION, or `aws configure set region`. If it is right, create the function "
        "or push the image"),
    Failure(
        "No such module, no such handler",
        # `_name` is compiled: there, but for another Python or another system. Other errors of an
        # import (a missing library, a name that is gone) have other causes, too.
        (r"Unable to import module '[\w./-]+': No module named '(?![\w.]*\._)[\w.-]+'",
         r"Handler '\w+' missing on module '[\w./-]+'",
         r"Runtime\.HandlerNotFound: [\w./-]+ is undefined or not exported"),
        "Lambda imports MODULE and calls FUNCTION of `MODULE.FUNCTION`; the file is not in the "
        "image, something that it imports is not, or the function has another name.",
        "read the name in the message: `docker run --rm --entrypoint ls IMAGE` shows the files; "
        "requirements.txt must name what is imported; CMD or ImageConfig names the handler"),
    # Call
    Failure(
        "A number that JSON does not know",
        # Python's own bool can be written: that `bool` is NumPy 2's.
        (r"Object of type (?:u?int(?:8|16|32|64)|float(?:16|32|64)|longdouble|bool_?|ndarray) is "
         r"not JSON serializable",),
        "NumPy's numbers and arrays are not Python's, and JSON knows only Python's.",
        "float(value), int(value), array.tolist() before you return them"),
    Failure(
        "A malformed proxy response",
        (r"(?i)malformed Lambda proxy response",
         # 500 has further causes: an HTTP API says it where it may not invoke the function.
         r"\b502\b[^{]{0,20}\{ ?\"message\": ?\"Internal server error\" ?\}"),
        "the function failed, or returned what the API cannot send: `body` must be text, "
        "`statusCode` a number, `headers` a dict.",
        "look into the function's log first; if it says nothing, return "
        "{'statusCode': 200, 'body': json.dumps(…)}"),
    Failure(
        "A path that is not there",
        # 403 Forbidden has further causes: an API key, a firewall, a domain without a mapping.
        (r"\b403\b[^{]{0,20}\{ ?\"message\": ?\"Missing Authentication Token\" ?\}",
         r"\b404\b[^{]{0,20}\{ ?\"message\": ?\"Not Found\" ?\}"),
        "nothing is served at this address: the stage is missing or wrong, or the route is "
        "another. A REST API says `Missing Authentication Token` of paths that it does not know "
        "(and of a request without signature, where IAM must allow it).",
        "compare the address with API, stage, route: …/STAGE/predict; `$default` has no prefix"),
    Failure(
        "Out of time",
        (r"Task timed out after \d+\.\d\d seconds",),
        "the function took longer than its time-out; Lambda's default is 3 seconds.",
        "find out what takes so long (does it also with nothing to do? then it is the import); "
        "then raise Timeout, below the 30 seconds of an API"),
    Failure(
        "Out of memory",
        # Lambda's answer. A log's line alone may be of another program, or of a time-out.
        (r"Error: Runtime exited with error: signal: killed", r"Runtime\.OutOfMemory"),
        "the process needed more than MemorySize and was killed; Lambda's default is 128 MB.",
        "raise MemorySize; `Max Memory Used` in the REPORT line of a good run tells how far"),
    Failure(
        "A disk that cannot be written",
        (r"\[Errno 30\] Read-only file system",),
        "the folder is read-only; on Lambda, everything is but /tmp.",
        "on Lambda write to /tmp, or set the library's cache folder to it (HF_HOME, MPLCONFIGDIR, "
        "…); elsewhere, look at how the disk is mounted"),
    Failure(
        "More than fits into a request",
        (r"Request must be smaller than \d+ bytes for the Invoke\w* operation",
         r"Function\.ResponseSizeTooLarge",
         r"(?i)exceeded maximum allowed payload size"),
        "a request or an answer may have 6 MB, asynchronously 1 MB; base64 makes a file a third "
        "larger.",
        "put the file into S3 and send a presigned link, or answer with one"),
    Failure(
        "The payload of the command line",
        (r"(?P<words>Invalid base64: )\" ?[\[{\"]",),    # JSON where base64 is expected
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
        (r"External data path does not exist: \S+",
         r"Data of TensorProto.{0,200}, but it (?:doesn't exist|is not regular file)",
         r"(?:No such file or directory: |GetFileLength for )'?\S+\.onnx[._]data"),
        "the model is two files, MODEL.onnx and MODEL.onnx.data with the weights, and only the "
        "first was copied.",
        "export with external_data=False, or onnx.save(onnx.load(path), other_path) where both "
        "files are, or copy both"),
    Failure(
        "Channels first or channels last",
        # The number of channels (1, 3 or 4) is where rows or columns belong, and the other way
        # round. Any other difference of shapes may be a size, a batch, or a wrong feature.
        (r"index: 1 Got: \d+ Expected: ([134]) (?:index: 2 Got: \d+ Expected: \d+ )?"
         r"index: 3 Got: \1 Expected: (?!\1\b)\d+",
         r"index: 1 Got: ([134]) Expected: (?!\1\b)\d+ (?:index: 2 Got: \d+ Expected: \d+ )?"
         r"index: 3 Got: \d+ Expected: \1\b",
         r"expected input\[\d+, \d+, \d+, ([134])\] to have \1 channels, but got \d+ channels",
         r"expected axis -1 of input shape to have value ([134]), but received input with shape "
         r"\((?:None|\d+), \1, \d+, (?!\1\b)\d+\)"),
        "the axes are in another order than the model wants. PyTorch's models take (picture, "
        "channel, row, column), Keras's (picture, row, column, channel).",
        "look at session.get_inputs()[0].shape, then array.transpose(0, 3, 1, 2) or back"),
    Failure(
        "A pickle of another version",
        (r"Trying to unpickle estimator \w+ from version \S+ when using version",
         r"node array from the pickle has an incompatible dtype",
         r"Can't get attribute '\w+' on <module 'sklearn\.[\w.]+'",
         # An import of old code gives the same words: so only where a pickle was being opened.
         # `_loss` is a module of scikit-learn 1.8 and older (gradient boosting).
         rf"(?P<words>No module named '{MOVED}') {re.escape(UNPICKLING)}",
         r"\b(?:pickle|joblib)\.loads?\(.{0,4000}"
         rf"(?P<words>No module named '{MOVED}')",
         # It opens, and fails when it is asked. People's own code reads `multi_class`, too: so only
         # where scikit-learn's code asked for it.
         r"'SimpleImputer' object has no attribute '_fill_dtype'",
         r"sklearn/linear_model/_logistic\.py.{0,400}"
         r"(?P<words>'LogisticRegression\w*' object has no attribute 'multi_class')"),
        "a pickle holds names inside the library, not a model; it opens only under the version "
        "(and with the packages) that wrote it.",
        "pin the version that wrote it, or export to ONNX, which needs no scikit-learn at all"),
    Failure(
        "A category that nobody knows",
        (r"Unknown Category and zeros = 0",
         r"(?P<words>Found unknown categories) \[.{0,2000}\] in column \d+ during transform"),
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
