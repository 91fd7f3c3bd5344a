// Every op but the matrix products (kernel_test.cpp) against naive scalar references, bit for bit: all instruction sets
// of this machine, 1, 2 and 7 threads. NaNs and zeros compare equal whatever their sign. Argument: one level's name.
#include "op_case.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace lanewise::test {
namespace {

constexpr size_t kEdge = 128;
constexpr int kEdgeByte = 0xa5;

/// Memory of exactly `size` bytes, 64-byte aligned, with watched edges (poisoned ones under AddressSanitizer).
class Guarded {
 public:
  explicit Guarded(size_t size) : size_(size) {
    const size_t whole = (size + 2 * kEdge + 63) / 64 * 64;
    memory_ = static_cast<uint8_t*>(std::aligned_alloc(64, whole));
    std::memset(memory_, kEdgeByte, whole);
    // Whatever is not written stays NaN.
    std::memset(data(), 0xff, size);
#if defined(__SANITIZE_ADDRESS__)
    ASAN_POISON_MEMORY_REGION(memory_, kEdge);
    ASAN_POISON_MEMORY_REGION(data() + size, kEdge);
#endif
  }
  ~Guarded() {
#if defined(__SANITIZE_ADDRESS__)
    ASAN_UNPOISON_MEMORY_REGION(memory_, size_ + 2 * kEdge);
#endif
    std::free(memory_);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  uint8_t* data() const { return memory_ + kEdge; }

  bool intact() const {
#if defined(__SANITIZE_ADDRESS__)
    return true;
#else
    for (size_t i = 0; i < kEdge; ++i) {
      if (memory_[i] != kEdgeByte || data()[size_ + i] != kEdgeByte) return false;
    }
    return true;
#endif
  }

 private:
  size_t size_;
  uint8_t* memory_;
};

using Memory = std::vector<std::unique_ptr<Guarded>>;

bool same_bits(const Array& expected, const uint8_t* got, int64_t& at) {
  if (std::memcmp(expected.bytes.data(), got, expected.bytes.size()) == 0) return true;
  for (at = 0; at < expected.count(); ++at) {
    if (expected.tensor.dtype == kU8) {
      if (expected.bytes[at] != got[at]) return false;
      continue;
    }
    uint32_t a, b;
    std::memcpy(&a, expected.bytes.data() + at * 4, 4);
    std::memcpy(&b, got + at * 4, 4);
    if (a == b) continue;
    if (expected.tensor.dtype != kF32) return false;
    const bool both_nan = (a & 0x7fffffffu) > 0x7f800000u && (b & 0x7fffffffu) > 0x7f800000u;
    const bool both_zero = ((a | b) & 0x7fffffffu) == 0;
    if (!both_nan && !both_zero) return false;
  }
  return true;
}

/// Shapes as the verifier sees them: no memory yet.
struct Shapes {
  std::vector<Tensor> inputs, outputs;
  std::vector<const Tensor*> pointers;

  explicit Shapes(const Case& test) {
    for (const Array& array : test.inputs) inputs.push_back(array.tensor);
    for (const Array& array : test.outputs) outputs.push_back(array.tensor);
    for (size_t i = 0; i < inputs.size(); ++i) pointers.push_back(test.absent >> i & 1 ? nullptr : &inputs[i]);
  }

