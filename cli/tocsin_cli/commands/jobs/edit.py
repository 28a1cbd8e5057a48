"""`tocsin jobs edit`."""

import tempfile
from pathlib import Path
from typing import Any

import click

from tocsin_cli.client import path_of
from tocsin_cli.command import Command, connected
from tocsin_cli.completing import complete_job
from tocsin_cli.failures import Clash, Failure, Refused
from tocsin_cli.lookup import find_job, resolve_target
from tocsin_cli.session import Session

Json = dict[str, Any]

_HEAD = """\
# {name}, version {version}. Save and close to apply; close without a change to leave it as it is.
# A key that you remove goes back to its default.
"""


@click.command(
    "edit",
    cls=Command,
    examples=["tocsin jobs edit nightly-backup", "EDITOR='code -w' tocsin jobs edit sync"],
)
@click.argument("job", shell_complete=complete_job)
@connected
async def edit(session: Session, job: str) -> None:
    """Edit a job's definition as YAML in $VISUAL or $EDITOR.

    Only what you changed is sent. When somebody else has changed the job meanwhile nothing is saved, and your
    text is kept in a file. A text that the controller refuses is opened again with the reasons on top.
    """
    editing = _Editing(session, await find_job(session.api, job))
    try:
        saved = await editing.until_saved()
    except BaseException:
        editing.tell_where_the_text_is()
        raise
    if saved is None:
        editing.forget_text()
        session.out.note("nothing changed")
    elif session.out.is_json:
        session.out.json(saved)
    else:
        version = f" as version {saved['version']}" if "version" in saved else ""
        session.out.line(f"saved {saved['name']}{version}")


class _Editing:
    """One job on somebody's desk."""

    def __init__(self, session: Session, job: Json) -> None:
        from tocsin_cli.job_diff import editable
        from tocsin_cli.manifests import read_document, write_document

        self._session = session
        self._job = job
        self._head = _HEAD.format(name=job["name"], version=job.get("version", "?"))
        self._body = write_document(editable(job))
        self._before = read_document(self._body, job["name"])
        self._path: Path | None = None

    async def until_saved(self) -> Json | None:
        """The job as it is now, or None when nothing was changed. Raises Failure."""
        problems: list[str] = []
        while True:
            text = self._edited(problems)
            if problems and text == self._body:
                raise Failure("not saved: " + "; ".join(problems))
            self._body = text
            try:
                update = await self._update(text)
                if not update:
                    return None
                saved = await self._save(update)
            except (ValueError, Refused) as problem:
                if isinstance(problem, Refused) and problem.status not in (0, 400, 404, 422):
                    raise
                problems = str(problem).splitlines()
            else:
                self.forget_text()
                return saved

    def tell_where_the_text_is(self) -> None:
        """After a failure: nobody should have to type it again."""
        if self._path is not None and self._path.exists():
            self._session.out.note(f"your text is kept in {self._path}")

    def forget_text(self) -> None:
        """It is saved, or was never changed."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _edited(self, problems: list[str]) -> str:
        """What the editor leaves, without our comments on top."""
        if self._path is None:
            with tempfile.NamedTemporaryFile("w", prefix="tocsin-job-", suffix=".yaml", delete=False) as file:
                self._path = Path(file.name)
        marks = "".join(f"#! {line}\n" for line in problems)
        self._path.write_text(self._head + marks + self._body)
        click.edit(filename=str(self._path))
        text = self._path.read_text()
        for ours in (self._head, *marks.splitlines(keepends=True)):
            text = text.removeprefix(ours)
        return text

    async def _update(self, text: str) -> Json:
        """The changes in the text. Raises ValueError when it is no job."""
        from tocsin_cli.job_diff import changes
        from tocsin_cli.manifests import read_document

        after = read_document(text, "your text")
        if isinstance(after.get("target"), str):
            after["target"] = await resolve_target(self._session.api, after["target"])
        return changes(self._before, after)

    async def _save(self, update: Json) -> Json:
        body = {**update, "if_unmodified_since": self._job["updated_at"]}
        try:
            saved: Json = await self._session.api.put(path_of("jobs", self._job["id"]), body)
        except Clash as clash:
            if clash.code == "name_taken":
                raise ValueError(f"name: {clash}") from None
            raise Clash(
                f"{clash}; somebody changed {self._job['name']!r} since you opened it, so nothing was saved",
                code=clash.code,
                status=clash.status,
            ) from None
        return saved
