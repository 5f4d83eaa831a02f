"""The prose of a lesson, sentence by sentence, and how hard it is to read."""
import re

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`]+`")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
TAG = re.compile(r"<[^>]+>")
MARK = re.compile(r"^\s*(?:[-*+]|\d+\.|>)\s+")
BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.)\s)")    # a paragraph, or an item of a list
NO_SENTENCE = re.compile(r"\s*(#|\||\$\$|---|<img)")    # heading, table, formula, picture
END = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[\"'(*_]*[A-Z0-9`])")
WORD = re.compile(r"[A-Za-z0-9][\w'’.,×%/-]*")
LONG = 6                                                               # letters, by LIX


def paragraphs(markdown):
    """Paragraphs and list items of a Markdown text, without headings, tables and code.

    A piece of code within a sentence counts as one word.
    """
    found = []
    for block in BLOCK.split(FENCE.sub("\n", markdown)):
        lines = [line for line in block.splitlines() if not NO_SENTENCE.match(line)]
        plain = TAG.sub(" ", " ".join(lines))
        plain = MARK.sub("", LINK.sub(r"\1", CODE.sub("Code", plain)))
        plain = " ".join(re.sub(r"[*_]{1,3}(\S)", r"\1", plain).split())
        if WORD.search(plain):
            found.append(plain)
    return found


def sentences(markdown):
    """The sentences of a Markdown text."""
    return [sentence for paragraph in paragraphs(markdown) for sentence in END.split(paragraph)
            if WORD.search(sentence)]


def words(text):
    """The words of a plain text."""
    return WORD.findall(text)


def lix(texts):
    """How hard sentences are to read: LIX (C. H. Björnsson, "Läsbarhet", 1968).

    The mean number of words in a sentence, and the percentage of words with more than six letters:
    below 30 is easy, above 50 hard.
    """
    every = [word for sentence in texts for word in words(sentence)]
    long = [word for word in every if sum(letter.isalpha() for letter in word) > LONG]
    return len(every) / len(texts) + 100 * len(long) / len(every)
