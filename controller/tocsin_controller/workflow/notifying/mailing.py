"""One mail to one address."""

import asyncio
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final
from uuid import UUID

from tocsin_agent.network import AddressRefused
from tocsin_agent.tasks.driving import TaskFailed, one_line
from tocsin_controller.workflow.couriers import NotSent
from tocsin_shared.connections.configs import SmtpConfig
from tocsin_shared.network import Reach

#: For all of it: looking up, connecting, logging in, handing over. Shorter than the wait before the next try.
LONGEST_SECS: Final = 20.0
_MOST_SUBJECT_CHARS: Final = 250


def mail_of(message_id: UUID, sender: str, to: str, subject: str, text: str, at: datetime) -> EmailMessage:
    """As it is sent. The same id makes the same Message-ID, by which one that comes twice is known.

    Raises ValueError for addresses that are none.
    """
    mail = EmailMessage()
    mail["From"] = Address(addr_spec=sender)
    mail["To"] = Address(addr_spec=to)
    mail["Subject"] = " ".join(subject.split())[:_MOST_SUBJECT_CHARS]
    mail["Date"] = at
    mail["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    # Out-of-office answers to a machine help nobody.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail


async def hand_over(
    config: SmtpConfig, reach: Reach, mail: EmailMessage, *, must_upgrade: bool = False
) -> None:
    """Give a mail to a server. Raises NotSent; final is what the server refuses for good."""
    # Loaded only where mail is sent at all.
    import aiosmtplib

    from tocsin_agent.connecting.smtp import logged_in

    try:
        async with (
            asyncio.timeout(LONGEST_SECS),
            logged_in(config, reach, must_upgrade=must_upgrade) as server,
        ):
            await server.send_message(mail)
    except AddressRefused as error:
        raise NotSent(str(error), is_final=True) from None
    except TaskFailed as failure:
        raise NotSent(failure.text[:500]) from None
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [one.code for one in error.recipients]
        said = one_line("; ".join(f"{one.code} {one.message}" for one in error.recipients))
        raise NotSent(f"the mail server refused it: {said}"[:500], is_final=min(codes) >= 500) from None
    except aiosmtplib.SMTPResponseException as error:
        said = one_line(f"{error.code} {error.message}")
        raise NotSent(f"the mail server refused it: {said}"[:500], is_final=error.code >= 500) from None
    except TimeoutError:
        raise NotSent(f"the mail server gave no complete answer within {LONGEST_SECS:g} s") from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise NotSent(f"the mail server failed: {one_line(error)}"[:500]) from None
