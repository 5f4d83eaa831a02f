"""Colours of code, light and dark, from two of Pygments' styles."""
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES

# Of Pygments' styles, these have the strongest contrast: above 4.5 for all that is written.
LIGHT, DARK = "xcode", "github-dark"


def css() -> str:
    """Rules for the classes that Pygments gives to the parts of code."""
    light, dark = get_style_by_name(LIGHT), get_style_by_name(DARK)
    rules = []
    for token, name in STANDARD_TYPES.items():
        here, there = light.style_for_token(token), dark.style_for_token(token)
        if name and (here["color"] or there["color"]):
            pair = ", ".join(f"#{one['color']}" if one["color"] else "var(--text)"
                             for one in (here, there))
            rules.append(f".highlight .{name} {{ color: light-dark({pair}); }}")
    return "\n".join(rules) + "\n"
