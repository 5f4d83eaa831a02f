"""The prose of a lesson, sentence by sentence: how hard it is to read, and how long it takes."""
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
EXERCISE = re.compile(r"^### Exercise (\d+): (.+?) \((\d+) minutes\)$", re.MULTILINE)
SOLUTION = re.compile(r"# BEGIN SOLUTION.*?# END SOLUTION", re.DOTALL)
WORDS_A_MINUTE, LINES_A_MINUTE = 130, 15        # words of prose and tables, lines of code
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


def markdown(cells):
    """The text of a lesson's Markdown cells."""
    return "\n\n".join(cell.source for cell in cells if cell.kind == "markdown")


def minutes(cells):
    """How long reading some cells of a lesson takes, in minutes as a float.

    Words of prose and tables count, and lines of code without exercises' solutions and checks.
    """
    text = markdown(cells)
    count = len(words(" ".join(sentences(text))))
    count += sum(len(words(line)) for line in text.splitlines() if line.startswith("|"))
    lines = sum(bool(line.strip()) for cell in cells
                if cell.kind == "code" and not {"check", "solution"} & set(cell.tags)
                for line in SOLUTION.sub("...", cell.source).splitlines())
    return count / WORDS_A_MINUTE + lines / LINES_A_MINUTE


def exercises(cells):
    """Number, title and minutes of each exercise, as its heading says."""
    return [(int(number), title, int(time))
            for number, title, time in EXERCISE.findall(markdown(cells))]
