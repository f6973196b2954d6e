"""`jingwei status`: beside the services, what waits and what is open."""

from tests.cli.conftest import Run, data
from tests.cli.scene import Scene


def test_says_what_waits_and_what_is_open(scene: Scene, run: Run) -> None:
    city = data(run("status", "--json"))["city"]
    assert city["open_incidents"] == 3
    assert city["units"]["on_scene"] == 1
    assert city["outbox_waiting"] == 0
    assert city["dead_letters"] == 0
    assert city["policies"][scene.region] is not None
    shown = run("status").stdout
    assert "incidents 3 open" in shown
    assert "outbox    0 messages not sent" in shown
