"""Wrong answers to the exercises of lesson 00, each with words of its diagnosis; and right ones."""

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", 'return arn.split(":")', "returned a list"),
    ("Exercise 1", 'return arn.split(":")[3]', "that is the region"),
    ("Exercise 1", 'return arn.split(":")[-1]', "that is the end of the name"),
    ("Exercise 1", 'return arn.split(":")[4] or None', "names no account"),
    ("Exercise 2", "...", "still None"),
    ("Exercise 2", "fits = {name: mb for name, mb in size_mb.items() if mb <= ZIP_LIMIT_MB}",
     "make a list of names"),
    ("Exercise 2", "fits = [name for name, mb in size_mb.items() if mb >= ZIP_LIMIT_MB]",
     "is the comparison the right way?"),
    ("Exercise 2", "fits = []", "not in your list"),
    ("Exercise 3", "...", "still None"),
    ("Exercise 3", "returned = customer", "there is no customer.json in the bucket"),
    ("Exercise 3",
     's3.put_object(Bucket=bucket, Key="customer.json", Body=json.dumps(customer).encode())\n'
     'returned = s3.get_object(Bucket=bucket, Key="customer.json")["Body"].read()',
     "still text"),
    ("Exercise 3",
     's3.put_object(Bucket=bucket, Key="customer.json", Body=json.dumps(customer).encode())\n'
     'returned = s3.get_object(Bucket=bucket, Key="customer.json")',
     "the whole answer"),
    ("Exercise 3",
     's3.put_object(Bucket=bucket, Key="customer.json", Body=b"{}")\n'
     'returned = json.loads(s3.get_object(Bucket=bucket, Key="customer.json")["Body"].read())',
     "what came back differs"),
]

RIGHT = [
    ("Exercise 1", 'return arn.split(":", 5)[-2]'),
    ("Exercise 1", """\
_, _, _, _, found, _ = arn.split(":", 5)
return found"""),
    ("Exercise 1", """\
import re
return re.match(r"(?:[^:]*:){4}([^:]*)", arn).group(1)"""),
    ("Exercise 2", """\
fits = tuple(name for name in size_mb if size_mb[name] <= ZIP_LIMIT_MB)"""),
    ("Exercise 2", """\
fits = sorted(name for name, mb in size_mb.items() if not mb > ZIP_LIMIT_MB)"""),
    ("Exercise 2", """\
fits = []
for name in size_mb:
    if size_mb[name] <= ZIP_LIMIT_MB:
        fits.append(name)"""),
    ("Exercise 3", """\
s3.put_object(Body=json.dumps(customer), Key="customer.json", **owned)
returned = json.load(s3.get_object(**owned, Key="customer.json")["Body"])"""),
    ("Exercise 3", """\
text = json.dumps(customer, indent=2)
s3.put_object(**owned, Key="customer.json", Body=bytes(text, "utf-8"))
returned = json.loads(s3.get_object(**owned, Key="customer.json")["Body"].read().decode())"""),
    ("Exercise 3", """\
import io
s3.upload_fileobj(io.BytesIO(json.dumps(customer).encode()), bucket, "customer.json")
answer = s3.get_object(**owned, Key="customer.json")
returned = dict(json.loads(answer["Body"].read()))"""),
]
