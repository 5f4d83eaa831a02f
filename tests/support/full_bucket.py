"""A bucket that cannot go before it is empty of all that S3 keeps in it."""


def fill(s3, bucket):
    """Leave old versions, a deletion marker and half an upload in a bucket. s3: a boto3 client."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for content in b"one", b"two":
        s3.put_object(Bucket=bucket, Key="file", Body=content)
    s3.delete_object(Bucket=bucket, Key="file")
    s3.create_multipart_upload(Bucket=bucket, Key="half")
