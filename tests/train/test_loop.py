"""Training reports what it does, stops cleanly, and goes on exactly where it was."""

from __future__ import annotations

import math
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from empathy_loop.agents.arm import Arm, Loss
from empathy_loop.agents.comparators.inequity_aversion import InequityAversion
from empathy_loop.train import learner as learner_module
from empathy_loop.train.checkpoint import CHECKPOINT, CheckpointError, load_checkpoint
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.learner import Learner
from empathy_loop.train.loop import NOT_FINITE, Progress, train
from empathy_loop.train.update import Lesson

MakeConfig = Callable[..., TrainConfig]
STEPS_PER_UPDATE = 120
COMMON = {
    *(f"charts/{name}" for name in ("return", "drive", "welfare", "help_precision", "helps")),
    "charts/steps_per_second",
    *(f"losses/{name}" for name in ("policy", "value", "entropy", "approx_kl", "clip_fraction")),
    *("losses/explained_variance", "losses/gradient_norm"),
    *(f"reward/{name}" for name in ("drive", "help_cost", "hurt")),
    *(f"time/{name}" for name in ("env", "inference", "learning")),
}
OF_BELIEF = {
    *(f"losses/{name}" for name in ("belief_crisis", "belief_level", "next_act", "next_cue")),
    *(f"belief/{name}" for name in ("crisis_loss", "auroc", "calibration_error")),
}


class Record:
    """Keeps what is reported, and may do something at one of the updates."""

    def __init__(self, at: int = 0, do: Callable[[], None] | None = None) -> None:
        self.seen: list[Progress] = []
        self.at, self.do = at, do

    def __call__(self, progress: Progress) -> None:
        self.seen.append(progress)
        if len(self.seen) == self.at and self.do is not None:
            self.do()

    def losses(self) -> list[dict[str, float]]:
        """Return the metrics that a repeated run must repeat: all but the times."""
        return [
            {
                k: v
                for k, v in one.metrics.items()
                if not k.startswith("time/") and "second" not in k
            }
            for one in self.seen
        ]


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def assert_same(one: Any, other: Any, path: str = "") -> None:
    """Assert that two nested structures are equal to the last bit."""
    assert type(one) is type(other), path
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), path
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{path}.{index}")
    else:
        assert one == other, path


@pytest.mark.parametrize("name", ["cognitive", "ippo_gru"])
@pytest.mark.parametrize("kill_at", [1, 3, 5])
def test_a_killed_and_resumed_run_equals_an_undisturbed_one_bit_for_bit(
    tmp_path: Path, make_config: MakeConfig, name: str, kill_at: int
) -> None:
    config, whole, first, second = make_config(name), Record(), Record(), Record()
    train(config, tmp_path / "whole", whole)
    left = tmp_path / "left"
    # What a process that is killed in the middle of an update leaves behind.
    first.at, first.do = kill_at, lambda: shutil.copytree(tmp_path / "killed", left)
    train(config, tmp_path / "killed", first)
    train(config, left, second)
    assert_same(load_checkpoint(left), load_checkpoint(tmp_path / "whole"))
    assert len(second.seen) < 6 or kill_at < 3
    assert second.losses() == whole.losses()[6 - len(second.seen) :]
    assert first.losses() == whole.losses()


