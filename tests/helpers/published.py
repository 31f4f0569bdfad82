"""A small data set that stands for the published one, and the figures that are known of it."""

import hashlib
import shutil

import numpy as np
import torch
from facexlib.parsing.bisenet import BiSeNet
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.faces.bisenet import BiSeNetParser
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.segmentation.checkpoints.official import OFFICIAL
from ffhq_wrinkle.verification.published import (
    NetworkFigures,
    NetworkSize,
    Published,
    WeakFigure,
)
from ffhq_wrinkle.weak_labels.texture import RELEASED
from ffhq_wrinkle.weak_labels.weak import build_weak
from tests.helpers.faces import Dataset
from tests.helpers.networks import WRINKLE_LEVEL, threshold_unet
from tests.helpers.training_data import draw_masks
from tests.helpers.variants import METHODS

SAMPLE, TEST_IDS = "00001", [f"{number:05d}" for number in range(2, 8)]
OTHERS = ["00008", "00009"]
SIDE = 128
AGES = ["0-2", "20-29", "20-29", "30-39", "40-49", "50-69", "70-120", "20-29", "30-39", "7-9"]
SEXES = ["male"] * 4 + ["female"] * 6


def bisenet(path, seed):
    """Write BiSeNet with weights of no meaning."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.save(BiSeNet(num_class=19).state_dict(), path)


def with_skin(path, image):
    """Exchange two classes of a BiSeNet, so that most of an image is skin."""
    labels = BiSeNetParser(path, device="cpu", engine="torch")([image], ["x"])[0]
    most = int(np.bincount(labels.ravel()).argmax())
    state = torch.load(path, weights_only=True)
    weight = state["conv_out.conv_out.weight"]
    weight[[1, most]] = weight[[most, 1]].clone()
    torch.save(state, path)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class PublishedData:
    """The data set in `root`, with a cache and a table of sources beside it."""

    def __init__(self, root):
        self.root = root
        self.cache, self.sources = root / "cache", root / "sources.toml"
        self.data = root / "ffhq"

    @property
    def environment(self):
        return {
            "FFHQ_WRINKLE_CACHE": str(self.cache), "FFHQ_WRINKLE_SOURCES": str(self.sources),
        }  # fmt: skip

    @property
    def weights(self):
        return self.cache / "79999_iter.pth"

    def image(self, image_id):
        return self.data / "images1024x1024" / "00000" / f"{image_id}.png"

    def weak(self, image_id):
        return self.data / "weak_wrinkle_masks" / "00000" / f"{image_id}.png"

    def labels(self, image_id):
        return self.data / "face_parsed_labels" / f"{image_id}.npy"

    def manual(self, image_id):
        return self.data / "manual_wrinkle_masks" / f"{image_id}.png"

    def copied(self, root):
        shutil.copytree(self.root, root)
        return PublishedData(root)

    def make(self):
        ids = [int(image_id) for image_id in (SAMPLE, *TEST_IDS, *OTHERS)]
        dataset = Dataset(self.data, ids, SIDE)
        self.cache.mkdir()
        bisenet(self.weights, seed=0)
        sample = self.pixels(SAMPLE)
        with_skin(self.weights, sample)
        parser = BiSeNetParser(self.weights, device="cpu", engine="torch")
        np.save(self.labels(SAMPLE), parser([sample], [SAMPLE])[0].astype(np.int64))
        build_weak(
            dataset.images, self.data / "weak_wrinkle_masks", texture=RELEASED,
            parser=ReadyLabels(dataset.labels),
        )  # fmt: skip
        (self.data / "masked_face_images").mkdir()
        masked = sample * self.face(SAMPLE)[:, :, None]
        Image.fromarray(masked).save(self.data / "masked_face_images" / f"{SAMPLE}.png")
        draw_masks(self.data / "manual_wrinkle_masks", [SAMPLE, *TEST_IDS], side=SIDE)
        for name in OFFICIAL:
            path = self.data / "checkpoints" / OFFICIAL[name]
            path.parent.mkdir(parents=True)
            save_checkpoint(path, threshold_unet(), "unet", texture=RELEASED, side=SIDE)
        rows = [f"{n},{AGES[n]},{SEXES[n]}" for n in range(10)]
        table = "\n".join(["image_number,age_group,gender", *rows])
        (self.data / "ffhq_aging_labels.csv").write_text(table)
        self._write_sources()
        return self

    def _write_sources(self):
        members = "".join(
            f'"{member}" = "{sha256(self.data / "checkpoints" / member)}"\n'
            for member in OFFICIAL.values()
        )
        start = 'title = "T"\nurl = "http://127.0.0.1:9/x"\nfile = '
        self.sources.write_text(
            f'[bisenet]\n{start}"79999_iter.pth"\nsha256 = "{sha256(self.weights)}"\n'
            f'[face-parsed-labels]\n{start}"p.zip"\n[face-parsed-labels.members]\n'
            f'"{SAMPLE}.npy" = "{sha256(self.labels(SAMPLE))}"\n'
            f'[checkpoints]\n{start}"c.zip"\n[checkpoints.members]\n{members}'
        )

    def pixels(self, image_id):
        return np.asarray(Image.open(self.image(image_id)).convert("RGB"))

    def levels(self, image_id):
        return np.asarray(Image.open(self.weak(image_id)))

    def face(self, image_id):
        """Skin and nose of the label map, at every fourth cell."""
        step = 512 // SIDE
        labels = np.load(self.labels(image_id))[step // 2 :: step, step // 2 :: step]
        return np.isin(labels, (1, 10))

    def figures(self):
        """What is known of the data set, counted by NumPy."""
        predicted = {each: self.levels(each) > WRINKLE_LEVEL for each in (SAMPLE, *TEST_IDS)}
        drawn = {each: np.asarray(Image.open(self.manual(each))) > 0 for each in TEST_IDS}
        known = network_figures([(drawn[each], predicted[each]) for each in TEST_IDS])
        pairs = [("test", name, TEST_IDS) for name in METHODS]
        pairs += [("sample", "BT.709 gray, min(I, I_G)", [SAMPLE])]
        return Published(
            sources={name: name for name in ("third-party", "authors", "paper", "measured")},
            sample=SAMPLE,
            test_ids=parse_ids("2-7"),
            photo_sha256=sha256(self.image(SAMPLE)),
            weak_sha256=sha256(self.weak(SAMPLE)),
            label_cells=0,
            weak_pixels=int((self.levels(SAMPLE) > 0).sum()),
            network_pixels={"official-unet": int(predicted[SAMPLE].sum())},
            weak_figures=tuple(self._weak_figure(*pair) for pair in pairs),
            networks=dict.fromkeys(OFFICIAL, known),
            manual_pixels=sum(int(mask.sum()) for mask in drawn.values()),
            parameters=(
                NetworkSize(network="unet", in_channels=3, count=17_263_042, paper="17.263M"),
            ),
            people={
                "all": {
                    "age": {"0-9": 2, "20-29": 3, "30-39": 2, "40-49": 1, "50-69": 1, "70+": 1},
                    "sex": {"male": 4, "female": 6},
                },
                "manual": {"sex": {"male": 3, "female": 4}},
            },
        )

    def _weak_figure(self, images, method, image_ids):
        apart = np.stack(
            [
                METHODS[method](self.pixels(each)) * self.face(each) - self.levels(each)
                for each in image_ids
            ]
        )
        return WeakFigure(
            images=images,
            method=method,
            mae=np.abs(apart).mean(),
            rmse=np.sqrt((apart**2).mean()),
            exact=100 * (apart == 0).mean(),
        )


def network_figures(pairs):
    """Counts and scores of (reference, predicted), by their definitions."""
    tp = np.array([(first & second).sum() for first, second in pairs])
    fp = np.array([(~first & second).sum() for first, second in pairs])
    fn = np.array([(first & ~second).sum() for first, second in pairs])
    tn = np.array([(~first & ~second).sum() for first, second in pairs])
    return NetworkFigures(
        true_positive=int(tp.sum()),
        false_positive=int(fp.sum()),
        false_negative=int(fn.sum()),
        true_negative=int(tn.sum()),
        pooled_f1=2 * tp.sum() / (2 * tp + fp + fn).sum(),
        pooled_jsi=tp.sum() / (tp + fp + fn).sum(),
        mean_f1=(2 * tp / (2 * tp + fp + fn)).mean(),
        mean_jsi=(tp / (tp + fp + fn)).mean(),
    )
