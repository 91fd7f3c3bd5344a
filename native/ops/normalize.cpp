// normalize: y[..., c] = x[..., c] * scale[c] + shift[c] of pixels (u8) or floats.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "channel_rows.h"
#include "checks.h"
#include "workspace.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const Tensor& x = *args.inputs[0];
  if ((x.dtype != kF32 && x.dtype != kU8) || !is_f32(args.outputs[0]) || !same_shape(x, args.outputs[0])) {
    return "x (u8 or f32) and y (f32) must have one shape";
  }
  const bool fits = is_vector(*args.inputs[1], channels_of(x)) && is_vector(*args.inputs[2], channels_of(x));
  return fits ? nullptr : "scale and shift must be f32 [c]";
}

struct Scratch {
  ChannelRows channel_rows;
  Layout layout;
  int64_t scale, shift;

  Scratch(const OpArgs& args, const Kernels& kernels)
      : channel_rows(rows_of(*args.inputs[0]), channels_of(*args.inputs[0]), kernels.lanes) {
    scale = layout.take(channel_rows.width(), sizeof(float));
    shift = layout.take(channel_rows.width(), sizeof(float));
  }
};

int64_t workspace_bytes(const OpArgs& args, const Kernels& kernels, int) { return Scratch(args, kernels).layout.bytes; }

bool run(const OpContext& context) {
  const Scratch scratch(context, context.kernels);
  const auto repeated = [&](int input, int64_t offset) {
    return scratch.channel_rows.repeat(context.inputs[input]->as<float>(),
                                       reinterpret_cast<float*>(context.workspace + offset));
  };
  const float* scale = repeated(1, scratch.scale);
  const float* shift = repeated(2, scratch.shift);
  const Tensor& x = *context.inputs[0];
  float* y = context.outputs[0].as<float>();
  scratch.channel_rows.run(context.parallel, [&](int64_t at, int64_t rows, int64_t c) {
    if (x.dtype == kU8) {
      context.kernels.normalize_rows_u8(x.as<uint8_t>() + at, scale, shift, y + at, rows, c);
    } else {
      context.kernels.normalize_rows(x.as<float>() + at, scale, shift, y + at, rows, c);
    }
  });
  return true;
}

}  // namespace

const OpImpl normalize_impl = {verify, workspace_bytes, run};

}  // namespace lanewise
