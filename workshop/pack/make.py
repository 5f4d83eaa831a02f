"""`pack FOLDER`: make the folder, part by part; what is complete is kept, what is foreign is left.

Each part is written down in pack.json and SHA256SUMS as soon as it is complete. The next run
compares checksums and makes only what is missing, so an interrupted run can be repeated.
"""
import argparse
import datetime
import re
import shutil
import subprocess
import time
from pathlib import Path

from workshop.machine import base_image, engine, paths, requirements
from workshop.pack import checksums, contents, images, wheels
from workshop.pack.contents import PackError

SITE = "site"
# What may be removed when no part needs it now; somebody may have written more into SHA256SUMS.
OURS = re.compile(rf"{contents.NAMES.pattern}|{SITE}/(?!(.*/)?\.\./)[^\\:]+")
PAGE = Path(__file__).with_name(contents.PAGE)
# MB for each platform and Python, and for each processor: light, full. Light was measured in
# November 2026 (290 MB, and 98 MB with a base image of 56 MB), and rounded up for larger platforms.
# Full adds the files' sizes on PyPI: TensorFlow up to 351 MB, PyTorch 192 MB, MiniLM 84 MB …
WHEELS_MB = {True: 380, False: 1100}
FUNCTIONS_MB = {True: 400, False: 700}      # wheels for image builds, and base images


def main(arguments: list[str]) -> int:
    """Make or complete the folder and say what it holds. Raises PackError.

    The exit status is 1 where a kind of laptop cannot be set up from it.
    """
    chosen = _parse(arguments)
    began = time.monotonic()
    folder = Path(chosen.folder).absolute()
    maker = Maker(folder, chosen.light)
    platforms = chosen.platform or [contents.this_platform()]
    pythons = chosen.python or [contents.this_python()]
    processors = sorted({contents.PLATFORMS[one].architecture for one in platforms})
    maker.check_room(len(platforms) * len(pythons), len(processors))
    try:
        maker.make(platforms, pythons, processors)
    except OSError as error:        # the stick is full, or was taken away
        raise PackError(f"{folder}: {error}. Run the same command again when that is solved: what "
                        "is complete is kept.") from None
    _summary(maker, time.monotonic() - began)
    return 1 if _useless(maker.now) else 0


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python3 -m workshop pack", description="Put into FOLDER all that laptops without a "
        "network need: packages, base images, the workshop itself.")
    parser.add_argument("folder", metavar="FOLDER", help="new, empty, or made by this command")
    parser.add_argument("--light", action="store_true",
                        help=f"for lessons {contents.LIGHT[0]} to {contents.LIGHT[-1]} only")
    parser.add_argument("--platform", action="append", choices=contents.PLATFORMS,
                        help="a kind of laptop; may be repeated (default: this one)")
    parser.add_argument("--python", action="append", choices=("3.11", "3.12", "3.13"),
                        help="a Python on the laptops; may be repeated (default: this one)")
    return parser.parse_args(arguments)


