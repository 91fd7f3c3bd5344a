// Runs one op without Node on buffers that notice writes outside of them: each buffer stands alone on the heap (for
// AddressSanitizer) between guard words.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "../kernels/kernels.h"
#include "../ops/op.h"

namespace lanewise::test {

inline constexpr int kGuardBytes = 64;
inline constexpr int kGuardByte = 0xa5;

/// Outputs of 16 MiB take long under a sanitizer, to which smaller ones show the same.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kLargeOutputs = false;
#else
inline constexpr bool kLargeOutputs = true;
#endif

/// An fp32 tensor with guards. The data is 64-byte aligned, as the plan promises.
class Buffer {
 public:
  explicit Buffer(std::vector<int64_t> shape) {
    tensor_ = {nullptr, static_cast<int32_t>(shape.size()), kF32, {1, 1, 1, 1, 1, 1}, 1};
    for (size_t i = 0; i < shape.size(); ++i) {
      tensor_.dims[i] = shape[i];
      tensor_.count *= shape[i];
    }
    const size_t bytes = data_bytes() + 2 * kGuardBytes;
    memory_.reset(static_cast<unsigned char*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64)));
    std::memset(memory_.get(), kGuardByte, bytes);
    tensor_.data = memory_.get() + kGuardBytes;
  }

  const Tensor& tensor() const { return tensor_; }
  Tensor shape_only() const {
    Tensor tensor = tensor_;
    tensor.data = nullptr;
    return tensor;
  }
  float* data() const { return tensor_.as<float>(); }
  int64_t count() const { return tensor_.count; }

  bool guards_intact() const {
    for (int i = 0; i < kGuardBytes; ++i) {
      if (memory_.get()[i] != kGuardByte || memory_.get()[kGuardBytes + data_bytes() + i] != kGuardByte) return false;
    }
    return true;
  }

 private:
  struct Free {
    void operator()(unsigned char* p) const { std::free(p); }
  };
  size_t data_bytes() const { return static_cast<size_t>(tensor_.count) * sizeof(float); }

  Tensor tensor_;
  std::unique_ptr<unsigned char, Free> memory_;
};

/// Deterministic values of mixed magnitude and sign, some of them zero.
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed * 2654435761u + 1) {}
  uint32_t bits() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  int64_t below(int64_t n) { return bits() % static_cast<uint32_t>(n); }
  float value() {
    const float unit = static_cast<float>(bits() >> 8) * 0x1p-23f - 1.0f;
    const uint32_t kind = bits() % 16;
    return kind == 0 ? 0.0f : kind == 1 ? unit * 64.0f : unit;
  }
  void fill(Buffer& buffer) {
    for (int64_t i = 0; i < buffer.count(); ++i) buffer.data()[i] = value();
  }

 private:
  uint32_t state_;
};

/// Verifies, sizes and runs the op; returns a complaint or nullptr. The workspace is filled with NaNs first.
inline const char* run_op(const OpImpl& op, std::vector<const Buffer*> inputs, Buffer& output, const void* attrs,
                          const Kernels& kernels, Parallel& parallel) {
  std::vector<Tensor> shapes;
  for (const Buffer* buffer : inputs) shapes.push_back(buffer == nullptr ? Tensor{} : buffer->shape_only());
  std::vector<const Tensor*> pointers;
  for (size_t i = 0; i < inputs.size(); ++i) pointers.push_back(inputs[i] == nullptr ? nullptr : &shapes[i]);
  const Tensor output_shape = output.shape_only();
  OpArgs args = {pointers.data(), static_cast<int>(pointers.size()), &output_shape, 1, attrs, kExact};
  if (const char* wrong = op.verify(args)) return wrong;
  const int64_t bytes = op.workspace_bytes == nullptr ? 0 : op.workspace_bytes(args, kernels, parallel.threads());
  if (bytes < 0) return "too large";
  Buffer workspace({bytes / 4 + 1});
  std::memset(workspace.data(), 0xff, static_cast<size_t>(workspace.count()) * 4);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != nullptr) pointers[i] = &inputs[i]->tensor();
  }
  args.outputs = &output.tensor();
  std::memset(output.data(), 0xff, static_cast<size_t>(output.count()) * 4);
  const OpContext context = {args, kernels, parallel, reinterpret_cast<std::byte*>(workspace.data())};
  if (!op.run(context)) return "the op refused";
  if (!workspace.guards_intact()) return "wrote outside its workspace";
  if (!output.guards_intact()) return "wrote outside its output";
  return nullptr;
}

}  // namespace lanewise::test
