"""Links of a folder of HTML pages that lead nowhere within it."""
import re
from urllib.parse import unquote

FROM, TO = re.compile(r'<a\b[^>]*\bhref="([^"]*)"'), re.compile(r'\bid="([^"]*)"')


def broken(folder):
    """Each such link as "page: link", in order; links to the network are not followed."""
    texts = {path.resolve(): path.read_text(encoding="utf-8")
             for path in sorted(folder.rglob("*.html"))}
    anchors = {path: set(TO.findall(text)) for path, text in texts.items()}
    found = []
    for path, text in texts.items():
        for link in FROM.findall(text):
            if re.match(r"[a-z]+:", link):
                continue
            target, _, anchor = link.partition("#")
            there = (path.parent / unquote(target)).resolve() if target else path
            if there not in anchors or anchor and unquote(anchor) not in anchors[there]:
                found.append(f"{path.relative_to(folder.resolve())}: {link}")
    return found
