from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

from shared.settings import load_settings
from shared.writing.clusters import clusters
from shared.writing.fonts import read_fonts
from shared.writing.normalise import normalise_word
from training.recogniser.cluster_training import CutBatches, own_words
from training.recogniser.clusters import BASES, SCRIPTS, clusters_with_parts
from training.recogniser.drawn import DrawnWords
from training.recogniser.learning import average, export, loss_of, start_from
from training.recogniser.network import SEEN, ClusterReader, Network, cluster_sizes
from training.recogniser.words import HEIGHT, Cuts, WordFace, Words, gather, load, read_word_faces
from worker.legibility.judge import CLUSTERS
from worker.legibility.recogniser import Recogniser


@pytest.fixture(scope="module")
def words() -> Words:
    """Words in the service's own fonts, of a few clusters of each script."""
    known = list(clusters_with_parts())
    faces = [
        WordFace(font, name, frozenset(one for one in known[::31] if font.has(one)), is_own=True, is_for_test=False)
        for font in read_fonts(load_settings({}).fonts)
        for name in SCRIPTS
        if name in font.path.stem
    ]
    return Words(faces, 1)


@pytest.fixture(scope="module")
def cuts(words: Words) -> Cuts:
    return gather(cut for _ in range(3) for script in SCRIPTS for cut in words.cuts(script))


def test_clusters_are_what_the_service_draws_as_one_character() -> None:
    for cluster in list(clusters_with_parts())[::150]:
        assert clusters(cluster) == (cluster,)
        assert normalise_word(cluster) == cluster


@pytest.mark.parametrize(
    ("cluster", "base", "sign", "top"),
    [
        ("مُّ", "م", "\u0651\u064f", ""),
        ("ی", "ی", "", ""),
        ("น้ำ", "น", "", "\u0e49\u0e33"),
        ("รื่", "ร", "\u0e37", "\u0e48"),
        ("ธิ์", "ธ", "\u0e34", "\u0e4c"),
        ("स्त्री", "स्त्र", "\u0940", ""),
        ("र्मं", "म", "", "र्\u0902"),
        ("ड़ा", "ड़", "\u093e", ""),
    ],
)
def test_a_cluster_is_made_of_parts(cluster: str, base: str, sign: str, top: str) -> None:
    parts = clusters_with_parts()[cluster]
    script = list(SCRIPTS.values())[parts.script]
    found = (BASES[parts.base], script.signs[parts.sign], script.tops[parts.top].replace("◌", ""))
    assert found == (base, sign, top)


def test_a_clusters_probability_is_the_product_of_its_parts() -> None:
    network = Network(cluster_sizes()).eval()
    pictures = torch.rand(1, 3, 48, 96)
    (read,) = ClusterReader(network)(pictures)[0]
    bases, *others = (logits.softmax(dim=1)[0] for logits in network(pictures))
    parts = clusters_with_parts()["र्मं"]
    expected = bases[1 + parts.base] * others[parts.script][parts.sign] * others[len(SCRIPTS) + parts.script][parts.top]
    assert read[1 + list(clusters_with_parts()).index("र्मं")].item() == pytest.approx(expected.item(), rel=1e-4)
    assert read[0].item() == pytest.approx(bases[0].item(), rel=1e-4)
    assert read.sum().item() <= 1.0001


def test_cuts_are_what_the_judge_sees(cuts: Cuts) -> None:
    assert set(cuts.clusters) <= set(clusters_with_parts())
    assert {clusters_with_parts()[one].script for one in cuts.clusters} == {0, 1, 2}
    for number in range(len(cuts.clusters)):
        assert cuts[number].shape[0] == HEIGHT
        assert cuts[number].max() > 127, "there is ink"


def test_cuts_are_kept_in_files(cuts: Cuts, tmp_path: Path) -> None:
    for name in ("one", "two"):
        cuts.save(tmp_path / f"{name}.npz")
    read = load(sorted(tmp_path.glob("*.npz")))
    assert list(read.clusters) == [*cuts.clusters, *cuts.clusters]
    for number in (0, len(cuts.clusters) - 1):
        assert np.array_equal(read[number], cuts[number])
        assert np.array_equal(read[len(cuts.clusters) + number], cuts[number])


def test_a_batch_trains_the_network(cuts: Cuts) -> None:
    pictures, accepted, parts = next(iter(CutBatches(cuts, 1)))
    assert accepted.sum(dim=1).min() >= 1
    is_blank = accepted[:, 0] == 1
    assert torch.equal((parts >= 0).sum(dim=1), torch.where(is_blank, 0, 2))
    network = Network(cluster_sizes())
    loss_of(network(pictures[:8]), accepted[:8], parts[:8]).backward()  # type: ignore[no-untyped-call]
    assert all(one.grad is not None and one.grad.isfinite().all() for one in network.parameters())


