"""The backend's status and submit endpoints as FastAPI and uvicorn would have them: what `cargo xtask bench-api`
measures beside the real ones, in the same run.

One worker, uvloop and httptools, no access log. A submit is checked by pydantic and stored before it is answered: in
one SQLite transaction (WAL, synchronous FULL, as the backend's) the record with the indexes that lists are answered
from, what the job is asked to do, an event that is told once, an audit entry, and a count of the jobs that wait, which
bounds them. A status is one read of the record. Around that it does to every request what the backend does: ids
taken or made and returned, metrics by route, limits on requests at once, their time and their size, the check of who
is addressed, headers, compression of large replies, problems as documents. `--bare` leaves all of this away.

    python fastapi_twin.py FOLDER [--bare] PORT
"""

import asyncio
import json
import re
import sqlite3
import sys
import time
import uuid
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from prometheus_client import Counter, Gauge, Histogram, make_asgi_app
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, status TEXT NOT NULL, strategy TEXT NOT NULL,
    trace_id TEXT NOT NULL, ttl INTEGER, actor TEXT NOT NULL, record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status, id);
CREATE INDEX IF NOT EXISTS jobs_by_strategy ON jobs (strategy, id);
CREATE INDEX IF NOT EXISTS jobs_by_trace ON jobs (trace_id, id);
CREATE INDEX IF NOT EXISTS jobs_by_ttl ON jobs (ttl);
CREATE TABLE IF NOT EXISTS waiting (actor TEXT PRIMARY KEY, jobs INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS job_messages (id TEXT PRIMARY KEY, message TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL,
    dedup_id TEXT NOT NULL UNIQUE, event TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_job ON events (job_id, seq);
CREATE TABLE IF NOT EXISTS audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL);
"""

KEPT_SECONDS = 7 * 86_400
MOST_WAITING = 1_000_000


class Submit(BaseModel):
    model_config = ConfigDict(extra="forbid")

    strategy: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    strategy_version: str | None = None
    symbols: list[str] = Field(default_factory=list, max_length=100)
    timeframe: str | None = None
    start: date | None = None
    end: date | None = None
    timerange: str | None = Field(default=None, pattern=r"^\d{8}-\d{8}$")
    settings: dict[str, Any] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict)
    exchange: str | None = None
    config_id: str | None = None


class Links(BaseModel):
    this: str = Field(serialization_alias="self")
    events: str
    cancel: str
    result: str


class Accepted(BaseModel):
    job_id: str
    ticket_id: str
    trace_id: str
    status: str
    links: Links


class Backtest(Accepted):
    progress: float
    workflow_type: str
    strategy: str
    strategy_version: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None
    result_path: str | None
    mlflow_run_id: str | None
    git_commit: str | None
    execution_arn: str | None
    error: str | None


def uuid7() -> uuid.UUID:
    value = (time.time_ns() // 1_000_000) << 80 | uuid.uuid4().int & (1 << 76) - 1
    value = value & ~(0xF000 << 64) | 0x7000 << 64
    return uuid.UUID(int=value & ~(0xC000 << 48) | 0x8000 << 48)


def links(job_id: str) -> Links:
    this = f"/api/v1/backtests/{job_id}"
    return Links(this=this, events=f"{this}/events", cancel=f"{this}/cancel", result=f"{this}/metrics")


def build(folder: Path) -> FastAPI:
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "state.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.executescript(SCHEMA)
    app = FastAPI(title="twin")

    @app.get("/api/v1/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/api/v1/backtests", status_code=202)
    async def submit(body: Submit, request: Request, response: Response) -> Accepted:
        job_id, trace_id = str(uuid7()), request.headers.get("x-trace-id", uuid.uuid4().hex)
        now = datetime.now(timezone.utc).isoformat()
        actor, ttl = "local", int(time.time()) + KEPT_SECONDS
        record = {"trace_id": trace_id, "status": "pending", "strategy": body.strategy, "ttl": ttl,
                  "strategy_version": body.strategy_version, "created_at": now}
        event = {"type": "job.submitted", "ts": now, "job_id": job_id}
        entry = {"at": now, "actor": actor, "action": "job.submit", "subject": job_id}
        database.execute("BEGIN IMMEDIATE")
        waiting = database.execute(
            "SELECT coalesce(sum(jobs), 0), coalesce(sum(jobs) FILTER (WHERE actor = ?), 0) FROM waiting", (actor,)
        ).fetchone()
        if waiting[0] >= MOST_WAITING or waiting[1] >= MOST_WAITING:
            database.execute("ROLLBACK")
            raise HTTPException(429, "too many jobs wait")
        database.execute("INSERT INTO jobs VALUES (?, 'pending', ?, ?, ?, ?, ?)",
                         (job_id, body.strategy, trace_id, ttl, actor, json.dumps(record)))
        database.execute("INSERT INTO waiting VALUES (?, 1) ON CONFLICT (actor) DO UPDATE SET jobs = jobs + 1", (actor,))
        database.execute("INSERT INTO job_messages VALUES (?, ?)", (job_id, body.model_dump_json()))
        database.execute("INSERT INTO events (job_id, dedup_id, event) VALUES (?, ?, ?)",
                         (job_id, f"{job_id}:submitted", json.dumps(event)))
        database.execute("INSERT INTO audit (entry) VALUES (?)", (json.dumps(entry),))
        database.execute("COMMIT")
        response.headers["location"] = f"/api/v1/backtests/{job_id}"
        return Accepted(job_id=job_id, ticket_id=job_id, trace_id=trace_id, status="pending", links=links(job_id))

    @app.get("/api/v1/backtests/{job_id}")
    async def show(job_id: uuid.UUID) -> Backtest:
        row = database.execute("SELECT record FROM jobs WHERE id = ?", (str(job_id),)).fetchone()
        if row is None:
            raise HTTPException(404, "there is no such job")
        record = json.loads(row[0])
        return Backtest(
            job_id=str(job_id), ticket_id=str(job_id), trace_id=record["trace_id"], status=record["status"],
            links=links(str(job_id)), progress=0.0, workflow_type="backtest", strategy=record["strategy"],
            strategy_version=record["strategy_version"], created_at=record["created_at"], started_at=None,
            completed_at=None, expires_at=None, result_path=None, mlflow_run_id=None, git_commit=None,
            execution_arn=None, error=None,
        )

    return app


REQUESTS = Counter("twin_http_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("twin_http_request_seconds", "Time until the reply began", ["method", "route", "status"],
                    buckets=[0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0])
RUNNING = Gauge("twin_http_requests_running", "Requests being answered")
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")
MOST_AT_ONCE, MOST_SECONDS, MOST_BYTES = 256, 30.0, 1024 * 1024
LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}


class Around:
    """What a service does to every request, as plain ASGI: Starlette's base class for it costs twice as much."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.running = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = time.perf_counter()
        headers = Headers(scope=scope)
        known = TRACEPARENT.match(headers.get("traceparent", ""))
        trace_id = known.group(1) if known else uuid.uuid4().hex
        span_id = uuid.uuid4().hex[16:]
        correlation_id = headers.get("x-correlation-id") or trace_id
        scope.setdefault("state", {}).update(trace_id=trace_id, caller="local")
        status = 500

        async def answer(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                taken = time.perf_counter() - started
                replied = MutableHeaders(scope=message)
                replied["traceparent"] = f"00-{trace_id}-{span_id}-00"
                replied["x-correlation-id"] = correlation_id
                replied["server-timing"] = f"app;dur={taken * 1000:.1f}"
                replied.setdefault("cache-control", "no-store")
                replied.setdefault("x-content-type-options", "nosniff")
            await send(message)

        self.running += 1
        RUNNING.inc()
        try:
            refused = self.refuse(headers)
            if refused is not None:
                await refused(scope, receive, answer)
            else:
                async with asyncio.timeout(MOST_SECONDS):
                    await self.app(scope, receive, answer)
        finally:
            self.running -= 1
            RUNNING.dec()
            route = getattr(scope.get("route"), "path", "unmatched")
            labels = (scope["method"], route, str(status))
            REQUESTS.labels(*labels).inc()
            SECONDS.labels(*labels).observe(time.perf_counter() - started)

    def refuse(self, headers: Headers) -> Response | None:
        if self.running > MOST_AT_ONCE:
            return problem(503, "Too many requests are being answered")
        if int(headers.get("content-length", 0)) > MOST_BYTES:
            return problem(413, "The body is larger than this service takes")
        if headers.get("host", "localhost").rsplit(":", 1)[0].lower() not in LOOPBACK:
            return problem(403, "This service answers to localhost only")
        return None


def problem(status: int, detail: str) -> Response:
    return JSONResponse({"status": status, "detail": detail}, status, media_type="application/problem+json")


def around(app: FastAPI) -> FastAPI:
    app.add_exception_handler(StarletteHTTPException, lambda _, error: problem(error.status_code, str(error.detail)))
    app.add_exception_handler(RequestValidationError, lambda _, error: problem(422, str(error.errors())))
    app.mount("/metrics", make_asgi_app())
    app.add_middleware(GZipMiddleware, minimum_size=1024)
    app.add_middleware(Around)
    return app


if __name__ == "__main__":
    app = build(Path(sys.argv[1]))
    uvicorn.run(app if "--bare" in sys.argv else around(app), host="127.0.0.1", port=int(sys.argv[-1]), workers=1,
                loop="uvloop", http="httptools", access_log=False, log_level="warning")
