"""Which certificates of a controller are taken."""

import hashlib
import ssl
from collections.abc import Set as AbstractSet


def trusting(ca_file: str | None, fingerprints: AbstractSet[str]) -> ssl.SSLContext:
    """Trusts what the system trusts, or the file; of that only certificates with one of these SHA-256, if given."""
    context = ssl.create_default_context(cafile=ca_file)
    if fingerprints:
        context.sslobject_class = _pinned_to(frozenset(fingerprints))
    return context


def _pinned_to(fingerprints: frozenset[str]) -> type[ssl.SSLObject]:
    class Pinned(ssl.SSLObject):
        """Ends the handshake before anything is sent to a server that shows another certificate."""

        def do_handshake(self) -> None:
            super().do_handshake()
            shown = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
            if shown not in fingerprints:
                raise ssl.SSLCertVerificationError(
                    f"the policy's controller_fingerprints do not name its certificate, sha256:{shown}"
                )

    return Pinned
