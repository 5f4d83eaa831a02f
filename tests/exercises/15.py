"""Wrong answers to the exercises of lesson 15, each with words of its diagnosis; and right ones."""

EACH = "for path in sorted(folder.rglob('*')):\n    if path.is_file():\n        "
ENTRY = ("entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())\n        "
         "entry.external_attr = 0o644 << 16\n        ")
PUT = 's3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/current.json", Body='
CHOOSE = 'if libraries > 250:\n    return "image"\n'

WRONG = [
    ("Exercise 1", "...", "is pack still open?"),
    ("Exercise 1", f"{EACH}archive.write(path, path.relative_to(folder))", "the files' dates"),
    ("Exercise 1", f"{EACH}archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())",
     "names must be those within the folder"),
    ("Exercise 1",
     f"{EACH}archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), "
     "path.read_bytes(), zipfile.ZIP_DEFLATED)",
     "set external_attr to 0o644 << 16"),
    ("Exercise 1", f"{EACH}{ENTRY}archive.writestr(entry, path.read_bytes())",
     "give writestr zipfile.ZIP_DEFLATED"),
    ("Exercise 1",
     "for path in sorted(folder.rglob('*'), key=lambda path: path.stat().st_mtime):\n"
     f"    if path.is_file():\n        {ENTRY}"
     "archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)",
     "sort the paths"),
    ("Exercise 2", "...", "is the exercise still open?"),
    ("Exercise 2",
     'statement = {"Effect": "Allow", "Action": "s3:*", '
     '"Resource": f"arn:aws:s3:::{bucket}/{prefix}/*"}', "allows more than reading"),
    ("Exercise 2",
     'statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], '
     '"Resource": f"arn:aws:s3:::{bucket}/{prefix}/*"}', "is s3:GetObject alone"),
    ("Exercise 2",
     'statement = {"Effect": "Allow", "Action": "s3:GetObject", '
     '"Resource": f"arn:aws:s3:::{bucket}"}', "does not name the objects"),
    ("Exercise 2",
     'statement = {"Effect": "Allow", "Action": "s3:GetObject", '
     '"Resource": f"arn:aws:s3:::{bucket}/*"}', "put the prefix in"),
    ("Exercise 2",
     'statement = {"Effect": "Allow", "Action": "s3:GetObject", '
     '"Resource": f"arn:aws:s3:::{bucket}/{prefix}*"}', "end in /*"),
    ("Exercise 3", "...", "still points to version 3"),
    ("Exercise 3", f'{PUT}models["2"]["key"])', "use json.dumps"),
    ("Exercise 3", f'{PUT}json.dumps(models["1"]))', "that is version 1"),
    ("Exercise 3", f'{PUT}json.dumps({{"version": "2"}}))', "must have key and sha256"),
    ("Exercise 3", f'{PUT}json.dumps(models["3"] | {{"key": models["2"]["key"]}}))',
     "those of the same version"),
    ("Exercise 4", "...", "is it still open?"),
    ("Exercise 4", 'return "image"', "it fits beside the code"),
    ("Exercise 4",
     'if libraries + model <= 250:\n    return "zip, model inside"\nreturn "image"',
     "so it belongs in S3"),
    ("Exercise 4",
     CHOOSE + 'if not changes and libraries + model < 250:\n    return "zip, model inside"\n'
     'return "zip, model in S3" if model <= 512 else "image"', "exactly 250 MB fit"),
    ("Exercise 4",
     CHOOSE + 'if not changes and libraries + model <= 250:\n    return "zip, model inside"\n'
     'return "zip, model in S3"', "do not fit into /tmp"),
]

RIGHT = [
    ("Exercise 1", """\
for path in sorted(one for one in folder.rglob("*") if one.is_file()):
    entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (2000, 1, 1, 0, 0, 0))
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)"""),
    ("Exercise 1", """\
for path in sorted(one for one in folder.rglob("*") if one.is_file()):
    entry = zipfile.ZipInfo(str(path.relative_to(folder)))
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, path.read_bytes())"""),
    ("Exercise 1", """\
files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")
         if path.is_file()}
for name in sorted(files):
    entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 12, 0, 0))
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, files[name].read_bytes(), zipfile.ZIP_DEFLATED, 9)"""),
    ("Exercise 2", """\
statement = {"Sid": "ReadModels", "Effect": "Allow", "Action": ["s3:GetObject"],
             "Resource": [f"arn:aws:s3:::{bucket}/{prefix}/*"]}"""),
    ("Exercise 2", """\
statement = dict(Effect="Allow", Action="s3:getObject",
                 Resource="arn:aws:s3:::" + bucket + "/" + prefix + "/*")"""),
    ("Exercise 2", '''\
statement = {}
statement["Resource"] = "arn:aws:s3:::{}/{}/*".format(bucket, prefix)
statement["Action"], statement["Effect"] = "s3:GetObject", "Allow"'''),
    ("Exercise 3", """\
s3.put_object(**OWNED, Key=f"{PREFIX}/current.json", Body=json.dumps(models["2"]).encode(),
              ContentType="application/json")"""),
    ("Exercise 3", """\
pointer = {"key": models["2"]["key"], "sha256": models["2"]["sha256"]}
s3.put_object(Body=json.dumps(pointer, indent=2), Key=PREFIX + "/current.json", **OWNED)"""),
    ("Exercise 3", """\
s3.upload_fileobj(io.BytesIO(json.dumps(models["2"]).encode()), BUCKET,
                  f"{PREFIX}/current.json")"""),
    ("Exercise 4", '''\
if libraries > 250:
    return "image"
if libraries + model <= 250 and not changes:
    return "zip, model inside"
if model <= 512:
    return "zip, model in S3"
return "image"'''),
    ("Exercise 4", '''\
fits, in_tmp = libraries <= 250, model <= 512
if fits and not changes and libraries + model <= 250:
    return "zip, model inside"
return "zip, model in S3" if fits and in_tmp else "image"'''),
    ("Exercise 4", '''\
if libraries > 250 or (model > 512 and (changes or libraries + model > 250)):
    return "image"
return "zip, model in S3" if changes or libraries + model > 250 else "zip, model inside"'''),
]
