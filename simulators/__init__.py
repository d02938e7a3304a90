"""The outside world: boards, people, faults and fleets on the far side of the wire."""
