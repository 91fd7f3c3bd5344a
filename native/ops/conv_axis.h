// One spatial axis of a convolution, seen as "chain over the taps that hit". The forward pass and the input gradient
// are the same walk: the gradient by the input is, for each phase of the stride, a stride-1 convolution over dy with
// the taps that hit that phase.
#pragma once

#include <cstdint>

namespace lanewise {

struct Axis {
  bool backward;  // in = dy, out = dx
  int64_t in;
  int64_t out;
  int64_t kernel;
  int64_t stride;
  int64_t pad;  // before the first element
  int64_t dilation;

  int64_t phases() const { return !backward ? 1 : stride < out ? stride : out; }
  /// Output positions of a phase: phase, phase + out_step(), ...
  int64_t count(int64_t phase) const { return backward ? (out - phase - 1) / stride + 1 : out; }
  int64_t out_step() const { return backward ? stride : 1; }
  /// Input positions between two output positions of a phase.
  int64_t in_step() const { return backward ? 1 : stride; }

  /// Whether kernel position `tap` hits the phase; `offset` is its input position for the phase's first output.
  bool hits(int64_t phase, int64_t tap, int64_t* offset) const {
    if (!backward) {
      *offset = tap * dilation - pad;
      return true;
    }
    const int64_t distance = phase + pad - tap * dilation;
    *offset = distance / stride;
    return distance % stride == 0;
  }
};

/// What a phase touches: its taps and the range of their offsets.
struct AxisSpan {
  int64_t taps = 0;
  int64_t min = 0;
  int64_t max = 0;
};

inline AxisSpan span_of(const Axis& axis, int64_t phase) {
  AxisSpan span;
  for (int64_t tap = 0; tap < axis.kernel; ++tap) {
    int64_t offset;
    if (!axis.hits(phase, tap, &offset)) continue;
    if (span.taps == 0 || offset < span.min) span.min = offset;
    if (span.taps == 0 || offset > span.max) span.max = offset;
    ++span.taps;
  }
  return span;
}

/// The largest of each over all phases, and whether some tap reaches outside the input.
struct AxisBounds {
  int64_t taps = 0;
  int64_t extent = 1;  // max - min + 1
  bool pads = false;
};

inline AxisBounds bounds_of(const Axis& axis) {
  AxisBounds bounds;
  for (int64_t phase = 0; phase < axis.phases(); ++phase) {
    const AxisSpan span = span_of(axis, phase);
    if (span.taps == 0) continue;
    if (span.taps > bounds.taps) bounds.taps = span.taps;
    if (span.max - span.min + 1 > bounds.extent) bounds.extent = span.max - span.min + 1;
    const int64_t last = span.max + (axis.count(phase) - 1) * axis.in_step();
    if (span.min < 0 || last >= axis.in) bounds.pads = true;
  }
  return bounds;
}

}  // namespace lanewise
