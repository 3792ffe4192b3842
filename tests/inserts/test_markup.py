"""element_text: markup into readable lines."""

import pytest
from lxml import etree, html

from drugtext.inserts.markup import element_text


def text_of(xml: str, **options) -> str:
    return element_text(etree.fromstring(xml), **options)


def test_blocks_end_lines_and_inline_elements_do_not():
    xml = "<text>A<paragraph>one <content>two</content>\n three</paragraph>B<br/>C</text>"
    assert text_of(xml) == "A\none two three\nB\nC"


def test_namespaces_are_ignored():
    xml = '<s xmlns="urn:hl7-org:v3"><title>T</title><paragraph>p</paragraph></s>'
    assert text_of(xml) == "T\np"


def test_html_headings_and_paragraphs_end_lines():
    page = html.fromstring("<div><h2>Uses</h2><p>Pain&nbsp;and <b>fever</b>.<p>Cough.</div>")
    assert element_text(page) == "Uses\nPain and fever.\nCough."


def test_sub_and_sup_stay_inline():
    assert text_of("<p>beta<sub>1</sub> and 10<sup>9</sup>/L</p>") == "beta1 and 109/L"


def test_items_begin_with_one_bullet():
    xml = (
        "<list><item>a</item><item><paragraph>b</paragraph></item><item>• c</item>"
        "<item><caption>•</caption>d</item><item><caption>o</caption> e</item><item/></list>"
    )
    assert text_of(xml) == "• a\n• b\n• c\n• d\n• e"


def test_the_caption_of_an_item_is_its_marker():
    assert text_of("<list><item><caption>1.</caption>a</item></list>") == "• 1. a"


def test_a_list_in_an_item_has_bullets_of_its_own():
    assert text_of("<ul><li>a<ul><li>b</li></ul>c</li></ul>") == "• a\n• b\nc"


def test_a_table_has_one_line_a_row_without_empty_cells():
    xml = (
        "<table><caption>Table 1</caption>"
        "<thead><tr><th/><th>Drug</th><th>n<br/>(%)</th></tr></thead>"
        "<tbody><tr><td>Rash</td><td><p>4</p></td><td><ul><li>x</li></ul></td></tr></tbody></table>"
    )
    assert text_of(xml) == "Table 1\nDrug | n (%)\nRash | 4 | • x"


def test_a_row_of_one_cell_keeps_its_lines():
    xml = "<table><tr><td/><td><h1>Uses</h1><p>Pain</p></td></tr></table>"
    assert text_of(xml) == "Uses\nPain"


def test_a_table_in_a_cell_is_folded_into_the_row():
    xml = "<tr><td><table><tr><td>a</td><td>b</td></tr></table></td><td>c</td></tr>"
    assert text_of(xml) == "a | b | c"


def test_cells_without_a_row_are_lines():
    assert text_of("<table><td>a</td><td>b<td>c</td>d</td></table>") == "a\nb\nc\nd"


def test_words_between_cells_are_kept():
    assert text_of("<tr>a<td>b</td>c<td>d</td>e</tr>") == "a | b | c | d | e"


def test_a_footnote_stands_where_it_is_referred_to():
    xml = "<p>x<footnote>first <b>note</b></footnote>, y<footnote>n</footnote>z<footnote/>.</p>"
    assert text_of(xml) == "x (first note), y (n) z."


def test_comments_instructions_scripts_and_styles_are_ignored_but_not_what_follows():
    xml = "<p>a<!-- b -->c<?d e?>f<script>g</script>h<STYLE>i</STYLE>j</p>"
    assert text_of(xml) == "acfhj"


def test_skipped_elements_are_left_out_but_not_what_follows():
    xml = "<section>a<component>b<p>c</p></component>d<text>e</text></section>"
    assert text_of(xml, skip={"component"}) == "ad\ne"
    assert text_of("<component>a<component>b</component></component>", skip={"component"}) == "a"


def test_the_tail_of_the_element_is_not_part_of_it():
    first = etree.fromstring("<r><p>a</p>tail</r>")[0]
    assert element_text(first) == "a"


def test_white_space_is_folded_and_there_are_no_blank_lines():
    xml = "<div>\n\n a\u00a0\u3000 b\u200b\u00adc <p> </p><p/><br/><br/>\t d\n</div>"
    assert text_of(xml) == "a bc\nd"


def test_lines_of_preformatted_text_are_kept():
    assert text_of("<div>a\nb<pre>c\n  d\n\ne</pre>f\ng</div>") == "a b\nc\nd\ne\nf g"


def test_names_with_a_colon_as_word_processors_write_them():
    assert element_text(html.fromstring("<p>a<o:p>b</o:p>c</p>")) == "abc"


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ("<p><content>In vitro</content>studies</p>", "In vitro studies"),
        ("<p>see <linkHtml>(7.1)</linkHtml>and</p>", "see (7.1) and"),
        ("<p><content>Heart:</content>pulse</p>", "Heart: pulse"),
        ("<p><content>W</content>arning</p>", "Warning"),
        ("<p>C<content>24</content>H</p>", "C24H"),
        ("<p><content>Examplol</content>-abcd, <content>x y</content>.</p>", "Examplol-abcd, x y."),
        ("<p><content>beta<sub>1</sub></content>agonist</p>", "beta1agonist"),
    ],
)
def test_the_space_lost_behind_a_styled_run_is_restored(xml, text):
    assert text_of(xml) == text


def test_an_empty_element_has_no_text():
    assert text_of("<p/>") == ""


def test_any_depth_of_nesting_is_read():
    root = element = etree.Element("div")
    for name in ["li", "td", "tr", "content"] * 5000:
        element = etree.SubElement(element, name)
    element.text = "deep"
    assert "deep" in element_text(root)