def test_a_quarter_of_the_letters_are_of_drawn_pictures(cuts: Cuts) -> None:
    flag = np.zeros((HEIGHT, HEIGHT, 3), np.uint8)
    flag[:, : HEIGHT // 2, 0] = flag[:, HEIGHT // 2 :, 2] = 255
    pictures, accepted, parts = next(iter(CutBatches(cuts, 1, gather([("ب", flag)]))))
    # Channels are blue, green, red. Drawn ink is of one colour, so its left and right are alike.
    left, right = (pictures[:, ::2, :, columns].mean(dim=(2, 3)) for columns in (slice(4, 20), slice(28, 44)))
    is_flag = ((left - right) @ torch.tensor([-1.0, 1.0])) > 1.2
    assert 0.1 < is_flag.float().mean() < 0.4
    of_flag = clusters_with_parts()["ب"]
    assert (accepted[is_flag, 1 + of_flag.base] == 1).all()
    assert (parts[is_flag, of_flag.script] == of_flag.sign).all()


def test_an_average_is_the_mean_of_the_weights(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    paths = [tmp_path / f"{number}.onnx" for number in range(3)]
    for seed, path in enumerate(paths[:2]):
        torch.manual_seed(seed)
        export(ClusterReader(Network(cluster_sizes())), [*clusters_with_parts()], path)
    average(paths[:2], paths[2])
    one, other, mean = ({w.name: onnx.numpy_helper.to_array(w) for w in onnx.load(p).graph.initializer} for p in paths)
    learnt = [name for name, weights in one.items() if not np.array_equal(weights, other[name])]
    assert learnt
    for name in learnt:
        assert np.allclose((one[name] + other[name]) / 2, mean[name], atol=1e-6)
    assert Recogniser(paths[2]).characters == Recogniser(paths[0]).characters


@pytest.mark.slow  # loads the embedded model
def test_cuts_of_pictures_show_what_the_judge_sees(tmp_path: Path) -> None:
    settings = load_settings({})
    own = [face for face in read_word_faces(tmp_path, settings.fonts) if face.is_own]
    source = DrawnWords(own_words(Words(own, 4)), settings, 4)
    found = [cut for _ in range(3) for cut in source.cuts()]
    assert found
    drawn = gather(found)
    for number, cluster in enumerate(drawn.clusters):
        assert cluster in clusters_with_parts()
        assert drawn[number].shape[::2] == (HEIGHT, 3)
        assert drawn[number].std() > 10, "there is ink on paper"
    drawn.save(tmp_path / "drawn.npz")
    assert np.array_equal(load([tmp_path / "drawn.npz"])[0], drawn[0])


def _trained(sizes: Sequence[int], pictures: torch.Tensor) -> tuple[Network, list[tuple[torch.Tensor, torch.Tensor]]]:
    """Return a network with its layers as they are written: normalisation is part of the convolutions."""
    torch.manual_seed(1)
    network = Network(sizes)
    network(pictures)
    network.eval()
    layers = [module for module in network.body.modules() if not list(module.children())]
    folded = [fuse_conv_bn_eval(one, norm) for one, norm in pairwise(layers) if isinstance(norm, torch.nn.BatchNorm2d)]
    linear = [module for module in network.modules() if isinstance(module, torch.nn.Linear)]
    return network, [(one.weight, one.bias) for one in (*folded, *linear)]


def test_a_network_starts_from_what_another_has_learnt() -> None:
    pictures, network = torch.rand(4, 3, 48, 96), Network(cluster_sizes())
    other, learnt = _trained((5,), pictures)
    start_from(learnt, network, pictures)
    features, expected = (one.eval().body(pictures[..., :SEEN]) for one in (network, other))
    assert expected.std() > 0.01
    assert torch.allclose(features, expected, atol=1e-4)


def test_a_network_with_the_same_outputs_goes_on_from_the_others_answers() -> None:
    pictures, network = torch.rand(4, 3, 48, 96), Network(cluster_sizes())
    other, learnt = _trained(cluster_sizes(), pictures)
    start_from(learnt, network, pictures)
    answers, expected = (torch.cat(one.eval()(pictures), dim=1) for one in (network, other))
    assert expected.std() > 0.01
    assert torch.allclose(answers, expected, atol=1e-4)


def test_the_shipped_file_lists_the_clusters() -> None:
    assert Recogniser(CLUSTERS).characters[1:-1] == list(clusters_with_parts())
