"""The operator's page: workers, results, failures, and its key."""

import pytest

from local.stack import Stack
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.redis_client import make_redis
from shared.schemas import GenerationRequest, JobError
from shared.settings import load_settings
from tests.browser.conftest import OpenPage
from tests.helpers import Api, taken


def test_the_operator_sees_workers_and_counts(open_page: OpenPage, stack: Stack, api: Api) -> None:
    api.draw(word="山", num_inference_steps=1)
    page = open_page("/admin")
    page.wait_for_selector("#workers .state[data-state=warm]")
    assert page.locator("#workers tbody tr").count() == 1
    assert int(page.inner_text("#jobs dd >> nth=0")) >= 1
    assert page.get_attribute("#flower", "href") == "http://127.0.0.1:5555/"
    drawn = int(page.inner_text("#jobs dd >> nth=0"))
    api.draw(word="山", num_inference_steps=1)
    page.wait_for_selector(f"#jobs dd:text-is('{drawn + 1}')")


@pytest.mark.slow
def test_the_operator_sees_the_store_and_what_each_worker_switched(open_page: OpenPage, api: Api) -> None:
    api.draw(word="山", num_inference_steps=2)
    page = open_page("/admin")
    page.wait_for_selector("#setup td >> nth=0")
    kept, memory, _, evicted, store = (cell.inner_text() for cell in page.locator("#results dd").all())
    assert int(kept) >= 1
    assert memory.endswith("MiB")
    assert (evicted, store) == ("0", "redis")
    switches = {
        row.locator("td").nth(1).inner_text(): row.inner_text() for row in page.locator("#setup tbody tr").all()
    }
    assert "no" in switches["torch_compile"], "the reason is shown"
    assert len(switches["torch_compile"].split("\t")[-1]) > len("no")


def test_the_operator_sees_what_failed_lately_and_why(open_page: OpenPage, stack: Stack) -> None:
    """A worker's script ends the job as failed, with a reason that the page must not interpret as markup."""
    settings = load_settings({"WRITING_REDIS__URL": stack.redis_url})
    client = make_redis(settings.redis)
    store = JobStore(client, settings.queue)
    leases = Leases(client, store, settings.queue, "of-this-test")
    store.create("a-job-that-fails", GenerationRequest(word="山"))
    lease = taken(leases, "a-job-that-fails")
    leases.fail(lease, JobError(code="out_of_memory", title="t", detail="no room for <b>2048²</b>"))
    leases.sign_off()
    client.close()
    page = open_page("/admin")
    row = page.locator("#failures tbody tr").first
    row.wait_for()
    text = row.inner_text()
    assert "out_of_memory" in text
    assert "no room for <b>2048²</b>" in text
