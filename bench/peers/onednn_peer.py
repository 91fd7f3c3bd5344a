"""oneDNN's side of `npm run bench:peers`: convolutions of the library that Debian's libdnnl-dev brings (2.6), which still has
Winograd kernels for all three passes (on AVX-512). peer_protocol.py says what it answers.

Every tensor is in the layout that the algorithm likes best, and nothing is converted. There is one mode: each pass runs
direct or, where the library has a kernel for it on this machine, with Winograd, whichever is faster.
"""
import ctypes, time

from peer_protocol import serve

LIBRARY = ctypes.CDLL("libdnnl.so.2")
LIBRARY.dnnl_memory_desc_get_size.restype = ctypes.c_size_t
# Of dnnl_types.h, version 2.6.
SIZE_OF_MEMORY_DESC, SIZE_OF_CONVOLUTION_DESC = 696, 5976
UNIMPLEMENTED = 3
CPU = 1
F32, ANY_FORMAT = 3, 1
FORWARD_TRAINING = 64
DIRECT, WINOGRAD = 1, 2
QUERY_EXEC_ARG_MD = 255
SRC, DST, WEIGHTS, DIFF_SRC, DIFF_DST, DIFF_WEIGHTS = 1, 17, 33, 129, 145, 161
ALLOCATE = ctypes.c_void_p(-1)


class Version(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("major", "minor", "patch")] + [("hash", ctypes.c_char_p)]


class ExecArg(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_int), ("memory", ctypes.c_void_p)]


class Unimplemented(Exception):
    pass


def check(status, what):
    if status == UNIMPLEMENTED:
        raise Unimplemented(what)
    if status != 0:
        raise RuntimeError("%s: oneDNN status %d" % (what, status))


def created(function, *arguments):
    handle = ctypes.c_void_p()
    check(getattr(LIBRARY, function)(ctypes.byref(handle), *arguments), function)
    return handle


engine = created("dnnl_engine_create", CPU, ctypes.c_size_t(0))
stream = created("dnnl_stream_create", engine, ctypes.c_uint(1))


def dims(*values):
    return (ctypes.c_int64 * 12)(*values)


def any_layout(*sizes):
    desc = ctypes.create_string_buffer(SIZE_OF_MEMORY_DESC)
    check(LIBRARY.dnnl_memory_desc_init_by_tag(desc, len(sizes), dims(*sizes), F32, ANY_FORMAT), "memory desc")
    return desc


def primitive_desc(shape, what, algorithm, hint=None):
    x, w, y, window = shape
    desc = ctypes.create_string_buffer(SIZE_OF_CONVOLUTION_DESC)
    if what == "fwd":
        init = LIBRARY.dnnl_dilated_convolution_forward_desc_init
        status = init(desc, FORWARD_TRAINING, algorithm, x, w, None, y, *window)
    elif what == "dx":
        status = LIBRARY.dnnl_dilated_convolution_backward_data_desc_init(desc, algorithm, x, w, y, *window)
    else:
        status = LIBRARY.dnnl_dilated_convolution_backward_weights_desc_init(desc, algorithm, x, w, None, y, *window)
    check(status, "convolution desc")
    return created("dnnl_primitive_desc_create", desc, None, engine, hint)


class Pass:
    """A pass of a convolution with its tensors; garbage collection frees them."""

    ARGUMENTS = {"fwd": (SRC, WEIGHTS, DST), "dx": (DIFF_DST, WEIGHTS, DIFF_SRC), "dw": (SRC, DIFF_DST, DIFF_WEIGHTS)}

    def __init__(self, shape, what, algorithm):
        self.desc = self.primitive = None
        self.memory = []
        hint = None if what == "fwd" else primitive_desc(shape, "fwd", algorithm)
        try:
            self.desc = primitive_desc(shape, what, algorithm, hint)
        finally:
            if hint is not None:
                LIBRARY.dnnl_primitive_desc_destroy(hint)
        self.primitive = created("dnnl_primitive_create", self.desc)
        arguments = self.ARGUMENTS[what]
        self.arguments = (ExecArg * len(arguments))(*(ExecArg(arg, self.tensor(arg).value) for arg in arguments))

    def tensor(self, arg):
        desc = ctypes.c_void_p()
        check(LIBRARY.dnnl_primitive_desc_query(self.desc, QUERY_EXEC_ARG_MD, arg, ctypes.byref(desc)), "query")
        memory = created("dnnl_memory_create", desc, engine, ALLOCATE)
        self.memory.append(memory)
        size = LIBRARY.dnnl_memory_desc_get_size(desc)
        data = ctypes.c_void_p()
        check(LIBRARY.dnnl_memory_get_data_handle(memory, ctypes.byref(data)), "data")
        # Every float is 0.747, in whatever layout: an ordinary number, whose sums stay ordinary.
        ctypes.memset(data, 0x3F, size)
        return memory

    def __call__(self):
        check(LIBRARY.dnnl_primitive_execute(self.primitive, stream, len(self.arguments), self.arguments), "execute")
        check(LIBRARY.dnnl_stream_wait(stream), "wait")

    def __del__(self):
        for memory in self.memory:
            LIBRARY.dnnl_memory_destroy(memory)
        if self.primitive is not None:
            LIBRARY.dnnl_primitive_destroy(self.primitive)
        if self.desc is not None:
            LIBRARY.dnnl_primitive_desc_destroy(self.desc)


def least_time(call):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def fastest_pass(shape, what):
    direct = Pass(shape, what, DIRECT)
    try:
        return min(direct, Pass(shape, what, WINOGRAD), key=least_time)
    except Unimplemented:
        return direct


def convolution(case, _mode):
    size = case["shape"]
    n, h, w, c, k, r, s, groups = (size[name] for name in ("n", "h", "w", "c", "k", "r", "s", "groups"))
    if groups != 1:
        raise ValueError("grouped convolutions are not compared")
    stride, pad, dilation = size["stride"], size["pad"], size["dilation"]
    out = [
        (extent + 2 * pad[axis] - dilation[axis] * (kernel - 1) - 1) // stride[axis] + 1
        for axis, (extent, kernel) in enumerate(((h, r), (w, s)))
    ]
    window = dims(*stride), dims(*(d - 1 for d in dilation)), dims(*pad), dims(*pad)
    shape = any_layout(n, c, h, w), any_layout(k, c, r, s), any_layout(n, k, *out), window
    passes = [fastest_pass(shape, what) for what in (("fwd", "dx", "dw") if case["pass"] == "all" else (case["pass"],))]

    def call():
        for each in passes:
            each()

    return call


def hello():
    LIBRARY.dnnl_version.restype = ctypes.POINTER(Version)
    version = LIBRARY.dnnl_version().contents
    number = "%d.%d.%d" % (version.major, version.minor, version.patch)
    if (version.major, version.minor) != (2, 6):
        raise RuntimeError("libdnnl.so.2 is oneDNN %s; the sizes here are those of 2.6" % number)
    return {"name": "oneDNN", "version": number, "details": {}}


serve(hello, convolution)
