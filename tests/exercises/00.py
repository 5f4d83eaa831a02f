"""Wrong answers to the exercises of lesson 00: (exercise, code, words of the diagnosis)."""

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
