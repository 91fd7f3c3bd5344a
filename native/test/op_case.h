// One check of an op: inputs, attributes and a naive scalar reference, compared bit for bit with every instruction set,
// 1, 2 and 7 threads, in place where that is allowed. Used by the op_cases_*.cpp files; ops_test.cpp runs them.
#pragma once

#include <cmath>
#include <functional>
#include <string>

#include "../ops/around.h"
#include "op_runner.h"

namespace lanewise::test {

/// A tensor of any dtype with memory of its own, which ends exactly where the tensor ends.
class Array {
 public:
  Array(std::vector<int64_t> shape, DType dtype = kF32) {
    tensor = {nullptr, static_cast<int32_t>(shape.size()), dtype, {1, 1, 1, 1, 1, 1}, 1};
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      tensor.dims[axis] = shape[axis];
      tensor.count *= shape[axis];
    }
    bytes.resize(static_cast<size_t>(tensor.count) * (dtype == kU8 ? 1 : 4));
  }

  float* f() { return reinterpret_cast<float*>(bytes.data()); }
  int32_t* i() { return reinterpret_cast<int32_t*>(bytes.data()); }
  uint8_t* u() { return bytes.data(); }
  int64_t dim(int axis) const { return tensor.dims[axis]; }
  int64_t count() const { return tensor.count; }
  int64_t channels() const { return tensor.dims[tensor.rank - 1]; }
  int64_t rows() const { return count() / channels(); }

  Tensor tensor;
  std::vector<uint8_t> bytes;
};

using Arrays = std::vector<Array>;
/// Computes the outputs (and, where the op changes inputs, those) one scalar at a time.
using Reference = std::function<void(Arrays& in, Arrays& out)>;

struct Case {
  std::string name;
  const OpImpl* op;
  Arrays inputs, outputs;
  std::vector<uint8_t> attrs;
  Reference reference;
  /// Output 0 may take the memory of input 0.
  bool in_place = false;
  /// Inputs the op leaves out (an optional one), as a bit per input.
  unsigned absent = 0;
  /// What run() must return.
  bool expected = true;

  template <class Attrs>
  Case& with(const Attrs& values) {
    const auto* from = reinterpret_cast<const uint8_t*>(&values);
    attrs.assign(from, from + sizeof values);
    return *this;
  }
};

/// Adds shapes and dtypes to a name.
inline std::string described(const Case& test) {
  std::string text = test.name;
  for (const Array& array : test.inputs) {
    text += array.tensor.dtype == kF32 ? " f32" : array.tensor.dtype == kU8 ? " u8" : " i32";
    for (int axis = 0; axis < array.tensor.rank; ++axis) {
      text.append(axis == 0 ? "[" : ",").append(std::to_string(array.dim(axis)));
    }
    text.append("]");
  }
  return text;
}

/// Runs cases and counts what went wrong.
class Suite {
 public:
  std::vector<const Kernels*> levels;
  int cases = 0, checks = 0, failures = 0;

  void run(const Case& test);
  /// Without trying what it must refuse.
  void compare(const Case& test);
  /// The op must refuse these shapes and attributes.
  void refused(const Case& test, const char* why);

  void fail(const std::string& what) {
    if (++failures <= 40) std::printf("FAILED %s\n", what.c_str());
  }

 private:
  void run_at(const Case& test, const Arrays& in, const Arrays& out, const Kernels& kernels, int threads,
              bool in_place);
  void refuse_changes(const Case& test);
};

void activation_cases(Suite& suite);
void elementwise_cases(Suite& suite);
void softmax_cases(Suite& suite);
void batch_norm_cases(Suite& suite);
void pool_cases(Suite& suite);
void image_pool_cases(Suite& suite);
void optimizer_cases(Suite& suite);

/// Standard-normal-like values. `wild` mixes in NaN, infinities, denormals, zeros of both signs and huge values.
void fill_values(Array& array, uint32_t seed, bool wild = false);
void fill_below(Array& array, uint32_t seed, int64_t limit);

inline Array values(std::vector<int64_t> shape, uint32_t seed, bool wild = false) {
  Array array(std::move(shape));
  fill_values(array, seed, wild);
  return array;
}

/// Above 0, as variances are.
inline Array positive_values(std::vector<int64_t> shape, uint32_t seed) {
  Array array = values(std::move(shape), seed);
  for (int64_t i = 0; i < array.count(); ++i) array.f()[i] = std::fabs(array.f()[i]) + 0.01f;
  return array;
}

}  // namespace lanewise::test
