"""PyTorch's side of `npm run bench:peers`; peer_protocol.py says what it answers.

Modes: contiguous or channels_last, with "compiled " before it for torch.compile; optimizers: foreach or fused.
"""
import argparse

from peer_protocol import serve

arguments = argparse.ArgumentParser()
arguments.add_argument("--threads", type=int, default=1)
threads = arguments.parse_args().threads

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(threads)
torch.manual_seed(0)


def memory_format(mode):
    return torch.channels_last if mode.endswith("channels_last") else torch.contiguous_format


# The networks of bench/nets.ts.


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )


def mnist_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10),
    )


def normalized_3x3(channels, filters, stride=1):
    return [nn.Conv2d(channels, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters)]


def cifar_vgg():
    layers, channels = [], 3
    for filters in (64, 128, 256):
        for _ in range(2):
            layers += [*normalized_3x3(channels, filters), nn.ReLU()]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4096, 256), nn.ReLU(), nn.Linear(256, 10))


class BasicBlock(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.conv1, self.norm1 = normalized_3x3(channels, filters, stride)
        self.conv2, self.norm2 = normalized_3x3(filters, filters)
        strided = [nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)]
        self.shortcut = nn.Identity() if stride == 1 else nn.Sequential(*strided)

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


def resnet18():
    layers, channels = [*normalized_3x3(3, 64), nn.ReLU()], 64
    for filters in (64, 128, 256, 512):
        layers += [BasicBlock(channels, filters, 1 if filters == 64 else 2), BasicBlock(filters, filters, 1)]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def dqn():
    return nn.Sequential(
        nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 6),
    )


def sgd(parameters):
    return torch.optim.SGD(parameters, 0.01, momentum=0.9, weight_decay=5e-4, fused=True)


def adam(parameters):
    return torch.optim.Adam(parameters, 1e-3, fused=True)


# name: (network, [channels, height, width], classes, optimizer)
NETS = {
    "lenet5": (lenet5, (1, 28, 28), 10, sgd),
    "mnist-cnn": (mnist_cnn, (1, 28, 28), 10, adam),
    "cifar-vgg": (cifar_vgg, (3, 32, 32), 10, sgd),
    "resnet18": (resnet18, (3, 32, 32), 10, sgd),
    "dqn": (dqn, (4, 84, 84), 6, adam),
}


def network(case, mode):
    build, shape, classes, make_optimizer = NETS[case["net"]]
    layout = memory_format(mode)
    model = build().to(memory_format=layout)
    images = torch.randn(case["batch"], *shape).contiguous(memory_format=layout)
    labels = torch.randint(0, classes, (case["batch"],))
    run = torch.compile(model) if mode.startswith("compiled") else model
    return model, run, images, labels, make_optimizer


def step(case, mode):
    model, run, images, labels, make_optimizer = network(case, mode)
    model.train()
    optimizer = make_optimizer(model.parameters())

    def call():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(run(images), labels).backward()
        optimizer.step()

    return call


def predict(case, mode):
    model, run, images, _, _ = network(case, mode)
    model.eval()

    def call():
        with torch.inference_mode():
            run(images)

    return call


