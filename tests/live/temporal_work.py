"""A Temporal worker: ``temporal_work.py METRICS_PORT SERVER QUEUE``. It works until it is ended."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import Worker

ATTEMPTS = 3
SOON = RetryPolicy(
    initial_interval=timedelta(milliseconds=20), backoff_coefficient=1.0, maximum_attempts=ATTEMPTS
)
MINUTE = timedelta(minutes=1)


@activity.defn
async def fails_until(attempt: int) -> str:
    if activity.info().attempt < attempt:
        raise RuntimeError(f"attempt {activity.info().attempt} of {attempt}")
    return "done"


@activity.defn
async def never_ends() -> None:
    await asyncio.sleep(600)


@workflow.defn
class Succeeds:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(fails_until, 1, start_to_close_timeout=MINUTE)


@workflow.defn
class Retries:
    """Succeeds with its last attempt."""

    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(
            fails_until, ATTEMPTS, start_to_close_timeout=MINUTE, retry_policy=SOON
        )


@workflow.defn
class Fails:
    """Has no attempt left."""

    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(
            fails_until, ATTEMPTS + 1, start_to_close_timeout=MINUTE, retry_policy=SOON
        )


@workflow.defn
class Stuck:
    """Its activity times out, twice."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            never_ends,
            start_to_close_timeout=timedelta(milliseconds=300),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=20), maximum_attempts=2),
        )


@workflow.defn
class Sleeps:
    """Is ended by its own limit."""

    @workflow.run
    async def run(self) -> None:
        await asyncio.sleep(600)


async def connected(server: str, runtime: Runtime) -> Client:
    while True:
        try:
            return await Client.connect(server, runtime=runtime)
        except (RPCError, RuntimeError):
            await asyncio.sleep(0.1)


async def main(port: str, server: str, queue: str) -> None:
    metrics = PrometheusConfig(bind_address=f"127.0.0.1:{port}")
    runtime = Runtime(telemetry=TelemetryConfig(metrics=metrics))
    worker = Worker(
        await connected(server, runtime),
        task_queue=queue,
        workflows=[Succeeds, Retries, Fails, Stuck, Sleeps],
        activities=[fails_until, never_ends],
    )
    await worker.run()


if __name__ == "__main__":  # the sandbox imports this module again
    asyncio.run(main(*sys.argv[1:]))
