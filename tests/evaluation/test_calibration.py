"""Calibration: the scale of constructed scores, and the share of false alarms."""

from __future__ import annotations

import math

import pytest
import torch
from heads_by_hand import head_of, unit_vectors

from drugtext.doubt import doubted
from drugtext.errors import CorpusError
from drugtext.evaluation.calibration import (
    LEAST_OF_A_KIND,
    Calibration,
    HeldOut,
    best_calibration,
    scope_threshold,
    text_direction,
    true_categories,
)
from drugtext.heads import PrototypeHead
from drugtext.name_stems import with_names
from drugtext.scorer import KNOWN_NAME, NEW_NAME, NO_NAME
from drugtext.taxonomy import Category, Taxonomy


def best(
    scores: torch.Tensor,
    true_rows: torch.Tensor,
    prior: torch.Tensor | None = None,
    amounts: torch.Tensor | None = None,
    nodes: torch.Tensor | None = None,
    name_kinds: torch.Tensor | None = None,
) -> Calibration:
    """Calibrate categories that stand side by side, on texts of one length, if not told else."""
    n, n_categories = scores.shape
    return best_calibration(
        HeldOut(
            scores,
            torch.zeros(n_categories) if prior is None else prior,
            torch.eye(n_categories, dtype=torch.bool)[true_rows],
            torch.zeros(n) if amounts is None else amounts,
            torch.zeros(n, dtype=torch.long) if name_kinds is None else name_kinds,
            torch.arange(n_categories).unsqueeze(0) if nodes is None else nodes,
        )
    )


