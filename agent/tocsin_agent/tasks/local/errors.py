"""What a file's error means, in a sentence."""

import errno
from typing import Final

from tocsin_agent.tasks.driving import TaskFailed
from tocsin_shared.executions import Reason

_SENTENCES: Final = {
    errno.ENOENT: "There is no {path} on this host.",
    errno.EACCES: "The account of this task may not {doing} {path}.",
    errno.EPERM: "The account of this task may not {doing} {path}.",
    errno.EEXIST: "{path} exists already.",
    errno.EISDIR: "{path} is a directory.",
    errno.ENOTDIR: "A part of {path} is no directory.",
    errno.ELOOP: "{path} leads through a symbolic link that was put there meanwhile.",
    errno.ENOSPC: "The disk is full: {path} could not be written.",
    errno.EDQUOT: "The disk quota is used up: {path} could not be written.",
    errno.EFBIG: "{path} would be larger than files may be there.",
    errno.EROFS: "The file system of {path} is read-only.",
    errno.ENAMETOOLONG: "The name of {path} is too long.",
}


def file_failed(doing: str, path: object, error: OSError) -> TaskFailed:
    """`doing` is a verb such as read or write."""
    sentence = _SENTENCES.get(error.errno or 0, "It was not possible to {doing} {path}.")
    return TaskFailed(Reason.FILE_ERROR, sentence.format(doing=doing, path=path), error.strerror or error)
