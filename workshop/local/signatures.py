"""AWS's Signature Version 4, verified: in the Authorization header, or in the query (presigned).

botocore's own signer computes the signature once more from what arrived. Where a request is
refused, codes and messages are AWS's; `gate` sends them in the service's own format.
Source: "AWS Signature Version 4 for API requests", IAM User Guide.
"""
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest, HTTPHeaders
from botocore.credentials import Credentials
from botocore.loaders import Loader
from ministack.core import iam_evaluator, sigv4

from workshop.local.addresses import REGION

PRESIGNED_SECONDS = 604_800     # the longest that a presigned URL is valid
SKEW = timedelta(minutes=15)    # how far ahead a presigned URL's clock may be
UNSIGNED = {"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}   # bodies not covered
# Headers that name what is asked: a signature that leaves them out could be used for another thing.
COVERED = ("host", "x-amz-")
UNCOVERED = {"x-amz-content-sha256"}    # it is in the canonical request in its own right
# AWS's Regions, as botocore's list of partitions has them. Each has its own functions, queues ….
REGIONS = {name for partition in Loader().load_data("partitions")["partitions"]
           if partition["id"] == "aws" for name in partition["regions"]}


@dataclass(frozen=True)
class Request:
    """A request as it arrived. `headers`: lower-case name → value, repeated ones joined by a comma;
    `path` and `query` as sent, percent-encoded; `parameters`: the decoded query (name → values)."""
    method: str
    path: str
    query: str
    parameters: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Caller:
    """Who signed a request, and for which service and Region; by which key."""
    arn: str
    service: str
    region: str
    access_key: str


class RefusedError(Exception):
    """The request is refused. `code` and `message` are AWS's (str), `status` HTTP's (int; None
    stands for the one that a refused signature has in that service, else 400)."""

    def __init__(self, code: str, message: str, status: int | None = None):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


def is_signed(request: Request) -> bool:
    """Whether the request carries any AWS signature, valid or not."""
    return (request.headers.get("authorization", "").startswith("AWS")
            or any(name.lower() in ("x-amz-signature", "x-amz-credential", "x-amz-algorithm",
                                    "awsaccesskeyid") for name in request.parameters))


def verify(request: Request, account: str) -> Caller:
    """Who signed the request. Raises RefusedError: no signature, an unknown key, a wrong one."""
    if not is_signed(request):
        raise RefusedError("MissingAuthenticationToken", "Request is missing Authentication Token")
    presigned = "authorization" not in request.headers
    signature = _parsed(request, presigned)
    _check_time(request, signature, presigned)
    credential = _credential(request, signature, presigned, account)
    _check_region(signature, presigned)
    _check_covered(request, signature, presigned)
    expected = _signature(request, signature, presigned, credential)
    if not hmac.compare_digest(expected.encode(), signature.signature.encode()):
        raise RefusedError("SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH)
    return Caller(credential.principal_arn, signature.service, signature.region,
                  credential.access_key_id)


def _parsed(request: Request, presigned: bool) -> sigv4.HeaderSignature:
    """The signature's parts. Signature Version 2 and asymmetric signatures are not taken."""
    algorithm = request.parameters.get("X-Amz-Algorithm", [""])[0] if presigned \
        else request.headers["authorization"].partition(" ")[0]
    if algorithm != "AWS4-HMAC-SHA256":
        raise RefusedError("UnsupportedSignature",
                           "The request signature does not conform to AWS standards.")
    signature = sigv4.parse_query_signature(request.parameters) if presigned \
        else sigv4.parse_header_signature(request.headers)
    if isinstance(signature, tuple):
        raise RefusedError(*signature)
    if sigv4._amz_datetime(signature.amz_date) is None:
        raise RefusedError("IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got "
                                                  f"'{signature.amz_date}'.")
    if signature.date_stamp != signature.amz_date[:8]:
        raise RefusedError("CredentialDateMismatch",
                           "Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
                           "of date from HTTP.")
    return signature


def _check_time(request, signature, presigned) -> None:
    if not presigned:
        late = sigv4.request_time_failure(signature)
        if late:
            raise RefusedError(*late)
        return
    signed_at, now = sigv4._amz_datetime(signature.amz_date), datetime.now(timezone.utc)
    text = request.parameters.get("X-Amz-Expires", [""])[0]
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= PRESIGNED_SECONDS:
        raise RefusedError("IncompleteSignature",
                           "X-Amz-Expires must be a number of seconds from 1 to "
                           f"{PRESIGNED_SECONDS}.")
    if not signed_at - SKEW <= now < signed_at + timedelta(seconds=int(text)):
        raise RefusedError("RequestExpired", "Request has expired")


def _credential(request, signature, presigned, account):
    """The known key that the signature names, with its secret."""
    key = signature.access_key_id
    # MiniStack takes `test` and account numbers for the account's owner. Here nobody has such keys.
    if not key or iam_evaluator.is_root_access_key(key):
        raise RefusedError("UnrecognizedClientException",
                           "The security token included in the request is invalid.")
    token = request.parameters.get("X-Amz-Security-Token", [""])[0] if presigned \
        else request.headers.get("x-amz-security-token", "")
    credential = iam_evaluator.resolve_credential(key, account, token)
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        code = "UnrecognizedClientException" if credential.code == "InvalidToken" \
            else credential.code
        raise RefusedError(code, credential.message)
    return credential


def _check_region(signature, presigned) -> None:
    """The signature must name a Region that AWS has: one endpoint stands for all of them here."""
    if signature.region in REGIONS:
        return
    if signature.service != "s3":
        raise RefusedError("SignatureDoesNotMatch",
                           "Credential should be scoped to a valid region.")
    wrong = f"the region '{signature.region}' is wrong; expecting '{REGION}'"
    raise RefusedError(*(
        ("AuthorizationQueryParametersError", f"Error parsing the X-Amz-Credential parameter; "
         f"{wrong}") if presigned else
        ("AuthorizationHeaderMalformed", f"The authorization header is malformed; {wrong}")), 400)


def _check_covered(request, signature, presigned) -> None:
    """The signature must cover the host, each x-amz-… header, and the body."""
    covered = set(signature.signed_headers.split(";"))
    open_ones = sorted(name for name in {"host", *request.headers}
                       if name.startswith(COVERED) and name not in covered | UNCOVERED)
    if open_ones:
        raise RefusedError("SignatureDoesNotMatch",
                           "There were headers present in the request which were not signed: "
                           f"{', '.join(open_ones)}")
    declared = request.headers.get("x-amz-content-sha256")
    if presigned or declared is None or (declared in UNSIGNED and signature.service == "s3"):
        return
    if declared != hashlib.sha256(request.body).hexdigest():
        raise RefusedError("SignatureDoesNotMatch", "The provided 'x-amz-content-sha256' header "
                                                    "does not match what was computed.")


def _signature(request, signature, presigned, credential) -> str:
    """The signature that the holder of the key would have made for this request (hex)."""
    kind = {(False, False): SigV4Auth, (False, True): S3SigV4Auth,
            (True, False): SigV4QueryAuth, (True, True): S3SigV4QueryAuth}[
                presigned, signature.service == "s3"]
    signer = kind(Credentials(credential.access_key_id, credential.secret_access_key),
                  signature.service, signature.region)
    query = "&".join(part for part in request.query.split("&")
                     if not (presigned and part.startswith("X-Amz-Signature=")))
    if "#" in request.path + query:     # botocore would stop there
        raise RefusedError("SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH)
    again = AWSRequest(
        method=request.method, data=request.body,
        url=f"http://{request.headers['host']}{request.path}" + (f"?{query}" if query else ""))
    again.context["timestamp"] = signature.amz_date
    headers = HTTPHeaders()
    for name in signature.signed_headers.split(";"):
        headers[name] = request.headers.get(name, "")
    signer.headers_to_sign = lambda _request: headers       # those that the caller signed
    if not presigned and "x-amz-content-sha256" in request.headers:     # `_check_covered` looked
        again.headers["X-Amz-Content-SHA256"] = request.headers["x-amz-content-sha256"]
    return signer.signature(
        signer.string_to_sign(again, signer.canonical_request(again)), again)
