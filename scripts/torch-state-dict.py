"""PyTorch's side of test/lib/torch: state dicts as safetensors files, and what the networks give with them.

write NET STATE SAMPLES   saves NET's state dict, and x (channels last), labels, the logits in eval mode, and the loss and all
                          gradients of a batch in training mode
same NET A B              fails unless B loads into NET strictly and holds the same tensors as A, bit for bit

Needs torch and safetensors. The fixtures of the tests: write small test/lib/torch/small.safetensors
test/lib/torch/small-samples.safetensors
"""
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file


def small():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 8, 3, padding=1, groups=4), nn.GroupNorm(2, 8), nn.PReLU(8),
        nn.LayerNorm([8, 3, 2]), nn.InstanceNorm2d(8, affine=True), nn.ConvTranspose2d(8, 6, (2, 1), groups=2),
        nn.Flatten(), nn.PReLU(48), nn.BatchNorm1d(48), nn.Linear(48, 5), nn.Tanh(), nn.Linear(5, 3),
    )  # fmt: skip


class BasicBlock(nn.Module):
    def __init__(self, channels, filters, stride, activation):
        super().__init__()
        self.activation = activation
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        strided = [nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)]
        self.downsample = nn.Sequential(*strided) if stride != 1 else None

    def forward(self, x):
        y = self.bn2(self.conv2(self.activation(self.bn1(self.conv1(x)))))
        return self.activation(y + (self.downsample(x) if self.downsample else x))


class ResNet18(nn.Module):
    """torchvision's, in the form for CIFAR: a 3x3 convolution and no pooling at the start."""

    def __init__(self, activation=F.relu):
        super().__init__()
        self.activation = activation
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for stage, filters in enumerate((64, 128, 256, 512), 1):
            first = BasicBlock(channels, filters, 1 if stage == 1 else 2, activation)
            blocks = nn.Sequential(first, BasicBlock(filters, filters, 1, activation))
            setattr(self, f"layer{stage}", blocks)
            channels = filters
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        x = self.activation(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


# name: (network, input [channels, height, width], classes, batch)
NETS = {
    "small": (small, (3, 6, 4), 3, 4),
    "resnet18": (ResNet18, (3, 32, 32), 10, 4),
    "resnet18-silu": (lambda: ResNet18(F.silu), (3, 32, 32), 10, 4),
}


def write(net, state_path, samples_path):
    build, shape, classes, batch = NETS[net]
    torch.manual_seed(7)
    model = build()
    for module in model.modules():
        # Nothing stays at a value that hides an exchange.
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.1, 0.5)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(state, state_path)
    # Doubles, so that what is measured is the other side's error.
    model = model.double()
    x = torch.randn(batch, *shape)
    labels = torch.randint(0, classes, (batch,))
    logits = model.eval()(x.double())
    loss = F.cross_entropy(model.train()(x.double()), labels)
    loss.backward()
    samples = {f"gradient.{name}": parameter.grad for name, parameter in model.named_parameters()}
    samples |= {"x": x.permute(0, 2, 3, 1), "logits": logits.detach(), "loss": loss.detach().reshape(1)}
    samples = {name: tensor.float().contiguous() for name, tensor in samples.items()}
    save_file(samples | {"labels": labels.int()}, samples_path)


def same(net, path, other_path):
    state, other = load_file(path), load_file(other_path)
    NETS[net][0]().load_state_dict(other, strict=True)
    assert state.keys() == other.keys(), state.keys() ^ other.keys()
    for name, tensor in state.items():
        assert tensor.dtype == other[name].dtype and tensor.shape == other[name].shape, name
        assert tensor.numpy().tobytes() == other[name].numpy().tobytes(), name


{"write": write, "same": same}[sys.argv[1]](*sys.argv[2:])
