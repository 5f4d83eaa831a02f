"""Text to token numbers, as BERT's tokenizer without capitals makes them.

Letters become small and lose their accents, each punctuation mark and each Chinese character
becomes a word, and a word that is not in the vocabulary is cut into the longest pieces that are
(WordPiece). `##` marks a piece that goes on. Tests compare it with the package tokenizers.
"""
import unicodedata

LONGEST_WORD = 100      # characters; a longer word is [UNK], in the original too
CHINESE = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
           (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))


class Characters(dict):
    """For str.translate: what becomes of a character (by number), worked out when it is met."""

    def __missing__(self, number):
        char = chr(number)
        kind = unicodedata.category(char)
        if char in "\t\n\r" or kind[0] == "Z":
            made = " "
        elif kind in ("Cc", "Cf", "Co", "Cs", "Mn") or number == 0xFFFD:
            made = ""               # control, private, half a character; accent; broken
        elif kind[0] == "P" or is_ascii_mark(number) or is_chinese(number):
            made = f" {char} "
        else:
            made = char.lower()
        self[number] = made
        return made


def is_ascii_mark(number):
    return 33 <= number <= 47 or 58 <= number <= 64 or 91 <= number <= 96 or 123 <= number <= 126


def is_chinese(number):
    return number >= 0x3400 and any(first <= number <= last for first, last in CHINESE)


class WordPiece:
    """The tokenizer of one vocabulary. text: of its file, one token a line."""

    def __init__(self, text):
        self.numbers = {token: number for number, token in enumerate(text.split("\n"))}
        self.first, self.last, self.unknown = (
            self.numbers[name] for name in ("[CLS]", "[SEP]", "[UNK]"))
        self.characters = Characters()

    def encode(self, text, most):
        """Return (numbers, count): at most `most` token numbers, and how many the text has.

        Both count the marks of beginning and end. A text that is too long loses its end; the mark
        of the end stays.
        """
        pieces = []
        for word in unicodedata.normalize("NFD", text).translate(self.characters).split():
            number = self.numbers.get(word)
            pieces += self.cut(word) if number is None else (number,)
        return [self.first, *pieces[:most - 2], self.last], len(pieces) + 2

    def cut(self, word):
        """The numbers of a word's pieces, longest first from its start; [UNK] if one is missing."""
        pieces, start = [], 0
        while start < len(word) <= LONGEST_WORD:
            for end in range(len(word), start, -1):
                number = self.numbers.get(("##" if start else "") + word[start:end])
                if number is not None:
                    break
            else:
                return [self.unknown]
            pieces.append(number)
            start = end
        return pieces or [self.unknown]
