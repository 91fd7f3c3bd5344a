// Reduction of a run of neighbours to one number, in double. Needs column_sum.inl and softmax.inl, whose sum it is:
// sixteen partial sums take turns, which are then added from left to right.

template <ReduceKind kKind>
LANEWISE_INLINE double extreme_of(const float* x, int64_t count) {
  using Best = Accumulator<kKind>;
  Vec best = Best::start();
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) best = Best::next(best, load(x + i));
  float lanes[kLanes];
  store(lanes, best);
  float result = lanes[0];
  const auto offer = [&](float value) {
    const bool better = kKind == ReduceKind::kMaximum ? result < value : value < result;
    if (better || value != value) result = value;
  };
  for (int lane = 1; lane < kLanes; ++lane) offer(lanes[lane]);
  for (; i < count; ++i) offer(x[i]);
  return static_cast<double>(result);
}

/// A mean is added up here and divided by the caller.
static double run_reduce(const float* x, int64_t count, ReduceKind kind) {
  using enum ReduceKind;
  if (kind == kMaximum) return extreme_of<kMaximum>(x, count);
  if (kind == kMinimum) return extreme_of<kMinimum>(x, count);
  if (kind == kSumSquares) {
    return sum_in_turns(count, [x](int64_t i) { return static_cast<double>(x[i]) * static_cast<double>(x[i]); });
  }
  return sum_in_turns(count, [x](int64_t i) { return static_cast<double>(x[i]); });
}
