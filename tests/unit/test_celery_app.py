from shared.celery_app import WeightedCycle, make_celery
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
    """Queues that share a routing key would each get every message."""
    queues = make_celery(load_settings({})).conf.task_queues
    assert {(queue.name, queue.routing_key) for queue in queues} == {
        ("interactive", "interactive"),
        ("bulk", "bulk"),
    }


def test_interactive_goes_first_but_bulk_never_starves() -> None:
    cycle = WeightedCycle(bulk_every=5)
    cycle.update(["bulk", "interactive"])
    firsts = []
    for _ in range(10):
        order = cycle.consume(2)
        assert sorted(order) == ["bulk", "interactive"]
        firsts.append(order[0])
        cycle.rotate(order[0])
    assert firsts == (["interactive"] * 4 + ["bulk"]) * 2
