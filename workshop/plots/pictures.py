"""Rows of small pictures, bars side by side, and matrices: `show(*gallery(…))`."""
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from workshop.plots import BLUE, GREY, set_style


def gallery(pictures: Mapping[str, np.ndarray | Path] | Sequence[tuple[str, np.ndarray | Path]],
            columns: int, words: str, title: str = "", size: tuple[float, float] = (9, 5.4)):
    """Pictures in rows of `columns`, each under its caption, an array or a file.

    Where captions may be equal, give a list of pairs instead of a dict.
    """
    set_style()
    pairs = list(pictures.items() if isinstance(pictures, Mapping) else pictures)
    figure, axes = plt.subplots(-(-len(pairs) // columns), columns, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, (caption, picture) in zip(axes.flat, pairs):
        if isinstance(picture, Path):
            with Image.open(picture) as file:
                picture = np.array(file)
        limits = {"vmin": 0, "vmax": 255} if np.asarray(picture).dtype == np.uint8 else {}
        axis.imshow(picture, cmap="gray", **limits)
        axis.set_title(caption, fontsize=11, loc="center", pad=4)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    captions = dict.fromkeys(" ".join(caption.split()) for caption, _ in pairs if caption)
    return figure, words + (": " + "; ".join(captions) if captions else ".")


def learning_curves(loss: Mapping[str, Sequence[float]], accuracy: Mapping[str, Sequence[float]],
                    title: str):
    """Loss and accuracy (a share), an epoch at a time, on training and on validation pictures."""
    set_style()
    figure, panels = plt.subplots(1, 2, figsize=(9, 4.2))
    styles = {"training": ("--", GREY), "validation": ("-", BLUE)}
    for axes, curves, name in zip(panels, (loss, accuracy), ("Loss", "Accuracy")):
        for kind, (style, colour) in styles.items():
            axes.plot(range(1, len(curves[kind]) + 1), curves[kind], style, color=colour,
                      label=f"{kind} pictures")
        axes.set(xlabel="Epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_ylim(bottom=0)
    panels[1].yaxis.set_major_formatter("{x:.0%}")
    panels[1].legend(frameon=False, loc="lower right")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    ends = {kind: (accuracy[kind][0], accuracy[kind][-1]) for kind in styles}
    return figure, f"Two line charts over {len(loss['training'])} epochs, loss and accuracy. " + (
        "; ".join(f"the accuracy on {kind} pictures goes from {first:.0%} to {last:.0%}"
                  for kind, (first, last) in ends.items()) + ".")


def matrix(counts: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str,
           labels: tuple[str, str], notes: Sequence[Sequence[str]] | None = None):
    """A matrix of counts, its cells filled by size; labels: of the rows and of the columns.

    notes: a word below each count.
    """
    set_style()
    figure, axes = plt.subplots(figsize=(8, 6.6) if len(rows) > 2 else (6.4, 4.6))
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=counts.max() * 1.3)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            words = f"{count:,}" + (f"\n{notes[row][column]}" if notes else "")
            axes.text(column, row, words, ha="center", va="center",
                      fontsize=11 if len(rows) > 2 else 12,
                      color="white" if count > counts.max() * 0.7 else "black")
    turned = {"rotation": 45, "ha": "right"} if len(columns) > 2 else {}
    axes.set_xticks(range(len(columns)), columns, **turned)
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlabel=labels[1], ylabel=labels[0], title=title)
    found = counts.diagonal() / counts.sum(axis=1)
    return figure, f"Matrix of {counts.sum():,}. On the diagonal, of each row: " + ", ".join(
        f"{name} {share:.0%}" for name, share in zip(rows, found)) + "."


def accuracies(table, title: str):
    """A matrix of accuracies (shares). table: a DataFrame; row: served with, column: trained with.
    """
    set_style()
    names, dark = list(table.columns), np.mean([np.min(table), np.max(table)])
    figure, axes = plt.subplots(figsize=(5, 3.8))
    axes.imshow(table, cmap="cividis", vmin=np.min(table), vmax=np.max(table))
    for (row, column), value in np.ndenumerate(table.to_numpy()):
        axes.text(column, row, f"{value:.1%}", ha="center", va="center", fontsize=16,
                  color="white" if value < dark else "black")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(table)), table.index)
    axes.set(xlabel="trained with", ylabel="served with", title=title)
    return figure, f"{title}: " + "; ".join(
        f"trained with {a}, served with {b}: {table.loc[b, a]:.1%}"
        for a in names for b in table.index) + "."


def stacked(values: Mapping[str, Mapping[str, float]], colours: Mapping[str, str], title: str,
            xlabel: str, unit: str = ""):
    """A bar for each name, made of parts; the colours are those of the parts, in their order."""
    set_style()
    figure, axes = plt.subplots(figsize=(8, 1.6 + 0.6 * len(values)))
    left = np.zeros(len(values))
    for part, colour in colours.items():
        width = np.array([parts[part] for parts in values.values()])
        axes.barh(list(values), width, left=left, color=colour, edgecolor="black", linewidth=0.4,
                  label=part)
        left += width
    axes.set(xlabel=xlabel, title=title)
    axes.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return figure, f"Stacked bars, {xlabel}. " + " ".join(
        f"{name}: " + ", ".join(f"{part} {parts[part]:.3g}{unit}" for part in colours) + "."
        for name, parts in values.items())


def pairs(values: Mapping[str, Mapping[str, float]], colours: Iterable[str], xlabel: str,
          title: str, form: str = "{:.1%}"):
    """Bars side by side: kind → name → value, a bar for each kind at each name."""
    set_style()
    names = list(next(iter(values.values())))
    figure, axes = plt.subplots(figsize=(8, 1.4 + 0.55 * len(names)))
    height = 0.8 / len(values)
    for number, ((kind, found), colour) in enumerate(zip(values.items(), colours)):
        places = np.arange(len(names)) + (number - (len(values) - 1) / 2) * height
        bars = axes.barh(places, [found[name] for name in names], height * 0.95, color=colour,
                         label=kind)
        axes.bar_label(bars, [form.format(found[name]) for name in names], padding=4)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set(xlabel=xlabel, title=title)
    axes.xaxis.set_major_formatter(lambda value, _: form.format(value).replace(".0%", "%"))
    figure.legend(loc="outside upper right", ncols=len(values), frameon=False)
    return figure, f"Bars, {xlabel}. " + "; ".join(
        f"{kind}, {name} {form.format(found[name])}"
        for kind, found in values.items() for name in names)
