"""Building an image, and telling how it goes while it goes."""

import io
import re
from collections.abc import Mapping
from typing import Any, Final

import aiodocker

from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, one_line
from tocsin_shared.executions import Reason, Stream

#: What both engines print at the end, and Podman says in no other way.
_BUILT: Final = re.compile(r"^Successfully built ([0-9a-f]{12,64})\b", re.MULTILINE)


async def build(
    engine: aiodocker.Docker,
    archive: io.BytesIO,
    tag: str,
    build_args: Mapping[str, str],
    context: TaskContext,
) -> str:
    """The id of the image. Raises TaskFailed, and what the driver raises."""
    image = ""
    try:
        async for news in engine.images.build(
            fileobj=archive,
            encoding="gzip",
            tag=tag,
            buildargs=build_args,
            rm=True,
            forcerm=True,
            stream=True,
        ):
            text = _text_of(news)
            if text:
                context.emit(Stream.STDOUT, text.encode())
            image = _id_of(news) or image or _told_id(text)
    except aiodocker.exceptions.DockerStreamError as error:
        raise _build_failed(error) from None
    if not image:
        # The driver takes a connection that breaks for the end of the answer.
        raise TaskFailed(Reason.DRIVER_ERROR, "The engine stopped talking before the image was built.")
    return image


def _text_of(news: Mapping[str, Any]) -> str:
    """What people see of it: output of the build, and what is pulled, without progress bars."""
    if "stream" in news:
        return str(news["stream"])
    if "status" in news and not news.get("progressDetail"):
        layer = f"{news['id']}: " if "id" in news else ""
        return f"{layer}{news['status']}\n"
    return ""


def _id_of(news: Mapping[str, Any]) -> str:
    aux = news.get("aux")
    return str(aux["ID"]) if isinstance(aux, dict) and aux.get("ID") else ""


def _told_id(text: str) -> str:
    found = _BUILT.search(text)
    return found[1] if found else ""


def _build_failed(error: aiodocker.exceptions.DockerStreamError) -> TaskFailed:
    code = error.error_detail.get("code")
    if isinstance(code, int) and code:
        return TaskFailed(Reason.EXIT_CODE, "The build failed.", one_line(error.message), exit_code=code)
    return TaskFailed(Reason.DRIVER_ERROR, "The build failed.", one_line(error.message))
