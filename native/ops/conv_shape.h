// The shape of a convolution and its verification, shared by the three passes of conv2d.
// x[n,ih,iw,c] w[kh,kw,c/groups,o] y[n,oh,ow,o].
#pragma once

#include "conv_dw.h"
#include "conv_pass.h"
#include "op.h"
#include "workspace.h"

namespace lanewise {

struct ConvShape {
  int64_t n, ih, iw, c, kh, kw, o, oh, ow;
  int64_t stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right, dilation_h, dilation_w, groups;

  Axis rows(bool backward) const {
    return {backward, backward ? oh : ih, backward ? ih : oh, kh, stride_h, pad_top, dilation_h};
  }
  Axis cols(bool backward) const {
    return {backward, backward ? ow : iw, backward ? iw : ow, kw, stride_w, pad_left, dilation_w};
  }
  ConvPass forward() const { return {n, rows(false), cols(false), groups, c / groups, o / groups, false}; }
  ConvPass dx() const { return {n, rows(true), cols(true), groups, o / groups, c / groups, true}; }
  ConvDw dw() const { return {n, rows(false), cols(false), groups, c / groups, o / groups, false}; }
};

/// `x`, `w` and `y` are the dims of the tensors of the forward pass.
template <class Attrs>
ConvShape conv_shape(const Attrs& a, const int64_t* x, const int64_t* w, const int64_t* y) {
  return {x[0],       x[1],         x[2],        x[3],         w[0],         w[1],
          w[3],       y[1],         y[2],        a.stride_h,   a.stride_w,   a.pad_top,
          a.pad_left, a.pad_bottom, a.pad_right, a.dilation_h, a.dilation_w, a.groups};
}

inline bool is_f32(const Tensor* tensor, int rank) {
  return tensor == nullptr || (tensor->dtype == kF32 && tensor->rank == rank);
}

/// nullptr when the shapes and attributes of a convolution fit each other.
const char* verify_conv(const ConvShape& shape, const Tensor& x, const Tensor& w, const Tensor& y);

}  // namespace lanewise
