"""What is enabled for a model on its device, and why."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether an option is on, and why. As text: "yes", "yes: <reason>" or "no: <reason>"."""

    is_on: bool
    reason: str = ""

    def __str__(self) -> str:
        """Return the answer as the status shows it."""
        return ": ".join(filter(None, ("yes" if self.is_on else "no", self.reason)))


@dataclass(frozen=True, slots=True)
class Setup:
    """The setup of a model; None: not asked.

    Attributes:
        profile: the GPU profile's name.
        device: the device's name.
        dtype: of the weights, and why.
        cpu_offload: whether the parts that a job needs only once are kept in host memory.
        attention: how it is computed.
        channels_last: whether weights are stored in this order.
        torch_compile: whether the networks are compiled.
        float8: whether `fast` has 8-bit layers.
        compile_processes: whether other processes have compiled the networks' blocks.
        vae_compile: whether the VAE is compiled.
        cuda_graphs: whether steps are recorded.
    """

    profile: str | None = None
    device: str | None = None
    dtype: str | None = None
    cpu_offload: Answer | None = None
    attention: str | None = None
    channels_last: Answer | None = None
    torch_compile: Answer | None = None
    float8: Answer | None = None
    compile_processes: Answer | None = None
    vae_compile: Answer | None = None
    cuda_graphs: Answer | None = None

    def texts(self) -> dict[str, str]:
        """Return what was asked and its answers, as the status shows them."""
        answers = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(answer) for name, answer in answers.items() if answer is not None}


def is_on(answer: Answer | None) -> bool:
    """Return whether an option was asked for and is on."""
    return answer is not None and answer.is_on
