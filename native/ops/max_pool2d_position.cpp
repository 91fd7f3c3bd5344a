// max_pool2d_position: from the places in their windows that max_pool2d notes to places in a whole tensor.
#include "../generated/op_table.h"
#include "checks.h"
#include "pool_geometry.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const auto& a = args.attrs_as<MaxPool2dPositionAttrs>();
  const Tensor &index = *args.inputs[0], &position = args.outputs[0];
  if (index.dtype != index_dtype(a) || index.rank != 4) {
    return "index must be [n,oh,ow,c], u8 for windows of up to 256 elements, else i32";
  }
  if (position.dtype != kI32 || !same_shape(position, index)) return "position must be i32 and have the shape of index";
  if (a.in_h < 1 || a.in_w < 1) return "in_h and in_w must be at least 1";
  const int64_t x[] = {index.dims[0], a.in_h, a.in_w, index.dims[3]};
  if (const char* refused = verify_windows(x, index.dims, a)) return refused;
  if (a.depth < 1 || x[0] % a.depth != 0) return "depth must divide n";
  int64_t last = 0;
  for (const auto& [size, step] : {std::pair{x[0] / a.depth, a.step_n}, std::pair{int64_t{a.depth}, a.step_d},
                                   std::pair{x[1], a.step_h}, std::pair{x[2], a.step_w}, std::pair{x[3], a.step_c}}) {
    if (step < 0) return "a step is negative";
    last += (size - 1) * step;
    if (last > INT32_MAX) return "a position is 2^31 or more";
  }
  return nullptr;
}

template <class Index>
void convert(const Index* index, int32_t* position, const PoolShape& s, const MaxPool2dPositionAttrs& a, int64_t row) {
  const int64_t image = row / s.oh;
  const int64_t top = (row - image * s.oh) * s.stride_h - s.pad_top;
  const int64_t start = image / a.depth * a.step_n + image % a.depth * a.step_d + top * a.step_h;
  // Unsigned: an index that is none must give no more than a wrong position.
  const auto row_step = static_cast<uint64_t>(s.dilation_h * a.step_h);
  const auto column_step = static_cast<uint64_t>(s.dilation_w * a.step_w);
  const auto kernel_w = static_cast<uint32_t>(s.kernel_w);
  for (int64_t o = 0, at = row * s.ow * s.c; o < s.ow; ++o) {
    const int64_t origin = start + (o * s.stride_w - s.pad_left) * a.step_w;
    for (int64_t k = 0; k < s.c; ++k, ++at) {
      const auto tap = static_cast<uint32_t>(index[at]);
      const uint64_t offset = tap / kernel_w * row_step + tap % kernel_w * column_step;
      position[at] = static_cast<int32_t>(static_cast<uint64_t>(origin + k * a.step_c) + offset);
    }
  }
}

bool run(const OpContext& context) {
  const auto& attrs = context.attrs_as<MaxPool2dPositionAttrs>();
  const Tensor& index = *context.inputs[0];
  int32_t* position = context.outputs[0].as<int32_t>();
  Tensor x = index;
  x.dims[1] = attrs.in_h;
  x.dims[2] = attrs.in_w;
  const PoolShape shape = pool_shape(x, index, attrs);
  for_rows(context.parallel, shape.n * shape.oh, shape.ow * shape.c, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      if (index.dtype == kU8) {
        convert(index.as<uint8_t>(), position, shape, attrs, row);
      } else {
        convert(index.as<int32_t>(), position, shape, attrs, row);
      }
    }
  });
  return true;
}

}  // namespace

const OpImpl max_pool2d_position_impl = {verify, nullptr, run};

}  // namespace lanewise