  OpArgs args(const Case& test) const {
    return {pointers.data(),   static_cast<int>(pointers.size()),
            outputs.data(),    static_cast<int>(outputs.size()),
            test.attrs.data(), kExact};
  }
};

}  // namespace

void Suite::run_at(const Case& test, const Arrays& in, const Arrays& out, const Kernels& kernels, int threads,
                   bool in_place) {
  const std::string where = described(test) + " (" + kernels.isa + ", " + std::to_string(threads) + " threads" +
                            (in_place ? ", in place)" : ")");
  ++checks;
  Shapes shapes(test);
  if (const char* refused = test.op->verify(shapes.args(test))) return fail(where + ": refused, " + refused);
  Parallel parallel(threads);
  const int64_t size =
      test.op->workspace_bytes == nullptr ? 0 : test.op->workspace_bytes(shapes.args(test), kernels, threads);
  if (size < 0 || size > 1 << 28) return fail(where + ": absurd workspace");
  const Guarded workspace(static_cast<size_t>(size));
  Memory inputs, outputs;
  for (size_t i = 0; i < test.inputs.size(); ++i) {
    inputs.push_back(std::make_unique<Guarded>(test.inputs[i].bytes.size()));
    std::memcpy(inputs[i]->data(), test.inputs[i].bytes.data(), test.inputs[i].bytes.size());
    shapes.inputs[i].data = inputs[i]->data();
  }
  for (size_t i = 0; i < test.outputs.size(); ++i) {
    outputs.push_back(std::make_unique<Guarded>(test.outputs[i].bytes.size()));
    shapes.outputs[i].data = outputs[i]->data();
  }
  if (in_place) shapes.outputs[0].data = inputs[0]->data();

  const OpContext context = {shapes.args(test), kernels, parallel, reinterpret_cast<std::byte*>(workspace.data())};
  if (test.op->run(context) != test.expected) return fail(where + ": run returned the wrong flag");

  int64_t at = 0;
  if (!workspace.intact()) fail(where + ": wrote outside its workspace");
  for (size_t i = 0; i < in.size(); ++i) {
    if (!inputs[i]->intact()) fail(where + ": wrote outside input " + std::to_string(i));
    if (in_place && i == 0) continue;
    if (!same_bits(in[i], inputs[i]->data(), at)) {
      fail(where + ": input " + std::to_string(i) + " differs at " + std::to_string(at));
    }
  }
  for (size_t i = 0; i < out.size(); ++i) {
    if (!outputs[i]->intact()) fail(where + ": wrote outside output " + std::to_string(i));
    const auto* got = static_cast<const uint8_t*>(shapes.outputs[i].data);
    if (same_bits(out[i], got, at)) continue;
    std::string what = ": output " + std::to_string(i) + " differs at " + std::to_string(at);
    if (out[i].tensor.dtype == kF32) {
      char text[100];
      std::snprintf(text, sizeof text, ", expected %a, got %a", Array(out[i]).f()[at],
                    reinterpret_cast<const float*>(got)[at]);
      what += text;
    }
    fail(where + what);
  }
}

/// Outputs follow from inputs and attributes: any other output, and any input of another dtype, must be refused.
void Suite::refuse_changes(const Case& test) {
  for (size_t i = 0; i < test.outputs.size(); ++i) {
    Case changed = test;
    Tensor& tensor = changed.outputs[i].tensor;
    tensor.dtype = tensor.dtype == kF32 ? kI32 : kF32;
    refused(changed, "output of another dtype");
    tensor = test.outputs[i].tensor;
    for (int axis = 0; axis < tensor.rank; ++axis) {
      for (const int64_t size : {tensor.dims[axis] + 1, tensor.dims[axis] - 1, (int64_t{1} << 31) - 1}) {
        if (size < 1 || size == tensor.dims[axis]) continue;
        Case resized = test;
        Tensor& other = resized.outputs[i].tensor;
        other.count = other.count / other.dims[axis] * size;
        other.dims[axis] = size;
        refused(resized, "output of another size");
      }
    }
    if (tensor.rank < kMaxRank) {
      ++tensor.rank;
      refused(changed, "output of another rank");
    }
  }
  for (size_t i = 0; i < test.inputs.size(); ++i) {
    if (test.absent >> i & 1) continue;
    Case changed = test;
    Tensor& tensor = changed.inputs[i].tensor;
    tensor.dtype = tensor.dtype == kI32 ? kF32 : kI32;
    refused(changed, "input of another dtype");
  }
}

void Suite::run(const Case& test) {
  compare(test);
  refuse_changes(test);
}

void Suite::compare(const Case& test) {
  const bool large = !test.outputs.empty() && test.outputs[0].count() >= kAroundFloats;
  if (large && !kLargeOutputs) return;
  ++cases;
  Arrays in = test.inputs;
  Arrays out = test.outputs;
  test.reference(in, out);
  for (const Kernels* kernels : levels) {
    for (const int threads : {1, 2, 7}) {
      run_at(test, in, out, *kernels, threads, false);
      if (test.in_place) run_at(test, in, out, *kernels, threads, true);
    }
  }
}

void Suite::refused(const Case& test, const char* why) {
  ++checks;
  const Shapes shapes(test);
  if (test.op->verify(shapes.args(test)) == nullptr) fail(described(test) + ": accepted an " + why);
}

void fill_values(Array& array, uint32_t seed, bool wild) {
  constexpr float kWild[] = {
      NAN,    INFINITY,           -INFINITY,           0.0f,    -0.0f,  1e-40f, -1e-42f, 3e38f,
      -3e38f, 88.72283935546875f, -87.33654022216797f, -87.34f, 88.73f, 0.625f, 1e-38f,  -88.72283935546875f};
  Random random(seed);
  for (int64_t i = 0; i < array.count(); ++i) {
    const bool special = wild && random.below(12) == 0;
    array.f()[i] = special ? kWild[random.below(16)] : random.value();
  }
}

void fill_below(Array& array, uint32_t seed, int64_t limit) {
  Random random(seed);
  for (int64_t i = 0; i < array.count(); ++i) {
    const int64_t value = random.below(limit);
    if (array.tensor.dtype == kU8) {
      array.u()[i] = static_cast<uint8_t>(value);
    } else {
      array.i()[i] = static_cast<int32_t>(value);
    }
  }
}

}  // namespace lanewise::test

int main(int argc, char** argv) {
  using namespace lanewise;
  test::Suite suite;
  const Kernels* usable[4];
  const int count = usable_kernels(usable);
  for (int i = 0; i < count; ++i) {
    if (argc < 2 || std::strcmp(argv[1], usable[i]->isa) == 0) suite.levels.push_back(usable[i]);
  }
  if (suite.levels.empty()) return std::printf("no such level here\n"), 2;
  test::activation_cases(suite);
  test::elementwise_cases(suite);
  test::softmax_cases(suite);
  test::batch_norm_cases(suite);
  test::pool_cases(suite);
  test::image_pool_cases(suite);
  test::optimizer_cases(suite);
  std::printf("%d cases, %d checks, %d failures\n", suite.cases, suite.checks, suite.failures);
  return suite.failures == 0 ? 0 : 1;
}
