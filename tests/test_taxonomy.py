"""Taxonomies: the tree, what it refuses, and the four formats that are read."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from drugtext.errors import TaxonomyError
from drugtext.taxonomy import Category, Taxonomy, atc_parent, deepest_known

HEART = Category("H", "heart drugs")
RATE = Category("H1", "rate drugs", "H")
SLOW = Category("H1a", "slowing drugs", "H1")
SKIN = Category("S", "skin drugs")


@pytest.fixture
def tree() -> Taxonomy:
    return Taxonomy([SLOW, RATE, HEART, SKIN], "own")


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    file = folder / name
    file.write_text(text, encoding=encoding)
    return file


def test_tree_is_walked_both_ways(tree):
    assert tree.path("H1a") == (HEART, RATE, SLOW)
    assert tree.path("S") == (SKIN,)
    assert tree.children(None) == (HEART, SKIN)
    assert tree.children("H") == (RATE,)
    assert tree.children("H1a") == ()


def test_tree_is_a_collection_of_categories(tree):
    assert len(tree) == 4
    assert list(tree) == [SLOW, RATE, HEART, SKIN]
    assert "H1" in tree and "heart drugs" not in tree
    assert tree["H1"] is RATE


def test_a_category_is_found_by_id_or_by_its_only_name(tree):
    assert tree.find("H1") is RATE
    assert tree.find("rate drugs") is RATE


def test_an_id_wins_over_a_name():
    tree = Taxonomy([Category("a", "b"), Category("b", "a")])
    assert tree.find("a").id == "a"


def test_a_name_of_several_categories_is_refused():
    tree = Taxonomy([Category("a", "other"), Category("b", "other")])
    with pytest.raises(
        TaxonomyError, match=r"'other' belongs to 2 categories \(a, b\); give the id"
    ):
        tree.find("other")


def test_an_unknown_id_is_refused_by_name_of_the_taxonomy(tree):
    for look_up in (tree.__getitem__, tree.find, tree.path):
        with pytest.raises(
            TaxonomyError, match="'Z9' is not in the taxonomy 'own' of 4 categories"
        ):
            look_up("Z9")


def test_more_categories_make_another_taxonomy(tree):
    more = tree.with_categories([Category("S1", "eczema drugs", "S")])
    assert "S1" in more and "S1" not in tree
    assert more.name == "own"


def test_restriction_keeps_ancestors_and_order(tree):
    small = tree.restricted_to(["H1a"])
    assert [c.id for c in small] == ["H1a", "H1", "H"]
    assert small.name == "own"
    with pytest.raises(TaxonomyError, match="'Z9' is not in"):
        tree.restricted_to(["Z9"])


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ([Category("", "nameless id")], "'nameless id' has no id"),
        ([HEART, HEART], "'H' is there twice"),
        ([RATE], "'H1' has the parent 'H', which is not in the taxonomy"),
        ([Category("a", "a", "a")], "'a' is its own ancestor"),
        ([Category("a", "a", "b"), Category("b", "b", "a")], "is its own ancestor"),
        (
            [Category("x", "x", "a"), Category("a", "a", "b"), Category("b", "b", "a")],
            "is its own ancestor",
        ),
    ],
    ids=["no id", "duplicate", "missing parent", "own parent", "cycle", "cycle above"],
)
def test_what_is_no_tree_is_refused(categories, message):
    with pytest.raises(TaxonomyError, match=message):
        Taxonomy(categories)


def test_atc_parents_are_in_the_code():
    codes = ["C07AB02", "C07AB", "C07A", "C07", "C"]
    assert [atc_parent(code) for code in codes] == ["C07AB", "C07A", "C07", "C", None]


@pytest.mark.parametrize(
    "code", ["", "c07ab", "C7", "C07A1", "C07AB2", "C07AB023", "C07AB٠٢", "beta"]
)
def test_what_has_no_atc_shape_is_refused(code):
    with pytest.raises(TaxonomyError, match=f"{code!r} is no ATC code; one such as C, C07"):
        atc_parent(code)


def test_atc_is_read_with_the_first_name_column(tmp_path):
    file = write(
        tmp_path, "codes.csv", "code,name_en,name_zh\nC,Heart,心\nC07, Beta blockers ,\nC07A,,\n"
    )
    tree = Taxonomy.from_atc(file)
    assert tree.name == "atc"
    assert [c.name for c in tree.path("C07A")] == ["Heart", "Beta blockers", "C07A"]


def test_atc_without_names_is_named_by_code(tmp_path):
    assert Taxonomy.from_atc(write(tmp_path, "codes.csv", "code\nC\n"))["C"].name == "C"


def test_atc_faults_name_the_file_and_the_code(tmp_path):
    bad = write(tmp_path, "bad.csv", "code,name\nC,Heart\nCXX,what\n")
    with pytest.raises(TaxonomyError, match=r"bad\.csv: 'CXX' is no ATC code"):
        Taxonomy.from_atc(bad)
    orphan = write(tmp_path, "orphan.csv", "code,name\nC07,Beta blockers\n")
    with pytest.raises(TaxonomyError, match=r"orphan\.csv: category 'C07' has the parent 'C'"):
        Taxonomy.from_atc(orphan)


@pytest.mark.parametrize(
    "text",
    [
        "ATC code,ATC level name,DDD\nc,Heart,\nC07,Beta blockers,5\nC07,Beta blockers,9\n,note,\n",
        "id,atc_code,description\n0,C,Heart\n1,C07,Beta blockers\n",
        "编码;名称\nC;Heart\nC07;Beta blockers\n",
        "code,parent_name,name\nC,,Heart\nC07,Heart,Beta blockers\n",
        "status,atc_code,description,name\nA,C,x,Heart\nA,C07,y,Beta blockers\n",
    ],
)
def test_atc_tables_as_people_have_them(tmp_path, text):
    tree = Taxonomy.from_atc(write(tmp_path, "codes.csv", text))
    assert list(tree) == [Category("C", "Heart"), Category("C07", "Beta blockers", "C")]


def test_atc_tables_without_codes_are_refused(tmp_path):
    with pytest.raises(TaxonomyError, match="holds no ATC code"):
        Taxonomy.from_atc(write(tmp_path, "codes.csv", "code,name\n,Heart\n"))


def test_an_atc_code_of_two_names_is_refused(tmp_path):
    with pytest.raises(TaxonomyError, match="C is there twice, 'Heart' and 'Kidney'"):
        Taxonomy.from_atc(write(tmp_path, "codes.csv", "code,name\nC,Heart\nC,Kidney\n"))


def test_atc_tables_without_names_or_ancestors_say_what_they_lack(tmp_path):
    with pytest.raises(TaxonomyError, match=r"found code, ddd; a column of names is needed"):
        Taxonomy.from_atc(write(tmp_path, "codes.csv", "code,ddd\nC,5\n"))
    with pytest.raises(TaxonomyError, match=r"codes\.csv: lacks C07, D07, which stand above"):
        Taxonomy.from_atc(write(tmp_path, "codes.csv", "code,name\nC07A,x\nC,x\nD07A,x\n"))


def test_epc_takes_each_class_once_and_no_other_kind(tmp_path):
    text = (
        "drug,class_name,class_type\na,Beta Blocker,EPC\nb,Beta Blocker,EPC\nc,Amines,CS\nd,,EPC\n"
    )
    tree = Taxonomy.from_epc(write(tmp_path, "epc.csv", text))
    assert list(tree) == [Category("Beta Blocker", "Beta Blocker")]
    assert tree.name == "epc"
    assert len(Taxonomy.from_epc(write(tmp_path, "one.csv", "class_name\nOpioid\n"))) == 1


def test_ingredients_stand_below_each_class_that_they_are_of(tmp_path):
    text = (
        "ingredient,class_name,class_type\nalol,Beta Blocker [EPC],EPC\nalol,Antiarrhythmic,EPC\n"
        "alol,Amines,CS\nalol,Antiarrhythmic,EPC\n,Opioid,EPC\n"
    )
    tree = Taxonomy.from_epc_ingredients(write(tmp_path, "epc.csv", text))
    assert [c.id for c in tree.children(None)] == ["Antiarrhythmic", "Beta Blocker", "Opioid"]
    assert tree["Beta Blocker/alol"] == Category("Beta Blocker/alol", "alol", "Beta Blocker")
    assert len(tree) == 5 and tree.name == "epc" and tree.drug_level == 2
    with pytest.raises(TaxonomyError, match="needed columns: class_name, ingredient"):
        Taxonomy.from_epc_ingredients(write(tmp_path, "a.csv", "class_name\nOpioid\n"))


def test_epc_without_its_column_or_class_is_refused(tmp_path):
    with pytest.raises(TaxonomyError, match=r"found a, b; needed columns: class_name"):
        Taxonomy.from_epc(write(tmp_path, "a.csv", "a,b\n1,2\n"))
    with pytest.raises(TaxonomyError, match='no row has the class_type "EPC"'):
        Taxonomy.from_epc(write(tmp_path, "b.csv", "class_name,class_type\nAmines,CS\n"))


KEG = """+C\tdrugs
#<h2>Written for this test</h2>
!
A<b>H Heart drugs</b>
B
B  H1 Rate drugs
C    D1 Slowol
C    D1 Slowol
C    D2 Fastol
AS Skin drugs
B  S1 Creams
C    D1 Slowol
C    D1 Slowol
B  lone
!
#Last updated: never
"""


def test_keg_reads_depth_from_the_first_letter(tmp_path):
    tree = Taxonomy.from_keg(write(tmp_path, "br1.keg", KEG))
    assert tree.name == "br1"
    assert [(c.id, c.name) for c in tree.path("D2")] == [
        ("H", "Heart drugs"),
        ("H1", "Rate drugs"),
        ("D2", "Fastol"),
    ]
    assert tree["lone"] == Category("lone", "lone", "S")


def test_keg_keeps_an_id_of_two_branches_apart_and_repeats_once(tmp_path):
    tree = Taxonomy.from_keg(write(tmp_path, "br1.keg", KEG))
    assert [c.id for c in tree] == ["H", "H1", "D1", "D2", "S", "S1", "D1/S1", "lone"]


def test_keg_lines_without_codes_are_names(tmp_path):
    tree = Taxonomy.from_keg(
        write(tmp_path, "b.keg", "AAgents for pain\nAAgents for sleep\nB  x y\n")
    )
    assert [c.name for c in tree.children(None)] == ["Agents for pain", "Agents for sleep"]
    assert tree.path("x")[0].name == "Agents for sleep"


def test_keg_without_lines_or_with_a_gap_is_refused(tmp_path):
    with pytest.raises(TaxonomyError, match=r"empty\.keg: no KEGG BRITE line found"):
        Taxonomy.from_keg(write(tmp_path, "empty.keg", "#title\n!\n"))
    with pytest.raises(TaxonomyError, match=r"gap\.keg: 'C    D1 x' is deeper than"):
        Taxonomy.from_keg(write(tmp_path, "gap.keg", "AH heart\nC    D1 x\n"))


def test_csv_reads_a_tree(tmp_path):
    text = '\ufeffid, name ,parent,note\nh1,"rate, slow or fast",h,x\nh,Heart,\n,,,\nu,,\n'
    tree = Taxonomy.from_csv(write(tmp_path, "mine.csv", text))
    assert tree.name == "mine"
    assert tree.path("h1") == (Category("h", "Heart"), Category("h1", "rate, slow or fast", "h"))
    assert tree["u"].name == "u"


def test_csv_needs_no_parent_column(tmp_path):
    tree = Taxonomy.from_csv(write(tmp_path, "flat.csv", "id,name\na,A\n"))
    assert list(tree) == [Category("a", "A")]


def test_titles_of_columns_as_people_write_them(tmp_path):
    for text in (
        'Category ID,Name,Parent_Code\nheart,Heart,\n="01",Pressure,heart\n',
        "\nsep=;\n编码;名称;上级\nheart;Heart;\n01;Pressure;heart\n",
        "Our shelves,,\nid,name,parent id\nheart,Heart,\n01,Pressure,heart\n",
        "Shelves, as of May, ours\nid;name;parent\nheart;Heart;\n01;Pressure;heart\n",
        "category_id,category_name,parent_id\nheart,Heart,\n01,Pressure,heart\n",
        "id,name,parent,Name\nheart,Heart,,x\n01,Pressure,heart,x\n",
    ):
        tree = Taxonomy.from_csv(write(tmp_path, "own.csv", text))
        assert [c.name for c in tree.path("01")] == ["Heart", "Pressure"]


def test_titles_as_they_stand_come_before_those_that_are_like_them(tmp_path):
    text = '_id,id,name,parent_id\n5f,heart,Heart="x",0\n6f,01,High\x0bpressure,heart\n'
    tree = Taxonomy.from_csv(write(tmp_path, "own.csv", text))
    assert [c.id for c in tree.path("01")] == ["heart", "01"]
    assert [c.name for c in tree] == ['Heart="x"', "High\x0bpressure"]


def test_a_title_stands_above_a_table_of_codes(tmp_path):
    for text in ("ATC index\ncode,name\nC,HEART\n", "ATC index\ncode;name\nC;HEART\n"):
        (tree,) = Taxonomy.from_atc(write(tmp_path, "atc.csv", text))
        assert tree == Category("C", "HEART")


def test_a_workbook_is_called_so(tmp_path):
    (tmp_path / "own.xlsx").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(TaxonomyError, match=r"own\.xlsx: is a workbook of a spreadsheet; save it"):
        Taxonomy.from_csv(tmp_path / "own.xlsx")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code,title\n1,2\n", r"own\.csv: found code, title; needed columns: id, name"),
        ("", "found no column; needed columns: id, name"),
        ("id,name\n", "holds no row"),
        ("id,name\na,Pain, fever\n", "'a,Pain,fever' has more cells than columns"),
        ("id,name\na,A\na,B\n", r"own\.csv: category id 'a' is there twice"),
        ("id,name\n,A\n", r"own\.csv: category 'A' has no id"),
        ("id,name,parent\na,A,b\n", "'a' has the parent 'b'"),
    ],
    ids=["columns", "empty file", "no rows", "comma", "duplicate", "no id", "missing parent"],
)
def test_a_faulty_csv_is_refused(tmp_path, text, message):
    with pytest.raises(TaxonomyError, match=message):
        Taxonomy.from_csv(write(tmp_path, "own.csv", text))


@pytest.mark.parametrize("read", [Taxonomy.from_atc, Taxonomy.from_csv, Taxonomy.from_keg])
def test_unreadable_files_are_refused_by_name(tmp_path, read):
    with pytest.raises(TaxonomyError, match=r"absent\.csv: cannot be read .*No such file"):
        read(tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(TaxonomyError, match=r"binary\.csv: .*(binary data|in UTF-8)"):
        read(tmp_path / "binary.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_as_spreadsheets_save_it(tmp_path, encoding, delimiter):
    lines = ["ID,Name,Parent", "心,心血管系统用药,", "压,治疗高血压的药品,心", "胃,消化系统用药,"]
    text = "\r\n".join(lines).replace(",", delimiter)
    tree = Taxonomy.from_csv(write(tmp_path, "mine.csv", text, encoding))
    assert [step.name for step in tree.path("压")] == ["心血管系统用药", "治疗高血压的药品"]


@pytest.mark.real_data
def test_real_taxonomies_are_read_whole(real_data, tmp_path):
    folder = real_data / "taxonomies"
    atc = Taxonomy.from_atc(folder / "atc_en_zh.csv")
    assert len(atc) == 6996 and len(atc.children(None)) == 14 and atc.drug_level == 5
    assert [c.id for c in atc.path("C07AB02")] == ["C", "C07", "C07A", "C07AB", "C07AB02"]

    keg = Taxonomy.from_keg(folder / "kegg_br08303_2015.keg")
    assert len(keg.children(None)) == 14 and len(keg) == 12275
    assert [c.id for c in keg.path("A01AA01")] == ["A", "A01", "A01A", "A01AA", "A01AA01"]
    assert {c.id for c in keg if len(c.id) == 3} <= {c.id for c in atc}

    epc = Taxonomy.from_epc(folder / "ingredient_fda_class.csv")
    assert len(epc) == 459 and all(c.parent_id is None for c in epc)

    with (folder / "nrdl_classes.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / "nrdl.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "name", "parent"])
        table.writerows([r["code"], r["name_zh"], r["parent"]] for r in rows)
    nrdl = Taxonomy.from_csv(tmp_path / "nrdl.csv")
    assert len(nrdl) == len(rows) == 695
    assert [c.id for c in nrdl.path("T00010")] == ["T", "T00010"]


def test_the_deepest_known_step_of_a_path_is_the_last_that_is_known():
    path = ["C", "C07", "C07A", "C07AB"]
    assert deepest_known(path, {"C", "C07A", "N"}) == "C07A"
    assert deepest_known(path, Taxonomy([Category("C", "heart")])) == "C"
    assert deepest_known(path, {"N"}) is deepest_known([], {"C"}) is None
