"""Where tasks run side by side: in processes of this machine, or on a Ray or Dask cluster, all by joblib."""

from __future__ import annotations

import logging
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from threading import Thread
from typing import Any, TypeVar

import joblib

from tsla.extras import needing
from tsla.theory.constants import must_be_one_of, whole

WATCH_EVERY = 0.5
"""Seconds between two looks of a worker for the process that began it."""
BACKENDS = ("loky", "ray", "dask")
NO_CLUSTER = "address = {!r} must be that of a running cluster: nobody answers there"
T = TypeVar("T")


@dataclass(frozen=True)
class Workers:
    """``count`` processes of one thread each. With a count of 1 on this machine, this very process."""

    backend: str
    count: int

    def each(self, function: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[T]:
        """``function(*a)`` for each of ``arguments``: the results in the order in which they are done; on Ray, all at the end."""
        if not arguments:
            return
        # joblib runs what has one worker in the calling process: two, so that a lone task does not take the caller down with it.
        jobs = min(self.count, max(2, len(arguments)))
        stream = "list" if self.backend == "ray" else "generator_unordered"  # Ray's backend has no generators
        with warnings.catch_warnings(), joblib.Parallel(n_jobs=jobs, return_as=stream, batch_size=1) as parallel:
            # A worker whose memory has grown is replaced between two tasks, as it should be: no task is lost by that.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
            yield from parallel(self._called(function, a) for a in arguments)

    def _called(self, function: Callable[..., T], arguments: tuple[Any, ...]) -> Any:
        if self.backend != "loky":  # the others see to it that their workers end
            return joblib.delayed(function)(*arguments)
        return joblib.delayed(_of)(os.getpid(), function, *arguments)


def _of(caller: int, function: Callable[..., T], *arguments: Any) -> T:
    if os.getpid() != caller:
        _end_with(caller)
    return function(*arguments)


@cache
def _end_with(caller: int) -> None:
    """End this worker soon after the process that began it: one that is killed leaves its workers asleep, or at what nobody waits for."""
    Thread(target=_watch, args=(caller,), daemon=True).start()


def _watch(caller: int) -> None:
    while os.getppid() == caller:
        time.sleep(WATCH_EVERY)
    os._exit(1)


@contextmanager
def workers(backend: str = "loky", *, address: str | None = None, jobs: int | None = None) -> Iterator[Workers]:
    """The workers of a backend, connected to while the context lasts.

    backend: "loky" (processes of this machine), "ray", "dask"
    address: of a running cluster; without it one is started on this machine (Ray: unless the variable RAY_ADDRESS names one)
    jobs:    at most this many workers (default: one for each core)
    Raises ValueError for another backend and an address where no cluster answers, MissingExtraError for one that is not installed.
    """
    must_be_one_of("backend", backend, BACKENDS)
    if jobs is not None:
        whole("jobs", jobs, at_least=1)
    if address is not None and backend == "loky":
        raise ValueError(f"address = {address!r} must come with backend ray or dask; loky's processes are of this machine")
    if address is not None:
        _refuse_silence(address)
    connect = {"loky": _loky, "ray": _ray, "dask": _dask}[backend]
    with connect(address, jobs) as (count, options), joblib.parallel_config(backend=backend, **options):
        yield Workers(backend, count if jobs is None else min(jobs, count))


Connection = Iterator[tuple[int, dict[str, Any]]]


@contextmanager
def _loky(address: str | None, jobs: int | None) -> Connection:
    yield jobs or os.cpu_count() or 1, {"inner_max_num_threads": 1}


@contextmanager
def _ray(address: str | None, jobs: int | None) -> Connection:
    ray, register = _installed("ray", "ray"), _installed("ray", "ray.util.joblib").register_ray
    cores = None if address or "RAY_ADDRESS" in os.environ else jobs
    try:
        ray.init(address=address, num_cpus=cores, log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError:
        raise ValueError(NO_CLUSTER.format(address)) from None
    try:
        register()
        # An actor holds no core unless it says so, and all of them may then end up on one node.
        yield int(ray.cluster_resources().get("CPU", 1)), {"ray_remote_args": {"num_cpus": 1}}
    finally:
        ray.shutdown()


@contextmanager
def _dask(address: str | None, jobs: int | None) -> Connection:
    distributed = _installed("dask", "distributed")  # its import registers the backend
    local = {"n_workers": jobs or os.cpu_count(), "threads_per_worker": 1, "dashboard_address": None}
    with distributed.Client(address) if address else distributed.Client(**local) as client:
        threads = client.nthreads().values()
        if any(number != 1 for number in threads):  # runs seed the generator of their process
            raise ValueError(f"address = {address!r} must have workers of one thread each: dask worker --nthreads 1")
        yield len(threads), {}


def _refuse_silence(address: str) -> None:
    """At once, where Ray and Dask would try for minutes."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if port.isdigit():  # "auto" is Ray's to find
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except (OSError, OverflowError):
            raise ValueError(NO_CLUSTER.format(address)) from None


def _installed(backend: str, module: str) -> Any:
    with needing("cluster", f"backend = {backend!r}"):
        return import_module(module)
