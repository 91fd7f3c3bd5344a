// conv2d and its two gradients: shapes are checked here, the work is in conv_pass.cpp (forward and dx) and conv_dw.cpp,
// or in their counterparts winograd_pass.cpp and winograd_dw.cpp where the shape makes those faster.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "conv_shape.h"
#include "split.h"
#include "winograd.h"

namespace lanewise {

/// Dims are at most 2^31 - 1 and attributes 32-bit, so nothing here can overflow 64 bits.
const char* verify_conv(const ConvShape& s, const Tensor& x, const Tensor& w, const Tensor& y) {
  if (s.stride_h < 1 || s.stride_w < 1) return "the stride must be at least 1";
  if (s.dilation_h < 1 || s.dilation_w < 1) return "the dilation must be at least 1";
  if (s.pad_top < 0 || s.pad_left < 0 || s.pad_bottom < 0 || s.pad_right < 0) return "the padding must not be negative";
  if (s.groups < 1 || s.c % s.groups != 0 || s.o % s.groups != 0) return "groups must divide the channels";
  if (w.dims[2] != s.c / s.groups) return "the input channels of w do not fit x";
  if (x.dims[0] != y.dims[0]) return "x and y have different numbers of images";
  if (y.dims[3] != s.o) return "the output channels of w do not fit y";
  const int64_t free_h = s.ih + s.pad_top + s.pad_bottom - (s.kh - 1) * s.dilation_h - 1;
  const int64_t free_w = s.iw + s.pad_left + s.pad_right - (s.kw - 1) * s.dilation_w - 1;
  if (free_h < 0 || free_w < 0) return "the kernel is larger than the padded input";
  if (free_h / s.stride_h + 1 != s.oh || free_w / s.stride_w + 1 != s.ow) return "the map of y has the wrong size";
  constexpr int64_t kMaxWalk = int64_t{1} << 24;
  const int64_t phases_h = s.stride_h < s.ih ? s.stride_h : s.ih;
  const int64_t phases_w = s.stride_w < s.iw ? s.stride_w : s.iw;
  if (phases_h * s.kh > kMaxWalk || phases_w * s.kw > kMaxWalk) return "the kernel and stride are too large";
  return nullptr;
}

namespace {

ConvShape forward_shape(const OpArgs& args) {
  return conv_shape(args.attrs_as<Conv2dAttrs>(), args.inputs[0]->dims, args.inputs[1]->dims, args.outputs[0].dims);
}

ConvShape dx_shape(const OpArgs& args) {
  return conv_shape(args.attrs_as<Conv2dDxAttrs>(), args.outputs[0].dims, args.inputs[1]->dims, args.inputs[0]->dims);
}

ConvShape dw_shape(const OpArgs& args) {
  return conv_shape(args.attrs_as<Conv2dDwAttrs>(), args.inputs[0]->dims, args.outputs[0].dims, args.inputs[1]->dims);
}

/// Exact numerics are the direct chains; fast ones choose by the shape.
int64_t pass_workspace(const OpArgs& args, const ConvPass& pass, const Kernels& kernels, int threads) {
  const bool winograd = args.numerics == kFast && winograd_pays(pass);
  return (winograd ? winograd_pass_workspace : conv_pass_workspace)(pass, kernels, threads);
}

/// The end of a pass by itself, in place.
void end_pass(const OpContext& c, const ConvPass& pass, const ConvPassData& data) {
  const int64_t channels = pass.groups * pass.columns;
  for_rows(c.parallel, pass.images * pass.rows.out * pass.cols.out, channels, [&](int64_t begin, int64_t end) {
    float* const y = data.out + begin * channels;
    const int64_t rows = end - begin;
    c.kernels.bias_add_rows(y, data.bias, y, rows, channels);
    if (data.activation == kReluActivation) c.kernels.relu_forward(y, y, rows * channels, false);
    if (data.activation == kLeakyReluActivation) c.kernels.leaky_relu_forward(y, y, rows * channels, data.slope);
  });
}

bool run_pass(const OpContext& c, const ConvPass& pass, const ConvPassData& data) {
  const bool winograd = c.numerics == kFast && winograd_pays(pass);
  // The input gradient's blocks of several pixels have the channels of all of them, for which there is no bias.
  const bool blocks = winograd && pass.transposed && (pass.rows.stride > 1 || pass.cols.stride > 1);
  ConvPassData sums = data;
  if (blocks && data.bias != nullptr) {
    sums.bias = nullptr;
    sums.activation = kNoActivation;
  }
  (winograd ? winograd_pass_run : conv_pass_run)(pass, sums, c.kernels, c.parallel, c.workspace);
  if (sums.bias != data.bias) end_pass(c, pass, data);
  return true;
}

/// What the forward pass and the input gradient may end in: `b` for each of `channels`, and an activation.
const char* verify_end(const Tensor* b, int64_t channels, int32_t activation) {
  if (!is_f32(b, 1)) return "b must be f32 of rank 1";
  if (b != nullptr && b->count != channels) return "b must have one element per channel of the result";
  if (activation < kNoActivation || activation > kLeakyReluActivation) return "unknown activation";
  return nullptr;
}

const char* verify_forward(const OpArgs& args) {
  const Tensor& x = *args.inputs[0];
  const Tensor& w = *args.inputs[1];
  const Tensor& y = args.outputs[0];
  if (!is_f32(&x, 4) || !is_f32(&w, 4) || !is_f32(&y, 4)) return "x, w and y must be f32 of rank 4";
  const char* fault = verify_end(args.inputs[2], w.dims[3], args.attrs_as<Conv2dAttrs>().activation);
  return fault != nullptr ? fault : verify_conv(forward_shape(args), x, w, y);
}

ConvPass forward_pass(const OpArgs& args) {
  ConvPass pass = forward_shape(args).forward();
  pass.prepared = args.prepared;
  return pass;
}

ConvPass dx_pass(const OpArgs& args) {
  ConvPass pass = dx_shape(args).dx();
  pass.prepared = args.prepared;
  return pass;
}

template <ConvPass (*kPass)(const OpArgs&)>
int64_t workspace_of(const OpArgs& args, const Kernels& kernels, int threads) {
  return pass_workspace(args, kPass(args), kernels, threads);
}

template <ConvPass (*kPass)(const OpArgs&)>
int64_t prepared_bytes(const OpArgs& args, const Kernels& kernels, int) {
  const ConvPass pass = kPass(args);
  const bool winograd = args.numerics == kFast && winograd_pays(pass);
  return (winograd ? winograd_pass_prepared_bytes : conv_pass_prepared_bytes)(pass, kernels);
}

template <ConvPass (*kPass)(const OpArgs&)>
void prepare(const OpContext& c) {
  const ConvPass pass = kPass(c);
  const float* const w = c.inputs[1]->as<float>();
  if (c.numerics == kFast && winograd_pays(pass)) {
    winograd_pass_prepare(pass, w, c.kernels, c.parallel, c.workspace, c.prepared_memory);
  } else {
    conv_pass_prepare(pass, w, c.kernels, c.parallel, c.prepared_memory);
  }
}

template <class Attrs, ConvPass (*kPass)(const OpArgs&)>
bool run_with_end(const OpContext& c) {
  const Attrs& attrs = c.attrs_as<Attrs>();
  const ConvPassData data = {
      c.inputs[0]->as<float>(), c.inputs[1]->as<float>(), c.inputs[2] == nullptr ? nullptr : c.inputs[2]->as<float>(),
      c.outputs[0].as<float>(), attrs.activation,         attrs.slope,
      c.prepared_memory};
  return run_pass(c, kPass(c), data);
}

const char* verify_dx(const OpArgs& args) {
  const Tensor& dy = *args.inputs[0];
  const Tensor& w = *args.inputs[1];
  const Tensor& dx = args.outputs[0];
  if (!is_f32(&dy, 4) || !is_f32(&w, 4) || !is_f32(&dx, 4)) return "dy, w and dx must be f32 of rank 4";
  const char* fault = verify_end(args.inputs[2], dx.dims[3], args.attrs_as<Conv2dDxAttrs>().activation);
  return fault != nullptr ? fault : verify_conv(dx_shape(args), dx, w, dy);
}

const char* verify_dw(const OpArgs& args) {
  const Tensor& x = *args.inputs[0];
  const Tensor& dy = *args.inputs[1];
  const Tensor& dw = args.outputs[0];
  if (!is_f32(&x, 4) || !is_f32(&dy, 4) || !is_f32(&dw, 4)) return "x, dy and dw must be f32 of rank 4";
  return verify_conv(dw_shape(args), x, dw, dy);
}

int64_t dw_workspace(const OpArgs& args, const Kernels& kernels, int threads) {
  const ConvDw shape = dw_shape(args).dw();
  const bool winograd = args.numerics == kFast && winograd_pays(shape);
  return (winograd ? winograd_dw_workspace : conv_dw_workspace)(shape, kernels, threads);
}

bool run_dw(const OpContext& c) {
  const ConvDw shape = dw_shape(c).dw();
  const bool winograd = c.numerics == kFast && winograd_pays(shape);
  (winograd ? winograd_dw_run : conv_dw_run)(shape, c.inputs[0]->as<float>(), c.inputs[1]->as<float>(),
                                             c.outputs[0].as<float>(), c.kernels, c.parallel, c.workspace);
  return true;
}

/// What both passes over pixels make of their weights.
template <ConvPass (*kPass)(const OpArgs&)>
constexpr Preparation kPrepareWeights = {1, prepared_bytes<kPass>, prepare<kPass>};

}  // namespace

const OpImpl conv2d_impl = {verify_forward, workspace_of<forward_pass>, run_with_end<Conv2dAttrs, forward_pass>,
                            &kPrepareWeights<forward_pass>};
const OpImpl conv2d_dx_impl = {verify_dx, workspace_of<dx_pass>, run_with_end<Conv2dDxAttrs, dx_pass>,
                               &kPrepareWeights<dx_pass>};
const OpImpl conv2d_dw_impl = {verify_dw, dw_workspace, run_dw};

}  // namespace lanewise