def conv(case, mode):
    shape, layout = case["shape"], memory_format(mode)
    n, h, w, c, k, r, s, groups = (shape[name] for name in ("n", "h", "w", "c", "k", "r", "s", "groups"))
    stride, pad, dilation = shape["stride"], shape["pad"], shape["dilation"]
    x = torch.randn(n, c, h, w).contiguous(memory_format=layout)
    weight = (torch.randn(k, c // groups, r, s) * 0.05).contiguous(memory_format=layout)
    dy = torch.randn_like(F.conv2d(x, weight, None, stride, pad, dilation, groups)).contiguous(memory_format=layout)

    def gradient(mask):
        with torch.no_grad():
            torch.ops.aten.convolution_backward(
                dy, x, weight, None, stride, pad, dilation, False, [0, 0], groups, mask
            )

    def forward():
        with torch.no_grad():
            F.conv2d(x, weight, None, stride, pad, dilation, groups)

    def everything():
        x.grad = weight.grad = None
        F.conv2d(x, weight, None, stride, pad, dilation, groups).backward(dy)

    if case["pass"] == "all":
        x.requires_grad_()
        weight.requires_grad_()
    return {
        "fwd": forward,
        "dx": lambda: gradient([True, False, False]),
        "dw": lambda: gradient([False, True, False]),
        "all": everything,
    }[case["pass"]]


def gemm(case, mode):
    m, n, k, form = case["m"], case["n"], case["k"], case["form"]
    a = torch.randn(k, m).t() if form == "TN" else torch.randn(m, k)
    b = torch.randn(n, k).t() if form == "NT" else torch.randn(k, n)
    c = torch.empty(m, n)
    return lambda: torch.mm(a, b, out=c)


def activations(size, mode):
    x = torch.randn(size["n"], size["c"], size["h"], size["w"])
    return x.contiguous(memory_format=memory_format(mode))


def forward_or_gradient(case, mode, function, parameters=()):
    x = activations(case["map"], mode)
    if case["pass"] == "fwd":

        def forward():
            with torch.no_grad():
                function(x)

        return forward
    x.requires_grad_()
    y = function(x)
    dy = torch.randn_like(y)
    return lambda: torch.autograd.grad(y, [x, *parameters], dy, retain_graph=True)


def pool(case, mode):
    kind, size, stride, pad = (case["pool"][name] for name in ("kind", "size", "stride", "pad"))
    if size == 0:
        return forward_or_gradient(case, mode, lambda x: F.adaptive_avg_pool2d(x, 1))
    function = F.max_pool2d if kind == "max" else F.avg_pool2d
    return forward_or_gradient(case, mode, lambda x: function(x, size, stride, pad))


def batch_norm(case, mode):
    layer = nn.BatchNorm2d(case["map"]["c"]).train()
    function = (lambda x: F.relu(layer(x))) if case["relu"] else layer
    return forward_or_gradient(case, mode, function, [layer.weight, layer.bias])


def norm(case, mode):
    channels = case["map"]["c"]
    kind = case["norm"]
    if kind == "layer":
        layer = nn.LayerNorm(channels)
        function = lambda x: layer(x.permute(0, 2, 3, 1))
    else:
        layer = nn.InstanceNorm2d(channels, affine=True) if kind == "instance" else nn.GroupNorm(32, channels)
        function = layer
    return forward_or_gradient(case, mode, function, [layer.weight, layer.bias])


def relu(case, mode):
    return forward_or_gradient(case, mode, F.relu)


def add(case, mode):
    a, b = activations(case["map"], mode), activations(case["map"], mode)
    y = torch.empty_like(a)
    return lambda: torch.add(a, b, out=y)


def softmax_cross_entropy(case, mode):
    logits = torch.randn(case["rows"], case["classes"], requires_grad=True)
    labels = torch.randint(0, case["classes"], (case["rows"],))

    def call():
        logits.grad = None
        F.cross_entropy(logits, labels).backward()

    return call


def optimizer(case, mode):
    parameters = [torch.randn(size, requires_grad=True) for size in case["sizes"]]
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, 1e-3)
    if case["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, 1e-6, momentum=0.9, **{mode: True}).step
    return torch.optim.Adam(parameters, 1e-6, **{mode: True}).step


CASES = {
    function.__name__: function
    for function in (step, predict, conv, gemm, pool, batch_norm, norm, relu, add, softmax_cross_entropy, optimizer)
}


def parameter_counts():
    with torch.device("meta"):
        return {name: sum(p.numel() for p in build().parameters()) for name, (build, *_) in NETS.items()}


def onednn_version():
    lines = torch.__config__.show().split("\n")
    return next((line.split(" v")[-1].split()[0] for line in lines if "MKL-DNN" in line), "none")


def hello():
    return {
        "name": "PyTorch",
        "version": torch.__version__,
        "details": {
            "capability": torch.backends.cpu.get_cpu_capability(),
            "oneDNN": onednn_version(),
            "parameters": parameter_counts(),
        },
    }


serve(hello, lambda case, mode: CASES[case["kind"]](case, mode))
