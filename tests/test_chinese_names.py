"""Chinese products: their substance, without dosage form and acid."""

from __future__ import annotations

import pytest

from drugtext.chinese_names import chinese_moiety, chinese_substance
from drugtext.splits import ingredient_key


@pytest.mark.parametrize(
    ("product", "substance", "moiety"),
    [
        ("苯磺酸氨氯地平片", "苯磺酸氨氯地平", "氨氯地平"),
        ("注射用头孢曲松钠", "头孢曲松钠", "头孢曲松钠"),
        ("盐酸二甲双胍缓释片", "盐酸二甲双胍", "二甲双胍"),
        ("布洛芬缓释胶囊（0.3g）", "布洛芬", "布洛芬"),
        ("丙戊酸钠片", "丙戊酸钠", "丙戊酸钠"),
        ("葡萄糖酸钙口服溶液", "葡萄糖酸钙", "葡萄糖酸钙"),
        ("阿斯匹靈腸溶錠", "阿斯匹靈", "阿斯匹靈"),
        ("复方甘草片", "甘草", "甘草"),
        ("叶酸片", "叶酸", "叶酸"),
        ("Amlodipine", "", ""),
        ("甲" * 200, "甲" * 60, "甲" * 60),
        ("", "", ""),
    ],
)
def test_forms_and_acids_are_left_out(product, substance, moiety):
    assert (chinese_substance(product), chinese_moiety(product)) == (substance, moiety)
    assert ingredient_key(product) == (moiety or product.lower())


def test_products_of_one_substance_are_one_drug():
    assert len({*map(ingredient_key, ("阿莫西林胶囊", "阿莫西林颗粒", "注射用阿莫西林"))}) == 1
