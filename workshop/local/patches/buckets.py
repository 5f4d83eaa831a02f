"""S3: a request that names the account which must own the bucket is refused when another does.

MiniStack passes over ExpectedBucketOwner. With this patch, a lesson or function that names the
wrong account fails here as on AWS.
"""
from workshop.local.addresses import ACCOUNT

HEADERS = ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner")


def apply(port: int) -> None:
    """Put the check before MiniStack's own handling of S3 requests."""
    from ministack.services import s3
    s3.handle_request = checked(s3.handle_request)


def checked(handle_request):
    """Refuse a request that expects a bucket of another account; hand the others on."""
    from ministack.services import s3

    async def handle(method, path, headers, body, query_params, *arguments, **options):
        bucket, _ = s3._parse_bucket_key(path, headers)
        expected = [headers[one] for one in HEADERS if one in headers]
        if bucket in s3._buckets and any(account != ACCOUNT for account in expected):
            return s3._error("AccessDenied", "Access Denied", 403, path)
        return await handle_request(method, path, headers, body, query_params, *arguments,
                                    **options)
    return handle
