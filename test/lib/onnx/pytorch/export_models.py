"""Writes the models of this folder as PyTorch's exporter writes them, and expected.json: what PyTorch computes with them.

Run once with PyTorch 2.13: python export_models.py
Inputs are sin(1), sin(2), ... in the order of lanewise (channels last), so the tests need no files for them.
"""

import json
import math
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.simplefilter("ignore")
torch.manual_seed(1)


class SqueezeExcite(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.reduce = nn.Conv2d(c, 4, 1)
        self.expand = nn.Conv2d(4, c, 1)

    def forward(self, x):
        s = F.adaptive_avg_pool2d(x, 1)
        return x * torch.sigmoid(self.expand(F.silu(self.reduce(s))))


class Classifier(nn.Module):
    """Batch norms, depthwise, squeeze-and-excitation, concatenation, group norm, PReLU, view by computed shapes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False)
        self.bn2 = nn.BatchNorm2d(8)
        self.se = SqueezeExcite(8)
        self.branch = nn.Conv2d(8, 6, 1)
        self.norm = nn.GroupNorm(2, 14)
        self.prelu = nn.PReLU(14)
        self.fc = nn.Linear(14 * 4, 5)

    def forward(self, x):
        x = F.relu6(self.bn(self.conv(x)))
        y = self.se(F.hardswish(self.bn2(self.depthwise(x)))) + x
        y = torch.cat([y, F.gelu(self.branch(y))], 1)
        y = F.max_pool2d(self.prelu(self.norm(y)), 3, 2, 0, ceil_mode=True)
        y = F.adaptive_avg_pool2d(y, 2)
        return self.fc(y.view(y.size(0), -1))


class Segmenter(nn.Module):
    """A small U-Net with three ways of going up, instance norm, reflected padding, slices, an open height and width."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 4, 3, padding=1)
        self.deep = nn.Conv2d(4, 8, 3, padding=1)
        self.norm = nn.InstanceNorm2d(8, affine=True)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.join = nn.Conv2d(8, 4, 3, padding=1, padding_mode="reflect")
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        a = F.leaky_relu(self.down(x))
        b = F.elu(self.norm(self.deep(F.avg_pool2d(a, 2))))
        smooth = F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)[:, :4]
        near = F.interpolate(b, size=a.shape[2:], mode="nearest")[:, 4:]
        return self.head(F.softplus(self.join(torch.cat([a, self.up(b) + smooth + near], 1))))


class TwoHeads(nn.Module):
    """Two inputs and two outputs, layer norm and a matrix product."""

    def __init__(self):
        super().__init__()
        self.image = nn.Conv2d(2, 3, 3)
        self.row = nn.Linear(5, 3)
        self.norm = nn.LayerNorm(3)

    def forward(self, image, row):
        features = F.relu(self.image(image)).mean((2, 3))
        joint = self.norm(features + self.row(row))
        return joint, torch.softmax(joint * features, 1)


def waves(*shape):
    """Values in the order [n, ..., c], as a tensor [n, c, ...]."""
    n, c, *spatial = shape
    values = torch.tensor([math.sin(i + 1) for i in range(math.prod(shape))])
    return values.reshape(n, *spatial, c).movedim(-1, 1).contiguous() if spatial else values.reshape(n, c)


def channels_last(y):
    return (y.movedim(1, -1) if y.dim() > 2 else y).flatten().tolist()


def export(net, name, inputs, outputs, opset, folded=False, open_sizes=False):
    names = ["x"] if len(inputs) == 1 else [f"x{i + 1}" for i in range(len(inputs))]
    axes = {key: {0: "batch"} for key in names + outputs}
    if open_sizes:
        axes = {key: {0: "batch", 2: "height", 3: "width"} for key in names + outputs}
    torch.onnx.export(
        net,
        tuple(x[:2] for x in inputs),
        name,
        dynamo=False,
        opset_version=opset,
        input_names=names,
        output_names=outputs,
        dynamic_axes=axes,
        # Otherwise batch norms go into the convolutions before them.
        training=torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=folded,
    )
    with torch.no_grad():
        results = net(*inputs)
    return [channels_last(y) for y in (results if isinstance(results, tuple) else (results,))]


def run_in(net):
    """Gives the batch norms statistics of their own."""
    net.train()
    for _ in range(3):
        net(torch.randn(8, 3, 16, 16) * 2 + 0.5)
    return net.eval()


def train(net, x, labels):
    """Losses of three steps, batch norms in training mode."""
    net.train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


classifier = run_in(Classifier())
x = waves(4, 3, 16, 16)
expected = {
    "classifier.onnx": export(classifier, "classifier.onnx", [x], ["y"], 17),
    "classifier-folded.onnx": export(classifier, "classifier-folded.onnx", [x], ["y"], 11, folded=True),
    "segmenter.onnx": export(Segmenter().eval(), "segmenter.onnx", [waves(3, 1, 8, 12)], ["y"], 18, open_sizes=True),
    "two-heads.onnx": export(
        TwoHeads().eval(), "two-heads.onnx", [waves(3, 2, 4, 4), waves(3, 5)], ["joint", "share"], 13
    ),
}
expected["classifier losses"] = train(classifier, x, torch.tensor([0, 1, 2, 3]))
with open("expected.json", "w") as file:
    json.dump(expected, file, indent=1)
    file.write("\n")
