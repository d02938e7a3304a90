"""The real controller under everything that may happen to it; and what the search is worth."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from controller import visit
from controller.cabinet import Cabinet
from controller.visit import asking, restart, waiting
from simulators.faults import Cause
from tests.edge.stateful.machine import Broken, RealEdge

AS_IT_COMES = settings(
    max_examples=50, stateful_step_count=50, derandomize=True, deadline=None, database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
)  # fmt: skip
UNSHRUNK = settings(AS_IT_COMES, max_examples=300, phases=[Phase.generate])


@pytest.mark.row("M2")
@pytest.mark.timeout(300)
def test_m2_an_evening_of_everything_breaks_no_promise(reached):
    before = (RealEdge.evenings, RealEdge.steps)
    run_state_machine_as_test(RealEdge, settings=AS_IT_COMES)
    evenings, steps = RealEdge.evenings - before[0], RealEdge.steps - before[1]
    reached("M2", goal="0 promises broken", figure=f"0 in {evenings} evenings, {steps} steps")
    assert steps > 30 * AS_IT_COMES.max_examples


def test_goods_that_were_taken_before_somebody_called_for_help_are_not_called_ready():
    """Found by the search: a latch jams under the emergency that cuts a collecting short."""
    evening = RealEdge()
    evening.an_evening_begins(seed=1, loaded=[3])
    evening.a_qr_is_scanned(order=2, kind="good", then=1.0)
    evening.goods_are_taken(order=2)
    evening.something_breaks(Cause.LATCH_JAMMED, "03", 0.0)
    evening.a_button_is_pressed("inside", 2.5)
    evening.a_hand_is_at_a_door("03", "shut", 60.0)
    evening.every_promise_holds()
    assert evening.stand.place.edge.cabinet.boxes["03"].state == "checking"
    evening.teardown()


def intents_are_not_durable(monkeypatch):
    async def forgets(self, step, along):
        pass

    monkeypatch.setattr(Cabinet, "_commit", forgets)


def used_rights_are_forgotten(monkeypatch):
    monkeypatch.setattr(Cabinet, "used", property(lambda _: set(), lambda _, used: None), raising=False)


def pulses_are_not_counted(monkeypatch):
    for room in (asking, waiting):
        monkeypatch.setattr(room, "pulses_left", lambda opening, now, rules: now < opening.first_pulse + 50)


def a_restart_forgets_what_was_under_way(monkeypatch):
    monkeypatch.setattr(restart, "restarted", lambda box, same_boot: visit.Step(box))
    monkeypatch.setattr(visit, "restarted", lambda box, same_boot: visit.Step(box))


LONGER = [pytest.mark.hard, pytest.mark.row("M2"), pytest.mark.timeout(600)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("let_go", "found"),
    [
        (intents_are_not_durable, "I5"),
        (a_restart_forgets_what_was_under_way, "never ends"),
        pytest.param(used_rights_are_forgotten, "I15", marks=LONGER),
        pytest.param(pulses_are_not_counted, "I1", marks=LONGER),
    ],
)
def test_a_guard_that_is_let_go_is_found_within_some_evenings(monkeypatch, let_go, found):
    let_go(monkeypatch)
    with pytest.raises(Broken, match=found) as broken:
        run_state_machine_as_test(RealEdge, settings=UNSHRUNK)
    assert any("state.an_evening_begins(" in note for note in broken.value.__notes__), "how to replay it"
