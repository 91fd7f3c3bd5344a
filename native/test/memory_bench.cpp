// Speed of the ops that are bound by memory, without Node: bytes each must touch over the time it takes, for the
// tensors of common networks. Best of several runs, all tensors of a case in turn from a pool larger than the caches
// where they are. Arguments: [level] [threads] [part of a case's name] [seconds per case]
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../generated/op_table.h"
#include "op_runner.h"

using namespace lanewise;

namespace {

/// Seconds; with one thread those that the thread really had, so that a busy machine disturbs less.
bool one_thread = true;
double now() {
  timespec time;
  clock_gettime(one_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Memory {
  std::unique_ptr<std::byte, decltype(&std::free)> bytes{nullptr, &std::free};
  Tensor tensor;

  Memory(std::vector<int64_t> shape, DType dtype, test::Random& random) {
    tensor = {nullptr, static_cast<int32_t>(shape.size()), dtype, {1, 1, 1, 1, 1, 1}, 1};
    for (size_t axis = 0; axis < shape.size(); ++axis) tensor.count *= tensor.dims[axis] = shape[axis];
    bytes.reset(static_cast<std::byte*>(std::aligned_alloc(4096, static_cast<size_t>(size() + 4095) / 4096 * 4096)));
    tensor.data = bytes.get();
    for (int64_t i = 0; i < tensor.count; ++i) {
      if (dtype == kF32) tensor.as<float>()[i] = random.value();
      if (dtype == kU8) tensor.as<uint8_t>()[i] = static_cast<uint8_t>(random.below(4));
      if (dtype == kI32) tensor.as<int32_t>()[i] = static_cast<int32_t>(random.below(10));
    }
  }
  int64_t size() const { return tensor.count * (tensor.dtype == kU8 ? 1 : 4); }
};

/// Without a shape: an input that is left out.
struct Spec {
  std::vector<int64_t> shape;
  DType dtype = kF32;
};

/// The tensors of one run.
struct Set {
  std::vector<Memory> memory;
  std::vector<const Tensor*> in;
  std::vector<Tensor> out;

  Set(const std::vector<Spec>& inputs, const std::vector<Spec>& outputs, bool in_place) {
    test::Random random(1);
    memory.reserve(inputs.size() + outputs.size());
    for (const Spec& spec : inputs) {
      const Tensor* tensor = &memory.emplace_back(spec.shape, spec.dtype, random).tensor;
      in.push_back(spec.shape.empty() ? nullptr : tensor);
    }
    for (const Spec& spec : outputs) out.push_back(memory.emplace_back(spec.shape, spec.dtype, random).tensor);
    if (in_place) out[0].data = in[0]->data;
  }
  OpArgs args(const void* attrs) const {
    return {in.data(), static_cast<int>(in.size()), out.data(), static_cast<int>(out.size()), attrs, kFast};
  }
};

class Bench {
 public:
  Bench(const Kernels& kernels, int threads, const char* filter, double seconds)
      : kernels_(kernels), parallel_(threads), filter_(filter), seconds_(seconds) {}

  /// `mutated` inputs count twice: they are written as well. In place, output 0 is input 0.
  template <class Attrs>
  void run(const std::string& name, const OpImpl& op, std::vector<Spec> inputs, std::vector<Spec> outputs,
           const Attrs& attrs, int mutated = 0, bool in_place = false) {
    if (name.find(filter_) == std::string::npos) return;
    const Set first(inputs, outputs, in_place);
    int64_t bytes = 0;
    for (size_t i = 0; i < first.in.size(); ++i)
      bytes += first.memory[i].size() * (i < static_cast<size_t>(mutated) ? 2 : 1);
    for (size_t i = first.in.size(); i < first.memory.size(); ++i) bytes += first.memory[i].size();
    const double hot = time_of(op, {&first}, &attrs);
    std::vector<std::unique_ptr<Set>> copies;
    std::vector<const Set*> sets = {&first};
    while (static_cast<int64_t>(sets.size()) * bytes < kBeyondCaches) {
      copies.push_back(std::make_unique<Set>(inputs, outputs, in_place));
      sets.push_back(copies.back().get());
      if (sets.size() == 256) break;
    }
    const double cold = time_of(op, sets, &attrs);
    std::printf("%-40s %9.1f KB  hot %9.1f us %6.1f GB/s  cold %9.1f us %6.1f GB/s\n", name.c_str(),
                static_cast<double>(bytes) / 1024, hot * 1e6, static_cast<double>(bytes) / hot * 1e-9, cold * 1e6,
                static_cast<double>(bytes) / cold * 1e-9);
    std::fflush(stdout);
  }

 private:
  static constexpr int64_t kBeyondCaches = int64_t{160} << 20;

  /// Best time on one set, median over several.
  template <class Attrs>
  double time_of(const OpImpl& op, const std::vector<const Set*>& sets, const Attrs* attrs) {
    const OpArgs shape = sets[0]->args(attrs);
    if (const char* wrong = op.verify(shape)) {
      std::printf("refused: %s\n", wrong);
      std::exit(1);
    }
    const int64_t needed = op.workspace_bytes == nullptr ? 0 : op.workspace_bytes(shape, kernels_, parallel_.threads());
    test::Random random(1);
    const Memory workspace({needed / 4 + 1}, kF32, random);
    std::vector<double> times;
    const double end = now() + seconds_;
    for (size_t i = 0; i < 5 || (now() < end && times.size() < 10000); ++i) {
      const OpContext context = {sets[i % sets.size()]->args(attrs), kernels_, parallel_,
                                 static_cast<std::byte*>(workspace.tensor.data)};
      const double start = now();
      op.run(context);
      times.push_back(now() - start);
    }
    std::sort(times.begin(), times.end());
    return sets.size() == 1 ? times.front() : times[times.size() / 2];
  }

  const Kernels& kernels_;
  Parallel parallel_;
  const char* filter_;
  double seconds_;
};

void read_speed(const Kernels& kernels, int64_t bytes) {
  test::Random random(1);
  const Memory memory({bytes / 4}, kF32, random);
  double best = 1e9;
  for (int i = 0; i < 30; ++i) {
    const double start = now();
    static volatile float sink;
    sink = kernels.read_burst(memory.tensor.as<float>(), memory.tensor.count);
    const double time = now() - start;
    if (time < best) best = time;
  }
  std::printf("reading %.0f KB: %.1f GB/s\n", static_cast<double>(bytes) / 1024,
              static_cast<double>(bytes) / best * 1e-9);
}

struct Image {
  const char* name;
  int64_t n, h, w, c;
};

const Image kImages[] = {
    {"lenet 28x28x6", 64, 28, 28, 6}, {"lenet 10x10x16", 64, 10, 10, 16}, {"cnn 28x28x32", 64, 28, 28, 32},
    {"vgg 32x32x64", 64, 32, 32, 64}, {"vgg 16x16x128", 64, 16, 16, 128}, {"vgg 8x8x256", 64, 8, 8, 256},
    {"7x7x512", 32, 7, 7, 512},       {"fc 64x120", 64, 1, 1, 120},       {"56x56x256", 8, 56, 56, 256},
    {"56x56x64", 32, 56, 56, 64},
};

void image_cases(Bench& bench, const Image& s) {
  const std::vector<int64_t> shape = {s.n, s.h, s.w, s.c};
  const Spec none = {}, x = {shape}, c = {{s.c}};
  const auto named = [&](const char* op) { return std::string(op) + " " + s.name; };
  for (const int32_t activation : {0, 1}) {
    const std::string act = activation == 0 ? "" : "+relu";
    bench.run(named(("batch_norm2d" + act).c_str()), batch_norm2d_impl, {x, c, c, none}, {x, c, c},
              BatchNorm2dAttrs{1e-5f, activation, 0});
    bench.run(named(("batch_norm2d_inference" + act).c_str()), batch_norm2d_inference_impl, {x, c, c, c, c}, {x},
              BatchNorm2dInferenceAttrs{1e-5f, activation, 0});
    bench.run(named(("batch_norm2d_dw" + act).c_str()), batch_norm2d_dw_impl, {x, x, c, c, c, c}, {c, c},
              BatchNorm2dDwAttrs{1e-5f, activation, 0});
    bench.run(named(("batch_norm2d_dx" + act).c_str()), batch_norm2d_dx_impl, {x, x, c, c, c, c, c, c}, {x},
              BatchNorm2dDxAttrs{1e-5f, activation, 0}, 0, true);
    bench.run(named(("add" + act).c_str()), add_impl, {x, x, none}, {x}, AddAttrs{activation, 0}, 0, true);
  }
  bench.run(named("relu"), relu_impl, {x}, {x}, 0);
  bench.run(named("relu in place"), relu_impl, {x}, {x}, 0, 0, true);
  bench.run(named("relu_dx"), relu_dx_impl, {x, x}, {x}, 0, 0, true);
  bench.run(named("bias_add_db"), bias_add_db_impl, {x}, {c}, 0);
  bench.run(named("bias_activation_dx"), bias_activation_dx_impl, {x, x}, {x, c}, BiasActivationDxAttrs{1, 0}, 0, true);
  bench.run(named("dropout"), dropout_impl, {x, {{2}, kI32}}, {x}, DropoutAttrs{0.5f, 1});
  if (s.h < 2) return;
  const auto [h, w] = std::pair{static_cast<int32_t>(s.h), static_cast<int32_t>(s.w)};
  for (const int32_t kernel : {2, 3}) {
    const int32_t pad = kernel - 2;
    const int64_t oh = (h + 2 * pad - kernel) / 2 + 1, ow = (w + 2 * pad - kernel) / 2 + 1;
    const Spec y = {{s.n, oh, ow, s.c}}, index = {{s.n, oh, ow, s.c}, kU8};
    const std::string size = " " + std::to_string(kernel) + "x" + std::to_string(kernel) + "/2";
    bench.run(named(("max_pool2d" + size).c_str()), max_pool2d_impl, {x}, {y, index},
              MaxPool2dAttrs{kernel, kernel, 2, 2, pad, pad, pad, pad, 1, 1});
    bench.run(named(("max_pool2d_dx" + size).c_str()), max_pool2d_dx_impl, {y, index}, {x},
              MaxPool2dDxAttrs{kernel, kernel, 2, 2, pad, pad, pad, pad, 1, 1, h, w});
    bench.run(named(("avg_pool2d" + size).c_str()), avg_pool2d_impl, {x}, {y},
              AvgPool2dAttrs{kernel, kernel, 2, 2, pad, pad, pad, pad, 1, 1, 1, 0, 0, 0});
    bench.run(named(("avg_pool2d_dx" + size).c_str()), avg_pool2d_dx_impl, {y}, {x},
              AvgPool2dDxAttrs{kernel, kernel, 2, 2, pad, pad, pad, pad, 1, 1, 1, 0, 0, 0, h, w});
  }
  bench.run(named("global_avg_pool2d"), global_avg_pool2d_impl, {x}, {{{s.n, s.c}}}, 0);
  bench.run(named("global_avg_pool2d_dx"), global_avg_pool2d_dx_impl, {{{s.n, s.c}}}, {x},
            GlobalAvgPool2dDxAttrs{h, w});
}

}  // namespace

int main(int argc, char** argv) {
  const Kernels* usable[4];
  const int count = usable_kernels(usable);
  const Kernels* const kernels = argc > 1 ? kernels_for(argv[1]) : usable[count - 1];
  if (kernels == nullptr) return std::printf("no such level here\n"), 2;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  one_thread = threads == 1;
  Bench bench(*kernels, threads, argc > 3 ? argv[3] : "", argc > 4 ? std::atof(argv[4]) : 0.05);
  std::printf("%s, %d threads; one thread ", kernels->isa, threads);
  for (const int64_t kilobytes : {256, 8192, 131072}) read_speed(*kernels, kilobytes * 1024);

  for (const Image& image : kImages) image_cases(bench, image);
  for (const Image& s : {Image{"mnist", 64, 28, 28, 1}, Image{"cifar", 64, 32, 32, 3}}) {
    const Spec c = {{s.c}};
    const std::vector<int64_t> shape = {s.n, s.h, s.w, s.c};
    bench.run(std::string("normalize u8 ") + s.name, normalize_impl, {{shape, kU8}, c, c}, {{shape}}, 0);
    bench.run(std::string("normalize f32 ") + s.name, normalize_impl, {{shape}, c, c}, {{shape}}, 0);
  }
  for (const int64_t weights : {850, 10080, 48000, 589824, 11000000}) {
    const Spec w = {{weights}};
    const std::string size = " " + std::to_string(weights);
    bench.run("sgd_step" + size, sgd_step_impl, {w, w, w, {{1}}}, {}, SgdStepAttrs{0.9f, 0, 5e-4f}, 2);
    bench.run("adam_step" + size, adam_step_impl, {w, w, w, w, {{3}}}, {}, AdamStepAttrs{0.9f, 0.999f, 1e-8f, 0.01f, 1},
              3);
  }
  for (const int64_t classes : {10, 1000}) {
    const Spec logits = {{128, classes}}, labels = {{128}, kI32};
    const std::string size = " 128x" + std::to_string(classes);
    bench.run("softmax_cross_entropy" + size, softmax_cross_entropy_impl, {logits, labels, {}}, {{{1}}, logits},
              SoftmaxCrossEntropyAttrs{0.1f, -100});
    bench.run("softmax_cross_entropy_dx" + size, softmax_cross_entropy_dx_impl, {logits, labels, {{1}}, {}}, {logits},
              SoftmaxCrossEntropyDxAttrs{0.1f, -100});
    bench.run("count_correct" + size, count_correct_impl, {logits, labels}, {{{1}}}, 0);
  }
  return 0;
}
