"""Several processes that train together, as ``torchrun`` or ``accelerate launch`` start them.

Every process holds all weights, computes the rows of its share, and makes the same step with
the mean of all gradients. Only tensors travel between processes, never pickled objects.

Gradients are averaged here, after the backward passes, and not by DistributedDataParallel:
that one watches the forward pass of one module, while stages call several networks and their
parts (``network.video``, ``contact_head``, ``condition_encoder``) as they need, and a
contrast needs the features of all processes in between. Its gain, sending gradients during
the backward pass, is small beside a step of these networks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from foleyline_contract.errors import FoleyError, SettingInvalid
from foleyline_training.share import Share, whole_share
from foleyline_training.stage_config import StageConfig

PATIENCE = timedelta(hours=24)
"""How long processes wait for the first one, which may have a large corpus to prepare."""
BUCKET_VALUES = 1 << 24
"""Gradients are sent in pieces of about so many values."""


class Parted(FoleyError):
    """Another process has ended, or the line to it is broken."""

    default_remedy = "Look at what the other processes say, then give the same command again."


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of a training, seen from one of them; one alone is its own first."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes logs and checkpoints."""
        return self.rank == 0

    def share(self, config: StageConfig) -> Share:
        """What this process does of a stage's steps.

        Raises:
            SettingInvalid: a step cannot be shared out, or there is no device for this process.
        """
        share = whole_share(config)
        if self.world == 1:
            return share
        if config.batch % (self.world * share.parts):
            raise SettingInvalid(
                f"A batch of {config.batch} cannot be shared out evenly among {self.world} "
                f"processes that take it in {share.parts} parts.",
                remedy="Choose a batch that is a multiple of both together.",
            )
        device = share.device
        if device.type == "cuda":
            if self.local_rank >= torch.cuda.device_count():
                raise SettingInvalid(
                    f"This machine has fewer graphics cards ({torch.cuda.device_count()}) than "
                    "processes.",
                    remedy="Start one process for each card.",
                )
            device = torch.device("cuda", self.local_rank)
            torch.cuda.set_device(device)
        return replace(
            share, rank=self.rank, world=self.world, device=device, gathered=self.gathered
        )

    def mean(self, *values: float) -> list[float]:
        """Means of ``values`` over the processes, the same in all of them."""
        if self.world == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        with _heard():
            dist.all_reduce(tensor)
        return (tensor / self.world).tolist()

    def gathered(self, rows: Tensor) -> Tensor:
        """The rows of all processes, of which each has as many; gradients flow to one's own.

        Every process has to compute the same loss of them, and to average gradients after.
        """
        return rows if self.world == 1 else _Gathered.apply(rows, self)  # pyright: ignore[reportReturnType]

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace gradients by their means over the processes.

        A parameter without one here counts as zero; without one anywhere it stays without.
        """
        if self.world == 1:
            return
        here = torch.tensor([p.grad is not None for p in parameters], dtype=torch.float32)
        with _heard():
            dist.all_reduce(here)
            for bucket in _buckets(p for p, n in zip(parameters, here.tolist(), strict=True) if n):
                flat = torch.cat([_gradient(p).flatten() for p in bucket])
                dist.all_reduce(flat)
                pieces = (flat / self.world).split([p.numel() for p in bucket])
                for parameter, piece in zip(bucket, pieces, strict=True):
                    parameter.grad = piece.view_as(parameter)

    def copy_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite ``tensors`` by those of the first process."""
        if self.world == 1:
            return
        with torch.no_grad(), _heard():
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def wait(self) -> None:
        """Go on when all have come here."""
        self.mean(0.0)

    @contextmanager
    def one_after_the_first(self) -> Iterator[None]:
        """Run a block in the first process, then in all others, which find its files."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()


ALONE = Processes()


@contextmanager
def joined(environment: Mapping[str, str] | None = None) -> Iterator[Processes]:
    """The processes that a launcher's variables tell of; this one alone where there are none.

    Raises:
        SettingInvalid: the variables make no sense.
        Parted: the others cannot be reached.
    """
    processes = _told_by(os.environ if environment is None else environment)
    if processes.world == 1:
        yield processes
        return
    # Numbers go over the processor's line, features and gradients over the card's.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    with _heard():
        dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield processes
    finally:
        dist.destroy_process_group()


def _told_by(environment: Mapping[str, str]) -> Processes:
    try:
        world = int(environment.get("WORLD_SIZE", "1"))
        if world == 1:
            return ALONE
        return Processes(int(environment["RANK"]), world, int(environment["LOCAL_RANK"]))
    except (KeyError, ValueError) as error:
        raise SettingInvalid(
            f"The environment tells of several processes, but not which one this is ({error}).",
            remedy="Start them with torchrun.",
        ) from error


class _Gathered(torch.autograd.Function):
    """The rows of all processes, in the order of their ranks."""

    @staticmethod
    def forward(ctx, rows: Tensor, processes: Processes) -> Tensor:  # noqa: ANN001
        ctx.count, ctx.processes = len(rows), processes
        parts = [torch.empty_like(rows) for _ in range(processes.world)]
        with _heard():
            dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN001
        # All processes compute the same loss of the same rows, so this is the whole gradient
        # of these rows. Times world, because the mean over processes divides by it: the
        # others' gradients know nothing of the weights' way to these rows.
        first = ctx.processes.rank * ctx.count
        return gradients[0][first : first + ctx.count] * ctx.processes.world, None


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _buckets(parameters: Iterable[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    bucket: list[nn.Parameter] = []
    values = 0
    for parameter in parameters:
        bucket.append(parameter)
        values += parameter.numel()
        if values >= BUCKET_VALUES:
            yield bucket
            bucket, values = [], 0
    if bucket:
        yield bucket


@contextmanager
def _heard() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise Parted(
            "The line to another process of this training is broken.", detail=str(error)
        ) from error
