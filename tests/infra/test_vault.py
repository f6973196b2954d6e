"""The vault: what seals contacts, and a key file that is not lost, shared or mixed up."""

import concurrent.futures

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.ledger import connect, transaction
from infra.ledger.reporters import open_vault, seal_clear_contacts
from infra.settings import Endpoints
from infra.vault import Sealed, Vault, VaultLocked, load_vault, make_key_file

CONTACT = {"name": "王小明", "phone": "13800138000"}


def test_a_contact_is_read_with_its_key_and_by_nobody_else() -> None:
    vault = Vault(bytes(32))
    sealed, again = vault.seal("r1", CONTACT), vault.seal("r1", CONTACT)
    assert vault.open(sealed) == CONTACT
    assert not {sealed.key, sealed.content} & {again.key, again.content}
    assert b"138" not in sealed.content
    other = vault.seal("r2", CONTACT)
    for wrong in (
        Sealed("r2", sealed.key, sealed.content),
        Sealed("r1", other.key, sealed.content),
        Sealed("r1", sealed.key, again.content),
        Sealed("r1", b"", b""),
    ):
        with pytest.raises(VaultLocked):
            vault.open(wrong)
    with pytest.raises(VaultLocked, match="another key"):
        Vault(bytes([1]) * 32).open(sealed)


@given(st.integers(0, 59), st.integers(1, 255))
def test_a_changed_byte_is_noticed(at: int, by: int) -> None:
    vault = Vault(bytes(32))
    sealed = vault.seal("r1", CONTACT)
    spoilt = bytearray(sealed.key)
    spoilt[at] ^= by
    with pytest.raises(VaultLocked):
        vault.open(Sealed("r1", bytes(spoilt), sealed.content))


def test_no_secret_is_shown(tmp_path) -> None:
    make_key_file(tmp_path / "key")
    text = (tmp_path / "key").read_text().strip()
    vault = load_vault(tmp_path / "key")
    shown = repr(vault) + str(vault) + vault.fingerprint
    assert text not in shown
    assert vault.pseudonyms.hex() not in shown


def test_a_key_file_is_made_once_and_whole(tmp_path) -> None:
    path = tmp_path / "folder" / "key"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = {pool.submit(lambda: (make_key_file(path), load_vault(path))[1]) for _ in range(8)}
        assert len({one.result().fingerprint for one in made}) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "00" * 31, "x" * 64, "é"])
def test_a_file_that_is_no_key_is_refused(tmp_path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(VaultLocked, match="does not hold a key"):
        load_vault(path)


def test_a_key_that_others_may_read_is_refused(tmp_path) -> None:
    make_key_file(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(VaultLocked, match="chmod 600"):
        load_vault(tmp_path / "key")
    with pytest.raises(VaultLocked, match="JINGWEI_KEY_FILE"):
        load_vault(tmp_path / "none")


@pytest.mark.postgis
async def test_a_ledger_has_one_key(endpoints: Endpoints, tmp_path) -> None:
    """A second host without the file makes none of its own: half the contacts would be lost."""
    await _without_key(endpoints)
    conn = await connect(endpoints.worker_url)
    first = await open_vault(conn, tmp_path / "first")
    assert (await open_vault(conn, tmp_path / "first")).fingerprint == first.fingerprint
    with pytest.raises(VaultLocked, match="cannot be read"):
        await open_vault(conn, tmp_path / "second")
    make_key_file(tmp_path / "second")
    with pytest.raises(VaultLocked, match="is not the key"):
        await open_vault(conn, tmp_path / "second")
    await conn.close()


@pytest.mark.postgis
async def test_contacts_of_an_earlier_version_are_sealed(endpoints: Endpoints, tmp_path) -> None:
    await _without_key(endpoints)
    owner = await connect(endpoints.database_url)
    async with transaction(owner) as conn:
        await conn.executemany(
            "INSERT INTO reporter (ref, contact) VALUES ($1, $2)",
            [(f"r{number}", CONTACT) for number in range(1_001)],
        )
    assert await seal_clear_contacts(endpoints.database_url, tmp_path / "key") == 1_001
    assert await seal_clear_contacts(endpoints.database_url, tmp_path / "key") == 0
    assert await owner.fetchval("SELECT count(*) FROM reporter WHERE contact IS NOT NULL") == 0
    row = await owner.fetchrow(
        "SELECT r.ref, k.key, r.sealed FROM reporter AS r JOIN reporter_key AS k USING (ref)"
        " WHERE ref = 'r7'"
    )
    assert load_vault(tmp_path / "key").open(Sealed(*row)) == CONTACT
    await owner.close()


async def _without_key(endpoints: Endpoints) -> None:
    """Let the ledger be one of before there was a key; a fresh one has that of its stack."""
    conn = await connect(endpoints.database_url)
    await conn.execute("DELETE FROM vault")
    await conn.close()
