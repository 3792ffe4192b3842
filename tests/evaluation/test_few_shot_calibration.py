"""Few-shot calibration: its scale, and the whitening that it goes by."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drugtext.episodes import draw_episodes
from drugtext.evaluation.calibration import SCALES, scope_threshold
from drugtext.evaluation.few_shot_calibration import (
    SOFTENING,
    best_growth,
    calibrate_few_shot,
    few_shot_projection,
)
from drugtext.heads import PrototypeHead
from drugtext.prediction_sets import thinned
from drugtext.scorer import DISTANCE_WEIGHT


def test_the_scale_grows_with_the_support_as_its_losses_say():
    # Losses that are least at 8, at 8 times 2 to the power of 0.2, and at 8 times 5 to it
    losses = {k: torch.tensor(np.log(SCALES / (8 * k**0.2)) ** 2) for k in (1, 2, 5)}
    scale, growth = best_growth(losses)
    assert growth == pytest.approx(0.2, abs=0.03) and scale == pytest.approx(8, rel=0.05)
    assert best_growth({5: losses[5]}) == (pytest.approx(8 * 5**0.2, rel=0.05), 0.0)


def test_few_shot_calibration_is_that_of_the_softened_whitening():
    generator = torch.Generator().manual_seed(3)
    dim, n_categories, n_drugs = 8, 6, 20
    centres = torch.randn(n_categories, dim, generator=generator)
    rows = torch.arange(n_categories).repeat_interleave(n_drugs)
    embeddings = centres[rows] + torch.randn(len(rows), dim, generator=generator)
    categories = [f"c{row}" for row in rows.tolist()]
    drugs = [[f"{chr(97 + n % 26)}{chr(97 + n // 26)}ol"] for n in range(len(rows))]
    square = torch.randn(dim, dim, generator=generator)
    head = PrototypeHead(dim, 0)
    head.whitening.data.copy_(square @ square.T / dim + torch.eye(dim))
    told = dict(zip(sorted(set(categories)), head.project_names(centres), strict=True))
    softened = head.softened(SOFTENING)
    projection, names = few_shot_projection(head, told)
    assert projection.whitening.equal(softened.whitening)
    torch.testing.assert_close(torch.stack([*names.values()]), softened.project_names(centres))
    found = calibrate_few_shot(head, embeddings, categories, drugs, names=told)
    bare = PrototypeHead(dim, 0)  # on embeddings that are whitened already
    moved = dict(
        zip(names, torch.nn.functional.normalize(centres @ softened.whitening), strict=True)
    )
    same = calibrate_few_shot(bare, embeddings @ softened.whitening, categories, drugs, names=moved)
    whole = PrototypeHead(dim, 0)
    by_all = embeddings @ head.whitening
    other = calibrate_few_shot(whole, by_all, categories, drugs, names=told)
    assert found["softening"] == SOFTENING and found["scale"] == same["scale"]
    assert found["strangeness"] == pytest.approx(same["strangeness"], abs=1e-4)
    assert found["strangeness"] != pytest.approx(other["strangeness"], abs=1e-3)


def test_the_scope_threshold_goes_by_the_softened_distance():
    generator = torch.Generator().manual_seed(3)
    rows = torch.arange(6).repeat_interleave(20)
    spread = torch.randn(len(rows), 8, generator=generator)
    centres = torch.randn(6, 8, generator=generator)
    embeddings = torch.nn.functional.normalize(centres[rows] + spread)
    categories = [f"c{row}" for row in rows.tolist()]
    drugs = [[f"{chr(97 + n % 26)}{chr(97 + n // 26)}ol"] for n in range(len(rows))]
    plain, whitened = PrototypeHead(8, 0), PrototypeHead(8, 0)
    whitened.whitening.data.mul_(4.0)  # changes no direction, and each distance fourfold
    near, far = (calibrate_few_shot(h, embeddings, categories, drugs) for h in (plain, whitened))
    farther = DISTANCE_WEIGHT * SOFTENING * np.log(4.0)
    expected = near["scope_threshold"] - farther
    assert far["scope_threshold"] == pytest.approx(expected, abs=1e-4)


@torch.no_grad()
def test_it_is_that_of_heads_that_are_learnt_so():
    generator = torch.Generator().manual_seed(4)
    rows = torch.arange(10).repeat_interleave(3)  # too few drugs for five support inserts
    centres = torch.randn(10, 8, generator=generator)
    embeddings = centres[rows] + 0.3 * torch.randn(len(rows), 8, generator=generator)
    categories = [f"c{row}" for row in rows.tolist()]
    drugs = [[f"{chr(97 + n % 26)}{chr(97 + n // 26)}ol"] for n in range(len(rows))]
    head = PrototypeHead(8, 0)
    head.certainty.data.copy_(0.5 * torch.randn(8, generator=generator))
    told = dict(zip(sorted(set(categories)), head.project_names(centres), strict=True))
    found = calibrate_few_shot(head, embeddings, categories, drugs, names=told)

    projection, names = few_shot_projection(head, told)
    projected, asked = projection.project(embeddings), []
    for n_way in (5, 10):
        for k in (1, 2):
            for one in draw_episodes(categories, drugs, n_way=n_way, k_shot=k):
                support, its = projected[list(one.support)], torch.tensor(one.support_categories)
                name = torch.stack([names[c] for c in one.categories])
                few = projection.fitted(support, its, [[]] * n_way, name).remembering(support, its)
                truth = torch.tensor(one.query_categories)
                asked.append((n_way, k, few, projected[list(one.queries)], truth))

    def right(scale: float, growth: float) -> list[torch.Tensor]:
        """Probabilities of the true categories, of each episode."""
        told = []
        for _, k, few, queries, truth in asked:
            few.scale.data.fill_(scale * k**growth)
            told.append(few.logits(queries).softmax(1)[range(len(truth)), truth])
        return told

    scale, growth = found["scale"], found["growth"]
    assert growth > 0
    best, *others = (right(scale * times, growth) for times in (1, 1.1, 1 / 1.1))
    losses = [-float(sum(p.log().mean() for p in told)) for told in (best, *others)]
    assert losses[0] == min(losses)
    at_ten = [p for p, (n_way, *_) in zip(best, asked, strict=True) if n_way == 10]
    expected = thinned(1 - torch.cat(at_ten).double().numpy())
    assert found["strangeness"] == pytest.approx(expected, abs=2e-4)  # rounded
    threshold = scope_threshold(torch.cat([few.familiarity(q) for _, _, few, q, _ in asked]))
    assert found["scope_threshold"] == pytest.approx(threshold)


def test_too_few_inserts_give_none():
    assert calibrate_few_shot(PrototypeHead(2, 0), torch.eye(2), ["a", "b"], [["x"], ["y"]]) is None
