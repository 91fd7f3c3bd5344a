// guard_finite: stops the plan when an element of x is NaN or infinite.
#include <atomic>

#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) { return is_f32(*args.inputs[0]) ? nullptr : "x must be f32"; }

bool run(const OpContext& context) {
  const Tensor& x = *context.inputs[0];
  std::atomic<bool> finite = true;
  for_elements(context.parallel, x.count, [&](int64_t at, int64_t count) {
    if (!context.kernels.all_finite(x.as<float>() + at, count)) finite.store(false, std::memory_order_relaxed);
  });
  return finite.load(std::memory_order_relaxed);
}

}  // namespace

const OpImpl guard_finite_impl = {verify, nullptr, run};

}  // namespace lanewise
