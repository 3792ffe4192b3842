"""Meta-training, fine-tuning and contrast: what is drawn, that it repeats, and that it learns."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_data import TREE, data

import drugtext
from drugtext.errors import CorpusError, TrainingError
from drugtext.training.contrast import ContrastPlan, adapt_encoder
from drugtext.training.data import LabelledInserts, substances_of
from drugtext.training.episode_sampler import EpisodePlan, EpisodeSampler
from drugtext.training.finetune import FinetunePlan, finetune, rows_of_step
from drugtext.training.loop import LoopPlan
from drugtext.training.meta import MetaPlan, meta_train
from drugtext.training.proxies import ProxyLoss
from drugtext.training.views import InsertViews


def views(classifier, inserts: LabelledInserts) -> InsertViews:
    return InsertViews(inserts.forms, classifier, window_tokens=32)


def test_a_quick_plan_changes_nothing_that_is_trained_on(tiny_classifier):
    quick = copy.copy(tiny_classifier)
    quick.reading_plan = quick.reading_plan.quick()
    drawn = [
        views(classifier, data(1)).draw([0, 1, 2], np.random.default_rng(0))
        for classifier in (tiny_classifier, quick)
    ]
    assert str(drawn[0]) == str(drawn[1])


def loop(n_steps: int) -> LoopPlan:
    return LoopPlan(n_steps, learning_rate=0.02, warmup_steps=0, evaluate_every=n_steps)


class TestLabelledInserts:
    def test_an_insert_that_nobody_named_is_a_drug_by_itself(self):
        insert = drugtext.DrugInsert(sections={"description": "a tablet"}, source="same.jsonl")
        named = drugtext.DrugInsert(name="One", sections={"description": "a tablet"})
        found = substances_of([insert, named, insert, named])
        assert found[1] == found[3] and len({*found}) == 3

    def test_names_are_masked_in_the_second_form(self):
        plain, masked = data().forms
        assert "a1drug0" in plain[0].text and "a1drug0" not in masked[0].text
        assert masked[0].ingredients == ()

    def test_levels_and_categories(self):
        found = data(1)
        assert found.at_level(2) == ["A1", "A2", "B1", "B2", None]
        assert found.categories(1) == ["A", "B", "C"]

    def test_parts_share_no_substance(self):
        one, other = data().parted(0.3, seed=0)
        assert len(one) + len(other) == len(data()) and len(other) > 0
        assert not set().union(*one.substances) & set().union(*other.substances)

    def test_parts_by_category_share_no_category_and_no_substance(self):
        taught, asked = data().parted_by_category(2, 0.5, seed=0)
        assert len(taught.categories(2)) == len(asked.categories(2)) == 2
        assert not set(taught.categories(2)) & set(asked.categories(2))
        assert None not in taught.at_level(2)

    def test_too_few_inserts_to_part_are_refused(self):
        one = data(1).of([0])
        with pytest.raises(TrainingError, match="found 1 inserts, too few to hold some out"):
            one.parted(0.1, seed=0)
        with pytest.raises(TrainingError, match="parts of 0 and 1 came out"):
            one.parted_by_category(1, 1.0, seed=0)

    def test_lengths_that_differ_are_refused(self):
        with pytest.raises(TrainingError, match="as many of each, one or more, are needed"):
            LabelledInserts([data().forms[0]], [("A",)], [frozenset("a")], TREE)


class TestViews:
    def test_each_row_has_a_window_and_the_same_draw_repeats(self, tiny_classifier):
        seen = views(tiny_classifier, data())
        a, b = (seen.draw([0, 3, 5], np.random.default_rng(7)) for _ in range(2))
        assert a.insert_numbers.tolist() == [0, 1, 2] and torch.equal(a.input_ids, b.input_ids)

    def test_sections_and_names_come_and_go(self, tiny_classifier):
        seen, tokenizer = views(tiny_classifier, data()), tiny_classifier.tokenizer
        said = {
            tokenizer.decode(seen.draw([0], np.random.default_rng(seed)).input_ids[0])
            for seed in range(30)
        }
        assert len(said) == 4  # two sections, each with the name and without
        assert sum("tablets" in text for text in said) == 2

    def test_a_pair_of_one_insert_is_two_windows_of_it(self, tiny_classifier):
        ones, others = views(tiny_classifier, data()).draw_pairs([(0, 0)], np.random.default_rng(0))
        assert ones.input_ids.tolist() != others.input_ids.tolist()

    def test_a_pair_of_two_inserts_is_the_same_section_of_both(self, tiny_classifier):
        seen, tokenizer = views(tiny_classifier, data()), tiny_classifier.tokenizer
        sections = set()
        for seed in range(20):
            drawn = seen.draw_pairs([(0, 5)], np.random.default_rng(seed))
            said = [tokenizer.decode(batch.input_ids[0]) for batch in drawn]
            is_description = ["tablets" in text for text in said]
            assert is_description[0] == is_description[1]
            sections.add(is_description[0])
        assert sections == {True, False}


class TestEpisodeSampler:
    def test_every_insert_is_asked_once_and_its_support_never_holds_it(self, tiny_classifier):
        inserts = data()
        plan = EpisodePlan({1: 1.0, 2: 1.0}, n_inserts=12, most_shots=3)
        sampler = EpisodeSampler(inserts, plan, views(tiny_classifier, inserts))
        for number in range(20):
            episode = sampler.draw(number)
            asked = torch.cat([question.queries for question in episode.questions])
            assert sorted(asked.tolist()) == list(range(len(episode.rows)))
            names = [inserts.substances[row] for row in episode.rows]
            assert len(set(names)) == len(names)
            for support, queries, is_named in episode.questions:
                assert not set(support.tolist()) & set(queries.tolist())
                assert is_named or len(support)
                assert episode.categories[queries].unique().numel() == len(queries)

    @pytest.mark.parametrize("hard_share", [0.0, 1.0])
    def test_hard_episodes_are_of_siblings(self, hard_share, tiny_classifier):
        inserts = data()
        plan = EpisodePlan({2: 1.0}, n_inserts=4, most_shots=1, hard_share=hard_share)
        sampler = EpisodeSampler(inserts, plan, views(tiny_classifier, inserts))
        level = inserts.at_level(2)
        parents = [{level[row][0] for row in sampler.draw(number).rows} for number in range(30)]
        of_siblings = sum(len(found) == 1 for found in parents)
        assert of_siblings == 30 if hard_share else of_siblings < 20  # a third by chance

    def test_a_number_gives_its_episode(self, tiny_classifier):
        inserts = data()
        sampler = EpisodeSampler(inserts, EpisodePlan({2: 1.0}), views(tiny_classifier, inserts))
        assert sampler.draw(3, 1).rows == sampler.draw(3, 1).rows != sampler.draw(4, 1).rows

    def test_too_few_ingredients_are_refused(self, tiny_classifier):
        inserts = data(1)
        with pytest.raises(CorpusError, match=r"no level of .* has two categories"):
            EpisodeSampler(inserts, EpisodePlan({2: 1.0}), views(tiny_classifier, inserts))


class TestProxyLoss:
    def test_a_head_start_of_frequent_categories_and_rows_without_a_level(self):
        rows = [*range(8), 16]  # four of A1, four of A2, one of C, which has no level 2
        proxies = ProxyLoss(data().of(rows[3:]), [1, 2], 2)
        assert proxies.levels == [1, 2]
        assert proxies.targets([0, 1, 5]).tolist() == [[0, 0], [0, 1], [1, -1]]
        with torch.no_grad():
            for parameter in proxies.proxies:
                parameter.fill_(1.0)  # all alike: only the counts tell
        at_two = proxies(torch.tensor([[1.0, 0.0]]), torch.tensor([[-1, 0]]))
        assert at_two.item() == pytest.approx(-np.log(1 / 5) / 2)  # 1 of A1 and 4 of A2; two levels

    def test_the_nearest_proxy_is_the_answer(self):
        proxies = ProxyLoss(data(), [1], 3)
        with torch.no_grad():
            proxies.proxies[0].copy_(torch.eye(3))
        assert proxies.best(torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), 1) == ["C", "A"]


def test_meta_training_learns_and_goes_on_where_it_was(tiny_classifier, tmp_path):
    plan = MetaPlan(EpisodePlan({1: 1.0, 2: 1.0}, n_inserts=16), loop(30), window_tokens=32)

    def train(folder, **more):
        return meta_train(
            tiny_classifier,
            data(),
            plan,
            folder,
            **more,
        )

    found = train(tmp_path, held_out=data(2))
    losses = found.progress.losses
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert found.progress.scores[30] > 0.5  # chance is a third and a quarter
    again = train(tmp_path, held_out=data(2))  # all steps are done
    assert all(torch.equal(again.adapter.weights[n], w) for n, w in found.adapter.weights.items())
    assert any(weights.any() for name, weights in found.adapter.weights.items() if "lora_B" in name)


def test_fine_tuning_learns_and_can_start_from_an_adapter(tiny_classifier, tmp_path):
    plan = FinetunePlan((1, 2), loop(30), n_inserts=10, window_tokens=32)
    adapter, progress = finetune(tiny_classifier, data(), plan, tmp_path / "one", held_out=data(2))
    assert np.mean(progress.losses[-5:]) < 0.8 * np.mean(progress.losses[:5])
    assert progress.scores[30] > 0.4  # chance is a quarter
    short = replace(plan, loop=replace(plan.loop, n_steps=1))
    tuned = tiny_classifier.with_adapter(adapter)
    _, further = finetune(tuned, data(), short, tmp_path / "two")
    assert further.step == 1


def test_what_ends_high_in_the_tree_is_asked_there(tiny_classifier, tmp_path):
    plan, some = FinetunePlan((1, 2), loop(30), n_inserts=10, window_tokens=32), data(2)
    skin = some.of([n for n, path in enumerate(some.paths) if path == ("C",)])
    _, progress = finetune(tiny_classifier, data(), plan, tmp_path, held_out=skin)
    assert progress.scores[30] > 0.4  # chance is a third


def test_held_out_categories_are_asked_at_the_levels_that_are_named(tiny_classifier, tmp_path):
    plan = MetaPlan(EpisodePlan(levels=(1, 2)), loop(1), window_tokens=32)
    with pytest.raises(CorpusError, match=r"no level of \[3\] has two held-out categories"):
        meta_train(tiny_classifier, data(), plan, tmp_path, held_out=data(2), asked_levels=[3])


def test_each_row_comes_once_before_one_recurs():
    drawn = [row for step in range(5) for row in rows_of_step(10, 4, step, seed=3)]
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10))


def test_contrast_learns_what_belongs_together(tiny_classifier, tmp_path):
    inserts = data(8)
    arguments = (
        tiny_classifier,
        inserts.forms[0],
        inserts.substances,
    )
    plan = ContrastPlan(loop(30), n_pairs=12, window_tokens=32)
    _, progress = adapt_encoder(*arguments, plan, tmp_path)
    assert np.mean(progress.losses[-5:]) < np.mean(progress.losses[:5])
    with pytest.raises(CorpusError, match="found 40 ingredients; 99 "):
        adapt_encoder(*arguments, replace(plan, n_pairs=99), tmp_path / "other")