def of_two(*cases: tuple[float, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Make 1000 inserts of each case: how much nearer the first category is, how many are of it."""
    scores = torch.cat([torch.tensor([[0.0, -nearer]] * 1000) for nearer, _ in cases])
    return scores, torch.tensor(
        [n for _, right in cases for n in [0] * right + [1] * (1000 - right)]
    )


def test_best_scale_makes_probabilities_true():
    # 1 / (1 + exp(-10 * 0.1)) = 0.731, 1 / (1 + exp(-10 * 0.3)) = 0.953
    found = best(*of_two((0.1, 731), (0.3, 953)))
    assert found.scale == pytest.approx(10, rel=0.02)
    assert found.strength == 0 and found.doubts == ((pytest.approx(0, abs=0.005),),) * 3


def test_the_prior_takes_its_part():
    # It says 2 to 1: 2 e / (1 + 2 e) = 0.845, and with e to the power of 3 0.976
    prior = torch.tensor([0.5, -0.5]) * torch.log(torch.tensor(2.0))
    found = best(*of_two((0.1, 845), (0.3, 976)), prior=prior)
    assert found.scale == pytest.approx(10, rel=0.03)


def test_answers_that_are_wrong_however_near_are_doubted():
    # What the scale says, 0.731, 0.953 and 0.998, holds but for a fifth, of which half is right
    found = best(*of_two((0.1, 685), (0.3, 862), (0.6, 898)))
    assert found.scale == pytest.approx(10, rel=0.03)
    assert found.doubts == ((pytest.approx(0.2, abs=0.01),),) * 3


def test_inserts_with_names_and_without_are_doubted_apart():
    # As above without names; with them the scale's word holds
    scores, true_rows = of_two(
        *((0.1, 685), (0.3, 862), (0.6, 898)), *((0.1, 731), (0.3, 953), (0.6, 998))
    )
    is_named = torch.arange(6000) >= 3000
    some, none = (pytest.approx(0.2, abs=0.01),), (pytest.approx(0, abs=0.005),)
    found = best(scores, true_rows, name_kinds=is_named.long())
    assert found.scale == pytest.approx(10, rel=0.03)
    assert found.doubts == (some, none, none), "known names are doubted as new ones"
    assert best(scores, true_rows, name_kinds=2 * is_named.long()).doubts == (some, some, none)
    kinds = torch.full((3000,), NEW_NAME)
    assert best(scores[is_named], true_rows[is_named], name_kinds=kinds).doubts == (none,) * 3


def test_a_few_inserts_have_no_doubts_of_their_own():
    scores, true_rows = of_two((0.1, 731), (0.3, 953), (0.6, 998))
    for n, is_apart in ((LEAST_OF_A_KIND - 1, False), (LEAST_OF_A_KIND, True)):
        more = torch.tensor([[0.0, -0.6]] * n)  # all of them wrong
        kinds = torch.cat([torch.zeros(3000), torch.full((n,), NEW_NAME)]).long()
        found = best(torch.cat([scores, more]), torch.cat([true_rows, torch.ones(n).long()]))
        again = best(
            torch.cat([scores, more]),
            torch.cat([true_rows, torch.ones(n).long()]),
            name_kinds=kinds,
        )
        assert (again.doubts[0] == again.doubts[1]) is not is_apart
        assert is_apart or again == found


def test_few_of_a_kind_are_taken_for_the_kind_before_and_others_stay_apart():
    scores, true_rows = of_two(
        *((0.1, 685), (0.3, 862), (0.6, 898)), *((0.1, 731), (0.3, 953), (0.6, 998))
    )
    kinds = (torch.arange(6000) >= 3000).long()
    expected = best(scores, true_rows, name_kinds=kinds).doubts
    kinds[-(LEAST_OF_A_KIND - 1) :] = KNOWN_NAME
    assert best(scores, true_rows, name_kinds=kinds).doubts == expected
    few_nameless = torch.full((6000,), NEW_NAME)
    few_nameless[: LEAST_OF_A_KIND - 1] = NO_NAME
    one, *others = best(scores, true_rows, name_kinds=few_nameless).doubts
    assert others == [one, one]


NODES = torch.tensor([[0, 0, 2, 2], [0, 1, 2, 3]])
# However near the second one is: what is wrong is to be doubted, no scale would tell it.
NEAR = torch.tensor([[0.0, -0.5, -2.0, -2.0], [0.0, -0.1, -2.0, -2.0]])


def test_what_stands_below_a_wrong_level_does_not_count():
    # A tenth is taken for the second pair; what is said below the first is no answer to it.
    wrong = torch.tensor([[-2.0, -3.0, 0.0, -0.5]]).repeat(100, 1)
    scores, n = torch.cat([NEAR.repeat(450, 1), wrong]), torch.arange(1000)
    found, again = (
        best(scores, torch.where(n < 900, (n % 20 < 2).long(), one), nodes=NODES) for one in (0, 1)
    )
    assert found.doubts == again.doubts
    assert found.doubts[0] == (pytest.approx(0.2, abs=0.02), pytest.approx(0.2, abs=0.02))


def test_what_is_known_at_a_level_above_counts_down_to_there():
    scores, n = NEAR.repeat(500, 1), torch.arange(1000)
    is_true = torch.eye(4, dtype=torch.bool)[(n % 20 < 2).long()]
    above = torch.tensor([[True, True, False, False], [False, False, True, True]])
    more = above[(n % 10 < 2).long()]  # of the first pair, but for a fifth
    amounts, kinds = torch.zeros(2000), torch.zeros(2000).long()
    told = torch.cat([scores, scores]), torch.zeros(4), torch.cat([is_true, more])
    found = best_calibration(HeldOut(*told, amounts, kinds, NODES))
    # A tenth of all is of the other pair, a tenth of what is known below of the sibling
    assert found.doubts[0] == (pytest.approx(0.2, abs=0.02), pytest.approx(0.2, abs=0.02))


def test_all_that_is_true_may_lie_below_another_one_than_the_best():
    # The second is the best of the true pair: the first level is right, and nothing more is told.
    scores = torch.tensor([[-0.5, 0.0, -2.0, -2.0]]).repeat(100, 1)
    is_true = torch.tensor([[True, True, False, False]]).repeat(100, 1)
    told = HeldOut(scores, torch.zeros(4), is_true, *(torch.zeros(100),) * 2, NODES)
    found = best_calibration(told._replace(name_kinds=told.name_kinds.long()))
    assert found.doubts == ((pytest.approx(0, abs=1e-3), 0),) * 3


def test_a_level_where_nothing_branches_has_no_doubt():
    scores, true_rows = of_two((0.1, 685), (0.3, 862), (0.6, 898))
    for nodes, at in (([[0, 0], [0, 1]], 1), ([[0, 1], [0, 1]], 0)):
        found = best(scores, true_rows, nodes=torch.tensor(nodes)).doubts[0]
        assert found[at] == pytest.approx(0.2, abs=0.01)
        assert found[1 - at] == pytest.approx(0, abs=1e-9)


def test_calibration_stays_within_bounds():
    for row, scale, doubt in ((0, 128, 0), (1, 2, 0.5)):
        found = best(torch.tensor([[0.0, -0.1]]), torch.tensor([row]))
        assert found == (pytest.approx(scale), 0, ((pytest.approx(doubt),),) * 3)


def test_the_threshold_lets_the_given_share_fall_below():
    familiarity = torch.arange(1000, dtype=torch.float32).flip(0) / 1000
    threshold = scope_threshold(familiarity, false_alarms=0.05)
    assert int((familiarity < threshold).sum()) == 50
    assert scope_threshold(familiarity) == threshold
    assert scope_threshold(torch.tensor([0.5])) == 0.5


def test_nothing_held_out_is_refused():
    with pytest.raises(CorpusError, match=r"found no held-out insert .* Use a larger corpus"):
        best(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(CorpusError, match="found no held-out insert"):
        scope_threshold(torch.zeros(0))


def test_more_text_may_be_trusted_more():
    # As near as each other, by 0.1 and 0.3; long texts at a scale of 10 exp(0.2 * 3) = 18.2, short
    # ones of 10 exp(-0.2 * 3) = 5.49
    scores, true_rows = of_two((0.1, 861), (0.3, 996), (0.1, 634), (0.3, 838))
    amounts = torch.tensor([3.0] * 2000 + [-3.0] * 2000)
    found = best(scores, true_rows, amounts=amounts)
    assert found.scale == pytest.approx(10, rel=0.03)
    assert found.strength == pytest.approx(0.2, abs=0.02)
    assert found.doubts == ((pytest.approx(0, abs=0.005),),) * 3


@pytest.mark.parametrize(("amount", "strength"), [(-3.0, 0.0), (0.2, 0.5)])
def test_more_text_is_never_trusted_less_nor_too_much_more(amount, strength):
    # What 3.3 times the scale goes with: less text, or so little more that it would be its cube
    scores, true_rows = of_two((0.1, 861), (0.3, 996), (0.1, 634), (0.3, 838))
    amounts = torch.tensor([amount] * 2000 + [-amount] * 2000)
    assert best(scores, true_rows, amounts=amounts).strength == pytest.approx(strength)


def test_the_direction_tells_the_amount_of_text():
    generator = torch.Generator().manual_seed(0)
    projected = torch.nn.functional.normalize(torch.randn(500, 8, generator=generator))
    truth = torch.randn(8, generator=generator)
    n_characters = (6 + projected @ truth).exp()
    direction = text_direction(projected, n_characters)
    told, wanted = projected @ direction, projected @ truth
    assert torch.corrcoef(torch.stack([told, wanted]))[0, 1] > 0.99
    assert text_direction(projected[:3], n_characters[:3]).isfinite().all()


def test_the_direction_is_no_longer_than_the_inserts_bear_out():
    projected = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    n_characters = torch.tensor([math.e**2 - 1, 0.0])  # 1 above and below the mean logarithm
    direction = text_direction(projected, n_characters)
    torch.testing.assert_close(direction, torch.tensor([2 / 3, 0.0]))  # 2 products, over 2 + 1


def test_a_head_is_calibrated_in_place_by_what_it_says_of_held_out_inserts():
    head, asked = head_of([[1.0, 0.0], [0.0, 1.0]], [0.5, -0.5]), unit_vectors(400, 2)
    direction = torch.tensor([1.0, 0.5])
    n = torch.arange(400)  # the nearer one, but in a fifth of the cases, or a third with less text
    true_rows = head.scores(asked).argmax(1) ^ (n % torch.where(asked @ direction > 0, 5, 3) == 0)
    expected = best(head.scores(asked), true_rows, prior=head.log_prior, amounts=asked @ direction)
    told = HeldOut.of(head, asked, torch.eye(2, dtype=torch.bool)[true_rows], direction)
    assert best_calibration(told) == expected
    expected.apply(head, direction)
    assert head.scale.item() == pytest.approx(expected.scale)
    assert expected.strength > 0
    torch.testing.assert_close(head.certainty, expected.strength * direction)
    torch.testing.assert_close(head.doubts, torch.tensor(expected.doubts))


def test_what_heads_of_the_same_categories_say_is_put_together():
    names = with_names(torch.eye(2), torch.eye(2))
    head = PrototypeHead(2, 2, name_dim=2).remembering(names, torch.tensor([0, 1]))
    head.prototypes.data = torch.eye(2)
    asked = with_names(unit_vectors(3, 2), torch.tensor([[0.6, 0.8], [0.0, 1.0], [0.0, 0.0]]))
    told = HeldOut.of(head, asked, torch.tensor([[True, False]] * 3), torch.zeros(2))
    assert told.name_kinds.tolist() == [NEW_NAME, KNOWN_NAME, NO_NAME]
    both = told.together_with(HeldOut.of(head, asked[:1], told.is_true[:1], torch.zeros(2)))
    assert both.name_kinds.tolist() == [NEW_NAME, KNOWN_NAME, NO_NAME, NEW_NAME]
    torch.testing.assert_close(both.evidence, told.evidence[[0, 1, 2, 0]])
    assert both.is_true.shape == (4, 2) and both.amounts.shape == (4,)
    assert both.log_prior is told.log_prior and both.nodes is told.nodes


def test_a_calibrated_head_says_the_same_with_more_or_less_certainty():
    head = PrototypeHead(2, 2)
    head.prototypes.data = torch.eye(2)
    asked = torch.tensor([[0.8, 0.6], [0.6, 0.8]])
    before = head.logits(asked)
    Calibration(8.0, 0.5).apply(head, torch.tensor([2.0, 0.0]))
    after = head.logits(asked)
    trust = torch.tensor([[0.8], [0.6]]).exp()  # 0.5 * 2 * the first figure
    torch.testing.assert_close(after, before * 0.5 * trust)
    assert head.trust(asked).shape == (2, 1)


def test_the_deepest_level_is_doubted_more_where_that_is_true():
    # However near, the first two are taken for each other in 1 of 5 cases, and for the others in
    # 1 of 20: a fifth of the pair's, spread over both, and a twentieth spread over both pairs.
    near = torch.tensor([[0.0, -0.5, -1.0, -1.0], [0.0, -0.1, -1.0, -1.0]])
    scores = near.repeat_interleave(400, 0)
    true_rows = torch.tensor(([0] * 304 + [1] * 76 + [2] * 10 + [3] * 10) * 2)
    nodes = torch.tensor([[0, 0, 2, 2], [0, 1, 2, 3]])
    found = best(scores, true_rows, nodes=nodes)
    head = PrototypeHead(2, 4, n_levels=2)
    head.place(nodes)
    found.apply(head, torch.zeros(2))
    told = doubted(scores * found.scale, head.nodes, head.doubts[1]).double().exp()
    pair = told[:, :2].sum(1)
    torch.testing.assert_close(pair, torch.full((800,), 0.95).double(), rtol=0, atol=0.01)
    inside = (told[:, 0] / pair)[[0, -1]]
    torch.testing.assert_close(inside, torch.full((2,), 0.8).double(), rtol=0, atol=0.02)
    assert found.doubts[1][0] == pytest.approx(0.1, abs=0.02)
    assert found.doubts[1][1] == pytest.approx(0.4, abs=0.02)


def test_doubts_of_fewer_levels_are_taken_for_those_below():
    head = PrototypeHead(2, 3, n_levels=3)
    Calibration(8.0, 0.0, ((0.1, 0.2), (0.3, 0.4), (0.0, 0.0))).apply(head, torch.zeros(2))
    expected = torch.tensor([[0.1, 0.2, 0.2], [0.3, 0.4, 0.4], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(head.doubts, expected)


def test_a_level_of_which_nothing_is_told_has_no_doubt():
    far = torch.tensor([[0.0, -0.5, -1.0, -1.0], [0.0, -0.5, -2.0, -2.0]])
    pairs = torch.tensor([[True, True, False, False], [False, False, True, True]])
    n, nothing = torch.arange(400), torch.zeros(400)
    is_true = pairs[(n % 20 < 2).long()]
    told = HeldOut(far.repeat(200, 1), torch.zeros(4), is_true, nothing, nothing.long(), NODES)
    expected = (pytest.approx(0.2, abs=0.02), pytest.approx(0, abs=1e-9))
    assert best_calibration(told).doubts == (expected,) * 3


def test_a_drug_is_of_its_own_category_or_of_all_that_stand_below():
    tree = Taxonomy(
        [
            *(Category("H", "heart"), Category("H1", "rate", "H"), Category("H2", "clots", "H")),
            *(Category("H11", "slow", "H1"), Category("S", "skin")),
        ],
        "own",
    )
    ids = ["H", "H11", "H2", "S"]  # "H" answers for drugs of none below it
    found = true_categories(["H", "H1", "H11", "S"], ids, tree).int().tolist()
    assert found == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    without = true_categories(["H"], ids[1:], tree).int().tolist()
    assert without == [[1, 1, 0]]
    assert true_categories([], ids, tree).shape == (0, 4)
