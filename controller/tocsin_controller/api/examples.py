"""One request body per route that takes one, shown in the OpenAPI document and on the reference page."""

from typing import Any, Final

from tocsin_shared.masks import MASK

_EXECUTION: Final = "0198d2c1-7c3a-7b1e-9d55-3f6a1c2b4d5e"
_JOB: Final = "0198d2c1-6f10-7a44-8c21-9b0e7d3f5a61"
_INCARNATION: Final = "0198d2c0-11aa-7fee-8123-4567890abcde"

EXAMPLES: Final[dict[tuple[str, str], Any]] = {
    ("POST", "/api/jobs"): {
        "name": "nightly backup",
        "group": "ops",
        "task": {"type": "shell", "command": "/opt/backup.sh --full"},
        "schedule": {"type": "cron", "value": "0 30 2 * * *"},
        "timezone": "Europe/Berlin",
        "target": {"type": "tagged", "tag": "db"},
        "timeout_secs": 3600,
        "retry_max": 2,
        "retry_delay_secs": 60,
        "max_concurrent": 1,
    },
    ("PUT", "/api/jobs/{job}"): {"schedule": {"type": "cron", "value": "0 0 3 * * *"}, "status": "paused"},
    ("POST", "/api/templates"): {
        "name": "health check",
        "description": "Is the service well?",
        "snapshot": {"task": {"type": "http", "method": "get", "url": "https://example.com/health"}},
    },
    ("POST", "/api/jobs/apply"): {
        "documents": [
            {
                "name": "nightly backup",
                "task": {"type": "shell", "command": "/opt/backup.sh"},
                "schedule": {"type": "cron", "value": "0 30 2 * * *"},
                "target": {"type": "agent", "agent": "db-1"},
            }
        ],
        "managed_by": "ops-repo",
        "prune": {"managed_by": "ops-repo"},
        "dry_run": True,
    },
    ("POST", "/api/jobs/bulk"): {"action": "pause", "filter": {"group": "Backups"}, "dry_run": True},
    ("POST", "/api/calendars"): {
        "name": "bank",
        "holidays": [{"country": "DE", "subdivision": "BY"}],
        "dates": ["2026-12-24"],
        "windows": [{"cron": "0 18 * * FRI", "duration_secs": 216_000, "policy": "defer", "note": "weekend freeze"}],
        "timezone": "Europe/Berlin",
    },
    ("PUT", "/api/calendars/{name}"): {"dates": ["2026-12-24", "2026-12-31"]},
    ("POST", "/api/jobs/{job}/backfill"): {
        "from": "2026-03-01T00:00:00Z",
        "to": "2026-03-08T00:00:00Z",
        "max_concurrent": 4,
        "dry_run": True,
    },
    ("POST", "/api/jobs/{job}/pause"): {"note": "disk is being replaced", "until": "2026-03-02T08:00:00Z"},
    ("POST", "/api/jobs/{job}/rollback"): {"version": 3},
    ("PUT", "/api/jobs/pipeline-schedule/{group}"): {"schedule": {"type": "cron", "value": "0 0 2 * * *"}},
    ("POST", "/api/jobs/groups"): {"name": "ETL"},
    ("PUT", "/api/jobs/rename-group"): {"old_name": "etl", "new_name": "ETL"},
    ("PUT", "/api/jobs/bulk-group"): {"job_ids": [_JOB], "group": "ETL"},
    ("POST", "/api/jobs/{job}/trigger"): {"params": {"version": "1.2.3"}},
    ("POST", "/api/executions/{id}/approve"): {"note": "checked with the database team"},
    ("POST", "/api/executions/{id}/reject"): {"note": "not during the sale"},
    ("POST", "/api/data/import"): {
        "export_version": 2,
        "jobs": [
            {
                "id": _JOB,
                "name": "nightly backup",
                "task": {"type": "shell", "command": "/opt/backup.sh --full"},
                "schedule": {"type": "cron", "value": "0 30 2 * * *"},
            }
        ],
        "variables": [{"name": "API_HOST", "value": "https://api.example.com"}],
        "settings": {"retention_days": "14"},
    },
    ("POST", "/api/variables"): {"name": "API_HOST", "value": "https://api.example.com"},
    ("PUT", "/api/variables/{name}"): {"value": "https://api2.example.com"},
    ("POST", "/api/connections"): {
        "name": "prod-db",
        "conn_type": "postgres",
        "description": "Production DB",
        "config": {"connection_string": "postgresql://user:pass@db.example.com:5432/app"},
    },
    ("PUT", "/api/connections/{name}"): {
        "description": "Updated description",
        "config": {"connection_string": MASK, "tls": True},
    },
    ("POST", "/api/connections/{name}/test"): {"agent": "db-1"},
    ("PUT", "/api/scripts/{name}"): {
        "code": "answer = http_get(\"https://example.com/health\")\n"
        "if answer.status != 200:\n    fail(\"answered %d\" % answer.status)\n"
        "result = answer.body\n",
        "script_type": "starlark",
    },
    ("POST", "/api/ai/generate-job"): {"prompt": "back up postgres every night at 3 with a timeout of one hour"},
    ("PUT", "/api/settings"): {"retention_days": "14"},
    ("POST", "/api/schedules/preview"): {
        "schedule": {"type": "cron", "value": "0 30 2 * * *"},
        "timezone": "Europe/Berlin",
        "count": 3,
    },
    ("POST", "/api/runs/{id}/retry"): {"only": "failed"},
    ("POST", "/api/targets/explain"): {
        "target": {"type": "tagged", "expression": "linux and not (db or legacy)"},
        "task_type": "shell",
    },
    ("POST", "/api/keys"): {"name": "ci", "role": "operator"},
    ("PUT", "/api/agents/{id}/task-types"): {
        "task_types": [
            {
                "name": "greet",
                "description": "Says hello",
                "fields": [{"name": "whom", "label": "Whom", "field_type": "text", "required": True}],
            }
        ]
    },
    ("POST", "/api/jobs/{job}/webhook"): {"secret": True},
    ("POST", "/api/webhooks/{token}"): {"params": {"version": "1.4.2"}},
    ("POST", "/api/agents/register"): {
        "name": "web-1",
        "tags": ["linux", "web"],
        "hostname": "web-1.example.org",
        "address": "",
        "port": 0,
        "agent_type": "custom",
    },
    ("POST", "/api/agents/{id}/heartbeat"): {"incarnation": _INCARNATION, "running": []},
    ("POST", "/api/agent-queue/{id}/next"): {
        "incarnation": _INCARNATION,
        "seq": 1,
        "wait_secs": 25,
        "slots": 4,
        "running": [],
    },
    ("POST", "/api/agents/{id}/events"): {
        "events": [
            {"type": "started", "execution_id": _EXECUTION, "fence": 1, "seq": 1},
            {"type": "output", "execution_id": _EXECUTION, "fence": 1, "seq": 2, "stream": "stdout", "offset": 0,
             "data": "hello\n"},
            {"type": "result", "execution_id": _EXECUTION, "fence": 1, "seq": 3, "status": "succeeded",
             "exit_code": 0, "started_age_secs": 0.2, "stdout_bytes": 6},
        ]
    },
    ("POST", "/api/callbacks/execution-result"): {
        "execution_id": _EXECUTION,
        "job_id": _JOB,
        "agent_id": "0198d2c0-22bb-7abc-9234-567890abcdef",
        "status": "succeeded",
        "exit_code": 0,
        "stdout": "hello\n",
        "stderr": "",
        "stdout_truncated": False,
        "stderr_truncated": False,
        "started_at": "2026-01-31T02:30:00Z",
        "finished_at": "2026-01-31T02:30:01Z",
    },
}  # fmt: skip
