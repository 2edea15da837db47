"""Training where others hold some of the seats: arms act and learn in the focal ones alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.agents.types import Experience, Inputs, Outputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.scenarios import load_scenario
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import World
from empathy_loop.train.actors import load_actor
from empathy_loop.train.assess import Assessment, seats_in, world_of
from empathy_loop.train.beliefs import belief_report
from empathy_loop.train.buffers import Rollout, empty_rollout
from empathy_loop.train.checkpoint import CheckpointError, load_checkpoint
from empathy_loop.train.cli import main
from empathy_loop.train.config import (
    LATER_RULES,
    WITHOUT_EFFECT,
    TrainConfig,
    build_config,
    fingerprint,
    hash_of,
    to_data,
)
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.files import read_json
from empathy_loop.train.learner import Learner
from empathy_loop.train.loop import train
from empathy_loop.train.outcomes import outcomes
from empathy_loop.train.rollout import Seconds, collect
from empathy_loop.train.runs import EVALUATION, MONITOR_EPISODES, MONITOR_SEED, read_config
from empathy_loop.train.update import lesson_of, update

MakeConfig = Callable[..., TrainConfig]
BESIDE_PARTNER = ("focal", "focal", "heldout")
BESIDE_PEOPLE = ("focal", "person:reserved", "person:warm")
LEARNED = [agent for agent in map(load_agent, list_agents()) if agent.kind == "learned"]
VIEWS = pytest.mark.parametrize("world", [{}, {"view_radius": 1}], ids=["shared", "apart"])


def first_rollout(config: TrainConfig) -> tuple[Learner, Rollout]:
    """Return a learner and its first rollout, before which memory is empty."""
    learner = Learner(config)
    rollout = empty_rollout(learner.world, 8)
    collect(learner.world, learner.arm, learner.memory, rollout, Seconds())
    return learner, rollout


def over_everybody(learner: Learner, inputs: Inputs) -> tuple[Arm, Outputs]:
    """Return an arm of the same weights that plays all seats, and what it makes of the inputs."""
    full = Arm(learner.config.agent, learner.world.params, seed=1)
    full.load_state_dict(learner.arm.state_dict())
    memory = full.network.first_memory(inputs.features.shape[1], full.table)
    return full, full.network(inputs, memory, full.table)


def log_softmax(logits: Any) -> NDArray[np.float64]:
    logits = np.asarray(logits, np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    found: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return found


@VIEWS
def test_losses_beside_a_partner_are_those_of_the_focal_rows_alone(
    make_config: MakeConfig, world: dict[str, Any]
) -> None:
    learner, rollout = first_rollout(make_config(seats=BESIDE_PARTNER, world=world))
    batch = lesson_of(rollout, learner.memory, learner.arm).batch
    with torch.no_grad():
        found = learner.arm.loss(batch).terms
        full, outputs = over_everybody(learner, Inputs(*(part[:-1] for part in batch.inputs)))
    layout = ObservationLayout.of(learner.world.params)
    own, other = layout.self_block, layout.other_block
    policy, entropy, value, crisis, level, act, cue = ([] for _ in range(7))
    adv = batch.adv.numpy().astype(np.float64)
    adv = (adv - adv.mean()) / adv.std(ddof=1)
    watched = set()
    for i in (0, 1):
        p = log_softmax(outputs.logits[:, :, i])
        entropy.append((np.exp(p) * p).sum(-1))
        value.append((outputs.values[:, :, i] - batch.returns[:, :, i]).numpy() ** 2 / 2)
        policy.append(-adv[:, :, i])  # nothing has been learned since: the ratio is 1
        need = batch.inputs.features[:-1, :, i, own["need"]].numpy()
        logit = outputs.belief.crisis[:, :, int(full.table.own[i])].double().numpy()
        crisis.append(np.logaddexp(0.0, logit) - logit * (need > 0.0))
        told = outputs.belief.level[:, :, int(full.table.own[i])].numpy()
        level.extend((told - need)[need > 0.0] ** 2)
        for o in (0, 1):
            stream = int(full.table.others[i, o])
            start = layout.self_size + o * layout.other_size
            block = batch.inputs.features[:, :, i, start : start + layout.other_size].numpy()
            # Where all see all, one stream shows j to everyone, and counts once.
            if stream in watched:
                continue
            watched.add(stream)
            seen = block[:-1, :, other["visible"]] * block[1:, :, other["visible"]] > 0.0
            for kind, terms, logits in (
                ("social_act", act, outputs.belief.next_act),
                ("cue", cue, outputs.belief.next_cue),
            ):
                shown = block[1:, :, other[kind]]
                code = np.where(shown.any(-1), shown.argmax(-1) + 1, 0)
                loss = -np.take_along_axis(log_softmax(logits[:, :, stream]), code[..., None], -1)
                terms.extend(loss[seen])
    expected = {
        "policy": np.mean(policy),
        "value": np.mean(value),
        "entropy": np.mean(entropy),
        "belief_crisis": np.mean(crisis),
        "belief_level": np.mean(level),
        "next_act": np.mean(act),
        "next_cue": np.mean(cue),
    }
    assert {name: float(term) for name, term in found.items()} == pytest.approx(
        expected, rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize("name", [agent.name for agent in LEARNED if agent.reward_weights])
def test_what_objectives_reward_focal_agents_with_does_not_ask_who_else_learns(
    make_config: MakeConfig, name: str
) -> None:
    learner, rollout = first_rollout(
        make_config(name, seats=BESIDE_PARTNER, world={"coordination": 0.0})
    )
    full, _ = over_everybody(learner, rollout.inputs)
    memory = full.network.first_memory(5, full.table)
    parts = (rollout.actions, rollout.rewards, rollout.need, rollout.drive.float())
    expected = full.reward_terms(Experience(rollout.inputs, memory, *parts, rollout.truncated))
    found = lesson_of(rollout, learner.memory, learner.arm).reward_terms
    for term, values in found.items():
        if term != "gifts_received":  # partners give nothing
            torch.testing.assert_close(values, expected[term][:, :, :2])


def test_all_needs_of_partners_poisoned_change_nothing_for_arms_without_privilege(
    make_config: MakeConfig,
) -> None:
    for name in (agent.name for agent in LEARNED if agent.privilege == "none"):
        sizes = {"hidden_size": 8} | ({} if name == "ippo" else {"belief_size": 6})
        config = make_config(name, overrides={"network": sizes}, seats=BESIDE_PEOPLE)
        results = []
        for poison in (False, True):
            learner, rollout = first_rollout(config)
            if poison:
                layout = ObservationLayout.of(learner.world.params)
                rollout.inputs.features[:, :, 1:, layout.self_block["need"]] = torch.nan
                for part in (rollout.need, rollout.drive, rollout.rewards[:, :, 1:]):
                    part.fill_(torch.nan)
            batch = lesson_of(rollout, learner.memory, learner.arm).batch
            losses = update(learner.arm, learner.optimiser, batch, (0, 0))
            weights = [weight.detach().flatten() for weight in learner.arm.parameters()]
            results.append((torch.cat(weights), losses))
        assert torch.equal(results[0][0], results[1][0]), name
        assert results[0][1] == results[1][1], name
        assert torch.isfinite(results[0][0]).all(), name


def test_every_arm_learns_beside_people_and_counts_focal_steps(make_config: MakeConfig) -> None:
    for name in (agent.name for agent in LEARNED if agent.name != "ippo"):
        learner = Learner(make_config(name, seats=BESIDE_PEOPLE))
        before = [weight.detach().clone() for weight in learner.arm.network.parameters()]
        metrics = learner.advance()
        assert learner.agent_steps == 5 * 8
        assert all(np.isfinite(value) for value in metrics.values()), name
        after = learner.arm.network.parameters()
        assert any(not torch.equal(*pair) for pair in zip(before, after, strict=True)), name


def test_partners_act_by_themselves_and_what_they_do_is_recorded(make_config: MakeConfig) -> None:
    config = make_config(seats=BESIDE_PEOPLE)
    learner = Learner(config)
    whole = World(config.world, 5, config.seed)
    twin = SeatedWorld(whole, BESIDE_PEOPLE)
    twin.reset(first_step=learner.world.state.step)
    rollout, memory = empty_rollout(learner.world, 8), learner.memory
    acted = set()
    for _ in range(3):
        memory = collect(learner.world, learner.arm, memory, rollout, Seconds())
        for t in range(8):
            for name, rows in rollout.inputs._asdict().items():
                assert np.array_equal(rows[t].numpy(), getattr(whole.observation, name)), name
            twin.step(rollout.actions[t, :, :1].numpy())
            assert np.array_equal(rollout.actions[t].numpy(), twin.actions)
            assert np.array_equal(rollout.rewards[t].numpy(), whole.transition.reward)
            acted |= set(twin.actions[:, 1:].ravel().tolist())
    assert len(acted) > 3


def test_a_run_beside_people_that_was_interrupted_ends_as_one_that_was_not(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    config = replace(make_config(seats=BESIDE_PEOPLE), steps=5 * 40)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, whole)
    train(replace(config, steps=3 * 40), parts)
    train(config, parts)
    one, other = load_checkpoint(whole), load_checkpoint(parts)
    assert one is not None and other is not None
    assert one["agent_steps"] == other["agent_steps"] == 200
    for group in ("network", "world", "memory"):
        assert "people.trust" in one["world"]
        for name, tensor in one[group].items():
            assert torch.equal(tensor, other[group][name]), name
    seats = ("focal", "person:reserved", "person:reserved")
    with pytest.raises(CheckpointError, match="holds a run with other settings: seats is"):
        train(replace(config, seats=seats), parts)


def test_a_checkpoint_from_before_there_were_seats_goes_on(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    learner = Learner(make_config())
    data = learner.snapshot()
    del data["config"]["seats"]
    learner.restore(data, tmp_path)
    with pytest.raises(CheckpointError, match="seats is"):
        Learner(make_config(seats=BESIDE_PARTNER)).restore(data, tmp_path)


def test_seats_come_from_the_scenario_and_all_focal_ones_leave_the_fingerprint() -> None:
    scenario = load_scenario("human_loop_v0")
    assert build_config({"env": "human_loop_v0"}, "here").seats == scenario.seats
    plain = build_config({}, "here")
    typed = build_config({"seats": ["focal"] * 3}, "here")
    assert plain.seats == typed.seats == ()
    beside = build_config({"seats": ["focal", "train", "train"]}, "here")
    assert len({fingerprint(one) for one in (plain, typed, beside)}) == 2
    later = {"seats", "demonstrations_hash", *WITHOUT_EFFECT}
    data = {name: value for name, value in to_data(plain).items() if name not in later}
    del data["agent"]["summary"], data["agent"]["comparator"]["observational_decay"]
    for name in LATER_RULES:
        del data["world"][name]
    assert fingerprint(plain) == hash_of(data), "that of runs from before there were seats"
    treated = build_config({"env": "bystander_v0", "seats": "control"}, "here")
    assert treated.seats == load_scenario("bystander_v0").variants["control"]
    with pytest.raises(ValueError, match="here: seats must name one seat for each of 3 agents"):
        build_config({"seats": ["focal", "train"]}, "here")


@pytest.mark.xdist_group("cli")
def test_the_command_trains_in_the_scenarios_seats_and_evaluates_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ppo = ("rollout_steps=8", "num_worlds=4", "epochs=1", "minibatches=1")
    network = ("hidden_size=8", "belief_size=6")
    settings = [f"--set=agent.ppo.{one}" for one in ppo]
    settings += [f"--set=agent.network.{one}" for one in network]
    typed = ["train", "--env", "human_loop_v0", "--steps", "128", "--set=world.horizon=16"]
    assert main([*typed, *settings]) == 0
    folder = Path("runs", "cognitive-human_loop_v0-s0")
    config, actor = read_config(folder), load_actor(folder)
    assert config.seats == load_scenario("human_loop_v0").seats
    log = run_episodes(actor, config.world, MONITOR_EPISODES, MONITOR_SEED, seats=config.seats)
    report = read_json(folder / EVALUATION)
    assert (report["outcomes"], report["agent_steps"]) == (outcomes(log), 2 * 4 * 8 * 2)
    belief = belief_report(actor, config.world, MONITOR_EPISODES, MONITOR_SEED, seats=config.seats)
    assert report["belief"]["self_play"] == belief["self_play"]
    found = Assessment((str(folder),))
    assert seats_in(found, world_of(found)) == config.seats
    assert main(["evaluate", str(folder), "--episodes", "2"]) == 0
    assert "seats focal + focal + person:reserved + person:reserved" in capsys.readouterr().out
