"""Keys of people: what identifies a person is sealed with a key of his own, and that with a master key.

Erasing a person deletes his key; what was sealed with it is noise from then on, also in old copies of the
pages. Search goes through keyed hashes, proof of a content through an HMAC: both need the master key.
Seal: one byte form, 12 bytes nonce, AES-256-GCM; the name of the place is authenticated with it, so that a
sealed value does not open anywhere else.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sojourn.ports import StoreBroken

Entropy = Callable[[int], bytes]
_FORM = b"\x01"
_NONCE = 12
_KEY = 32


class Key:
    """Seals and opens bytes for named places."""

    __slots__ = ("_cipher", "_entropy")

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        self._cipher = AESGCM(key)
        self._entropy = entropy

    def seal(self, place: bytes, content: bytes) -> bytes:
        """Give the content so that only this key opens it, and only for this place."""
        nonce = self._entropy(_NONCE)
        return _FORM + nonce + self._cipher.encrypt(nonce, content, place)

    def open(self, place: bytes, sealed: bytes) -> bytes:
        """Give the content back. Raises StoreBroken when the bytes were changed or sealed otherwise."""
        try:
            if sealed[:1] != _FORM:
                raise InvalidTag
            return self._cipher.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], place)
        except (InvalidTag, ValueError) as error:
            raise StoreBroken(
                "A sealed value cannot be opened",
                place=place.decode(),
                next_step="Restore the database from a copy, or check that the master key belongs to it.",
            ) from error


class Master:
    """The key of keys: wraps the keys of people, makes search hashes and proofs.

    ``entropy`` gives random bytes; the operating system's by default.
    """

    __slots__ = ("_entropy", "_hash", "_proof", "_wrap", "letters", "records")

    def __init__(self, secret: bytes, entropy: Entropy = secrets.token_bytes) -> None:
        if len(secret) != _KEY:
            raise StoreBroken(
                "The master key has a wrong length",
                bytes=len(secret),
                expected=_KEY,
                next_step="Restore the key file.",
            )
        self._entropy = entropy
        self._wrap = Key(_derived(secret, b"wrap"), entropy)
        self._hash = _hmac(_derived(secret, b"search"))
        self._proof = _hmac(_derived(secret, b"proof"))
        self.letters = Key(_derived(secret, b"letters"), entropy)
        self.records = Key(_derived(secret, b"records"), entropy)

    def new_subject(self) -> int:
        """Give a random subject id, 1 to 2**62."""
        return 1 + int.from_bytes(self._entropy(8)) % 2**62

    def new_key(self) -> tuple[bytes, Key]:
        """Give a new key for a person, wrapped for keeping and open for use."""
        secret = self._entropy(_KEY)
        return self._wrap.seal(b"key", secret), Key(secret, self._entropy)

    def new_secret(self) -> bytes:
        """Give 32 random bytes."""
        return self._entropy(_KEY)

    def unwrap(self, wrapped: bytes) -> Key:
        """Give the key of a person from its wrapped form."""
        return Key(self._wrap.open(b"key", wrapped), self._entropy)

    def search(self, kind: str, value: str) -> str:
        """Give the keyed hash under which a value is found: 32 hex digits."""
        return self._hash(f"{kind}\0{value}".encode())[:16].hex()

    def proof(self, content: bytes) -> bytes:
        """Give 32 bytes that prove a content to somebody who has the master key and the content."""
        return self._proof(content)

    def digest(self, content: bytes) -> bytes:
        """Give 16 bytes that tell equal contents from others and say nothing about them."""
        return self.proof(content)[:16]


def _hmac(key: bytes) -> Callable[[bytes], bytes]:
    """Give HMAC-SHA256 with this key; what the key alone decides is done once, which halves the cost."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(one ^ 0x36 for one in block))
    outer = hashlib.sha256(bytes(one ^ 0x5C for one in block))

    def digest(content: bytes) -> bytes:
        first, last = inner.copy(), outer.copy()
        first.update(content)
        last.update(first.digest())
        return last.digest()

    return digest


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"sojourn:" + purpose, "sha256")


def master_key(path: Path, *, create: bool, entropy: Entropy = secrets.token_bytes) -> Master:
    """Read the master key; with ``create`` make it where there is none (mode 0600, whole or not at all).

    Raises StoreBroken when it is missing or is no key: a database cannot be read without its own.
    """
    if create and not path.exists():
        _write_once(path, entropy(_KEY).hex() + "\n")
    try:
        return Master(bytes.fromhex(path.read_text("ascii").strip()), entropy)
    except (OSError, ValueError) as error:
        raise StoreBroken(
            "The master key cannot be read",
            file=path.name,
            problem=type(error).__name__,
            next_step="Put the key file of this database back; without it no customer can be read.",
        ) from error


def _write_once(path: Path, text: str) -> None:
    """Write beside and link: another process either sees the whole key or makes none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if not path.exists():
            os.link(draft, path)
    except FileExistsError:
        return  # another process was first; its key counts
    finally:
        draft.unlink(missing_ok=True)
