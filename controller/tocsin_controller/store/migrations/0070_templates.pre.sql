-- Templates: parts of definitions that people start new jobs from. The first eight come with the product; they may be
-- changed and deleted like any other.
CREATE TABLE templates (
    name text PRIMARY KEY,
    description text,
    -- Any JSON, as other systems' clients save it; only an object can become a job.
    snapshot jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO templates (name, description, snapshot, created_by)
VALUES
(
    'HTTP Health Check',
    'Asks a web address and fails unless it answers 200',
    '{"group": "Monitoring",
      "task": {"type": "http", "method": "get", "url": "https://example.com/health", "expect_status": 200},
      "timeout_secs": 30, "retry_max": 2, "retry_delay_secs": 10}',
    'system'
),
(
    'Shell Cron Task',
    'A command line on a host',
    '{"group": "Default",
      "task": {"type": "shell", "command": "df -h /"},
      "timeout_secs": 300, "max_concurrent": 1}',
    'system'
),
(
    'ETL Extract',
    'Fetches data into a dated file and refuses an empty one',
    '{"group": "ETL",
      "task": {"type": "shell", "command": "set -eu\nfile=\"extract-$(date -u +%F).json\"\ncurl -fsS --retry 2 https://example.com/api/records -o \"$file\"\ntest -s \"$file\"\nwc -c \"$file\""},
      "timeout_secs": 1800, "retry_max": 3, "retry_delay_secs": 60, "retry_backoff": 2.0, "max_concurrent": 1}',
    'system'
),
(
    'Deploy with Approval',
    'Rolls a release out once somebody has approved the run',
    '{"group": "Deploy",
      "task": {"type": "shell", "command": "./deploy.sh", "working_dir": "/opt/app"},
      "timeout_secs": 1800, "max_concurrent": 1, "priority": 10}',
    'system'
),
(
    'Database Backup',
    'Dumps a PostgreSQL database into a dated file and checks that it can be read',
    '{"group": "Backups",
      "task": {"type": "shell", "command": "set -eu\nfile=\"/var/backups/app-$(date -u +%F).dump\"\npg_dump --format=custom --file=\"$file\" app\npg_restore --list \"$file\" > /dev/null\nls -l \"$file\""},
      "timeout_secs": 7200, "retry_max": 1, "retry_delay_secs": 300, "max_concurrent": 1}',
    'system'
),
(
    'API Latency Test',
    'Measures how long an address takes to answer and fails beyond a limit',
    '{"group": "Monitoring",
      "task": {"type": "shell", "command": "curl -fsS -o /dev/null --max-time 2 -w ''status=%{http_code} seconds=%{time_total}\\n'' https://example.com/api/ping"},
      "timeout_secs": 30, "retry_max": 1, "retry_delay_secs": 5}',
    'system'
),
(
    'Event Reactor',
    'Tells a web hook that something happened; give it an event schedule',
    '{"group": "Default",
      "task": {"type": "http", "method": "post", "url": "https://example.com/hooks/tocsin",
               "headers": {"Content-Type": "application/json"}, "body": "{\"source\": \"tocsin\"}"},
      "timeout_secs": 30, "retry_max": 3, "retry_delay_secs": 10, "retry_backoff": 2.0}',
    'system'
),
(
    'File Transfer (SFTP)',
    'Uploads a file with the key of the account that the job runs as',
    '{"group": "Transfers",
      "task": {"type": "shell", "command": "sftp -b - -oBatchMode=yes upload@files.example.com",
               "stdin": "put /var/spool/outgoing/report.csv /incoming/report.csv\n"},
      "timeout_secs": 900, "retry_max": 3, "retry_delay_secs": 60, "retry_backoff": 2.0, "max_concurrent": 1}',
    'system'
);

-- Jobs by who keeps them as code. Most jobs are kept by nobody and are not in it.
CREATE INDEX jobs_by_keeper ON jobs ((definition ->> 'managed_by'), name) WHERE definition ->> 'managed_by' IS NOT NULL;