class Maker:
    """The folder, what is in it, and its checksums."""

    def __init__(self, folder: Path, light: bool):
        self.folder = folder
        self.old, self.old_sums = _old(folder), checksums.read(folder)
        self.now = self.old or contents.empty()
        if self.now["version"] != contents.version():       # nothing of it fits any more
            self.now = contents.empty()
        self.light = light and not self.now["full"]
        if light and not self.light:
            print(f"pack: {folder} has all lessons; it keeps them", flush=True)
        self.now.update(complete=False, missing=[])
        self.lessons = list(contents.LIGHT) if self.light else None
        self.sums: dict[str, str] = {}
        self.lacking: list[str] = []        # what could not be had now, but for wheels

    def check_room(self, laptops: int, processors: int) -> None:
        """Raise PackError where the disk has too little room for that many kinds of laptops."""
        needed = laptops * WHEELS_MB[self.light] + processors * FUNCTIONS_MB[self.light]
        there = sum((self.folder / name).stat().st_size for name in self.old_sums
                    if (self.folder / name).is_file()) / 1e6
        disk = next(path for path in (self.folder, *self.folder.parents) if path.is_dir())
        free = shutil.disk_usage(disk).free / 1e6
        if free < needed - there:
            raise PackError(f"{disk} has {free:.0f} MB free; this needs about {needed - there:.0f} "
                            "MB more. Make room, or ask for less: --light, fewer --platform or "
                            "--python.")

    def make(self, platforms: list[str], pythons: list[str], processors: list[str]) -> None:
        """All parts, one after the other. Raises PackError and OSError."""
        self.begin()
        self.code()
        for platform in platforms:
            for python in pythons:
                self.wheels(platform, python)
        for processor in processors:
            self.functions(processor)
            self.images(processor)
        self.site()
        self.end()

    def begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        contents.write(self.folder, self.now)

    def code(self) -> None:
        """The workshop itself: the tracked files of the last commit, as a zip file."""
        commit = _git("rev-parse", "HEAD").strip()
        if _git("status", "--porcelain", "--untracked-files=no").strip():
            if _git("diff", "HEAD", "--name-only", "--", "environment.yml",
                    "environment.lock").strip():
                raise PackError("environment.yml or environment.lock has changes that are not "
                                "committed: packages and code in the folder would not fit. "
                                "Commit them first.")
            print("pack: changes that are not committed are left out", flush=True)
        self.now["commit"] = commit
        new = self.folder / f"{contents.CODE}.new"
        _git("archive", "--format=zip", "--prefix=workshop/", f"--output={new}", commit)
        new.replace(self.folder / contents.CODE)
        self.keep([contents.CODE])
        _say("the workshop, commit " + commit[:12], [self.folder / contents.CODE])

    def wheels(self, platform: str, python: str) -> None:
        """The packages of the environment for one kind of laptop."""
        name, began = contents.part(platform, python), time.monotonic()
        part = self.now["parts"].setdefault(name, {})
        wanted = contents.LIGHT_GROUPS if self.light else [*requirements.groups(), contents.BESIDE]
        for group in wanted:
            if not self.is_whole(part.get(group), contents.WHEELS):
                part[group] = self.fetch(contents.WHEELS, f"{name}, {group}",
                                         *_download(group, platform, python))
            self.keep([f"{contents.WHEELS}/{file}" for file in part[group]["files"]])
        files = {file for group in wanted for file in part[group]["files"]}
        _say(f"wheels for {name}: {len(files)}",
             [self.folder / contents.WHEELS / file for file in files], began)

    def functions(self, processor: str) -> None:
        """The packages that image builds install."""
        began, known = time.monotonic(), self.now["functions"]
        there = known.get(processor)
        if not self.is_whole(there, contents.FUNCTIONS) or there["lessons"] not in (
                None, self.lessons):
            known[processor] = self.fetch(
                contents.FUNCTIONS, f"functions {processor}",
                wheels.download_functions, self.lessons, processor) | {"lessons": self.lessons}
        names = [f"{contents.FUNCTIONS}/{file}" for file in known[processor]["files"]]
        self.keep(names)
        _say(f"wheels for image builds, {processor}: {len(names)}",
             [self.folder / name for name in names], began)

    def images(self, processor: str) -> None:
        """The image that builds start from, where Docker is here and has it, or can pull it."""
        began, known = time.monotonic(), self.now["images"]
        old = known.get(processor, [])
        if checksums.wrong(self.folder, [one["file"] for one in old], self.old_sums):
            old = []
        try:
            known[processor] = images.save(processor, self.folder, old)
        except (engine.EngineError, base_image.BaseImageError,
                subprocess.TimeoutExpired) as error:
            if not old:
                known.pop(processor, None)
                self.lacking.append(f"base image for {processor}: {str(error).splitlines()[0]}")
                return
        self.keep([one["file"] for one in known[processor]])
        _say(f"base images for {processor}: " + ", ".join(one["name"] for one in known[processor]),
             [self.folder / one["file"] for one in known[processor]], began)

    def site(self) -> None:
        """The executed pages, if `run` has left some."""
        source = paths.BUILD / SITE
        if not (source / "index.html").is_file():
            old = {name for name in self.old_sums if name.startswith(f"{SITE}/")}
            if not checksums.wrong(self.folder, old, self.old_sums) and old:
                return self.keep(list(old))
            self.lacking.append("executed pages: build/site is not there; `python3 -m workshop "
                                "run` makes it")
            return
        shutil.copytree(source, self.folder / SITE, dirs_exist_ok=True)
        files = [path for path in sorted(source.rglob("*")) if path.is_file()]
        self.keep([f"{SITE}/{path.relative_to(source).as_posix()}" for path in files])
        _say("executed pages", files)

    def end(self) -> None:
        """Remove what an earlier run wrote and no part needs now; then the folder is complete."""
        self.now.update(complete=True, full=not self.light,
                        date=datetime.date.today().isoformat(),
                        missing=[*_without_wheels(self.now), *self.lacking])
        for name in self.known_parts() - self.sums.keys():
            self.sums[name] = self.old_sums[name]       # of platforms that were not asked for now
        contents.write(self.folder, self.now)
        (self.folder / contents.PAGE).write_text(page(self.now), encoding="utf-8")
        self.keep([contents.FILE, contents.PAGE])
        for name in filter(OURS.fullmatch, self.old_sums.keys() - self.sums.keys()):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / contents.STAGE, ignore_errors=True)

    def known_parts(self) -> set[str]:
        """Files that pack.json names, and that were written down with a checksum."""
        return {name for name in files(self.now) if name in self.old_sums}

    # ------------------------------------------------------------ one part

    def fetch(self, place: str, name: str, work, *arguments) -> dict:
        """Let `work` download wheels, and put them into the folder `place` when all are there."""
        print(f"pack: {name} …", flush=True)
        staged = self.folder / contents.STAGE / name.replace(" ", "-")
        missing = work(*arguments, staged)
        return {"files": wheels.collect(staged, self.folder / place), "missing": missing}

    def is_whole(self, part: dict | None, place: str) -> bool:
        """Whether an earlier run's part is complete: nothing was missing, nothing has changed."""
        return bool(part) and not part["missing"] and not checksums.wrong(
            self.folder, [f"{place}/{file}" for file in part["files"]],
            self.old_sums | self.sums)

    def keep(self, names: list[str]) -> None:
        """Write down files and their checksums."""
        self.sums |= {name: checksums.of(self.folder / name) for name in names}
        contents.write(self.folder, self.now)
        checksums.write(self.folder, self.old_sums | self.sums
                        if not self.now["complete"] else self.sums)


