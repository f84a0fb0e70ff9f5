"""Terms of texts: words, and n-grams of characters where a script puts no blanks between words."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from kindred.generators.content import content_neighbors, content_terms, terms_of

ENGLISH = [
    "Green tea, 100 g; Brühl & Söhne",
    "Green TEA gift-box {'colour': 'red', 'size': 'XL'}",
    "Чай зелёный, подарок",
    "Running shoes for men x2",
    "안녕하세요 녹차 선물 세트",
    "running-shoes for women",
    "",
]


def test_terms__of_spaced_scripts_are_scikit_learns_words():
    words = TfidfVectorizer().build_analyzer()
    assert [terms_of(text) for text in ENGLISH] == [words(text) for text in ENGLISH]


def test_matrix__of_spaced_scripts_is_scikit_learns_to_the_last_bit():
    texts = ENGLISH * 3
    expected = TfidfVectorizer(sublinear_tf=True, min_df=2, max_df=20 / 21, dtype=np.float32).fit_transform(texts)
    found = content_terms(texts)[0]
    assert found.shape == expected.shape
    assert (found != expected).nnz == 0


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("绿茶礼盒3", ["绿茶", "茶礼", "礼盒"]),
        ("新款 iPhone 手机壳", ["iphone", "新款", "手机", "机壳"]),
        ("茶", ["茶"]),
        # Half-width kana are the same word as full-width ones.
        ("テスト", ["テス", "スト"]),
        ("ﾃｽﾄ", ["テス", "スト"]),
        ("ガラス", ["ガラ", "ラス"]),
        ("ｶﾞﾗｽ", ["ガラ", "ラス"]),
        # Vowels and tones stand above and below the letters: scikit-learn's words break at each of them.
        ("ชาเขียว", ["ชาเ", "าเข", "เขี", "ขีย", "ียว"]),
        ("ຊາ", ["ຊາ"]),
    ],
)
def test_terms__of_scripts_without_blanks_are_n_grams(text, terms):
    assert sorted(terms_of(text)) == sorted(terms)


def test_neighbors__of_new_items_whose_titles_have_no_blanks():
    kinds = ["绿茶礼盒", "小说精选", "男士跑步鞋", "台灯护眼"]
    titles = [f"{kinds[number % 4]}{number:02d}" for number in range(40)]
    neighbors = content_neighbors([*titles, "绿茶礼盒新款", "男士跑步鞋新款"], None, 10)
    assert set(neighbors[40].indices) == set(range(0, 40, 4))
    # The other new item says "new" too, but all else it says is of shoes.
    assert set(neighbors[41].indices) == set(range(2, 40, 4))
