"""`python3 -m workshop measure`: measure, print the table, keep samples and pictures."""
import argparse
import sys

from workshop.machine.paths import ROOT
from workshop.measure import figures, runs, text
from workshop.measure.variants import EVERY


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    if arguments[:1] == ["text"]:
        return text.main(arguments[1:])
    given = _parse(arguments)
    try:
        record = runs.run(given.variants, given.starts, given.cold_starts, given.memory,
                          given.against, given.processors)
    except (RuntimeError, FileNotFoundError) as error:      # all meant for people
        print(f"measure: {error}", file=sys.stderr)
        return 1
    print(figures.report(record), flush=True)
    print("\nSamples, summary and pictures: " + ", ".join(
        str(path.relative_to(ROOT)) for path in _keep_pictures(record)), flush=True)
    return 0


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python3 -m workshop measure", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure how long images take to start and to answer, in turn, as ratios.",
        epilog="variants:\n" + "\n".join(f"  {one.name:12}{one.bought}" for one in EVERY.values())
        + "\n\n`measure text` measures ways to serve the text model: measure text -h")
    parser.add_argument("variants", nargs="*", metavar="variant",
                        help="which to measure (default: those of lesson 14; the empty handler "
                             "always)")
    parser.add_argument("--starts", type=_number(1, 1000), default=30, metavar="N",
                        help="starts of each with its files in memory (default: 30)")
    parser.add_argument("--cold-starts", type=_number(0, 1000), default=10, metavar="N",
                        help="starts of each with its files only on disk (default: 10)")
    parser.add_argument("--memory", type=_number(128, 10_240), default=1769, metavar="MB",
                        help="memory, and with it the CPU: 1,769 MB buy one (default: 1769)")
    parser.add_argument("--against", metavar="COMMIT",
                        help="measure the images of this commit too, in the same rounds")
    parser.add_argument("--processors", type=_number(1, 6), default=1, metavar="N",
                        help="how many an image sees; Lambda shows 2 up to 3,008 MB (default: 1)")
    given = parser.parse_args(arguments)
    for name in given.variants:     # before anything is built
        if name not in EVERY:
            parser.error(f"there is no variant {name!r}")
    return given


def _number(least, most):
    def read(text):
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not from {least} to {most:,}")
        return value
    read.__name__ = "number"        # argparse says it when the text is none
    return read


def _keep_pictures(record):
    """Draw the plots to files and return all that build/measure/ now holds of this run."""
    import matplotlib
    matplotlib.use("agg")
    from matplotlib import pyplot

    from workshop.measure import plots
    paths = [runs.FOLDER / "starts.json", runs.FOLDER / "summary.json"]
    for name, (figure, _) in plots.every(record).items():
        paths.append(runs.FOLDER / f"{name}.png")
        figure.savefig(paths[-1], dpi=150)
        pyplot.close(figure)
    return paths
