// What an op is in C++: three functions over tensors that a plan has already placed in memory.
// Each op defines one `const OpImpl <name>_impl`; native/generated/op_table.h lists them, so a missing one is a link
// error. A verified plan is trusted: `run` never checks shapes again, and never reports an error.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../runtime/parallel.h"

namespace lanewise {

struct Kernels;

enum DType : int32_t { kF32 = 0, kU8 = 1, kI32 = 2 };
enum Numerics : int32_t { kFast = 0, kExact = 1 };

inline constexpr int kMaxRank = 6;
inline constexpr int kMaxInputs = 8;
inline constexpr int kMaxOutputs = 4;
inline constexpr int kMaxAttrs = 24;

/// Memory is 64-byte aligned, row-major and dense. `dims` beyond `rank` are 1; every dim is at least 1.
struct Tensor {
  void* data;
  int32_t rank;
  int32_t dtype;
  int64_t dims[kMaxRank];
  int64_t count;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

/// `inputs` always has one entry per input of the op table, nullptr where an optional one is absent.
/// While a plan is verified and its workspace sized, every `data` is null.
struct OpArgs {
  const Tensor* const* inputs;
  int n_inputs;
  const Tensor* outputs;
  int n_outputs;
  const void* attrs;
  int numerics;
  /// What the op has a `prepare` for is made already: `run` takes it instead of the input.
  bool prepared = false;

  template <class Attrs>
  const Attrs& attrs_as() const {
    return *static_cast<const Attrs*>(attrs);
  }
};

/// `workspace` is 64-byte aligned, has the size that `workspace_bytes` asked for, and holds garbage.
struct OpContext : OpArgs {
  const Kernels& kernels;
  Parallel& parallel;
  std::byte* workspace;
  std::byte* prepared_memory = nullptr;
};

/// What an op makes of one of its inputs (packed weights) before it uses it, for plans in which that input is constant:
/// then it is made once, until something writes to the store, and not in every run.
struct Preparation {
  int input;
  /// How much memory it takes; 0 when there is nothing to prepare for this shape. Negative: too large.
  int64_t (*bytes)(const OpArgs&, const Kernels&, int threads);
  /// Writes `prepared_memory` from the input. It has the op's workspace, too.
  void (*make)(const OpContext&);
};

struct OpImpl {
  /// nullptr when attributes, dtypes and shapes fit; else a sentence (a string literal). This is the only defence
  /// against a wrong plan, so whatever `run` relies on must be checked here: dims can be anything from 1 to 2^31 - 1.
  /// The caller has checked: number of inputs and outputs, required inputs present, dense tensors inside their memory.
  const char* (*verify)(const OpArgs&);
  /// nullptr when none is needed. May depend on `threads`; the values computed must not.
  int64_t (*workspace_bytes)(const OpArgs&, const Kernels&, int threads);
  /// Writes every element of every output. False only from a guard.
  bool (*run)(const OpContext&);
  const Preparation* preparation = nullptr;
};

}  // namespace lanewise