def test_ctrl_c_finishes_the_update_saves_and_can_be_resumed(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    # Python's own, or none where the tests were started in the background of a shell.
    handler = signal.getsignal(signal.SIGINT)
    config, record = make_config(), Record(at=3, do=interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "stopped", record)
    saved = load_checkpoint(tmp_path / "stopped")
    assert saved is not None
    assert saved["num_updates"] == 3
    assert signal.getsignal(signal.SIGINT) is handler
    train(config, tmp_path / "stopped")
    train(config, tmp_path / "whole")
    assert_same(load_checkpoint(tmp_path / "stopped"), load_checkpoint(tmp_path / "whole"))


def test_a_second_ctrl_c_does_not_save_half_an_update(
    tmp_path: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(*arguments: Any) -> None:
        interrupt()
        interrupt()

    path = train(make_config(updates=2), tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr("empathy_loop.train.learner.lesson_of", twice)
    with pytest.raises(KeyboardInterrupt):
        train(make_config(updates=4), tmp_path)
    assert path.read_bytes() == before


def test_a_finished_run_is_not_trained_again(tmp_path: Path, make_config: MakeConfig) -> None:
    record = Record()
    path = train(make_config(updates=2), tmp_path)
    before = path.stat().st_mtime_ns
    assert train(make_config(updates=2), tmp_path, record) == path == tmp_path / CHECKPOINT
    assert record.seen == []
    assert path.stat().st_mtime_ns == before


def test_a_run_can_be_given_more_steps(tmp_path: Path, make_config: MakeConfig) -> None:
    train(make_config(updates=2), tmp_path / "more")
    train(make_config(updates=4), tmp_path / "more")
    train(make_config(updates=4), tmp_path / "whole")
    assert_same(load_checkpoint(tmp_path / "more"), load_checkpoint(tmp_path / "whole"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 8}, r"other settings: seed is 7 there and 8 here; .*another folder"),
        ({"world": {"num_kinds": 2}}, r"world.num_kinds is 3 there and 2 here"),
        ({"name": "ippo_gru"}, r"agent.name is 'cognitive' there and 'ippo_gru' here"),
    ],
)
def test_a_folder_of_another_run_is_refused(
    tmp_path: Path, make_config: MakeConfig, change: dict[str, Any], message: str
) -> None:
    train(make_config(updates=1), tmp_path)
    with pytest.raises(CheckpointError, match=message):
        train(make_config(updates=1, **change), tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"), [("ippo_gru", COMMON), ("cognitive", COMMON | OF_BELIEF)]
)
def test_every_update_reports_exactly_the_declared_names(
    tmp_path: Path, make_config: MakeConfig, name: str, expected: set[str]
) -> None:
    record = Record()
    train(make_config(name, updates=3), tmp_path, record)
    assert [one.agent_steps for one in record.seen] == [120, 240, 360]
    for one in record.seen:
        assert one.total == 360
        assert set(one.metrics) == expected
        assert all(math.isfinite(value) for value in one.metrics.values())
        shares = [value for key, value in one.metrics.items() if key.startswith("time/")]
        assert sum(shares) == pytest.approx(1.0)
        terms = sum(value for key, value in one.metrics.items() if key.startswith("reward/"))
        assert terms == pytest.approx(one.metrics["charts/return"], abs=1e-4)


def test_steps_are_rounded_up_to_whole_rollouts(tmp_path: Path, make_config: MakeConfig) -> None:
    record = Record()
    train(make_config(steps=STEPS_PER_UPDATE + 1), tmp_path, record)
    assert record.seen[-1].agent_steps == 2 * STEPS_PER_UPDATE


def test_a_rollout_that_does_not_divide_the_horizon_is_refused(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    with pytest.raises(ValueError, match="got rollout_steps=8 and horizon=20"):
        train(make_config(world={"horizon": 20}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_scripted_agent_is_not_trained(tmp_path: Path, make_config: MakeConfig) -> None:
    with pytest.raises(ValueError, match="agent 'oracle' is scripted and cannot be trained"):
        train(make_config("oracle"), tmp_path)


def test_supervision_and_introspection_train_the_same_where_all_is_visible(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    records = []
    for name in ("cognitive", "cognitive_supervised"):
        records.append(Record())
        train(make_config(name, updates=2), tmp_path / name, records[-1])
    for one, other in zip(records[0].losses(), records[1].losses(), strict=True):
        assert one == pytest.approx(other, rel=1e-3, abs=1e-4)


def test_a_discount_that_changes_the_goal_is_reported(make_config: MakeConfig) -> None:
    with pytest.warns(UserWarning, match=r"ppo.discount is 0.5, but only with 0.97"):
        Learner(
            make_config(
                overrides={
                    "ppo": {"num_worlds": 5, "rollout_steps": 8, "minibatches": 2}
                    | {"discount": 0.5}
                }
            )
        )


def test_a_loss_that_is_not_a_number_stops_the_run_and_leaves_what_it_came_from(
    tmp_path: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = train(make_config("cognitive_supervised", updates=2), tmp_path)
    before = path.read_bytes()
    real = learner_module.lesson_of

    def poisoned(*arguments: Any) -> Lesson:
        lesson = real(*arguments)
        need = torch.full_like(lesson.batch.need, torch.nan)
        return lesson._replace(batch=lesson.batch._replace(need=need))

    monkeypatch.setattr(learner_module, "lesson_of", poisoned)
    with pytest.raises(FloatingPointError, match=r"belief_level.*not_finite.pt"):
        train(make_config("cognitive_supervised", updates=4), tmp_path)
    assert path.read_bytes() == before
    dump = torch.load(tmp_path / NOT_FINITE, weights_only=True)
    assert math.isnan(dump["terms"]["belief_level"])
    assert math.isfinite(dump["terms"]["policy"])
    assert dump["need"].isnan().all()
    assert dump["inputs"]["features"].shape[0] == dump["actions"].shape[0] + 1
    assert any(weight.isnan().any() for weight in dump["gradients"].values() if weight is not None)
    assert not any(weight.isnan().any() for weight in dump["arm"].values())


LOSSES_PER_UPDATE = 4
"""Gradient steps of an update of the tiny run: 2 epochs of 2 minibatches."""


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int, factor: float) -> None:
    """Multiply the value loss of one gradient step by a number, counted from 1."""
    real, calls = Arm.loss, iter(range(1, 1000))

    def loss(arm: Arm, batch: Any) -> Loss:
        found = real(arm, batch)
        if next(calls) != number:
            return found
        terms = found.terms | {"value": factor * found.terms["value"]}
        return found._replace(terms=terms)

    monkeypatch.setattr(Arm, "loss", loss)


def test_a_run_that_fails_keeps_all_updates_before_and_does_the_one_that_failed_again(
    tmp_path: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Inequity aversion has traces of its own, which an update moves on before it learns.
    def config(updates: int) -> TrainConfig:
        return make_config("inequity_aversion", updates=updates, checkpoint_every=50)

    left, whole = tmp_path / "left", tmp_path / "whole"
    with monkeypatch.context() as patch:
        # The last gradient step of update 4, when the weights are no longer those it began with.
        fail_at(patch, 4 * LOSSES_PER_UPDATE, math.nan)
        with pytest.raises(FloatingPointError, match=r"in update 4; .*checkpoint.pt holds the 3"):
            train(config(6), left)
    train(config(3), whole)
    saved, expected = load_checkpoint(left), load_checkpoint(whole)
    assert saved is not None and expected is not None
    assert saved.pop("config")["steps"] == 2 * expected.pop("config")["steps"]
    assert_same(saved, expected)
    dump = torch.load(left / NOT_FINITE, weights_only=True)
    weights = {name.removeprefix("network."): part for name, part in dump["arm"].items()}
    assert any(not torch.equal(weights[name], part) for name, part in saved["network"].items())
    train(config(6), left)
    train(config(6), whole)
    assert_same(load_checkpoint(left), load_checkpoint(whole))


def test_a_first_update_that_fails_says_that_there_is_no_checkpoint(
    tmp_path: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, 2, math.inf)
    with pytest.raises(FloatingPointError, match=r"loss term value .*no checkpoint, as this was"):
        train(make_config(), tmp_path)
    assert load_checkpoint(tmp_path) is None


def test_a_loss_that_is_not_a_number_is_seen_where_its_gradient_is_one(
    tmp_path: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Arm.loss

    def loss(arm: Arm, batch: Any) -> Loss:
        found = real(arm, batch)
        nothing = torch.tensor(math.nan)
        return found._replace(terms=found.terms | {"value": nothing})

    monkeypatch.setattr(Arm, "loss", loss)
    with pytest.raises(FloatingPointError, match=r"^the loss term value is not finite \(norm of"):
        train(make_config(), tmp_path)


def test_a_reward_that_is_not_a_number_is_named(
    tmp_path: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = InequityAversion.reward_terms

    def poisoned(*arguments: Any) -> dict[str, torch.Tensor]:
        terms = real(*arguments)
        terms["guilt"][3, 1, 2] = math.nan
        return terms

    monkeypatch.setattr(InequityAversion, "reward_terms", poisoned)
    with pytest.raises(FloatingPointError, match=r"^the reward term guilt is not finite; .*\.pt$"):
        train(make_config("inequity_aversion"), tmp_path)
    dump = torch.load(tmp_path / NOT_FINITE, weights_only=True)
    assert dump["reward_terms"]["guilt"].isnan().sum() == 1
    assert dump["reward_terms"]["envy"].isfinite().all()


def test_true_needs_are_not_shown_to_an_arm_that_names_no_privilege(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    with pytest.raises(
        ValueError, match="show_needs shows it others' true needs; train oracle_ppo"
    ):
        train(make_config(world={"show_needs": True}), tmp_path)
    train(make_config("oracle_ppo", updates=1), tmp_path)


def test_other_words_for_an_arm_are_no_other_run(tmp_path: Path, make_config: MakeConfig) -> None:
    config = make_config(updates=1)
    train(config, tmp_path)
    reworded = replace(config, steps=240, agent=replace(config.agent, summary="in other words"))
    saved = load_checkpoint(train(reworded, tmp_path).parent)
    assert saved is not None and saved["num_updates"] == 2
