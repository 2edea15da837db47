"""One run by several processes, started by torchrun: what comes out is what one process computes.

Each process steps its share of the worlds, under their own numbers. Rollouts are then exchanged,
so that every process holds the whole of them, deals the same minibatches, and sees the same
numbers. Of a minibatch each runs the network on its part, and these outputs are exchanged too:
the loss is that of the whole minibatch, normalised advantages and ratios of sums included, whatever
an objective makes of it. Its gradient flows back through a process's own part only; the sum over
processes is the gradient that a single process would have. Only rounding differs.

DistributedDataParallel would average gradients of losses of parts instead, which are not the loss
of the whole: a mean over the crises of a part does not count each crisis alike. The price is that
the loss itself, which is cheap beside the network, is computed by all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from empathy_loop.agents.arm import Arm, Run
from empathy_loop.agents.config import PPOConfig
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Inputs, Memory, Outputs
from empathy_loop.train.device import map_tensors

Tree = TypeVar("Tree")


class TeamError(Exception):
    """Another process of the run has stopped, so that this one cannot go on."""


@dataclass(frozen=True)
class Team:
    """The processes of a run, seen from one of them; alone, every method returns what it is given.

    All processes must call the same methods in the same order.

    Raises:
        TeamError: in every method, if another process has stopped.

    Attributes:
        rank: Which process this is, from 0; 0 leads: it alone logs, saves and evaluates.
        size: Number of processes.
        local_rank: Which of the processes on this machine it is.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process logs, saves and evaluates."""
        return self.rank == 0

    def share_of(self, ppo: PPOConfig) -> range:
        """Return the numbers of the worlds that this process steps.

        Raises:
            ValueError: the worlds, or those of a minibatch, cannot be shared by so many.
        """
        if ppo.num_worlds % self.size:
            raise ValueError(
                "ppo.num_worlds must be divisible by the number of processes, "
                f"got {ppo.num_worlds} worlds and {self.size} processes"
            )
        if ppo.num_worlds // ppo.minibatches < self.size:
            raise ValueError(
                "a minibatch must hold a world for each process, got ppo.num_worlds="
                f"{ppo.num_worlds}, ppo.minibatches={ppo.minibatches} and {self.size} processes"
            )
        count = ppo.num_worlds // self.size
        return range(self.rank * count, (self.rank + 1) * count)

    def whole(self, tree: Tree, axis: int = 1) -> Tree:
        """Return a record of the worlds of all processes, made of each one's own, in their order.

        Args:
            tree: Tensors with a world axis, as many worlds in each process. One without axes is
                returned as it is.
            axis: The world axis; in a Memory it is always 0.
        """
        if self.size == 1:
            return tree
        return map_with(tree, self._gather(list(_leaves(tree, axis)), None))

    def sharing(self, arm: Arm) -> Run:
        """Return what runs an arm's network over a batch, each process over its part of the worlds.

        The outputs are those of the whole batch. Gradients flow through this process's part.
        """
        if self.size == 1:
            return arm.run

        def run(inputs: Inputs, memory: Memory, table: StreamTable) -> Outputs:
            counts = parts(inputs.features.shape[1], self.size)
            first, count = sum(counts[: self.rank]), counts[self.rank]
            mine_inputs = map_tensors(inputs, lambda part: part.narrow(1, first, count))
            mine_memory = map_tensors(memory, lambda part: part.narrow(0, first, count))
            outputs: Outputs = arm.network(mine_inputs, mine_memory, table)
            leaves = list(_leaves(outputs, 1))
            gathered = self._gather([(leaf.detach(), axis) for leaf, axis in leaves], counts)
            spliced = [
                _spliced(full, own, axis, first)
                for full, (own, axis) in zip(gathered, leaves, strict=True)
            ]
            return map_with(outputs, spliced)

        return run

    def sum_gradients(self, arm: Arm) -> None:
        """Add up the gradients of the network over all processes, in place.

        One flat vector is sent, since a small network is many small tensors. What objectives
        have of their own is behind no exchange: every process has its whole gradient, and the mean
        keeps them together should their arithmetic differ.
        """
        if self.size == 1:
            return
        shared = {id(weight) for weight in arm.network.parameters()}
        weights = [weight for weight in arm.parameters() if weight.grad is not None]
        gradients = [
            weight.grad if id(weight) in shared else weight.grad / self.size
            for weight in weights
            if weight.grad is not None
        ]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        with _losses_named():
            dist.all_reduce(flat)
        sums = torch.split(flat, [weight.numel() for weight in weights])
        for weight, part in zip(weights, sums, strict=True):
            weight.grad = part.view_as(weight)

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process."""
        if self.size == 1:
            return flag
        found = torch.tensor(int(flag))
        with _losses_named():
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return bool(found)

    def told(self, value: Tree) -> Tree:
        """Return the value of the process that leads; those of the others are ignored."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        with _losses_named():
            dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        told: Tree = box[0]
        return told

    def _gather(
        self, leaves: Sequence[tuple[Tensor, int]], counts: Sequence[int] | None
    ) -> list[Tensor]:
        """Return tensors of all worlds, in one exchange of bytes.

        Args:
            leaves: This process's tensors, each with its world axis.
            counts: Worlds of each process; None if all have as many.
        """
        moved = [leaf.movedim(axis, 0) for leaf, axis in leaves if leaf.dim()]
        counts = counts or [len(moved[0])] * self.size
        rows = torch.cat([_bytes_of(tensor) for tensor in moved], dim=1)
        padded = rows.new_zeros(max(counts), rows.shape[1])
        padded[: len(rows)] = rows
        received = [torch.empty_like(padded) for _ in counts]
        with _losses_named():
            dist.all_gather(received, padded)
        whole = torch.cat([part[:count] for part, count in zip(received, counts, strict=True)])
        columns = iter(torch.split(whole, [_width_of(tensor) for tensor in moved], dim=1))
        found = []
        for leaf, axis in leaves:
            if leaf.dim():
                shape = (len(whole), *leaf.movedim(axis, 0).shape[1:])
                values = next(columns).flatten().view(leaf.dtype).view(shape)
                leaf = values.movedim(0, axis).contiguous()
            found.append(leaf)
        return found


ALONE = Team()
"""One process."""


@contextmanager
def joined() -> Iterator[Team]:
    """Join the processes that torchrun has started with this one; alone without torchrun.

    Yields:
        Team.

    Raises:
        TeamError: another process does not answer.
    """
    if not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys():
        yield ALONE
        return
    with _losses_named():
        # What lies on the CPU is exchanged by gloo, what lies on a CUDA device by NCCL.
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        # Whoever refuses what all were asked for leaves at once, which must not be while another
        # still connects: that one could no longer say why.
        dist.all_reduce(torch.zeros(1))
    yield Team(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))
    # Not after an error: a process that failed must not wait for those that wait for it.
    dist.destroy_process_group()


def parts(num_worlds: int, size: int) -> list[int]:
    """Return how many of some worlds each process takes; the first ones take what is left over."""
    return [num_worlds // size + (rank < num_worlds % size) for rank in range(size)]


def map_with(tree: Tree, tensors: Sequence[Tensor]) -> Tree:
    """Return a record of the same form with other tensors, in the order of `_leaves`."""
    following = iter(tensors)
    return map_tensors(tree, lambda _: next(following))


def _leaves(tree: Any, axis: int) -> Iterator[tuple[Tensor, int]]:
    """Yield the tensors of a record, each with its world axis."""
    if isinstance(tree, Tensor):
        yield tree, axis
    elif isinstance(tree, dict | tuple | list):
        axis = 0 if isinstance(tree, Memory) else axis
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(part, axis)


def _width_of(tensor: Tensor) -> int:
    """Return the bytes of one row."""
    return tensor[:1].numel() * tensor.element_size() if len(tensor) else 0


def _bytes_of(tensor: Tensor) -> Tensor:
    """Return a tensor [E, ...] as uint8 [E, bytes]."""
    return tensor.contiguous().view(len(tensor), tensor[:1].numel()).view(torch.uint8)


def _spliced(full: Tensor, own: Tensor, axis: int, first: int) -> Tensor:
    """Return the whole with this process's part in its place, through which gradients flow."""
    end = first + own.shape[axis]
    after = full.narrow(axis, end, full.shape[axis] - end)
    return torch.cat([full.narrow(axis, 0, first), own, after], dim=axis)


@contextmanager
def _losses_named() -> Iterator[None]:
    """Say of a failed exchange that another process has stopped."""
    try:
        yield
    except RuntimeError as error:
        raise TeamError(
            "another process of this run has stopped, so that this one had to; what that one said "
            "tells why. What was saved is intact: run the same command again to go on"
        ) from error
