"""The text function's tokenizer against the package tokenizers, with the model's own files."""
import sys
import unicodedata

import numpy as np
import pandas as pd
import pytest

from workshop import minilm
from workshop.machine.paths import DATA, LAMBDA

NO_END = 10 ** 9        # tokens: all of the text
SCRIPTS = {"Latin": (0x20, 0x250), "Greek and Cyrillic": (0x370, 0x530), "Hebrew": (0x591, 0x5F0),
           "Arabic": (0x620, 0x6FF), "Devanagari": (0x904, 0x964), "Thai": (0xE01, 0xE3B),
           "kana and Chinese": (0x3041, 0x9FFF), "Hangul": (0xAC00, 0xD7A4),
           "arrows and boxes": (0x2190, 0x2600), "emoji": (0x1F300, 0x1FA00)}


@pytest.fixture(scope="module")
def ours():
    path = minilm.fetch() / "vocab.txt"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(LAMBDA / "text"))
        import wordpiece
    sys.modules.pop("wordpiece")
    return wordpiece.WordPiece(path.read_bytes().decode())


@pytest.fixture(scope="module")
def theirs():
    return minilm.tokenizer()


@pytest.fixture(scope="module")
def reviews():
    return pd.read_csv(DATA / "reviews.csv.gz", keep_default_na=False)["review"].tolist()


def test_every_review_gets_the_same_tokens(ours, theirs, reviews):
    assert len(reviews) == 5000
    wrong = [text for text in reviews if ours.encode(text, NO_END)[0] != theirs.encode(text).ids]
    assert not wrong


@pytest.mark.parametrize("most", [3, 16, 256])
def test_a_text_that_is_too_long_is_cut_as_the_package_cuts_it(ours, theirs, reviews, most):
    theirs.enable_truncation(most)
    try:
        for text in reviews[:200]:
            numbers, count = ours.encode(text, most)
            assert numbers == theirs.encode(text).ids and len(numbers) == min(count, most)
    finally:
        theirs.no_truncation()


@pytest.mark.parametrize("script", SCRIPTS)
def test_other_scripts_get_the_same_tokens(ours, theirs, script):
    draw, (first, end) = np.random.default_rng(seed=1), SCRIPTS[script]
    # Of a character that this Python's Unicode does not have, nothing can be said.
    known = [chr(one) for one in range(first, end) if unicodedata.category(chr(one)) != "Cn"]
    for _ in range(300):
        text = "".join(draw.choice([*known, " ", "a"], size=30))
        assert ours.encode(text, NO_END)[0] == theirs.encode(text).ids, ascii(text)


@pytest.mark.parametrize("text", [
    "", "   ", "a\u200bb", "naïve café", "İstanbul", "ΣΟΦΟΣ", "e\u0301", "\ufffd\x00\x07", "\t\n\r",
    "\u2028\u3000", "don't", "$1.50!!!", "a" * 100, "a" * 101, "茶は良い", "\ufb01sh", "½",
    "<br />", "http://example.com/?a=b", "no ##pieces", "x" * 5000, "word " * 10_000])
def test_odd_texts_get_the_same_tokens(ours, theirs, text):
    assert ours.encode(text, NO_END)[0] == theirs.encode(text).ids


def test_a_callers_text_cannot_hold_the_marks_of_the_model(ours, theirs):
    """The one difference that is meant: the package reads the text [SEP] as the mark of the end."""
    assert 102 in theirs.encode("a [SEP] b").ids[1:-1]
    assert 102 not in ours.encode("a [SEP] b", NO_END)[0][1:-1]
