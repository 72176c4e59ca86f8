"""Which networks are measured, and the configuration of each. It knows no torch: the page that is made of the record names them, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Config = Mapping[str, Any]

SEED = 0
MEASURED: Config = {"examples": 512, "theta": 0.1, "batch_size": 32, "batches": 64}
"""Examples for the moments of single ones, θ, B, and batches of B for what training mode does to a network with BatchNorm."""
TRAINING: Config = {"steps": 300, "weight_decay": 0.01, "test_examples": 1000}
"""Steps of AdamW on batches of B at a constant step size ``eta``, and held-out examples for the accuracy."""
IMAGENET_COLOURS = {"mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225]}
"""What is taken off a colour in [0, 1], and what it is then divided by, as these networks have it on ImageNet."""
IMAGES: Config = {"data": "folder", "folder": "data/cifar100", "size": 64, "colours": IMAGENET_COLOURS, "eta": 5e-4}
WORDS, LENGTH = 8000, 32
SENTENCES: Config = {"data": "sentences", "folder": "data", "words": WORDS, "length": LENGTH, "eta": 1e-4}

CLASSES, SOURCES = 100, 4
READER = "tsla.empirics.experiments.known_architectures.experiment:Reader"


def _torchvision(name: str) -> Config:
    return {**IMAGES, "package": "torchvision", "make": f"torchvision.models:{name}", "options": {"num_classes": CLASSES}}


def _timm(name: str, **options: Any) -> Config:
    about = {"model_name": name, "num_classes": CLASSES, "img_size": IMAGES["size"], **options}
    return {**IMAGES, "package": "timm", "make": "timm:create_model", "options": about}


def _transformers(family: str, **options: Any) -> Config:
    about = {"family": family, "vocab_size": WORDS, "num_labels": SOURCES, **options}
    return {**SENTENCES, "package": "transformers", "make": READER, "options": about}


PRETRAINED: Config = {
    **IMAGES,
    "package": "efficientnet-lite-pytorch",
    "make": "tsla.empirics.models.efficientnet:build",
    "options": {"shape": [3, IMAGES["size"], IMAGES["size"]], "classes": CLASSES, "pretrained": True},
    "colours": None,  # it sees to them, and to the size, itself
    "eta": 5e-5,  # at the step size of the others, all its features were gone within 300 steps: BatchNorm's statistics don't follow
}

NETWORKS: Mapping[str, Config] = {
    "MobileNetV3-small": _torchvision("mobilenet_v3_small"),
    "RegNetY-400MF": _torchvision("regnet_y_400mf"),
    "EfficientNet-B0": _torchvision("efficientnet_b0"),
    "ViT-tiny/16": _timm("vit_tiny_patch16_224"),
    "DeiT-tiny/16, distilled": _timm("deit_tiny_distilled_patch16_224"),
    "ResNet-18": _torchvision("resnet18"),
    "BERT-small": _transformers("Bert", hidden_size=512, num_hidden_layers=4, num_attention_heads=8, intermediate_size=2048),
    "MLP-Mixer-S/16": _timm("mixer_s16_224"),
    "ResNet-50": _torchvision("resnet50"),
    "Swin-tiny": _timm("swin_tiny_patch4_window7_224", window_size=4),
    "ConvNeXt-tiny": _torchvision("convnext_tiny"),
    "DistilBERT": _transformers("DistilBert"),
    "EfficientNet-Lite0, from ImageNet": PRETRAINED,
}
"""By the names that they are known by, in the order of their sizes, the one with weights last: data, step size, what makes the network."""

CONFIGS = tuple({"network": name, "seed": SEED, **MEASURED, **TRAINING, **about} for name, about in NETWORKS.items())