def _old(folder: Path) -> dict | None:
    """What an earlier run made. Raises PackError for a folder with other people's files."""
    if folder.exists() and not folder.is_dir():
        raise PackError(f"{folder} is a file; name a folder")
    old = contents.read(folder) if folder.is_dir() else None
    others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if old is None and others:
        raise PackError(f"{folder} holds other files ({', '.join(others[:3])}"
                        f"{' …' if len(others) > 3 else ''}). Nothing was changed. Name a new or "
                        "an empty folder.")
    return old


def _download(group: str, platform: str, python: str):
    """The function that downloads a group, and its arguments but the folder."""
    if group == contents.BESIDE:
        return wheels.download_beside, platform, python
    return wheels.download_for, group, platform, python


def files(now: dict) -> set[str]:
    """The files of all parts of a pack, as paths in the folder."""
    return {f"{contents.WHEELS}/{file}" for part in now["parts"].values() for group in part.values()
            for file in group["files"]} | {
        f"{contents.FUNCTIONS}/{file}" for part in now["functions"].values()
        for file in part["files"]} | {
        one["file"] for part in now["images"].values() for one in part}


def _without_wheels(now: dict) -> list[str]:
    """The packages that are missing, with where they are."""
    found = [(f"{name}, {group}", part["missing"]) for name, groups in now["parts"].items()
             for group, part in groups.items()]
    found += [(f"image builds, {processor}", part["missing"])
              for processor, part in now["functions"].items()]
    return [f"{where}: no wheel of {one}" for where, missing in found for one in missing]


def _useless(now: dict) -> list[str]:
    """The kinds of laptops for which a package is missing that every lesson needs."""
    return [name for name, groups in now["parts"].items()
            if groups[requirements.FIRST]["missing"]]


def page(now: dict) -> str:
    """README.txt: what a learner does on a laptop."""
    missing = "".join(f"  - {line}\n" for line in now["missing"]) or "  nothing\n"
    return PAGE.read_text(encoding="utf-8").format(
        date=now["date"], commit=now["commit"][:12],
        lessons="all" if now["full"] else f"{contents.LIGHT[0]} to {contents.LIGHT[-1]}",
        laptops="".join(f"  - {name}; packages: {', '.join(part)}\n"
                        for name, part in now["parts"].items()),
        images="".join(f"  - {processor}: {one['name']}\n" for processor, part in
                       now["images"].items() for one in part) or "  none\n",
        missing=missing)


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(paths.ROOT), *arguments], capture_output=True,
                              text=True, errors="replace")
    except FileNotFoundError:
        raise PackError("git is not installed: `pack` copies the workshop with it") from None
    if done.returncode:
        raise PackError(f"`git {arguments[0]}` failed in {paths.ROOT}: {done.stderr.strip()} "
                        "(`pack` runs in a clone of the workshop)")
    return done.stdout


def _say(what: str, paths_: list[Path], began: float | None = None) -> None:
    size = sum(path.stat().st_size for path in paths_) / 1e6
    print(f"pack: {what}, {size:.1f} MB"
          + (f", {time.monotonic() - began:.0f} s" if began else ""), flush=True)


def _summary(maker: Maker, seconds: float) -> None:
    for line in maker.now["missing"]:
        print(f"pack: NOT in the folder: {line}", flush=True)
    for name in _useless(maker.now):
        print(f"pack: {name} cannot be set up: a package that every lesson needs is missing",
              flush=True)
    written = [*maker.sums, checksums.FILE]
    size = sum((maker.folder / name).stat().st_size for name in written)
    print(f"pack: {maker.folder} is complete: {len(written)} files, {size:,} bytes, "
          f"{seconds / 60:.1f} minutes. What to do on a laptop: {contents.PAGE}", flush=True)
