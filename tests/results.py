"""Results of noise instead of pictures, published as a worker does."""

import base64
import random
import uuid

from shared.celery_app import make_celery
from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.results import pack
from shared.queue.store import JobStore
from shared.redis_client import make_redis
from shared.schemas import AIGenerationResult, GenerationRequest, Variation
from shared.settings import Settings
from tests.helpers import taken

SIZE = 20_000


def picture(number: int) -> AIGenerationResult:
    noise = random.Random(number)
    return AIGenerationResult(
        success=True,
        generated_image_base64=base64.b64encode(noise.randbytes(SIZE)).decode(),
        conditioning_images_base64={"canny": {"opencv_canny": base64.b64encode(noise.randbytes(500)).decode()}},
        prompt_used="a 学",
        generation_metadata={"seed": number},
    )


def variations(count: int, kept: int) -> AIGenerationResult:
    """Return a result with several pictures."""
    pictures = [picture(number).generated_image_base64 for number in range(count)]
    return picture(kept).model_copy(
        update={
            "variations": tuple(
                Variation(generated_image_base64=image, seed=number, legibility={"score": 0.5}, kept=number == kept)
                for number, image in enumerate(pictures)
            )
        }
    )


class Publisher:
    """Publishes a job's result as a worker does."""

    def __init__(self, settings: Settings) -> None:
        self.client = make_redis(settings.redis)
        self.store = JobStore(self.client, settings.queue)
        self.leases = Leases(self.client, self.store, settings.queue, "w")
        self.results = make_celery(settings).backend.results

    def publish(self, number: int, budget: int = 0, result: AIGenerationResult | None = None) -> str:
        job_id = str(uuid.uuid4())
        self.store.create(job_id, GenerationRequest(word="学"))
        lease = taken(self.leases, job_id)
        new = pack(job_id, lease.token, result or picture(number))
        kept = self.results.store_elsewhere(job_id, lease.token, new)
        assert self.leases.publish(lease, Key.DOCUMENT + job_id, new.document, 1, pictures=kept, budget=budget)
        return job_id


def at(settings: Settings, address: str) -> Settings:
    """Return the settings with the store at an address."""
    return settings.model_copy(update={"results": settings.results.model_copy(update={"store": address})})
