"""Jobs that have succeeded, without a worker."""

from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.results import pack
from shared.schemas import AIGenerationResult
from tests.helpers import taken

PNG = "iVBORw0KGgo="
RESULT = AIGenerationResult(
    success=True,
    generated_image_base64=PNG,
    conditioning_images_base64={"canny": {"opencv_canny": PNG}},
    prompt_used="a prompt",
    generation_metadata={"seed": 7},
)


def draw(leases: Leases, job_id: str, result: AIGenerationResult = RESULT) -> None:
    """End a waiting job as succeeded."""
    lease = taken(leases, job_id)
    new = pack(job_id, lease.token, result)
    assert leases.publish(lease, Key.DOCUMENT + job_id, new.document, 1, pictures=new.pictures)
