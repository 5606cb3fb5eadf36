"""Energies of accesses: the published ones, and power laws between them."""

import pytest

from hardware.memory_energies import access_energy, published_accesses


def test_published_energies_are_met_and_say_where_they_come_from() -> None:
    for access in published_accesses():
        asked = access.capacity_byte or None
        assert access_energy(access.memory, access.node_nm, asked) == pytest.approx(
            access.picojoule / access.bits * 1e-12)
        assert access.source
        assert access.obtained in ("published", "second-hand")


def test_energy_grows_with_size_and_node() -> None:
    sizes = [access_energy("sram", 28, kilobyte * 1024) for kilobyte in (4, 8, 100, 1024, 4096)]
    assert sizes == sorted(sizes)
    assert access_energy("sram", 7, 65536) < access_energy("sram", 22, 65536) < access_energy("sram", 65, 65536)
    assert access_energy("hbm2", 5) < access_energy("dram", 5)


@pytest.mark.parametrize(("arguments", "message"), [
    (("flash", 45), "no published energy of 'flash'"), (("sram", 45), "give capacity_byte"),
    (("sram", 0, 1024), "node_nm is a positive"), (("sram", 45, -1), "capacity_byte is a positive"),
])
def test_what_is_not_known_is_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        access_energy(*arguments)
