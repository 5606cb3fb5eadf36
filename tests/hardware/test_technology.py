"""Technology nodes: two fitted ones with their error, the others by a stated rule."""

import pytest

from hardware.technology import fitted_nodes, node, published_energies
from tocompiler.technology_fit import fit_node, fit_published


def test_published_energies_name_their_source() -> None:
    energies = published_energies()
    assert {e.node_nm for e in energies} == {45.0, 7.0}
    assert sum(e.node_nm == 45 for e in energies) == 8
    assert sum(e.node_nm == 7 for e in energies) == 10
    quoted = {f"{e.operation} {e.format}" for e in energies if e.obtained == "second-hand"}
    assert quoted == {"add bf16", "multiply bf16"}
    assert all(e.source and 2010 < e.year < 2030 for e in energies)


def test_fitted_nodes_are_the_fit_of_the_shipped_table() -> None:
    assert [n.nm for n in fitted_nodes()] == [45, 7]
    for shipped in fitted_nodes():
        again = fit_published(shipped.nm)
        assert shipped.obtained == "fitted"
        assert shipped.femtojoule_per_transistor_operation == pytest.approx(again.femtojoule, abs=1e-4)
        assert shipped.r2_log == pytest.approx(again.r2_log, abs=1e-4)
        assert shipped.worst_ratio == pytest.approx(again.worst_ratio, abs=1e-3)
        assert shipped.points == len(again.ratios)


def test_the_fit_is_the_geometric_mean_and_its_error_is_counted_both_ways() -> None:
    found = fit_node({"a": 1.0, "b": 10.0, "c": 100.0}, {"a": 0.002, "b": 0.01, "c": 0.05})
    assert found.femtojoule == pytest.approx(1.0)  # of 2, 1 and 1/2 fJ
    assert found.worst_ratio == pytest.approx(2.0)
    assert found.ratios == pytest.approx({"a": 0.5, "b": 1.0, "c": 2.0})
    assert fit_node({"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 6.0}).r2_log == pytest.approx(1.0)
    with pytest.raises(ValueError, match="at least two"):
        fit_node({"a": 1.0}, {"a": 1.0})


def test_other_nodes_lie_on_the_power_law_and_say_so() -> None:
    fine, middle, coarse = node("7nm"), node("28nm"), node("45nm")
    assert fine.femtojoule_per_transistor_operation < middle.femtojoule_per_transistor_operation
    assert middle.femtojoule_per_transistor_operation < coarse.femtojoule_per_transistor_operation
    assert (middle.obtained, node("5nm").obtained, node("90nm").obtained) == ("interpolated",) + ("extrapolated",) * 2
    assert middle.points == 0
    assert "power law" in middle.source
    ratio = node("90nm").femtojoule_per_transistor_operation / coarse.femtojoule_per_transistor_operation
    step = coarse.femtojoule_per_transistor_operation / node("22.5nm").femtojoule_per_transistor_operation
    assert ratio == pytest.approx(step)


def test_energy_is_switching_times_the_constant() -> None:
    assert node("45nm").energy_joule(1e15) == pytest.approx(node("45nm").femtojoule_per_transistor_operation)
    assert node("45nm").name == "45nm"


@pytest.mark.parametrize("name", ["45", "nm", "1nm", "900nm", "45 um", ""])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="technology node"):
        node(name)


@pytest.mark.parametrize(("text", "message"), [
    ("nm = 22", "may have"), ("nm = 22\nfemtojoule_per_transistor_operation = 1\nsource = 'x'\nvolts = 1", "not volts"),
    ("nm = -1\nfemtojoule_per_transistor_operation = 1\nsource = 'x'", "nm is a positive number"),
    ("nm = 22\nfemtojoule_per_transistor_operation = 1\nsource = 'x'\nvolt = 1", "volt needs at_volt"),
    ("nm =", "cannot read"),
])
def test_a_node_that_is_not_as_it_should_be_is_refused(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "node.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        node(str(path))


def test_load_has_a_constant_of_its_own() -> None:
    for shipped in fitted_nodes():
        again = fit_published(shipped.nm, load=True)
        assert shipped.femtojoule_per_load == pytest.approx(again.femtojoule, abs=1e-4)
        assert shipped.worst_ratio_load == pytest.approx(again.worst_ratio, abs=1e-3)
    assert node("7nm").femtojoule_per_load < node("28nm").femtojoule_per_load < node("45nm").femtojoule_per_load
