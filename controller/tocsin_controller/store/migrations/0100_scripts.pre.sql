-- Scripts that tasks run by name: Starlark for `script`, Dockerfiles for `docker_build`. At most a thousand rows.
CREATE TABLE scripts (
    name text PRIMARY KEY,
    script_type text NOT NULL CHECK (script_type IN ('starlark', 'dockerfile')),
    code text NOT NULL CHECK (octet_length(code) <= 1048576),
    updated_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Jobs by the script that they run. Most jobs run none and are not in it.
CREATE INDEX jobs_by_script ON jobs ((definition -> 'task' ->> 'script_name'))
WHERE definition -> 'task' ->> 'script_name' IS NOT NULL;
