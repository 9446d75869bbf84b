import json

import pytest
from kombu.utils.scheduling import cycle_by_name

import shared.celery_app
import shared.queue.order
from shared.celery_app import make_celery
from shared.errors import SettingsError
from shared.queue.client_queues import QUEUES, QUEUES_PER_PRIORITY
from shared.queue.order import order_name
from shared.queue.results import ResultBackend
from shared.settings import load_settings


def test_messages_and_results_are_json_only() -> None:
    conf = make_celery(load_settings({})).conf
    assert conf.accept_content == conf.result_accept_content == ["json"]
    assert conf.task_serializer == conf.result_serializer == "json"


def test_messages_outlive_their_worker() -> None:
    conf = make_celery(load_settings({})).conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1


def test_results_expire() -> None:
    conf = make_celery(load_settings({"WRITING_QUEUE__RESULT_TTL_S": "99"})).conf
    assert conf.result_expires == 99


def test_each_queue_has_its_own_route() -> None:
    """Queues that shared a routing key would each receive every message."""
    queues = make_celery(load_settings({})).conf.task_queues
    assert [(queue.name, queue.routing_key) for queue in queues] == [(name, name) for name in QUEUES]
    assert len(set(QUEUES)) == 2 * QUEUES_PER_PRIORITY


def test_interactive_goes_first_but_bulk_never_starves() -> None:
    options = make_celery(load_settings({})).conf.broker_transport_options
    cycle = cycle_by_name(options["queue_order_strategy"])()
    cycle.update(["bulk", "interactive"])
    firsts = []
    for _ in range(10):
        order = cycle.consume(2)
        assert sorted(order) == ["bulk", "interactive"]
        firsts.append(order[0])
        cycle.rotate(order[0])
    assert firsts == (["interactive"] * 4 + ["bulk"]) * 2


def test_queues_of_a_priority_take_turns() -> None:
    """A queue with many messages lets those of each other one go first, and bulk turns change nothing in that."""
    options = make_celery(load_settings({})).conf.broker_transport_options
    cycle = cycle_by_name(options["queue_order_strategy"])()
    cycle.update(QUEUES)
    waiting = {"interactive": 4, "interactive.3": 2, "interactive.9": 1, "bulk": 3, "bulk.1": 1}
    read = []
    while any(waiting.values()):
        queue = next(queue for queue in cycle.consume(len(QUEUES)) if waiting.get(queue))
        waiting[queue] -= 1
        cycle.rotate(queue)
        read.append(queue)
    assert sorted(read[:3]) == ["interactive", "interactive.3", "interactive.9"]
    assert sorted([read[3], read[5]]) == ["interactive", "interactive.3"]
    assert read[4].startswith("bulk"), "every fifth"
    assert read[6:8] == ["interactive", "interactive"]
    assert sorted([read[4], read[8]]) == ["bulk", "bulk.1"]
    assert read[9:] == ["bulk", "bulk"]


def test_a_message_from_a_queue_that_was_cancelled_meanwhile_is_counted() -> None:
    cycle = cycle_by_name(order_name(2))()
    cycle.update(["bulk", "interactive"])
    cycle.rotate("bulk.3")
    assert cycle.consume(2) == ["bulk", "interactive"]


def test_the_broker_s_options_can_be_shown_as_json() -> None:
    """As `inspect stats` and Flower's worker page do."""
    options = make_celery(load_settings({})).conf.broker_transport_options
    assert json.loads(json.dumps(options)) == options


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_the_password_is_masked_where_the_configuration_is_shown(scheme: str) -> None:
    """On Flower's worker page, and by `inspect conf`."""
    app = make_celery(load_settings({"WRITING_REDIS__URL": f"{scheme}://:hunter2@cache:6379/0"}))
    assert isinstance(app.backend, ResultBackend)
    assert "hunter2" not in str(app.conf.table(with_defaults=True))
    assert "hunter2" not in app.conf.humanize(with_defaults=False)


def test_only_orders_have_names_in_the_module() -> None:
    with pytest.raises(AttributeError):
        _ = shared.queue.order.bulk_every_few


@pytest.mark.parametrize("name", shared.celery_app.CELERY_ADDRESSES)
def test_no_variable_of_celery_s_leads_elsewhere(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It would separate messages from records, and bypass verified TLS."""
    settings = load_settings({"WRITING_REDIS__URL": "rediss://cache.example/0"})
    monkeypatch.setenv(name, "rediss://elsewhere.example/0?ssl_cert_reqs=none")
    with pytest.raises(SettingsError, match=name):
        make_celery(settings)
    monkeypatch.setenv(name, "")
    assert make_celery(settings).conf.broker_use_ssl["ssl_cert_reqs"] == "required"
