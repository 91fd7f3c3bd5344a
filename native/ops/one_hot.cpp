// one_hot: y[..., k] is 1 where k is the label, else 0; a row of NaN for a label outside the classes.
#include <algorithm>
#include <limits>

#include "../generated/op_table.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const Tensor& y = args.outputs[0];
  if (!is_f32(y) || y.rank < 2 || channels_of(y) != args.attrs_as<OneHotAttrs>().classes) {
    return "y must be f32 [..., classes]";
  }
  return is_rows_of(*args.inputs[0], y, kI32) ? nullptr : "labels must be i32, one for each row of y";
}

bool run(const OpContext& context) {
  const int32_t* labels = context.inputs[0]->as<int32_t>();
  float* y = context.outputs[0].as<float>();
  const int64_t classes = channels_of(context.outputs[0]);
  for_rows(context.parallel, rows_of(context.outputs[0]), classes, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t label = labels[row];
      const bool known = label >= 0 && label < classes;
      float* to = y + row * classes;
      std::fill(to, to + classes, known ? 0.0f : std::numeric_limits<float>::quiet_NaN());
      if (known) to[label] = 1.0f;
    }
  });
  return true;
}

}  // namespace

const OpImpl one_hot_impl = {verify, nullptr, run};

}  // namespace lanewise
