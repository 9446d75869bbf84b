"""Train a recogniser's network, and write it in the format of PP-OCR's recognisers."""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from training.recogniser.network import SEEN, Network

# Pictures, the accepted classes of each (0 or 1), and the numbers of its parts (-1: the class has no such part).
Batch = tuple[Tensor, Tensor, Tensor]
Batches = torch.utils.data.IterableDataset[Batch]

BATCH, RATE = 128, 2e-3
SAVED_EVERY_S = 600
DRAWN_SHARE = 0.25  # of the characters, in drawn pictures if there are any


@torch.no_grad()
def start_from(learnt: Iterable[tuple[Tensor, Tensor]], network: Network, pictures: Tensor) -> None:
    """Take over what a written network has learnt, and what it answers if it has the same outputs.

    Args:
        learnt: the weights and biases of its layers; the normalisation of features is part of the convolutions.
        network: the one to be trained.
        pictures: (n, 3, 48, 96), by which the normalisation is measured again.
    """
    left, features, bias = iter(learnt), pictures[..., :SEEN], torch.zeros(0)
    for layer in (module for module in network.body.modules() if not list(module.children())):
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            weight, bias = next(left)
            layer.weight.copy_(weight)
            if layer.bias is not None:
                layer.bias.copy_(bias)
        elif isinstance(layer, torch.nn.BatchNorm2d):
            variance, mean = torch.var_mean(features, dim=(0, 2, 3))
            layer.load_state_dict(
                {"running_mean": mean, "running_var": variance, "num_batches_tracked": torch.tensor(1)}
                | {"weight": (variance + layer.eps).sqrt(), "bias": mean + bias}
            )
        features = layer.eval()(features)
    answers = next(left, None)
    if answers and answers[0].shape == network.head.weight.shape:
        network.head.load_state_dict(dict(zip(("weight", "bias"), answers, strict=True)))
    network.train()


def layers_of(path: Path) -> list[tuple[Tensor, Tensor]]:
    """Return the weights and biases of the convolutions and linear layers of an ONNX file, in order."""
    import onnx  # noqa: PLC0415  # optional: only training needs it

    graph = onnx.load(path).graph
    stored = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in graph.initializer}
    nodes = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    return [(stored[node.input[1]], stored[node.input[2]]) for node in nodes]


def average(paths: Sequence[Path], to: Path) -> None:
    """Write the mean of the weights of ONNX files of which each was trained on from another (Wortsman et al. 2022)."""
    import onnx  # noqa: PLC0415  # optional: only training needs it

    first, *others = (onnx.load(path) for path in paths)
    weights = [{one.name: onnx.numpy_helper.to_array(one) for one in other.graph.initializer} for other in others]
    for one in first.graph.initializer:
        own = onnx.numpy_helper.to_array(one)
        if own.dtype == np.float32:
            mean = np.mean([own, *(of[one.name] for of in weights)], axis=0, dtype=np.float32)
            one.CopyFrom(onnx.numpy_helper.from_array(mean, one.name))
    onnx.save(first, to)


def loss_of(outputs: tuple[Tensor, ...], accepted: Tensor, parts: Tensor) -> Tensor:
    """Return minus the log of the probability of what is accepted, with its parts."""
    classes, *heads = outputs
    loss = -(classes.log_softmax(dim=1) + accepted.log()).logsumexp(dim=1).mean()
    for head, part in zip(heads, parts.unbind(dim=1), strict=True):
        loss = loss + torch.nn.functional.cross_entropy(head, part, ignore_index=-1, reduction="sum") / len(parts)
    return loss


def train(batches: Batches, network: Network, minutes: float, save: Callable[[], None]) -> None:
    """Train for a time, within which the learning rate falls to zero; save now and then, and at the end."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    source = iter(torch.utils.data.DataLoader(batches, batch_size=None, num_workers=2, prefetch_factor=4))
    started, shown, saved = time.monotonic(), 8.0, 0.0
    with tqdm(total=round(60 * minutes), unit="s", desc="training") as bar:
        while (passed := time.monotonic() - started) < 60 * minutes:
            share = passed / (60 * minutes)
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(1, 50 * share + 0.02) * (0.5 + 0.5 * np.cos(np.pi * share))
            pictures, accepted, parts = next(source)
            loss = loss_of(network(pictures.to(memory_format=torch.channels_last)), accepted, parts)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            shown += 0.02 * (loss.item() - shown)
            bar.set_postfix(loss=f"{shown:.3f}", refresh=False)
            bar.update(round(passed) - bar.n)
            if passed > saved + SAVED_EVERY_S:
                save()
                saved = passed
    save()


def export(reader: torch.nn.Module, characters: Sequence[str], path: Path) -> None:
    """Write a network with its characters in the metadata."""
    import onnx  # noqa: PLC0415  # optional: only training needs it

    dynamic = {"x": {0: "n"}, "y": {0: "n"}}
    reader.eval()
    torch.onnx.export(
        reader, (torch.zeros(1, 3, 48, 96),), str(path), input_names=["x"], output_names=["y"], dynamic_axes=dynamic,
        opset_version=17, dynamo=False,
    )  # fmt: skip
    reader.train()
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"character": "\n".join(characters)})
    onnx.save(model, path)
