"""The backend's status and submit endpoints as FastAPI and uvicorn would have them: what `cargo xtask bench-api`
measures beside the real ones, in the same run.

One worker, uvloop and httptools, no access log. A submit is checked by pydantic and stored before it is answered: the
job's config as a file, and in one SQLite transaction (WAL, synchronous FULL, as the backend's) the record, an event
and an audit entry. A status is one read of the record.

    python fastapi_twin.py FOLDER PORT
"""

import json
import sqlite3
import sys
import time
import uuid
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL);
"""


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
    (folder / "configs").mkdir(parents=True, exist_ok=True)
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
        config = body.model_dump_json()
        (folder / "configs" / f"{job_id}.json").write_text(config)
        record = {"trace_id": trace_id, "status": "pending", "strategy": body.strategy,
                  "strategy_version": body.strategy_version, "created_at": now}
        event = {"type": "job.submitted", "ts": now, "job_id": job_id}
        entry = {"at": now, "actor": "local", "action": "job.submit", "subject": job_id}
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO jobs VALUES (?, ?)", (job_id, json.dumps(record)))
        database.execute("INSERT INTO events (job_id, event) VALUES (?, ?)", (job_id, json.dumps(event)))
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


if __name__ == "__main__":
    uvicorn.run(build(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), workers=1, loop="uvloop",
                http="httptools", access_log=False, log_level="warning")
